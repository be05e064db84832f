"""What the SQL of a file itself says will happen to the rows of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate.lint.rebuilds import rebuilds
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.model import Ran, Replay
    from d1migrate.schema.catalog import Catalog


class Fate(NamedTuple):
    """What becomes of a table: its name then (None where it is dropped), and why rows may go or change.

    Attributes:
        name: the name it has when the file has run.
        loses: the words of the file that take rows from it, "" where there are none.
        changes: {column or "*": the words that change it}.
        adds: the words that add rows, or "".
        columns: {column before: column after} where they differ; folded.
    """

    name: str | None
    loses: str
    changes: dict[str, str]
    adds: str
    columns: dict[str, str]


def fate(replay: Replay, table: str) -> Fate:
    """Return what a file says of a table of the schema before it, by its folded name."""
    number = replay.before.ids[table]
    now, numbers = replay.after.name_of(number), [number]
    if now is None and table in replay.after.tables:
        now = table
        numbers.append(replay.after.ids[table])  # rebuilt: what happens to either happens to it
    loses = f"DROP TABLE {replay.before.tables[table].name}" if now is None else ""
    changes: dict[str, str] = {}
    for ran in replay.ran:
        for each in numbers if ran.refusal is None else ():
            loses = loses or _takes(ran, each)
            changes |= _changes(ran, each)
    adds = "INSERT" if replay.filled.keys() & set(numbers) else ""
    return Fate(now, loses, changes | _by_copying(replay, table), adds, dict(_renamed(replay, number)))


def _takes(ran: Ran, number: int) -> str:
    """Return the words of a statement that take rows from a table, or ""."""
    is_target = ran.before.ids.get(ran.target) == number
    if ran.verb == "delete":
        return "DELETE" if is_target else _by_cascade(ran, number)
    if is_target and _replaces(ran):
        return "REPLACE"
    return _by_new_key(ran) if is_target and ran.verb == "update" else ""


def _changes(ran: Ran, number: int) -> dict[str, str]:
    """Return {column or "*": words} of what a statement changes in the rows of a table."""
    is_target = ran.before.ids.get(ran.target) == number
    if ran.verb == "delete":
        return _by_unlinking(ran, number)
    if ran.verb == "update":
        return dict.fromkeys(ran.sets(), "UPDATE") if is_target else _by_new_parent_key(ran, number)
    if is_target and _replaces(ran):
        return {"*": "REPLACE"}
    return {"*": "ON CONFLICT DO UPDATE"} if is_target and "CONFLICT" in ran.words else {}


def _replaces(ran: Ran) -> bool:
    return ran.verb == "replace" or ran.words[1:3] == ["OR", "REPLACE"]


def _by_cascade(ran: Ran, number: int) -> str:
    """Return the words of a DELETE whose declared CASCADE takes rows of a table."""
    name = ran.before.name_of(number)
    return f"CASCADE of DELETE FROM {ran.target}" if name in _cascades(ran.before, ran.target) else ""


def _cascades(catalog: Catalog, parent: str) -> set[str]:
    found, todo = set[str](), [parent]
    while todo:
        for child, key in catalog.references(todo.pop()):
            if key.on_delete == "CASCADE" and child not in found:
                found.add(child)
                todo.append(child)
    return found


def _by_unlinking(ran: Ran, number: int) -> dict[str, str]:
    """Return the columns that a DELETE sets to NULL or their default by declared foreign keys."""
    name = ran.before.name_of(number)
    found: dict[str, str] = {}
    for parent in (ran.target, *_cascades(ran.before, ran.target)):
        for child, key in ran.before.references(parent):
            if child == name and key.on_delete in ("SET NULL", "SET DEFAULT"):
                found |= {
                    fold(column): f"{key.on_delete} of DELETE FROM {ran.target}" for column in key.columns
                }
    return found


def _by_new_key(ran: Ran) -> str:
    """Return "UPDATE" where it changes the primary key: rows then have another name."""
    table = ran.before.tables.get(ran.target)
    keys = {fold(c.name) for c in table.columns if c.primary_key} if table else set()
    return "UPDATE of its key" if keys & ran.sets().keys() else ""


def _by_new_parent_key(ran: Ran, number: int) -> dict[str, str]:
    """Return the columns that follow a parent's key by ON UPDATE CASCADE."""
    name, set_columns = ran.before.name_of(number), ran.sets().keys()
    found: dict[str, str] = {}
    for child, key in ran.before.references(ran.target):
        follows = not any(key.to) or {fold(to) for to in key.to if to} & set_columns
        if child == name and key.on_update == "CASCADE" and follows:
            found |= {fold(column): f"CASCADE of UPDATE {ran.target}" for column in key.columns}
    return found


def _by_copying(replay: Replay, table: str) -> dict[str, str]:
    """Return the columns of a rebuilt table that are computed where they are copied."""
    found: dict[str, str] = {}
    for rebuild in rebuilds(replay):
        if fold(rebuild.name) == table:
            for column in rebuild.values:
                if not rebuild.is_copied(column):
                    found[column] = "INSERT … SELECT"
    return found


def _renamed(replay: Replay, number: int) -> Iterator[tuple[str, str]]:
    """Yield (column before the file, column after it) of those that RENAME COLUMN gave another name."""
    names: dict[str, str] = {}
    for ran in replay.of("alter table"):
        name = ran.before.name_of(number)
        if name != ran.shape.name or ran.after.name_of(number) != name:
            continue
        before, after = ran.before.tables[name].columns, ran.after.tables[name].columns
        if len(before) == len(after):
            for old, new in zip(before, after, strict=True):
                if fold(old.name) != fold(new.name):
                    first = next((k for k, v in names.items() if v == fold(old.name)), fold(old.name))
                    names[first] = fold(new.name)
    yield from names.items()
