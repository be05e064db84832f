"""What foreign keys and triggers do when something happens to the rows of a table, by the schema alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.schema.keys import parent_columns
from d1migrate.sql.create import parse_trigger
from d1migrate.sql.names import fold
from d1migrate.sql.statement import trigger_effects
from d1migrate.sql.tokens import significant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from d1migrate.lint.replay.model import ReplayedStatement
    from d1migrate.schema.catalog import Catalog
    from d1migrate.schema.model import Trigger
    from d1migrate.sql.definitions import TriggerDefinition


def events(ran: ReplayedStatement) -> list[tuple[str, str]]:
    """Return (table, insert, update or delete) of what a statement does and foreign keys then do."""
    catalog, target = ran.before, ran.target
    if ran.verb in ("delete", "drop table"):
        parent = target if ran.verb == "delete" else ran.shape.name
        families = cascades(catalog, parent)
        own = [(target, "delete")] if ran.verb == "delete" else []  # DROP TABLE sets off none of its own
        found = own + [(table, "delete") for table in families]
        return found + [(table, "update") for table in unlinked(catalog, (parent, *families))]
    if ran.verb == "update":
        follow = followers(catalog, target, ran.changes())
        return [(table, "update") for table in (target, *follow)]
    if ran.verb in ("insert", "replace"):
        upsert = [(target, "update")] if "CONFLICT" in ran.words else []
        return [(target, "insert"), *upsert]
    return []


# --- foreign keys ---


def cascades(catalog: Catalog, parent: str) -> list[str]:
    """Return the tables whose rows go with those of a table, by ON DELETE CASCADE."""
    found, todo = dict[str, None](), [parent]
    while todo:
        for child, key in catalog.references(todo.pop()):
            if key.on_delete == "CASCADE" and child not in found:
                found[child] = None
                todo.append(child)
    return list(found)


def unlinked(catalog: Catalog, parents: Collection[str]) -> dict[str, set[str]]:
    """Return {table: columns} that go to NULL or their default with the rows of some tables, or follow."""
    found: dict[str, set[str]] = {}
    for parent in parents:
        for child, key in catalog.references(parent):
            if key.on_delete in ("SET NULL", "SET DEFAULT"):
                found.setdefault(child, set()).update(map(fold, key.columns))
    for child, columns in list(found.items()):
        for follower, following in followers(catalog, child, columns).items():
            found.setdefault(follower, set()).update(following)
    return found


def followers(catalog: Catalog, parent: str, columns: Collection[str]) -> dict[str, set[str]]:
    """Return {table: columns} that follow a change of some columns, by ON UPDATE CASCADE."""
    found: dict[str, set[str]] = {}
    todo = [(parent, set(columns))]
    while todo:
        name, changed = todo.pop()
        table = catalog.tables.get(name)
        for child, key in catalog.references(name):
            to = map(fold, parent_columns(table, key)) if table else ()
            new = {fold(c) for c, other in zip(key.columns, to, strict=False) if other in changed}
            if key.on_update == "CASCADE" and not new <= found.get(child, set()):
                found.setdefault(child, set()).update(new)
                todo.append((child, new))
    return found


# --- triggers ---


def set_by_triggers(catalog: Catalog, happening: Sequence[tuple[str, str]], table: str) -> dict[str, str]:
    """Return {column: words} for what triggers set in a table, when something happens to others or to it."""
    return {
        column: f"trigger {trigger}"
        for trigger, kind, to, columns in _fired(catalog, happening)
        for column in columns
        if to == table and kind == "update"
    }


def trigger_deletes(catalog: Catalog, happening: Sequence[tuple[str, str]]) -> set[str]:
    """Return the tables that triggers delete from, when something happens to tables."""
    return {table for _, kind, table, _ in _fired(catalog, happening) if kind == "delete"}


def _fired(
    catalog: Catalog, happening: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, str, str, Collection[str]]]:
    """Yield (trigger, what it does, table, columns it sets) of all that events set off, one by another."""
    todo, seen = list(happening), set(happening)
    while todo:
        name, event = todo.pop()
        table = catalog.tables.get(name)
        on_views = [t for t in catalog.view_triggers.values() if fold(t.table) == name]
        for trigger in (*(table.triggers if table else ()), *on_views):
            definition = parse_trigger(trigger.sql)
            if definition is None or definition.event.lower() != event:
                continue
            for kind, to, columns in _body(definition):
                yield trigger.name, kind, to, columns
                if (to, kind) not in seen:
                    seen.add((to, kind))
                    todo.append((to, kind))


def is_guard(trigger: Trigger) -> bool:
    """Whether a trigger makes SQLite leave rows alone: BEFORE DELETE or UPDATE, `SELECT RAISE(IGNORE)`."""
    definition = parse_trigger(trigger.sql)
    if definition is None or definition.timing != "BEFORE" or definition.when or len(definition.body) != 1:
        return False
    return [token.text.upper() for token in significant(definition.body[0])] == _IGNORES


_IGNORES = ["SELECT", "RAISE", "(", "IGNORE", ")"]


def _body(trigger: TriggerDefinition) -> Iterator[tuple[str, str, Collection[str]]]:
    """Yield (insert, update or delete, table, columns it sets) of what a trigger does."""
    for effect in trigger_effects(trigger):
        yield effect.kind, effect.table, effect.sets if effect.kind == "update" else ()
        if effect.kind == "insert" and effect.sets:  # ON CONFLICT DO UPDATE
            yield "update", effect.table, effect.sets
