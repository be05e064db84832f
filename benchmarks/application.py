"""The migrations of an application that grows: the same bytes on every run and machine.

Tables reference each other, and are then changed again and again: columns are added, renamed and dropped,
rows inserted and updated, tables rebuilt, indexes, views and triggers added. Most migrations have a rollback.
"""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.data import File

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NOUNS = "account user team project task note tag label order item invoice payment".split()
_ACTIONS = ("CASCADE", "SET NULL")  # of the foreign keys of a table


def growing(files: int, tables: int) -> Iterator[File]:
    """Yield migrations: every few of them create a table, the others change one that exists.

    Args:
        files: how many migrations.
        tables: how many tables they build, at most `files`.
    """
    built: list[_Table] = []
    changes = cycle(_CHANGES)
    for number in range(1, files + 1):
        if len(built) * files < tables * number:
            built.append(_Table(len(built), built))
            change = _Change("create", built[-1], built[-1].create(), f"DROP TABLE {built[-1].name};\n")
        else:
            change = next(changes)(built, number)
        name = f"{number:05}_{change.verb}_{change.table.name}"
        rollback = "".join(f"--   {line}\n" for line in change.back.splitlines())
        sql = f"-- Migration: {name}\n\n{change.forward}"
        yield File(f"{name}.sql", f"{sql}\n-- Rollback:\n{rollback}" if rollback else sql)


class _Change(NamedTuple):
    """A change of a table: a word for it, its SQL, and the SQL of its rollback, or ""."""

    verb: str
    table: _Table
    forward: str
    back: str


