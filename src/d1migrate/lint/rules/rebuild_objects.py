"""Indexes and triggers that a rebuild does not create again."""

from __future__ import annotations

from d1migrate.lint.declared_types import columns_of
from d1migrate.lint.indexes import has_substitute
from d1migrate.lint.rule import REBUILD, Finding, rule
from d1migrate.sql.create import parse
from d1migrate.sql.definitions import TriggerDefinition
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.lint.rebuilds import Rebuild
    from d1migrate.schema.model import Trigger


@rule("D109", "rebuild-loses-indexes", "warning", on=REBUILD)
def rebuild_loses_indexes(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A rebuild does not create the table's indexes again.

    Why: DROP TABLE drops them too. Queries still work, but read the whole table, and rows read are billed.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);
        CREATE INDEX idx_users_email ON users(email);
    Bad:
        CREATE TABLE users_new (id INTEGER PRIMARY KEY, email TEXT, name TEXT);
        INSERT INTO users_new (id, email) SELECT id, email FROM users;
        DROP TABLE users;
        ALTER TABLE users_new RENAME TO users;
    Good:
        CREATE TABLE users_new (id INTEGER PRIMARY KEY, email TEXT, name TEXT);
        INSERT INTO users_new (id, email) SELECT id, email FROM users;
        DROP TABLE users;
        ALTER TABLE users_new RENAME TO users;
        CREATE INDEX idx_users_email ON users(email);
    """
    for rebuild in replay.rebuilds:
        named = _named_for_drop(replay, "drop index")
        created = {fold(index.name) for index in rebuild.new.indexes}
        kept = columns_of(rebuild.new).keys()
        lost = [
            index
            for index in rebuild.old.indexes
            if index.sql
            and fold(index.name) not in created | named
            and not has_substitute(rebuild.new, index)
            and all(column is None or fold(column) in kept for column in index.columns)
        ]
        yield from _lost(rebuild, "index", [(index.name, index.sql or "") for index in lost])


@rule("D110", "rebuild-loses-triggers", "warning", on=REBUILD)
def rebuild_loses_triggers(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A rebuild does not create the table's triggers again.

    Why: DROP TABLE drops them too, and no error reports it: audit rows are no longer written, and search indexes
        no longer updated.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);
        CREATE TABLE audit (id INTEGER PRIMARY KEY, what TEXT);
        CREATE TRIGGER users_audit AFTER INSERT ON users BEGIN INSERT INTO audit (what) VALUES (new.email); END;
    Bad:
        CREATE TABLE users_new (id INTEGER PRIMARY KEY, email TEXT, name TEXT);
        INSERT INTO users_new (id, email) SELECT id, email FROM users;
        DROP TABLE users;
        ALTER TABLE users_new RENAME TO users;
    Good:
        CREATE TABLE users_new (id INTEGER PRIMARY KEY, email TEXT, name TEXT);
        INSERT INTO users_new (id, email) SELECT id, email FROM users;
        DROP TABLE users;
        ALTER TABLE users_new RENAME TO users;
        CREATE TRIGGER users_audit AFTER INSERT ON users BEGIN INSERT INTO audit (what) VALUES (new.email); END;
    """
    for rebuild in replay.rebuilds:
        named = _named_for_drop(replay, "drop trigger")
        before = {fold(trigger.name) for trigger in rebuild.old.triggers}
        created = {fold(trigger.name): trigger for trigger in rebuild.new.triggers}
        fired = {_firing(trigger) for name, trigger in created.items() if name not in before}
        lost = [
            trigger
            for trigger in rebuild.old.triggers
            if fold(trigger.name) not in created.keys() | named and _firing(trigger) not in fired
        ]
        yield from _lost(rebuild, "trigger", [(trigger.name, trigger.sql) for trigger in lost])


def _firing(trigger: Trigger) -> tuple[str, str]:
    """Return when a trigger fires: a new trigger that fires then is taken for its successor."""
    defined = parse(trigger.sql)
    return (defined.timing, defined.event) if isinstance(defined, TriggerDefinition) else ("", trigger.name)


def _named_for_drop(replay: AnalyzedReplay, verb: str) -> set[str]:
    return {statement.shape.name for statement in replay.of(verb)}


def _lost(rebuild: Rebuild, kind: str, items: list[tuple[str, str]]) -> Iterator[Finding]:
    if items:
        names = ", ".join(name for name, _ in items)
        fix = "\n".join(f"{sql};" for _, sql in items)
        plural = {"index": "indexes"}.get(kind, f"{kind}s") if len(items) > 1 else kind
        yield Finding(f"the rebuild of {rebuild.name} loses its {plural} {names}", rebuild.statement, fix=fix)
