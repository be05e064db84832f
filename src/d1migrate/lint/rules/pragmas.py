"""PRAGMAs that hide broken links, do nothing on D1, or stay on for other requests."""

from __future__ import annotations

from d1migrate.lint.rule import Finding, rule
from d1migrate.schema.rebuild_checks import ORPHAN_CHECK
from d1migrate.sql.statement import pragma_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.lint.replay.model import ReplayedStatement


@rule("D113", "hides-orphans", "warning", on=("pragma",), only="d1")
def hides_orphans(replay: AnalyzedReplay) -> Iterator[Finding]:
    """PRAGMA defer_foreign_keys = OFF lets rows commit whose parent does not exist.

    Why: switching it off resets SQLite's count of violations to zero, so rows without a parent commit without an
        error. Leave it out, and the commit checks them; or check them yourself after it.

    Given:
        CREATE TABLE teams (id INTEGER PRIMARY KEY);
        CREATE TABLE members (id INTEGER PRIMARY KEY, team_id INTEGER REFERENCES teams(id));
        CREATE INDEX idx_members_team ON members(team_id);
    Bad:
        PRAGMA defer_foreign_keys = ON;
        DELETE FROM teams WHERE id > 100;
        PRAGMA defer_foreign_keys = OFF;
    Good:
        PRAGMA defer_foreign_keys = ON;
        DELETE FROM teams WHERE id > 100;
    """
    for statement in replay.of("pragma"):
        pragma = pragma_of(statement.tokens)
        if pragma.name != "defer_foreign_keys" or not pragma.is_off:
            continue
        writes = any(
            r.index < statement.index
            for r in replay.of("drop table", "insert", "update", "delete", "replace")
        )
        checked = any(
            r.index > statement.index and "pragma_foreign_key_check" in r.sql.lower() and "(" in r.sql
            for r in replay.of("select", "insert")
        )
        if writes and not checked:
            yield Finding(
                "PRAGMA defer_foreign_keys = OFF lets rows commit whose parent does not exist",
                statement,
                fix=f"{ORPHAN_CHECK};",
            )


@rule("S108", "ineffective-pragma", "warning", on=("pragma",))
def ineffective_pragma(replay: AnalyzedReplay) -> Iterator[Finding]:
    """PRAGMA foreign_keys = OFF has no effect.

    Why: SQLite ignores it inside a transaction, and every migration runs in one. Foreign keys and their actions
        stay on, without an error.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
    Bad:
        PRAGMA foreign_keys = OFF;
    Good:
        PRAGMA defer_foreign_keys = ON;
    """
    for statement in replay.of("pragma"):
        pragma = pragma_of(statement.tokens)
        if pragma.name == "foreign_keys" and pragma.is_off:
            yield Finding(
                "PRAGMA foreign_keys = OFF has no effect in a migration: foreign keys and their actions stay on",
                statement,
            )


LEAKING = frozenset(
    "case_sensitive_like ignore_check_constraints legacy_alter_table recursive_triggers"
    " reverse_unordered_selects".split()
)


@rule("P108", "leaking-pragma", "warning", on=("pragma",))
def leaking_pragma(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A PRAGMA stays on after the migration.

    Why: it belongs to the connection, which other requests use next: constraints stay unchecked, or LIKE stays
        case-sensitive, until the database object is evicted. Switch it back in the same file.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, age INTEGER CHECK (age > 0));
    Bad:
        PRAGMA ignore_check_constraints = ON;
        UPDATE users SET age = 0 WHERE age IS NULL;
    Good:
        PRAGMA ignore_check_constraints = ON;
        UPDATE users SET age = 0 WHERE age IS NULL;
        PRAGMA ignore_check_constraints = OFF;
    """
    left: dict[str, ReplayedStatement] = {}
    for statement in replay.of("pragma"):
        pragma = pragma_of(statement.tokens)
        if pragma.name in LEAKING and pragma.value is not None:
            left.pop(pragma.name, None)
            if pragma.is_on:
                left[pragma.name] = statement
    for name, statement in left.items():
        yield Finding(f"PRAGMA {name} stays on for other requests", statement, fix=f"PRAGMA {name} = OFF;")
