"""IF EXISTS and IF NOT EXISTS: what running a file twice does."""

from __future__ import annotations

from d1migrate.lint.idempotence import claims_idempotence
from d1migrate.lint.rule import Finding, rule
from d1migrate.sql.names import is_helper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.analysis import AnalyzedReplay


@rule("S101", "hidden-by-if-not-exists", "warning")
def hidden_by_if_not_exists(replay: AnalyzedReplay) -> Iterator[Finding]:
    """CREATE … IF NOT EXISTS, but a different object of that name exists.

    Why: it does nothing and reports success. The columns, constraints or trigger body that it describes do not
        exist.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
    Bad:
        CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT, email TEXT);
    Good:
        ALTER TABLE users ADD COLUMN email TEXT;
    """
    for statement in replay.statements:
        if statement.existing_differences and statement.refusal is None:
            what = "; ".join(
                _difference(d.kind, d.name, d.problem) for d in statement.existing_differences[:4]
            )
            name = statement.verb.removeprefix("create ")
            yield Finding(
                f"{name} {statement.shape.name} exists with a different definition, so this does nothing: {what}",
                statement,
            )


def _difference(kind: str, name: str, problem: str) -> str:
    verbs = {"missing": "is missing", "extra": "exists already", "different": "is different"}
    return f"{kind} {name} {verbs[problem]}"


@rule("S102", "not-repeatable", "warning", summed=True)
def not_repeatable(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A statement cannot run twice, although the file claims to be repeatable.

    Why: SQLite has no ADD COLUMN IF NOT EXISTS: the second run fails with `duplicate column name`.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
    Bad:
        -- idempotent: safe to run again
        ALTER TABLE users ADD COLUMN name TEXT;
    Good:
        -- idempotent: safe to run again
        CREATE INDEX IF NOT EXISTS idx_users_id ON users(id);
    """
    if not claims_idempotence(replay.header):
        return
    for statement in replay.statements:
        verb = statement.verb.partition(" ")[0]
        once = verb == "alter" or (
            verb in ("create", "drop") and " " in statement.verb and not statement.shape.conditional
        )
        if once and statement.refusal is None:
            yield Finding(
                f"{statement.verb.upper()} {statement.shape.name} cannot run twice, although the file claims to be repeatable",
                statement,
            )


@rule("H101", "no-if-exists", "info", summed=True)
def no_if_exists(replay: AnalyzedReplay) -> Iterator[Finding]:
    """CREATE without IF NOT EXISTS, or DROP without IF EXISTS.

    Why: with it, a file that another tool applied only in part can be run again. Not reported in a guarded
        rebuild, which must fail if it is run again from the middle.

    Bad:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
    Good:
        CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY);
    """
    if any(is_helper(statement.shape.name) for statement in replay.statements):
        return
    for statement in replay.statements:
        if (
            statement.verb.startswith(("create ", "drop "))
            and not statement.shape.conditional
            and not statement.refusal
        ):
            word = "IF NOT EXISTS" if statement.verb.startswith("create") else "IF EXISTS"
            yield Finding(f"{statement.verb.upper()} {statement.shape.name} without {word}", statement)
