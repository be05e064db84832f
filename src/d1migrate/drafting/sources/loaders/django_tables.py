"""Build the tables of Django's models in a scratch file, in the interpreter of the project.

Nothing of the project's data is touched: every database of the settings is replaced by the scratch file
before Django is set up. The tables are those of the current models, so no migration runs, nor its RunPython.
"""

from __future__ import annotations

import importlib
import os
import sys

from d1migrate_answer import OTHER_INTERPRETER, Refused, answer, imported, nearest, tail
from d1migrate_django_migrations import Migrations
from d1migrate_django_rows import history_rows, renamed_types, send_post_migrate, written_rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

_TOKENS = "CLOUDFLARE_"
_TOKENS_HINT = f"{_TOKENS}* is not passed to the models, which use no database: give the setting a default"
_VARIABLES_HINT = "d1migrate passes the environment on: set what the settings read, as for manage.py"
_PATH_HINT = f"{OTHER_INTERPRETER}; if manage.py adds a folder to sys.path, set PYTHONPATH=FOLDER"
_EMPTY_HINT = (
    "models are loaded with an empty database, as for the first `manage.py migrate`: read it later than in"
    " AppConfig.ready(), or catch the error"
)
_SHOWN = 5  # errors
_LEFT_OUT = {"models.W038", "models.W039", "models.W040", "models.W047"}
"""Django's warnings of constraints and indexes that SQLite cannot have, such as those with `include`."""


def load(request: dict[str, Any]) -> dict[str, Any]:
    """Create the tables of the apps that are asked for; return what Django says about them."""
    _set_up(request["target"], request["database"])
    from django.apps import apps
    from django.db import connection

    chosen = _chosen(request["apps"])
    _import_management()
    models = list(_migratable(apps.get_models(include_auto_created=True)))
    own = [model for model in models if model._meta.app_label in chosen]
    if not own:
        raise Refused("its apps have no models with a table", "INSTALLED_APPS has the apps of the project")
    notes = _check(own)
    with connection.cursor() as cursor:  # nobody needs the file after a crash
        cursor.execute("PRAGMA synchronous = OFF")
        cursor.execute("PRAGMA journal_mode = MEMORY")
    for model in models:
        if not model._meta.auto_created:
            _create(model)
    migrations = Migrations(chosen)
    notes += [_unwritten(label) for label in migrations.unwritten(chosen)]
    notes += send_post_migrate(chosen)
    rows = [
        *renamed_types(migrations.renamed),
        *written_rows(models),
        *history_rows(migrations.history, migrations.said),
    ]
    others = [model for model in models if model._meta.app_label not in chosen]
    _drop(others)
    left_out = {model._meta.db_table: model._meta.label for model in others}
    about = {**_about(own), "left_out": left_out, "rows": rows, "notes": notes}
    return {**about, "undeclared": list(_undeclared())}


def _undeclared() -> Iterator[str]:
    """Yield which clauses of a table no model of Django can declare: see `schema.kept_clauses`."""
    import django

    yield "rowids"
    if django.VERSION < (6, 1):  # which has DB_CASCADE
        yield "actions"


def _set_up(target: str, database: str) -> None:
    """Set Django up with the scratch file as its only database.

    Raises:
        Refused: Django is not there, or it refuses the settings.
    """
    try:
        import django
        from django.conf import settings
    except ModuleNotFoundError as error:
        if error.name != "django":
            raise
        raise Refused(f"{sys.executable} has no Django", OTHER_INTERPRETER) from error
    os.environ["DJANGO_SETTINGS_MODULE"] = target
    try:
        imported(target)
        scratch = {"ENGINE": "django.db.backends.sqlite3", "NAME": database}
        settings.DATABASES = {alias: dict(scratch) for alias in {"default": {}, **settings.DATABASES}}
        settings.LOGGING_CONFIG = None  # it may open files
        django.setup()
    except Exception as error:
        refused = _refusal(error, target)
        if refused is None:
            raise
        raise refused from error


def _refusal(error: Exception, target: str) -> Refused | None:
    """Return an error of the settings in words; None if only its traceback shows what is wrong."""
    from django.conf import settings
    from django.core.exceptions import AppRegistryNotReady, ImproperlyConfigured
    from django.db import DatabaseError

    text = str(error)
    if isinstance(error, ImproperlyConfigured):
        return Refused(
            f"Django refuses the settings: {text}", _TOKENS_HINT if _TOKENS in text else _VARIABLES_HINT
        )
    if isinstance(error, KeyError) and _TOKENS in text:
        return Refused(f"the settings need the environment variable {text}", _TOKENS_HINT)
    if isinstance(error, AppRegistryNotReady):
        check = f"`python -m django check --settings {target}` fails, too"
        return Refused(f"an app uses models before all of them are loaded: {text}{tail(error)}", check)
    if isinstance(error, DatabaseError):
        return Refused(f"an app reads the database while Django starts: {text}{tail(error)}", _EMPTY_HINT)
    if isinstance(error, RuntimeError) and "INSTALLED_APPS" in text:
        return Refused(text, "add the app of the model, or do not import the model")
    if isinstance(error, ModuleNotFoundError) and settings.configured:
        missing = [app for app in settings.INSTALLED_APPS if f"{app}.".startswith(f"{error.name}.")]
        if missing:
            return Refused(f"INSTALLED_APPS has {missing[0]}: {text}", _PATH_HINT)
    return None


