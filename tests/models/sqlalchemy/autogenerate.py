"""What Alembic writes for a change of the models, in batch mode, and what becomes of the rows on D1."""

from __future__ import annotations

import shutil
import sqlite3
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import create_engine, event

from tests.models.sqlalchemy.places import opened
from tests.models.sqlalchemy.sample import load, read_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.models.sqlalchemy.sample import Row, Rows


class Written(NamedTuple):
    """A migration of Alembic: its function `upgrade`, and the first line of the error that ended it, or None."""

    code: str
    error: str | None


def autogenerate(
    file: Path, models: str, execute: Callable[[str], object], edit: Callable[[str], str] = str
) -> Written:
    """Let Alembic compare models with a SQLite file, and run what it writes.

    Args:
        file: a database with the schema that Alembic reads; it is copied.
        models: the text of the models.
        execute: runs a statement that changes the database, which has the rows.
        edit: what a person changes in the code.
    """
    copy = shutil.copy(file, file.with_name(f"{file.name}-copy"))
    metadata = load(models).Base.metadata
    options = {"render_as_batch": True, "include_object": _include, "target_metadata": metadata}
    error = None
    with opened(create_engine(f"sqlite:///{copy}")) as engine, engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        found = produce_migrations(context, metadata)
        assert found.upgrade_ops
        code = edit(render_python_code(found.upgrade_ops, render_as_batch=True, migration_context=context))
        event.listen(engine, "do_execute", _on_both(execute))
        try:
            with Operations.context(context) as op, context.begin_transaction():
                exec(f"if True:\n{code}", {"op": op, "sa": sqlalchemy})  # noqa: S102 - as Alembic does
        except Exception as failure:
            cause = getattr(failure, "orig", failure)
            error = f"{type(cause).__name__}: {cause}".partition("\n")[0]
    return Written(code, error)


def _on_both(execute: Callable[[str], object]) -> Callable[..., None]:
    """Run what changes the database where the rows are, before SQLAlchemy runs it on its file."""

    def run(cursor: object, statement: str, parameters: object, context: object) -> None:
        if not statement.lstrip().upper().startswith(("PRAGMA", "SELECT")):
            try:
                execute(statement)
            except ValueError as refused:
                raise sqlite3.OperationalError(str(refused)) from refused

    return run


def _include(found: object, name: str, kind: str, is_reflected: bool, compare_to: object) -> bool:
    """Alembic's usual filter: what was created by hand is not dropped."""
    return not (kind == "table" and is_reflected and name.startswith(("audit", "tasks_fts")))


class Damage(NamedTuple):
    """What a migration did that the models do not say: rows deleted and rows with a lost value, by table; objects."""

    deleted: dict[str, int]
    changed: dict[str, int]
    dropped: set[str]

    @property
    def text(self) -> str:
        """A cell of a table."""
        parts = [
            f"deletes {_counted(self.deleted)}" if self.deleted else "",
            f"changes {_counted(self.changed)}" if self.changed else "",
            f"drops {', '.join(f'`{name}`' for name in sorted(self.dropped))}" if self.dropped else "",
        ]
        return "; ".join(filter(None, parts)) or "no row lost"


def _counted(rows: dict[str, int]) -> str:
    """For example `1,000 rows of tags, users`."""
    tables = ", ".join(f"`{name}`" for name in sorted(rows))
    return f"{sum(rows.values()):,} rows of {tables}"


def damage(expected: Rows, kept: set[str], read: Callable[[str], Sequence[Sequence[Any]]]) -> Damage:
    """Compare all rows, by their ids, and the objects that no model has, with those that should be there."""
    existing = {str(name) for (name,) in read("SELECT name FROM sqlite_master")}
    actual = read_rows(read, [table for table in expected if table in existing])
    deleted, changed = dict[str, int](), dict[str, int]()
    for table, rows in expected.items():
        left = {_key(row): row for row in actual.get(table, [])}
        deleted[table] = sum(_key(row) not in left for row in rows)
        changed[table] = sum(_key(row) in left and left[_key(row)] != row for row in rows)
    return Damage(_positive(deleted), _positive(changed), kept - existing)


def _key(row: Row) -> tuple[Any, ...]:
    return (row["id"],) if "id" in row else tuple(row.values())


def _positive(counts: dict[str, int]) -> dict[str, int]:
    return {table: count for table, count in counts.items() if count}
