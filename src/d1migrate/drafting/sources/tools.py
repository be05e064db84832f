"""Let a tool build its schema in a scratch file, then read the file: models are not compiled here."""

from __future__ import annotations

import os
import shlex

from d1migrate.drafting.desired import Desired, Models, SeedRow
from d1migrate.drafting.sources.database import read_database
from d1migrate.drafting.sources.process import run_loader, run_program
from d1migrate.errors import UsageError
from d1migrate.project.temporary import PrivateFolder
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from d1migrate.drafting.sources.source import Source

_LOADERS = {"python": "sqlalchemy_tables", "django": "django_tables"}
_PLACEHOLDER = "{db}"


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
        ParseError: D1 refuses what was built.
    """
    private = PrivateFolder()
    try:
        database, answer = private.file("schema.db"), os.path.join(private.path, "answer.json")
        if source.kind == "command":
            _run_command(source, database, folder)
            found: Mapping[str, Any] = {}
        else:
            request = {"target": source.target, "database": database, "answer": answer, "apps": list(apps)}
            loader = _LOADERS[source.kind]
            found = run_loader(loader, request, python=python, folder=folder, name=source.text)
        desired = read_database(database, name=source.text)
    finally:
        private.close()
    if not desired.schema.tables:
        raise UsageError(f"{source.text} builds no tables")
    return desired._replace(models=_models(source, found))


def _run_command(source: Source, database: str, folder: str) -> None:
    words = shlex.split(source.target)
    if not any(_PLACEHOLDER in word for word in words):
        raise UsageError(
            f"{source.text!r} has no {_PLACEHOLDER}, which stands for the SQLite file that it fills",
            hint=f"for example: 'command:make-schema {_PLACEHOLDER}'",
        )
    filled = [word.replace(_PLACEHOLDER, database) for word in words]
    finished = run_program(filled, folder=folder, name=source.text)
    if finished.code:
        raise UsageError(f"{source.text}: exit code {finished.code}{finished.tail}")


def _models(source: Source, found: Mapping[str, Any]) -> Models:
    return Models(
        source.text,
        {fold(table): name for table, name in found.get("classes", {}).items()},
        {(fold(table), fold(column)): sql for table, column, sql in found.get("defaults", ())},
        {(fold(table), fold(column)): name for table, column, name in found.get("functions", ())},
        tuple(SeedRow(**row) for row in found.get("rows", ())),
        tuple(found.get("notes", ())),
    )
