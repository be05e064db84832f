"""What the migrations of a Django project say: which of them `migrate` records, and what no schema shows."""

from __future__ import annotations

import inspect
import os
from functools import partial
from textwrap import dedent

from d1migrate_answer import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    Key = tuple[str, str]
    """The app and the name of a migration."""


class Migrations:
    """The migrations on disk.

    Attributes:
        history: those that `migrate` would record in an empty database, in order.
        said: {migration: {"notes": what it does that its tables do not show, each of one line or more,
            "renames": (table, column or None, new name) of what it renames, "drops": tables}}.
        renamed: {migration: the old and new names of the models that it renames}.
    """

    def __init__(self, chosen: set[str]) -> None:
        """Read the migrations of the chosen apps, and record them in the database, but run none.

        Raises:
            Refused: two of them are the last one of their app.
        """
        from django.db import connection
        from django.db.migrations.executor import MigrationExecutor

        executor = MigrationExecutor(connection)
        self._loader = executor.loader
        conflicts = self._loader.detect_conflicts()
        if conflicts:
            names = "; ".join(f"{', '.join(names)} in {app}" for app, names in sorted(conflicts.items()))
            raise Refused(
                f"conflicting migrations, each the last of its app: {names}",
                "`python manage.py makemigrations --merge` merges them",
            )
        executor.recorder.ensure_schema()
        for migration, _ in executor.migration_plan(self._loader.graph.leaf_nodes()):
            executor.apply_migration(None, migration, fake=True)
        executor.check_replacements()
        recorded = executor.recorder.migration_qs.order_by("pk").values_list("app", "name")
        self.history: list[Key] = [key for key in dict.fromkeys(recorded) if key[0] in chosen]
        self.said: dict[Key, dict[str, Any]] = {}
        self.renamed: dict[Key, list[tuple[str, str]]] = {}
        for key, migration in self._loader.disk_migrations.items():
            if key[0] in chosen:
                self._read(key, migration)

    def _read(self, key: Key, migration: Any) -> None:
        from django.db.migrations import RenameModel

        if migration.replaces:
            if all(replaced in self._loader.disk_migrations for replaced in migration.replaces):
                return  # their own notes are the same
            key = migration.replaces[0]  # recorded, if the others ran instead
        key = (key[0], key[1])
        self.said[key] = {
            "notes": list(_notes(migration)),
            "renames": list(_renames(migration)),
            "drops": list(_drops(migration)),
        }
        renamed = [op for op in migration.operations if isinstance(op, RenameModel)]
        self.renamed[key] = [(op.old_name_lower, op.new_name_lower) for op in renamed]

    def unwritten(self, chosen: set[str]) -> list[str]:
        """Return the chosen apps whose models have changes that no migration has."""
        from django.apps import apps
        from django.db.migrations.autodetector import MigrationAutodetector
        from django.db.migrations.state import ProjectState

        class Detector(MigrationAutodetector):  # type: ignore[misc]
            def _optimize_migrations(self) -> None:
                """Leave out what only a written file needs: it takes a minute for 300 models."""

        detector = Detector(self._loader.project_state(), ProjectState.from_apps(apps))
        return sorted(chosen & set(detector.changes(graph=self._loader.graph)))


def _notes(migration: Any) -> Iterator[str]:
    """Yield what a migration does beside changing tables."""
    name = f"{migration.app_label}.{migration.name}"
    is_of_django = type(migration).__module__.startswith("django.")
    for operation in _operations(migration.operations):
        kind, what, body = _description(operation)
        if not what:
            continue
        if is_of_django:
            yield f"{name}: {kind} {what}"
        elif body:
            yield f"{name}: {kind} is not run: in the new file, uncomment what is still needed{body}"
        else:
            yield f"{name}: {kind} {what} is not run: write what it does as SQL, or as a --backfill"


def _drops(migration: Any) -> Iterator[str]:
    """Yield the tables that a migration drops, as far as no model has them now."""
    from django.apps import apps
    from django.db.migrations import DeleteModel

    known = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    for operation in migration.operations:
        table = f"{migration.app_label}_{getattr(operation, 'name_lower', '')}"
        if isinstance(operation, DeleteModel) and table not in known:
            yield table


