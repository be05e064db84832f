"""Where the desired schema is: `schema = "FILE"`, or a section `[schema]`."""

from __future__ import annotations

from d1migrate.drivers.url import expand
from d1migrate.named_tuple import NamedTuple
from d1migrate.project import settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class SchemaSettings(NamedTuple):
    """Where the schema is written, and where the desired one comes from.

    Attributes:
        file: the schema as SQL that `schema` writes; None for the usual one.
        source: the desired schema, as `diff --to` takes it; None for `file`.
        python: the interpreter that imports models; None for the one that runs d1migrate.
    """

    file: str | None = None
    source: str | None = None
    python: str | None = None


def read_schema(path: str, folder: str, value: Any) -> SchemaSettings:
    """Return the settings of a configuration: a file, or a section.

    Args:
        path: the configuration, for errors.
        folder: the folder that its paths are relative to.
        value: what `schema` has; None if there is none.

    Raises:
        UsageError: a key is unknown, or its value is of another type.
    """
    if not isinstance(value, dict):
        return SchemaSettings(None if value is None else expand(value, folder))
    settings.check(path, "[schema] ", value, settings.SCHEMA)
    file, source, python = map(value.get, ("file", "source", "python"))
    return SchemaSettings(
        None if file is None else expand(file, folder),
        source,
        None if python is None else expand(python, folder),
    )
