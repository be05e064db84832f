"""The names under which a Worker reaches what its wrangler configuration binds.

D1 databases have more than a name; they are in `wrangler`.
"""

from __future__ import annotations

from d1migrate.drivers.config_file import read
from d1migrate.drivers.wrangler_config import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


def object_binding(class_name: str, path: str) -> str | None:
    """Return the binding of a class of Durable Objects, in any part of a configuration; None if it has none.

    Raises:
        UsageError: the configuration cannot be read, or the name is not a string.
    """
    for section in _sections(path):
        objects = section.get("durable_objects")
        if isinstance(objects, dict) and (found := _named(objects.get("bindings"), class_name)):
            return printable(found, path, "name")
    return None


def workflow_binding(class_name: str, path: str) -> str | None:
    """Return the binding of the Workflow that a class defines, as `object_binding` does."""
    for section in _sections(path):
        if found := _named(section.get("workflows"), class_name, key="binding"):
            return printable(found, path, "binding")
    return None


def _named(bindings: Any, class_name: str, key: str = "name") -> Any:
    tables = [each for each in bindings if isinstance(each, dict)] if isinstance(bindings, list) else []
    return next((each.get(key) for each in tables if each.get("class_name") == class_name), None)


def _sections(path: str) -> Iterator[dict[str, Any]]:
    content = read(path)
    yield content
    environments = content.get("env")
    for section in environments.values() if isinstance(environments, dict) else ():
        if isinstance(section, dict):
            yield section
