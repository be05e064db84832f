"""Build the tables of Django's models in a scratch file, in the interpreter of the project.

Nothing of the project's data is touched: every database of the settings is replaced by the scratch file
before Django is set up. The tables are those of the current models, so no migration runs, nor its RunPython.
"""

from __future__ import annotations

import importlib
import os
from difflib import get_close_matches

from d1migrate_answer import Refused, answer, tail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any


def load(request: dict[str, Any]) -> dict[str, Any]:
    """Create the tables of the apps that are asked for; return what Django says about them."""
    _set_up(request["target"], request["database"])
    from django.apps import apps
    from django.db import connection
    from django.db.migrations.recorder import MigrationRecorder

    chosen = _chosen(request["apps"])
    _import_management()
    models = list(_migratable(apps.get_models(include_auto_created=True)))
    with connection.constraint_checks_disabled():
        for model in models:
            if not model._meta.auto_created:
                _create(model)
        MigrationRecorder(connection).ensure_schema()
        own = [model for model in models if model._meta.app_label in chosen]
        found = _about(own)
        _drop([model for model in models if model._meta.app_label not in chosen])
    return found


def _set_up(target: str, database: str) -> None:
    """Set Django up with the scratch file as its only database.

    Raises:
        Refused: Django or the settings cannot be imported.
    """
    try:
        import django
        from django.conf import settings
    except ImportError as error:
        raise Refused(
            f"Django cannot be imported: {error}",
            "--python names the interpreter that has the project's packages",
        ) from error
    os.environ["DJANGO_SETTINGS_MODULE"] = target
    scratch = {"ENGINE": "django.db.backends.sqlite3", "NAME": database}
    settings.DATABASES = {alias: dict(scratch) for alias in {"default": {}, **settings.DATABASES}}
    django.setup()


def _chosen(labels: Sequence[str]) -> set[str]:
    """Return the labels of the apps whose tables are wanted: of all, if none is named.

    Raises:
        Refused: an app is not installed.
    """
    from django.apps import apps

    installed = [config.label for config in apps.get_app_configs()]
    for label in labels:
        if label not in installed:
            near = get_close_matches(label, installed, 1) or installed
            raise Refused(
                f"--app {label}: no installed app has this label", f"did you mean {', '.join(near)}?"
            )
    return set(labels or installed)


def _import_management() -> None:
    """Import what registers the handlers of `post_migrate`, as `migrate` does."""
    from django.apps import apps
    from django.utils.module_loading import module_has_submodule

    for config in apps.get_app_configs():
        if module_has_submodule(config.module, "management"):
            importlib.import_module(".management", config.name)


def _migratable(models: Iterable[Any]) -> Iterable[Any]:
    """Return the models that `migrate` would create in one of the databases of the settings."""
    from django.db import connection, connections, router

    for model in models:
        aliases = (alias for alias in connections if router.allow_migrate_model(alias, model))
        if model._meta.can_migrate(connection) and any(aliases):
            yield model


def _create(model: Any) -> None:
    """Create the table of a model, with those of its many-to-many fields.

    Raises:
        Refused: SQLite or Django refuses it.
    """
    from django.db import connection

    try:
        with connection.schema_editor() as editor:
            editor.create_model(model)
    except Exception as error:
        raise Refused(f"the table of {model._meta.label} cannot be created{tail(error)}") from error


def _drop(models: Iterable[Any]) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for model in models:
            cursor.execute(f"DROP TABLE {connection.ops.quote_name(model._meta.db_table)}")


def _about(models: Sequence[Any]) -> dict[str, Any]:
    """Return the classes of tables, and the values that Django gives to new rows."""
    classes, defaults, functions = {}, [], []
    for model in models:
        table = model._meta.db_table
        classes[table] = model._meta.label
        for field in model._meta.local_concrete_fields:
            name = _function(field)
            if name is not None:
                functions.append((table, field.column, name))
            elif field.has_default():
                defaults.append((table, field.column, _literal(field)))
    return {"classes": classes, "defaults": defaults, "functions": functions, "rows": [], "notes": []}


def _function(field: Any) -> str | None:
    """Return the name of the function that gives a field its value; None if there is none."""
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        return "auto_now" if field.auto_now else "auto_now_add"
    if field.has_default() and callable(field.default):
        name = getattr(field.default, "__qualname__", type(field.default).__qualname__)
        return f"{getattr(field.default, '__module__', '')}.{name}".lstrip(".")
    return None


def _literal(field: Any) -> str:
    """Return the default of a field as SQL."""
    from django.db import connection

    value = field.get_db_prep_save(field.get_default(), connection)
    return str(connection.schema_editor().quote_value(value))


if __name__ == "__main__":
    answer(load)
