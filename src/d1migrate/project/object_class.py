"""One `[objects.CLASS]` section of a configuration: a class of Durable Objects, and its migrations."""

from __future__ import annotations

import os

from d1migrate.drivers.url import expand
from d1migrate.errors import UsageError
from d1migrate.named_tuple import NamedTuple
from d1migrate.project import settings
from d1migrate.project.schema_settings import SchemaSettings, read_schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

_RESERVED = frozenset(
    "await break case catch class const continue debugger default delete do else enum export extends false"
    " finally for function if implements import in instanceof interface let new null package private"
    " protected public return static super switch this throw true try typeof var void while with"
    " yield".split()
)
"""The words that cannot be the name of a class in a JavaScript module."""


class ObjectClass(NamedTuple):
    """A class with migrations of its own.

    Attributes:
        name: its name in the Worker's code.
        migrations: the folder.
        schema: where the schema is written, and where the desired one comes from.
        indexes: the modules that embed the migrations.
        runtime: the TypeScript file that applies them; None for the project's.
        table: the name of the migrations table; None for the project's.
        pattern: which paths below the folder are migrations; None for the project's.
    """

    name: str
    migrations: str
    schema: SchemaSettings
    indexes: tuple[str, ...] = ()
    runtime: str | None = None
    table: str | None = None
    pattern: str | None = None


def read_class(path: str, folder: str, name: str, section: Any) -> ObjectClass:
    """Return a class.

    Args:
        path: the configuration file.
        folder: what its paths are relative to.
        name: the class.
        section: its settings.

    Raises:
        UsageError: the name cannot be that of a class, or the settings are wrong.
    """
    if not _is_class_name(name):
        raise UsageError(
            f"{path}: {name!r} cannot be the name of a class in JavaScript",
            hint="name the section as the Worker's code names the class, e.g. [objects.Tenant]",
        )
    where, is_section = f"[objects.{name}] ", isinstance(section, dict)
    if is_section:
        settings.check(path, where, section, settings.OBJECT_CLASS)
    if not is_section or "migrations" not in section:
        raise UsageError(
            f"{path}: {where}has no `migrations`", hint='for example: migrations = "migrations/tenant"'
        )
    runtime = section.get("runtime")
    usual = SchemaSettings(expand(f"schema.{name}.sql", folder))
    return ObjectClass(
        name,
        expand(section["migrations"], folder),
        read_schema(path, f"objects.{name}.schema", folder, section.get("schema")).filled(usual),
        index_paths(section.get("index", ()), folder),
        None if runtime is None else expand(runtime, folder),
        section.get("table"),
        section.get("pattern"),
    )


def _is_class_name(name: str) -> bool:
    return name.replace("$", "_").isidentifier() and name not in _RESERVED


def index_paths(value: str | Iterable[str], folder: str) -> tuple[str, ...]:
    """Return the paths of a setting `index`: one, or a list."""
    return tuple(expand(one, folder) for one in ((value,) if isinstance(value, str) else value))


def refuse_shared(path: str, owners: Sequence[tuple[str, tuple[str, ...], str | None]]) -> None:
    """Check that no file is two indexes, or an index and a runtime: one would overwrite the other.

    Args:
        path: the configuration file.
        owners: for the project, each class and each fleet: its section for messages, its indexes, and its
            runtime, if any.

    Raises:
        UsageError: a file is.
    """
    named = [(f"{section}index", file) for section, indexes, _ in owners for file in indexes]
    runtimes = {os.path.realpath(runtime) for _, _, runtime in owners if runtime}
    first: dict[str, str] = {}
    for where, file in named:
        key = os.path.realpath(file)
        if key in runtimes:
            raise UsageError(
                f"{path}: {file} cannot be both {where} and a runtime",
                hint='name another file, e.g. runtime = "src/lib/migrations.ts"',
            )
        if key in first:
            both = (
                f"{where} has it twice" if first[key] == where else f"{first[key]} and {where} both name it"
            )
            raise UsageError(
                f"{path}: {file} cannot be two indexes: {both}",
                hint="name another file; two classes with the same migrations can import one index",
            )
        first[key] = where
