"""The Durable Object classes of a wrangler configuration: which Worker has a class, and how it is stored."""

from __future__ import annotations

from d1migrate.drivers.wrangler_config import printable, read_section
from d1migrate.errors import UsageError
from d1migrate.hints import nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from d1migrate.drivers.wrangler_config import Section

_UNNAMED = "worker"  # what wrangler calls a Worker without a name


def sqlite_classes(path: str) -> tuple[str, ...]:
    """Return the SQLite-backed classes of a Worker.

    Args:
        path: its wrangler configuration.

    Raises:
        UsageError: the configuration cannot be read.
    """
    return tuple(name for name, is_sqlite in _storage(read_section(path, None)).items() if is_sqlite)


def worker_of(name: str, section: Section) -> str:
    """Return the name of the Worker that has a SQLite-backed class.

    Raises:
        UsageError: the configuration has no such class, or the class is not SQLite-backed.
    """
    own = worker_name(section)
    bound = {each["class_name"]: each for each in _bindings(section)}
    script = bound.get(name, {}).get("script_name")
    if script and script != own:  # its storage is declared in the other Worker's configuration
        return printable(script, section.path, "script_name")
    storage = _storage(section)
    if storage.get(name):
        return own
    if name in storage:
        raise UsageError(
            f"{section.path}: the class {name} is KV-backed (new_classes), and has no SQL database",
            hint="a class cannot change its storage: add another class to new_sqlite_classes",
        )
    if name in bound:
        raise UsageError(
            f"{section.path}: the class {name} is bound, but not declared as SQLite-backed",
            hint=f'add it to `migrations`, e.g. "new_sqlite_classes": ["{name}"]',
        )
    raise _no_class(name, section, (*bound, *storage))


def _no_class(name: str, section: Section, known: Sequence[str]) -> UsageError:
    by_binding = {each.get("name"): each["class_name"] for each in _bindings(section)}
    if meant := by_binding.get(name) or nearest(name, known):
        hint = f"did you mean do:{meant}/…?"
    else:
        has = f"it has: {', '.join(dict.fromkeys(known))}" if known else "it has no Durable Objects"
        hint = (
            f"{has}; for a class of another Worker, set `wrangler = …` to its configuration in d1migrate.toml"
        )
    where = f" in the environment {section.env}" if section.env else ""
    return UsageError(f"{section.path}: no Durable Object class {name!r}{where}", hint=hint)


def worker_name(section: Section) -> str:
    """Return the name of a Worker in an environment, as wrangler makes it (measured on 4.164).

    Raises:
        UsageError: it is not a string.
    """
    own = section.chosen.get("name")
    name = section.whole.get("name") if own is None else own
    if name is None:
        return _UNNAMED
    shown = printable(name, section.path, "name")
    is_inherited = own is None or section.chosen is section.whole
    return f"{shown}-{section.env}" if section.env and is_inherited else shown


def _bindings(section: Section) -> list[dict[str, Any]]:
    """Return the bindings of Durable Objects. An environment inherits none."""
    objects = section.chosen.get("durable_objects")
    found = _tables(objects.get("bindings")) if isinstance(objects, dict) else []
    return [each for each in found if isinstance(each.get("class_name"), str)]


def _storage(section: Section) -> dict[str, bool]:
    """Return {class: whether it is SQLite-backed} of a Worker, from wrangler's `migrations` and `exports`."""
    found: dict[str, bool] = {}
    for migration in _tables(_inherited(section, "migrations")):
        for name in _texts(migration.get("deleted_classes")):
            found.pop(name, None)
        for renamed in _tables(migration.get("renamed_classes")):
            for before, after in zip(
                _texts([renamed.get("from")]), _texts([renamed.get("to")]), strict=False
            ):
                if before in found:
                    found[after] = found.pop(before)
        found |= dict.fromkeys(_texts(migration.get("new_classes")), False)
        found |= dict.fromkeys(_texts(migration.get("new_sqlite_classes")), True)
    exports = _inherited(section, "exports")
    for name, entry in exports.items() if isinstance(exports, dict) else ():
        if isinstance(entry, dict) and entry.get("type") == "durable-object" and _is_live(entry):
            found[name] = entry.get("storage") == "sqlite"
    return found


def _is_live(entry: Mapping[str, Any]) -> bool:
    return entry.get("state", "created") in ("created", "expecting-transfer")


def _inherited(section: Section, key: str) -> Any:
    """Return a setting that environments inherit."""
    own = section.chosen.get(key)
    return section.whole.get(key) if own is None else own


def _tables(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
