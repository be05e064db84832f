"""Where the desired schema is: `schema = "FILE"`, or a section `[schema]`."""

from __future__ import annotations

import os

from d1migrate.drivers.url import expand
from d1migrate.errors import UsageError
from d1migrate.named_tuple import NamedTuple
from d1migrate.project import settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


SCHEMES = ("sqlite", "python", "django", "command")
"""What begins a source that is not a path."""


class SchemaSettings(NamedTuple):
    """Where the schema is written, and where the desired one comes from.

    Attributes:
        file: the schema as SQL that `schema` writes; None for the usual one.
        source: the desired schema, as `diff --to` takes it, with paths relative to the configuration; None
            for `file`.
        python: the interpreter that imports models; None for the one that runs d1migrate.
    """

    file: str | None = None
    source: str | None = None
    python: str | None = None

    def filled(self, general: SchemaSettings) -> SchemaSettings:
        """Return these settings, with the general ones where they leave something out."""
        return SchemaSettings(
            self.file or general.file, self.source or general.source, self.python or general.python
        )

    @property
    def for_others(self) -> SchemaSettings:
        """What applies to other migrations, too: one project has one interpreter."""
        return SchemaSettings(python=self.python)


def read_schema(path: str, section: str, folder: str, value: Any) -> SchemaSettings:
    """Return the settings of a configuration: a file, or a section.

    Args:
        path: the configuration, for errors.
        section: the name of the section, for errors: `schema`, or `objects.Tenant.schema`.
        folder: the folder that its paths are relative to.
        value: what `schema` has; None if there is none.

    Raises:
        UsageError: a key is unknown, or its value is of another type; or a file is a source.
    """
    if not isinstance(value, dict):
        return SchemaSettings(_file(path, section, value, folder))
    settings.check(path, f"[{section}] ", value, settings.SCHEMA)
    file, source, python = map(value.get, ("file", "source", "python"))
    return SchemaSettings(
        _file(path, f"[{section}] file", file, folder),
        source,
        None if python is None else interpreter(python, folder),
    )


def _file(path: str, key: str, value: str | None, folder: str) -> str | None:
    """Return the path of a file; errors as `read_schema`."""
    if value is None:
        return None
    if value.partition(":")[0] in SCHEMES and ":" in value:
        section = key.partition("]")[0].strip("[")
        raise UsageError(
            f"{path}: {key} is {value!r}, expected a file",
            hint=f'write a section [{section}] with `source = "{value}"`',
        )
    return expand(value, folder)


def interpreter(given: str, folder: str = "") -> str:
    """Return an interpreter: an absolute path, or a bare name such as `python3.12`, which PATH leads to.

    Args:
        given: what a person wrote.
        folder: what a path is relative to; by default the working directory.
    """
    is_path = given.startswith("~") or os.path.basename(given) != given
    return os.path.abspath(expand(given, folder)) if is_path else given
