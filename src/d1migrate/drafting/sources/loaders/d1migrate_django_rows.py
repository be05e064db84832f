"""The rows that Django expects in a database: its history, and what the handlers of `post_migrate` write."""

from __future__ import annotations

import io

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

_KEYED = {"sites.Site"}
"""Models whose row keeps its primary key, and nothing else: people edit the domain of the default site."""


def history_rows(
    history: Iterable[tuple[str, str]], said: Mapping[tuple[str, str], Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Yield the rows of `django_migrations`.

    Args:
        history: (app, name) of each migration.
        said: {migration: what comes with its row: `notes`, `renames`, `drops`}.
    """
    for app, name in history:
        where, exists = _recorded(app, name)
        yield {
            "table": "django_migrations",
            "insert": 'INSERT INTO "django_migrations" ("app", "name", "applied")'
            f" SELECT {_text(app)}, {_text(name)}, CURRENT_TIMESTAMP WHERE NOT EXISTS ({exists})",
            "exists": f"SELECT EXISTS ({exists})",
            "delete": f'DELETE FROM "django_migrations" WHERE {where}',
            **said.get((app, name), {}),
        }


def renamed_types(
    renames: Mapping[tuple[str, str], Sequence[tuple[str, str]]],
) -> Iterator[dict[str, Any]]:
    """Yield what `migrate` does for a model that a migration renames: its content type gets the new name.

    Args:
        renames: {migration: the old and the new names of models}.
    """
    for (app, name), models in renames.items():
        _, recorded = _recorded(app, name)
        for old, new in models:
            of_app = f'"django_content_type" WHERE "app_label" = {_text(app)} AND "model" ='
            yield {
                "table": "django_content_type",
                "insert": f'UPDATE "django_content_type" SET "model" = {_text(new)}'
                f' WHERE "app_label" = {_text(app)} AND "model" = {_text(old)}'
                f" AND NOT EXISTS ({recorded}) AND NOT EXISTS (SELECT 1 FROM {of_app} {_text(new)})",
                "exists": f"SELECT EXISTS ({recorded}) OR NOT EXISTS (SELECT 1 FROM {of_app} {_text(old)})",
                "updates": True,
            }


def _recorded(app: str, name: str) -> tuple[str, str]:
    """Return the condition of the row of a migration, and the query for it."""
    where = _where({"app": _text(app), "name": _text(name)})
    return where, f'SELECT 1 FROM "django_migrations" WHERE {where}'


def send_post_migrate(chosen: set[str]) -> list[str]:
    """Let the handlers of `post_migrate` write the rows of the chosen apps.

    Returns:
        What to say about handlers that failed, because they need what only a real database has.
    """
    from django.apps import apps
    from django.db import connections
    from django.db.models.signals import post_migrate

    failed = {}
    for config in apps.get_app_configs():
        if config.label not in chosen:
            continue
        for alias in connections:
            answers = post_migrate.send_robust(
                sender=config,
                app_config=config,
                verbosity=0,
                interactive=False,
                using=alias,
                stdout=io.StringIO(),
                apps=apps,
                plan=[],
            )
            for handler, error in answers:
                if isinstance(error, Exception):
                    name = f"{handler.__module__}.{handler.__qualname__}"
                    failed[name] = f"{name} (post_migrate) failed, so its rows are missing: {error}"
    return list(failed.values())


def written_rows(models: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """Yield the rows of all tables; those that others reference first."""
    keys: dict[tuple[str, str], str] = {}
    for model in _by_reference(models):
        for row in _read(model):
            yield _seed(model, row, keys)


def _by_reference(models: Iterable[Any]) -> list[Any]:
    """Return models so that each stands after those that it references."""
    found: dict[Any, None] = {}
    known = set(models := list(models))

    def visit(model: Any, path: tuple[Any, ...]) -> None:
        if model in found or model in path or model not in known:
            return
        for field in model._meta.local_concrete_fields:
            if field.remote_field:
                visit(field.remote_field.model._meta.concrete_model, (*path, model))
        found[model] = None

    for model in models:
        visit(model, ())
    return list(found)


def _read(model: Any) -> Iterator[dict[Any, str]]:
    """Yield {field: SQL of its value} of each row, by primary key."""
    from django.db import connection

    fields = [field for field in model._meta.local_concrete_fields if not getattr(field, "generated", False)]
    columns = ", ".join(f"quote({_name(field.column)})" for field in fields)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {_name(model._meta.db_table)} ORDER BY rowid")
        rows = cursor.fetchall()
    for row in rows:
        yield dict(zip(fields, row))  # noqa: B905  # `strict` is new in Python 3.10


def _seed(model: Any, row: dict[Any, str], keys: dict[tuple[str, str], str]) -> dict[str, Any]:
    """Return a row as statements.

    `keys` has, and gets, the keys that each database makes itself: {(table, SQL): the subselect for it}.
    """
    table, primary = model._meta.db_table, model._meta.pk
    values = {field: keys.get((_target(field), sql), sql) for field, sql in row.items()}
    identity = _identity(model, row)
    where = _where({field.column: values[field] for field in identity})
    exists = f"SELECT 1 FROM {_name(table)} WHERE {where}"
    if primary not in identity and primary in row:
        keys[table, row[primary]] = f"(SELECT {_name(primary.column)} FROM {_name(table)} WHERE {where})"
        if primary is model._meta.auto_field:
            del values[primary]
    elif primary in row:  # it may be the key of a parent
        keys[table, row[primary]] = values[primary]
    columns = ", ".join(_name(field.column) for field in values)
    return {
        "table": table,
        "insert": f"INSERT INTO {_name(table)} ({columns}) SELECT {', '.join(values.values())}"
        f" WHERE NOT EXISTS ({exists})",
        "exists": f"SELECT EXISTS ({exists})",
    }


def _target(field: Any) -> str:
    """Return the table whose primary key a field references, or ""."""
    if not field.remote_field or not field.target_field.primary_key:
        return ""
    return str(field.target_field.model._meta.db_table)


def _identity(model: Any, row: Mapping[Any, str]) -> list[Any]:
    """Return the fields that identify a row in any database: not a key that is made for each new row."""
    options = model._meta
    primary = [field for field in getattr(options, "pk_fields", [options.pk]) if field in row]
    is_made = any(field is options.auto_field or _is_made(field) for field in primary)
    if not is_made or options.label in _KEYED:
        return primary
    for names in _unique(model):
        fields = [options.get_field(name) for name in names]
        if all(row.get(field, "NULL") != "NULL" for field in fields):
            return fields
    if options.auto_field:
        return primary
    return [field for field in row if field not in primary and not _is_made(field)] or primary


def _is_made(field: Any) -> bool:
    """Whether each new row has another value."""
    is_time = getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
    return bool(is_time or (field.has_default() and callable(field.default)))


def _unique(model: Any) -> Iterator[Sequence[str]]:
    """Yield the fields that are unique together, in whatever way that is declared."""
    options = model._meta
    yield from options.unique_together
    for constraint in options.total_unique_constraints:
        yield constraint.fields
    for field in options.local_concrete_fields:
        if field.unique and not field.primary_key:
            yield (field.name,)


def _where(values: Mapping[str, str]) -> str:
    """Return the condition that columns have values."""
    return " AND ".join(
        f"{_name(column)} IS NULL" if sql == "NULL" else f"{_name(column)} = {sql}"
        for column, sql in values.items()
    )


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
