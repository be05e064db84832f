"""Whether a migration runs before or after the deploy of the code that needs it: expand and contract.

Until the deploy, the old code runs: a migration before it may only add. One that drops, renames or tightens
runs after it, when no code uses the old schema any more. Plain files need no declaration; for others the
author writes `-- d1migrate: phase=before`.
"""

from __future__ import annotations

from d1migrate.errors import PlanError, SourceError
from d1migrate.migrate.directives import phases
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.selector import find, is_none
from d1migrate.migrate.status import last_applied
from d1migrate.migrate.table import LOG_TABLE, VERSIONS, WRANGLER
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.create import parse
from d1migrate.sql.definitions import IndexDefinition, TriggerDefinition
from d1migrate.sql.names import fold
from d1migrate.sql.statement import Alteration, Effect, Shape, alteration_of, effects, shape_of
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from d1migrate.migrate.plan import Plan
    from d1migrate.migrate.selector import Selector
    from d1migrate.migrate.status import Entry

    Phase = Literal["before", "after"]

_DECLARE = (
    "split the file; or declare its phase above the first statement: `-- d1migrate: phase=before` or"
    " `phase=after`"
)


class Impact(NamedTuple):
    """What a migration does to running code.

    Attributes:
        declared: the phase that its file declares, or None.
        adds: what it adds, for new code.
        removes: what running code may miss: it is dropped, renamed or tightened.
        unclear: what may be either.
    """

    declared: Phase | None
    adds: tuple[str, ...] = ()
    removes: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()

    @property
    def phase(self) -> Phase | None:
        """The phase, declared or evident; None if the file has to declare it."""
        if self.declared or not (self.removes or self.unclear):
            return self.declared or "before"
        return "after" if not (self.adds or self.unclear) else None


def impact_of(migration: Migration) -> Impact:
    """Return what a migration does to running code.

    Raises:
        SourceError: it declares two phases, or cannot be parsed.
        PlanError: it declares `before`, and removes what running code may use.
    """
    reader, declared = _ImpactReader(), set[str]()
    for statement in migration.pieces():
        declared.update(phases(statement))
        if statement.sql:
            reader.read(statement.sql)
    if len(declared) > 1:
        raise SourceError(f"{migration.file}: it declares both phases", hint="split it into two files")
    phase: Phase | None = "before" if "before" in declared else "after" if declared else None
    impact = Impact(
        phase, tuple(reader.adds), (*reader.dropped.values(), *reader.removes), tuple(reader.unclear)
    )
    if phase == "before" and impact.removes:
        raise PlanError(
            f"{migration.name} declares phase=before, but running code may break when it"
            f" {', '.join(impact.removes)}",
            hint="only add before the deploy; drop and rename in a separate file with phase=after",
        )
    return impact


class PhaseSummary(NamedTuple):
    """A migration's phase for the user, and the reason; the phase is None if it is unclear."""

    phase: Phase | None
    reason: str

    @property
    def shown(self) -> str:
        """The phase in words."""
        return f"{self.phase} the deploy" if self.phase else "before or after the deploy is unclear"


def describe(migration: Migration) -> PhaseSummary:
    """Return the phase of a migration with the reason; a wrong file is a reason too, and raises nothing."""
    try:
        impact = impact_of(migration)
    except (PlanError, SourceError) as error:
        return PhaseSummary(None, str(error))
    if impact.declared:
        return PhaseSummary(impact.phase, "declared")
    return PhaseSummary(
        impact.phase, ", ".join((*impact.adds, *impact.removes, *impact.unclear)) or "removes nothing"
    )