def _renames(migration: Any) -> Iterator[tuple[str, str | None, str]]:
    """Yield (table, column or None, new name) of what a migration renames, if the models still have it.

    Names that a model declares with `db_table` or `db_column` are not renamed with it.
    """
    from django.apps import apps
    from django.core.exceptions import FieldDoesNotExist
    from django.db.migrations import RenameField, RenameModel

    app = migration.app_label
    for operation in migration.operations:
        try:
            if isinstance(operation, RenameModel):
                model = apps.get_model(app, operation.new_name)
                yield from _renamed_model(model, operation.old_name_lower, operation.new_name_lower)
            elif isinstance(operation, RenameField):
                model = apps.get_model(app, operation.model_name)
                yield from _renamed_field(model, operation.old_name, operation.new_name)
        except (LookupError, FieldDoesNotExist):  # renamed again, or gone
            pass


def _renamed_model(model: Any, old: str, new: str) -> Iterator[tuple[str, str | None, str]]:
    from django.apps import apps

    app, table = model._meta.app_label, model._meta.db_table
    before = f"{app}_{old}"
    has_usual_name = table == f"{app}_{new}"
    if has_usual_name:
        yield before, None, table
    for through in apps.get_models(include_auto_created=True):
        if not through._meta.auto_created:
            continue
        own = through._meta.db_table
        if has_usual_name and through._meta.auto_created is model and own.startswith(f"{table}_"):
            yield before + own[len(table) :], None, own
        for field in through._meta.local_fields:
            if field.remote_field and field.remote_field.model is model and new in field.column:
                yield own, field.column.replace(new, old), field.column


def _renamed_field(model: Any, old: str, new: str) -> Iterator[tuple[str, str | None, str]]:
    table, field = model._meta.db_table, model._meta.get_field(new)
    if field in model._meta.local_many_to_many:
        own = field.m2m_db_table()
        if own == f"{table}_{new}":
            yield f"{table}_{old}", None, own
    elif field in model._meta.local_concrete_fields and not field.db_column:
        yield table, old + field.column[len(new) :], field.column


def _operations(operations: Iterable[Any]) -> Iterator[Any]:
    """Yield operations that do more than change the tables of models."""
    from django.db.migrations import SeparateDatabaseAndState
    from django.db.migrations.operations.fields import FieldOperation
    from django.db.migrations.operations.models import IndexOperation, ModelOperation

    for operation in operations:
        if isinstance(operation, SeparateDatabaseAndState):
            yield from _operations(operation.database_operations)
        elif not isinstance(operation, (FieldOperation, IndexOperation, ModelOperation)):
            yield operation


def _description(operation: Any) -> tuple[str, str, str]:
    """Return the kind of an operation, what it runs, and its SQL; "" if it does nothing."""
    from django.db.migrations import RunPython, RunSQL

    kind = type(operation).__name__
    if isinstance(operation, RunPython):
        return kind, "" if operation.code is RunPython.noop else _place(operation.code), ""
    if isinstance(operation, RunSQL):
        body = "".join(f"\n    {line}" for line in _sql(operation.sql))
        return kind, "some SQL" if body else "", body
    return kind, f"({operation.describe()})", ""


def _place(function: Any) -> str:
    """Return the name of a function, and where it is written."""
    while isinstance(function, partial):
        function = function.func
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None) or getattr(type(function).__call__, "__code__", None)
    name = getattr(function, "__qualname__", type(function).__qualname__)
    if code is None:
        return str(name)
    path = os.path.relpath(code.co_filename)
    if path.startswith(os.pardir):
        return f"{name} ({function.__module__}:{code.co_firstlineno})"
    return f"{name} ({path}:{code.co_firstlineno})"


def _sql(given: Any) -> Iterator[str]:
    """Yield the lines of the SQL that RunSQL has: text, or a list of texts and of (text, parameters)."""
    from django.db import connection

    for one in [given] if isinstance(given, str) else given:
        text, parameters = (one, None) if isinstance(one, str) else one
        if parameters:
            quote = connection.schema_editor().quote_value
            text %= tuple(quote(value) for value in parameters)
        lines = [line.rstrip() for line in dedent(text).strip().splitlines()]
        if lines and not lines[-1].endswith(";"):
            lines[-1] += ";"
        yield from lines
