"""Let a tool build its schema in a scratch file, then read the file: models are not compiled here."""

from __future__ import annotations

import os

import apsw

from d1migrate.drafting.desired import Desired, Models, SeedRow
from d1migrate.drafting.renames import Rename
from d1migrate.drafting.schema_file import read, script
from d1migrate.drafting.sources.command import run_command
from d1migrate.drafting.sources.database import read_database
from d1migrate.drafting.sources.process import run_loader
from d1migrate.drivers.plain import PlainConnection
from d1migrate.errors import ParseError, SourceError, UsageError
from d1migrate.migrate.other_tools import without_histories
from d1migrate.project.temporary import PrivateFolder
from d1migrate.schema.rebuild import MAX_COLUMNS
from d1migrate.sql.d1 import allows_name
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from d1migrate.drafting.sources.source import Source

_LOADERS = {"python": "sqlalchemy_tables", "django": "django_tables"}
_RENAME = "rename it in the model: names that begin with `_cf_` are for Cloudflare's own tables"
_COLUMNS = f"D1 allows {MAX_COLUMNS} columns in a table: split the model"
_FUNCTIONS = "change the model: D1 has only SQLite's built-in functions"


def read_from_tool(
    source: Source, *, folder: str, python: str | None = None, apps: Sequence[str] = ()
) -> Desired:
    """Return the schema that models, or a command, build.

    Args:
        source: what builds it.
        folder: the project: where the program runs, and from which models are imported.
        python: the interpreter that imports the models; None for the one that runs d1migrate.
        apps: labels of Django's apps; empty for all.

    Raises:
        UsageError: the models cannot be loaded, or the program fails.
        SourceError: D1 refuses what was built.
    """
    private = PrivateFolder()
    try:
        database, answer = private.file("schema.db"), os.path.join(private.path, "answer.json")
        if source.kind == "command":
            run_command(source.target, database, folder=folder, name=source.text)
            models = Models(source.text)
            # It may be a migration tool, whose history is in no model.
            built = read_database(database, name=source.text)
            desired = built._replace(schema=without_histories(built.schema))
        else:
            request = {"target": source.target, "database": database, "answer": answer, "apps": list(apps)}
            loader = _LOADERS[source.kind]
            found = run_loader(loader, request, python=python, folder=folder, name=source.text)
            models = _models(source, found)
            desired = _read_models(database, models)
    finally:
        private.close()
    if not desired.schema.tables:
        raise UsageError(f"{source.text} builds no tables")
    return desired._replace(models=models)


def _read_models(database: str, models: Models) -> Desired:
    """Read the tables that models built.

    Raises:
        SourceError: D1 refuses a statement, which is in no file: its class or table says where it is from.
    """
    query = "SELECT name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid"
    with PlainConnection(database, flags=apsw.SQLITE_OPEN_READONLY) as connection:
        objects = [(str(name), str(table), str(sql)) for name, table, sql in connection.execute(query)]
    for name, table, _ in objects:
        if not allows_name(name):  # in other databases, such a table is Cloudflare's own
            raise _refused(models, table, f"the name {name} is reserved", _RENAME)
    try:
        return read(script(sql for _, _, sql in objects), file=models.source)
    except ParseError as error:
        table_of_line = [table for _, table, sql in objects for _ in range(script([sql]).count("\n"))]
        message = f"{error.args[0]}\n    {error.source.strip()}"
        table = table_of_line[error.line - 1]
        hints = {"function": _FUNCTIONS, "too many columns": _COLUMNS}
        hint = next((hint for what, hint in hints.items() if what in error.args[0]), "change the model")
        raise _refused(models, table, message, error.hint or hint) from error


def _refused(models: Models, table: str, message: str, hint: str) -> SourceError:
    class_ = models.classes.get(fold(table))
    place = f"table {table} ({class_})" if class_ else f"table {table}"
    return SourceError(f"{models.source}: {place}: D1 refuses it: {message}", hint=hint)


def _models(source: Source, found: Mapping[str, Any]) -> Models:
    return Models(
        source.text,
        {fold(table): name for table, name in found.get("classes", {}).items()},
        {(fold(table), fold(column)): sql for table, column, sql in found.get("defaults", ())},
        {(fold(table), fold(column)): name for table, column, name in found.get("functions", ())},
        {fold(table): name for table, name in found.get("left_out", {}).items()},
        tuple(map(_row, found.get("rows", ()))),
        tuple(found.get("notes", ())),
        tuple(found.get("undeclared", ())),
    )


def _row(found: Mapping[str, Any]) -> SeedRow:
    lists = {key: tuple(found.get(key, ())) for key in ("notes", "drops")}
    renames = tuple(Rename(*rename) for rename in found.get("renames", ()))
    return SeedRow(**{**found, **lists, "renames": renames})
