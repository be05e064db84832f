"""What files leave in a schema, found by replaying them: what `adopt` compares a database with."""

from __future__ import annotations

from d1migrate.errors import SourceError
from d1migrate.lint.replay.replayer import Replayer
from d1migrate.migrate.adopt.facts import Footprint, changes
from d1migrate.migrate.file_suggestion import choose_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d1migrate.lint.replay.model import Replay, ReplayedStatement
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.table import MigrationsTable


def footprints(
    migrations: Sequence[Migration], table: MigrationsTable | None = None
) -> tuple[Footprint, ...]:
    """Return what files leave in the schema if they run in order on an empty database."""
    found, not_replayed = list[Footprint](), None
    replayer = Replayer(table=table or choose_table(migrations).guess)
    for migration in migrations:
        try:
            replay = replayer.replay(migration, probe=False)
        except SourceError as error:
            replayer.give_up_on(migration)
            not_replayed = not_replayed or migration.name
            found.append(Footprint(migration, {}, f"it cannot be read: {error.headline}"))
            continue
        refusal = next(
            (
                _refusal(replay, statement)
                for statement in replay.statements
                if _of_schema(statement) and statement.refusal
            ),
            None,
        )
        if refusal is not None:
            not_replayed = not_replayed or replay.migration.name
        elif not_replayed and any(_has_no_effect(statement) for statement in replay.statements):
            refusal = f"it builds on {not_replayed}, which cannot be replayed on an empty database"
        changed = changes(replay.before, replay.after)
        if refusal is None and not changed:
            refusal = next(
                (_refusal(replay, statement) for statement in replay.statements if statement.refusal), None
            )
        found.append(Footprint(replay.migration, changed, refusal, tuple(_written(replay))))
    return tuple(found)


def _written(replay: Replay) -> Iterator[str]:
    """Yield the tables whose rows a file changes, by their names after it."""
    for number in sorted({*replay.filled, *replay.writers}):
        name = replay.after.name_of(number) or replay.before.name_of(number)
        if name is not None:
            yield name


def _refusal(replay: Replay, statement: ReplayedStatement) -> str:
    place = f"{replay.migration.file}:{statement.line}"
    return f"it cannot be replayed on an empty database: {place}: {statement.refusal}"


def _of_schema(statement: ReplayedStatement) -> bool:
    return statement.verb.split(" ", 1)[0] in ("create", "alter", "drop")


def _has_no_effect(statement: ReplayedStatement) -> bool:
    """Whether a statement changes nothing, and IF [NOT] EXISTS does not explain it."""
    return _of_schema(statement) and statement.before is statement.after and not statement.shape.conditional