class _Table:
    """A table as the migrations so far left it.

    Attributes:
        name: its name.
        columns: {column: its definition}.
        objects: {index or trigger: its CREATE statement}.
        children: the tables with a foreign key to it.
    """

    def __init__(self, number: int, earlier: list[_Table]) -> None:
        turn, noun = divmod(number, len(_NOUNS))
        self.name = f"{_NOUNS[noun]}s{turn or ''}"
        self.columns = {
            "id": "INTEGER PRIMARY KEY",
            "name": "TEXT NOT NULL",
            "status": "TEXT NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'open', 'done'))",
            "amount": "INTEGER NOT NULL DEFAULT 0 CHECK (amount >= 0)",
            "created_at": "INTEGER NOT NULL DEFAULT 0",
        }
        self.objects: dict[str, str] = {}
        self.children: list[_Table] = []
        parents = dict.fromkeys((earlier[number // 2], earlier[number // 3])) if earlier else {}
        for parent, action in zip(parents, _ACTIONS, strict=False):
            column = f"{parent.name}_id"
            self.columns[column] = f"INTEGER REFERENCES {parent.name}(id) ON DELETE {action}"
            self.add_index(f"by_{column}", column)
            parent.children.append(self)

    def add_index(self, suffix: str, columns: str) -> str:
        """Add an index; return its name."""
        name = f"{self.name}_{suffix}"
        self.objects[name] = f"CREATE INDEX {name} ON {self.name} ({columns});\n"
        return name

    def create(self) -> str:
        """Return the SQL that creates it, with its indexes and triggers."""
        columns = ",\n".join(f"  {name} {definition}" for name, definition in self.columns.items())
        return f"CREATE TABLE {self.name} (\n{columns}\n);\n{''.join(self.objects.values())}"

    def rebuild(self) -> str:
        """Return the SQL that creates it again with its rows; guards keep the links of its children."""
        listed = ", ".join(self.columns)
        guards = {
            f"guard_{event.lower()}_{child.name}": f"BEFORE {event} ON {child.name}"
            for child in self.children
            for event in ("DELETE", "UPDATE")
        }
        parts = [
            "PRAGMA defer_foreign_keys = ON;\n",
            f"CREATE TABLE hold AS SELECT {listed} FROM {self.name};\n",
            *(
                f"CREATE TRIGGER {name} {event} BEGIN SELECT RAISE(IGNORE); END;\n"
                for name, event in guards.items()
            ),
            f"DROP TABLE {self.name};\n",
            self.create(),
            f"INSERT INTO {self.name} ({listed}) SELECT {listed} FROM hold;\n",
            *(f"DROP TRIGGER {name};\n" for name in guards),
            "DROP TABLE hold;\n",
        ]
        return "".join(parts)


def _add_column(built: list[_Table], number: int) -> _Change:
    table, column = _turn(built, number), f"note_{number}"
    table.columns[column] = "TEXT NOT NULL DEFAULT ''"
    forward = f"ALTER TABLE {table.name} ADD COLUMN {column} {table.columns[column]};\n"
    return _Change("extend", table, forward, f"ALTER TABLE {table.name} DROP COLUMN {column};\n")


def _rename_column(built: list[_Table], number: int) -> _Change:
    table, old = _with_column(built, "note_")
    new = f"text_{number}"
    table.columns = {new if name == old else name: text for name, text in table.columns.items()}
    rename = f"ALTER TABLE {table.name} RENAME COLUMN {{}} TO {{}};\n"
    return _Change("rename", table, rename.format(old, new), rename.format(new, old))


def _drop_column(built: list[_Table], _: int) -> _Change:
    table, old = _with_column(built, "text_")
    back = f"ALTER TABLE {table.name} ADD COLUMN {old} {table.columns.pop(old)};\n"
    return _Change("drop", table, f"ALTER TABLE {table.name} DROP COLUMN {old};\n", back)


def _rebuild(built: list[_Table], number: int) -> _Change:
    table = _turn(built, number)
    before, limit = table.columns["amount"], f"CHECK (amount BETWEEN 0 AND {10**6 + number})"
    back = table.rebuild()
    table.columns["amount"] = f"{before.partition(' CHECK')[0]} {limit}"
    return _Change("limit", table, table.rebuild(), back)


def _insert(built: list[_Table], number: int) -> _Change:
    table = _turn(built, number)
    rows = ", ".join(f"('row {number}-{i}', {i})" for i in range(20))
    back = f"DELETE FROM {table.name} WHERE name LIKE 'row {number}-%';\n"
    return _Change("seed", table, f"INSERT INTO {table.name} (name, amount) VALUES {rows};\n", back)


def _update(built: list[_Table], number: int) -> _Change:
    table = _turn(built, number)
    return _Change("correct", table, f"UPDATE {table.name} SET amount = 0 WHERE status = 'done';\n", "")


def _add_index(built: list[_Table], number: int) -> _Change:
    table = _turn(built, number)
    name = table.add_index(f"at_{number}", "status, created_at")
    return _Change("index", table, table.objects[name], f"DROP INDEX {name};\n")


def _add_view(built: list[_Table], number: int) -> _Change:
    table = _turn(built, number)
    name, rows = f"{table.name}_open_{number}", f"FROM {table.name} WHERE status <> 'done'"
    return _Change("show", table, f"CREATE VIEW {name} AS SELECT id, name {rows};\n", f"DROP VIEW {name};\n")


def _add_trigger(built: list[_Table], number: int) -> _Change:
    table = _turn(built, number)
    name = f"{table.name}_touch_{number}"
    action = f"UPDATE {table.name} SET created_at = created_at + 1 WHERE id = new.id"
    event = f"AFTER UPDATE OF status ON {table.name}"
    table.objects[name] = f"CREATE TRIGGER {name} {event} BEGIN {action}; END;\n"
    return _Change("watch", table, table.objects[name], f"DROP TRIGGER {name};\n")


def _turn(built: list[_Table], number: int) -> _Table:
    return built[number * 7 % len(built)]


def _with_column(built: list[_Table], prefix: str) -> tuple[_Table, str]:
    """Return a table and the first of its columns whose name has a prefix."""
    return next((table, name) for table in built for name in table.columns if name.startswith(prefix))


_CHANGES: tuple[Callable[[list[_Table], int], _Change], ...] = (
    *(_add_column, _add_index, _update, _add_column, _rename_column, _insert),
    *(_rebuild, _add_view, _update, _drop_column, _add_trigger, _add_column),
)
"""The changes, in turns."""
