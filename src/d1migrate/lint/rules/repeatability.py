"""IF EXISTS and IF NOT EXISTS: what running a file twice does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.lint.idempotence import is_said_to_repeat
from d1migrate.lint.rule import Finding, rule
from d1migrate.sql.names import HELPER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.analysis import AnalyzedReplay


@rule("S101", "hidden-by-if-not-exists", "warning")
def hidden_by_if_not_exists(replay: AnalyzedReplay) -> Iterator[Finding]:
    """CREATE … IF NOT EXISTS over something else of that name.

    Why: it does nothing and reports success: the columns, constraints or trigger body it describes are not
        there.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
    Bad:
        CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT, email TEXT);
    Good:
        ALTER TABLE users ADD COLUMN email TEXT;
    """
    for statement in replay.statements:
        if statement.hidden and statement.refusal is None:
            what = "; ".join(_difference(d.kind, d.name, d.problem) for d in statement.hidden[:4])
            name = statement.verb.removeprefix("create ")
            yield Finding(
                f"{name} {statement.shape.name} exists with another shape, so this does nothing: {what}",
                statement,
            )


def _difference(kind: str, name: str, problem: str) -> str:
    says = {"missing": "is not there", "extra": "is there already", "different": "is different"}
    return f"{kind} {name} {says[problem]}"


@rule("S102", "not-repeatable", "warning", summed=True)
def not_repeatable(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A statement that cannot run twice, in a file that says it can.

    Why: SQLite has no ADD COLUMN IF NOT EXISTS: the second run stops with `duplicate column name`.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
    Bad:
        -- idempotent: safe to run again
        ALTER TABLE users ADD COLUMN name TEXT;
    Good:
        -- idempotent: safe to run again
        CREATE INDEX IF NOT EXISTS idx_users_id ON users(id);
    """
    if not is_said_to_repeat(replay.header):
        return
    for statement in replay.statements:
        verb = statement.verb.partition(" ")[0]
        once = verb == "alter" or (
            verb in ("create", "drop") and " " in statement.verb and not statement.shape.conditional
        )
        if once and statement.refusal is None:
            yield Finding(
                f"{statement.verb.upper()} {statement.shape.name} cannot run twice, although the file says it can",
                statement,
            )


@rule("H101", "no-if-exists", "info", summed=True)
def no_if_exists(replay: AnalyzedReplay) -> Iterator[Finding]:
    """CREATE without IF NOT EXISTS, or DROP without IF EXISTS.

    Why: with it, a file that was cut in half by other means can be run again. Not asked of a guarded rebuild:
        what is run again from the middle of that must stop.

    Bad:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
    Good:
        CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY);
    """
    if any(statement.shape.name.startswith(HELPER) for statement in replay.statements):
        return
    for statement in replay.statements:
        if (
            statement.verb.startswith(("create ", "drop "))
            and not statement.shape.conditional
            and not statement.refusal
        ):
            word = "IF NOT EXISTS" if statement.verb.startswith("create") else "IF EXISTS"
            yield Finding(f"{statement.verb.upper()} {statement.shape.name} without {word}", statement)