def steps_of_phase(plan: Plan, phase: Phase) -> Plan:
    """Return the first steps of an `up`, as far as they belong to a phase; the order of files is kept.

    Raises:
        PlanError: a phase is unclear, or a migration of the other phase has to run first.
    """
    names = [step.name for step in plan.steps]
    found = [_certain(step.script) for step in plan.steps if isinstance(step.script, Migration)]
    count = next((place for place, other in enumerate(found) if other != phase), len(found))
    if phase == "before" and "before" in found[count:]:
        late = names[found.index("before", count)]
        raise PlanError(
            f"{late} belongs before the deploy, but {names[count]}, which comes first, belongs after"
            " the last one",
            hint="finish the last release first: deploy its code, then `d1migrate up --phase after`",
        )
    if phase == "after" and count == 0 and "after" in found:
        raise PlanError(
            f"{names[0]} runs before the deploy, and is not applied",
            hint="run `d1migrate up --phase before`, deploy, then run `d1migrate up --phase after`",
        )
    return plan._replace(steps=plan.steps[:count])


def _certain(migration: Migration) -> Phase:
    impact = impact_of(migration)
    if impact.phase is None:
        raise PlanError(
            f"{migration.name}: its phase, before or after the deploy, is unclear: {_mixture(impact)}",
            hint=_DECLARE,
        )
    return impact.phase


def _mixture(impact: Impact) -> str:
    return "it " + ", ".join(dict.fromkeys((*impact.adds, *impact.removes, *impact.unclear)))


class Blocker(NamedTuple):
    """A migration because of which code may not run.

    Attributes:
        name: the migration.
        reason: what it does to the code, or why that is unclear.
    """

    name: str
    reason: str

    @property
    def shown(self) -> str:
        """Both, in a line."""
        return f"{self.name}: {self.reason}"


class Compatibility(NamedTuple):
    """Whether code can run on a database.

    Attributes:
        code: the name of the newest migration that the code was written with; None for code without any.
        current: the name of the last applied migration; None if none is applied.
        needed: names of migrations that the code needs and that are not applied.
        breaking: newer migrations that are applied, with what they remove.
        unclear: migrations whose phase is unclear, and why.
    """

    code: str | None
    current: str | None
    needed: tuple[str, ...]
    breaking: tuple[Blocker, ...]
    unclear: tuple[Blocker, ...]

    @property
    def fits(self) -> bool:
        """Whether the code can run on it."""
        return not (self.needed or self.breaking or self.unclear)


def compatibility(entries: Sequence[Entry], newest: Selector) -> Compatibility:
    """Return whether code that was written with the migrations up to one of them can run.

    It needs those, except for the ones after a deploy; later ones must only add.

    Args:
        entries: files and database, in order.
        newest: the newest migration that the code was written with; "none" for code without any, or 0 if no
            file has it.

    Raises:
        UsageError: there is no such migration, or there are several.
    """
    files = [entry for entry in entries if entry.migration]
    code = None if is_none(files, newest) else find(files, newest)
    known = 0 if code is None else next(i for i, entry in enumerate(entries) if entry is code) + 1
    needed, breaking, unclear = list[str](), list[Blocker](), list[Blocker]()
    for place, entry in enumerate(entries):
        newer, applied = place >= known, entry.applied is not None
        if entry.state == "partial":
            unclear.append(Blocker(entry.name, "it began and did not finish"))
        elif newer == applied:  # older ones that are applied do no harm, nor newer ones that are pending
            impact = _known_impact(entry)
            if isinstance(impact, str):
                unclear.append(Blocker(entry.name, impact))
            elif newer and impact.phase == "after":
                breaking.append(Blocker(entry.name, ", ".join(impact.removes) or "declared phase=after"))
            elif not newer and impact.phase == "before":
                needed.append(entry.name)
    current = last_applied(entries)
    return Compatibility(
        code and code.name, current and current.name, tuple(needed), tuple(breaking), tuple(unclear)
    )


def _known_impact(entry: Entry) -> Impact | str:
    """Return what a migration does to running code, or why that is unclear."""
    if entry.migration is None:
        return "its file is missing"
    try:
        impact = impact_of(entry.migration)
    except (PlanError, SourceError) as error:
        return error.headline
    return impact if impact.phase else f"{_mixture(impact)}; it does not declare its phase"