def _chosen(labels: Sequence[str]) -> set[str]:
    """Return the labels of the apps whose tables are wanted: of all, if none is named.

    Raises:
        Refused: an app is not installed.
    """
    from django.apps import apps

    installed = [config.label for config in apps.get_app_configs()]
    for label in labels:
        if label not in installed:
            near = nearest(label, installed)
            hint = f"did you mean {near}?" if near else f"installed are: {', '.join(sorted(installed))}"
            raise Refused(f"--app {label}: no installed app has this label", hint)
    return set(labels or installed)


def _import_management() -> None:
    """Import what registers the handlers of `post_migrate`, as `migrate` does."""
    from django.apps import apps
    from django.utils.module_loading import module_has_submodule

    for config in apps.get_app_configs():
        if module_has_submodule(config.module, "management"):
            importlib.import_module(".management", config.name)


def _migratable(models: Iterable[Any]) -> Iterator[Any]:
    """Yield the models that `migrate` would create in any of the databases of the settings."""
    from django.db import connection, connections, router

    for model in models:
        is_allowed = any(router.allow_migrate_model(alias, model) for alias in connections)
        if is_allowed and model._meta.can_migrate(connection):
            yield model


def _check(models: Iterable[Any]) -> list[str]:
    """Let Django check models, as `migrate` does; return what it leaves out in SQLite without an error.

    Raises:
        Refused: a model is wrong.
    """
    from django.core.checks import ERROR
    from django.db import DEFAULT_DB_ALIAS

    found = [message for model in models for message in model.check(databases=[DEFAULT_DB_ALIAS])]
    wrong = [message for message in found if message.level >= ERROR and not message.is_silenced()]
    if wrong:
        raise Refused("\n".join(f"{_label(one.obj)}: {one.msg}" for one in wrong[:_SHOWN]), wrong[0].hint)
    return [f"{_label(one.obj)} is left out in part: {one.msg}" for one in found if one.id in _LEFT_OUT]


def _label(found: Any) -> str:
    """Return the name of a model, or of its field."""
    return str(found._meta.label if hasattr(found, "_meta") else found)


def _create(model: Any) -> None:
    """Create the table of a model, with those of its many-to-many fields.

    Raises:
        Refused: SQLite or Django refuses it.
    """
    from django.db import DatabaseError, NotSupportedError, connection

    try:
        with connection.schema_editor() as editor:
            editor.create_model(model)
    except (DatabaseError, NotSupportedError) as error:
        raise Refused(f"table {model._meta.db_table} ({model._meta.label}): {error}") from error


def _drop(models: Iterable[Any]) -> None:
    from django.db import connection

    with connection.constraint_checks_disabled(), connection.cursor() as cursor:
        for model in models:
            cursor.execute(f"DROP TABLE {connection.ops.quote_name(model._meta.db_table)}")


def _unwritten(label: str) -> str:
    return (
        f"{label}: its models have changes that are in no Django migration, so showmigrations will not show"
        f" them: run `python manage.py makemigrations {label}` first"
    )


def _about(models: Sequence[Any]) -> dict[str, Any]:
    """Return the classes of tables, and the values that Django gives to new rows."""
    classes, defaults, functions = {}, [], []
    for model in models:
        table = model._meta.db_table
        classes[table] = model._meta.label
        for field in model._meta.local_concrete_fields:
            name = _function(field)
            sql = _default(field) if name is None else None
            if name is not None:
                functions.append((table, field.column, name))
            elif sql is not None:
                defaults.append((table, field.column, sql))
    return {"classes": classes, "defaults": defaults, "functions": functions}


def _function(field: Any) -> str | None:
    """Return the name of the function that gives a field its value; None if there is none."""
    for setting in ("auto_now", "auto_now_add"):
        if getattr(field, setting, False):
            return setting
    if not field.has_default() or not callable(field.default):
        return None
    function = field.default
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    module = getattr(function, "__module__", None)
    return name if module in (None, "builtins") else f"{module}.{name}"


def _default(field: Any) -> str | None:
    """Return the value, as SQL, that Django gives to a field of a new row; None if there is none.

    Like Django, take an empty text for a field that may be blank.
    """
    from django.db import connection

    if field.has_default():
        value = field.get_default()
    elif field.blank and not field.null and field.empty_strings_allowed and not field.primary_key:
        value = b"" if field.get_internal_type() == "BinaryField" else ""
    else:
        return None
    try:
        sql = connection.schema_editor().quote_value(field.get_db_prep_save(value, connection))
    except Exception:  # a field of the project can raise anything
        return None
    return None if sql == "NULL" else str(sql)


if __name__ == "__main__":
    answer(load)