class _ImpactReader:
    """Reads statements one after the other; what a file creates itself, it may also drop.

    What it creates IF NOT EXISTS may have existed before. Triggers have a namespace of their own, marked by a
    dot.
    """

    def __init__(self) -> None:
        self.adds: list[str] = []
        self.removes: list[str] = []
        self.unclear: list[str] = []
        self.dropped: dict[str, str] = {}  # {object that existed before: what the file does to it}
        self._created: set[str] = set()
        self._own: set[str] = set()  # those of them that certainly did not exist before
        self._new_columns: set[tuple[str, str]] = set()

    def read(self, sql: str) -> None:
        if sql[:12].upper() == "INSERT INTO " and "UPDATE" not in sql.upper():
            return  # most statements of a large file, and they add rows only: not worth tokenizing
        tokens = significant(sql)
        shape = shape_of(tokens)
        kind, _, what = shape.verb.partition(" ")
        if kind == "create" and what:
            self._create(shape, sql)
        elif kind == "drop" and what:
            self._drop(shape)
        elif shape.verb == "alter table":
            self._alter(shape.name, alteration_of(tokens))
        else:
            self._rows(shape.verb, effects(sql))

    def _create(self, shape: Shape, sql: str) -> None:
        what, key = shape.verb.removeprefix("create "), _key(shape)
        if key in self.dropped:
            del self.dropped[key]
            self.unclear.append(f"recreates {what} {shape.name}")
        elif what in ("index", "trigger") and isinstance(
            created := parse(sql), IndexDefinition | TriggerDefinition
        ):
            owner = fold(created.table)
            if owner in self._created:
                pass
            elif isinstance(created, TriggerDefinition):
                self.unclear.append(f"adds a trigger to {owner}")
            elif created.unique:
                self.removes.append(f"makes {owner} unique by index {shape.name}")
            else:
                self.adds.append(f"adds index {shape.name}")
        else:
            self.adds.append(f"adds {what} {shape.name}")
        self._created.add(key)
        if not shape.conditional:
            self._own.add(key)

    def _drop(self, shape: Shape) -> None:
        key = _key(shape)
        if key in self._own:
            self._own.discard(key)
            self._created.discard(key)
        else:
            self.dropped[key] = f"drops {shape.verb.removeprefix('drop ')} {shape.name}"

    def _alter(self, table: str, alteration: Alteration) -> None:
        renames, column, to = alteration.action == "rename", alteration.column, alteration.to
        if renames and table in self._own:
            for names in (self._own, self._created):
                names.discard(table)
                names.add(to)
            if self.dropped.pop(to, None):
                self.unclear.append(f"rebuilds table {to}")
            return
        if table in self._own:
            return
        if renames:
            self.dropped[table] = f"renames table {table} to {to}"
        elif alteration.action == "add column":
            self.adds.append(f"adds column {table}.{column}")
            self._new_columns.add((table, column))
        elif alteration.action == "other":
            self.unclear.append(f"alters table {table}")
        else:
            self.removes.append(f"{alteration.action.removesuffix(' column')}s column {table}.{column}")

    def _rows(self, verb: str, found: Sequence[Effect]) -> None:
        for effect in found[-1:]:  # a REPLACE is a delete and an insert of the same table
            if effect.kind == "insert" and not effect.replaces and not effect.sets:
                continue
            table = effect.table
            if table in self._own or table in (VERSIONS, WRANGLER, LOG_TABLE, "sqlite_sequence"):
                continue
            fills = effect.kind == "update" and effect.sets
            if not fills or any((table, column) not in self._new_columns for column in effect.sets):
                self.unclear.append(f"{verb}s rows of {table}")


def _key(shape: Shape) -> str:
    return ("." if shape.verb.endswith("trigger") else "") + shape.name
