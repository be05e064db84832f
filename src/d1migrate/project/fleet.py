"""One `[fleet.NAME]` section of a configuration: many databases with one schema.

What its settings do to a run belongs in the package `fleet`.
"""

from __future__ import annotations

import os
from fnmatch import fnmatchcase

from d1migrate.drivers.url import expand, normalize
from d1migrate.errors import UsageError
from d1migrate.hints import did_you_mean, exclusive
from d1migrate.named_tuple import NamedTuple
from d1migrate.project import settings
from d1migrate.project.environment import refuse_name
from d1migrate.project.object_class import index_paths
from d1migrate.project.schema_settings import SchemaSettings, read_schema
from d1migrate.project.waves import DEFAULT_STOP, DEFAULT_WAVES, Wave, read_amount, read_waves

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Any

SOURCES = ("databases", "query", "file", "objects")
_OF_CLASS = ("migrations", "pattern", "table", "index", "runtime", "schema")
_MOST_AT_ONCE = 64
_EXAMPLE = '[fleet.tenants]\ndatabases = "d1:tenant-*"'


class FleetSettings(NamedTuple):
    """A fleet.

    Attributes:
        name: as in `[fleet.NAME]`.
        source: which of the next four the tenants are from.
        databases: the url of all, with wildcards.
        query: the SQL that lists them in the control database; it may also list the names of `objects`.
        file: the path of the list.
        objects: the class of Durable Objects.
        waves: its parts, the last of which reaches all tenants.
        journal: the url of the database that records the state of each tenant.
        control: the url of the control database, or the name of an environment; None for that of `env`.
        workflow: the TypeScript file of the Workflow, for `objects`.
        migrations: the folder; None for the project's, or the class's.
        pattern: which paths below the folder are migrations; None for the project's.
        table: the name of the migrations table; None for the project's.
        indexes: the modules that embed the migrations.
        runtime: the TypeScript file that applies them; None for the project's.
        schema: where the schema is written, and where the desired one comes from.
        env: the environment whose gates and lint severities apply, if any.
        canary: globs of the names that are in the first wave.
        at_once: how many requests a process sends at the same time.
        create: whether a tenant without tables is given its schema.
        restore_points: for which tenants one is taken: "canary" (the first wave), "all" or "none".
        inspect: how many tenants of each wave are inspected after their migration.
        reserve: the share of the rate limit that is left to others, from 0 to 1.
    """

    name: str
    source: str
    databases: str | None
    query: str | None
    file: str | None
    objects: str | None
    waves: tuple[Wave, ...]
    journal: str
    control: str | None = None
    workflow: str | None = None
    migrations: str | None = None
    pattern: str | None = None
    table: str | None = None
    indexes: tuple[str, ...] = ()
    runtime: str | None = None
    schema: SchemaSettings = SchemaSettings()
    env: str | None = None
    canary: tuple[str, ...] = ()
    at_once: int = 8
    create: bool = False
    restore_points: str = "canary"
    inspect: int = 3
    reserve: float = 0.1

    @property
    def names(self) -> str | None:
        """The pattern for the names of the account's D1 databases, if these are the tenants."""
        return _after("d1:", self.databases)

    @property
    def paths(self) -> str | None:
        """The pattern for the paths of the SQLite files, if these are the tenants."""
        return _after("sqlite:", self.databases)

    @property
    def control_url(self) -> str | None:
        """The url of the control database; None if an environment has it."""
        return self.control if self.control and ":" in self.control else None


def read_fleet(
    path: str,
    folder: str,
    name: str,
    section: Any,
    *,
    environments: Collection[str] = (),
    classes: Collection[str] = (),
) -> FleetSettings:
    """Return a fleet.

    Args:
        path: the configuration file.
        folder: what its paths are relative to.
        name: the fleet.
        section: its settings.
        environments: the names of the file's environments; if there are none, wrangler's configuration may
            have them, and names of environments are not checked.
        classes: the names of the classes with migrations.

    Raises:
        UsageError: the name cannot be that of a fleet, or the settings are wrong.
    """
    refuse_name(path, name, "a fleet")
    where = f"[fleet.{name}] "
    if not isinstance(section, dict):
        is_key = any(name == setting.name for setting in settings.FLEET)
        hint = "give the fleet a name: [fleet.tenants]" if is_key else f"write a section [fleet.{name}]"
        raise UsageError(f"{path}: fleet.{name} is not a table", hint=hint)
    settings.check(path, where, section, settings.FLEET)
    try:
        source = _source(section)
        _check_references(section, environments, classes)
        values = _paths(section, folder, name, environments) | _numbers(section)
        waves = read_waves(section.get("waves", DEFAULT_WAVES), _limits(section.get("stop")))
    except UsageError as error:
        raise UsageError(f"{path}: {where}{error}", hint=error.hint) from None
    plain = ("query", "objects", "pattern", "table", "env", "create", "restore_points")
    values |= {key: section[key] for key in plain if key in section}
    values = dict.fromkeys(SOURCES) | values
    schema = read_schema(path, f"fleet.{name}.schema", folder, section.get("schema"))
    if "migrations" in section:
        schema = schema.filled(SchemaSettings(expand(f"schema.{name}.sql", folder)))
    canary = tuple(section.get("canary", ()))
    return FleetSettings(name=name, source=source, waves=waves, canary=canary, schema=schema, **values)


def _after(scheme: str, url: str | None) -> str | None:
    return url.removeprefix(scheme) if url and url.startswith(scheme) else None


def choose(fleets: Sequence[FleetSettings], name: str | None, path: str | None) -> FleetSettings:
    """Return the fleet of a name, or the only one.

    Args:
        fleets: those of the configuration.
        name: the name; None for the only fleet.
        path: the configuration file, if any.

    Raises:
        UsageError: there is no such fleet; or there are several, and no name.
    """
    known = {fleet.name: fleet for fleet in fleets}
    if not known:
        where = (
            f"{path} has no fleet"
            if path
            else "no fleet is configured: there is no d1migrate.toml here or above"
        )
        raise UsageError(where, hint=f"add to {path or 'd1migrate.toml'}:\n{_EXAMPLE}")
    if name is None and len(known) > 1:
        raise UsageError(
            f"{path} has several fleets: {', '.join(known)}", hint="add the name of one to the command"
        )
    if name is not None and name not in known:
        hint = did_you_mean(name, known, otherwise=f"it has: {', '.join(known)}")
        raise UsageError(f"{path} has no fleet {name!r}", hint=hint)
    return known[name or next(iter(known))]


def _source(section: dict[str, Any]) -> str:
    """Return the key that lists the tenants.

    Raises:
        UsageError: there is none, or more than one, or another key does not go with it.
    """
    found = [key for key in SOURCES if key in section]
    if found == ["query", "objects"]:
        found = ["objects"]  # the query lists the names of the objects
    if len(found) > 1:
        raise exclusive(found[0], found[1])
    if not found:
        raise UsageError(
            "nothing lists the databases",
            hint='for example: databases = "d1:tenant-*"; or write `query`, `file` or `objects`',
        )
    if "control" in section and "query" not in section:
        raise UsageError(
            f"control is only for `query`, and {found[0]} lists the databases",
            hint="remove `control`, or list the databases by a `query`",
        )
    if "workflow" in section and found != ["objects"]:
        raise UsageError(
            f"workflow is only for `objects`, and {found[0]} lists the databases",
            hint="remove `workflow`: `d1migrate fleet up` migrates databases",
        )
    own = [key for key in _OF_CLASS if key in section]
    if found == ["objects"] and own:
        raise UsageError(
            f"{own[0]} is not for `objects`",
            hint=f"write it in the section of the class, [objects.{section['objects']}]",
        )
    return found[0]


def _check_references(
    section: dict[str, Any], environments: Collection[str], classes: Collection[str]
) -> None:
    """Check the names of an environment and of a class.

    Raises:
        UsageError: there is no such environment or class; or `query` has no database.
    """
    env, class_name = section.get("env"), section.get("objects")
    if env is not None and environments and env not in environments:
        raise _no_environment("env", env, environments)
    if class_name is not None and class_name not in classes:
        hint = did_you_mean(class_name, classes, otherwise=f"add a section [objects.{class_name}]")
        raise UsageError(f"objects: there is no [objects.{class_name}]", hint=hint)
    if "query" in section and env is None and "control" not in section:
        raise UsageError("nothing names the database of `query`", hint='for example: control = "d1:control"')


def _paths(section: dict[str, Any], folder: str, name: str, environments: Collection[str]) -> dict[str, Any]:
    """Return the fields that have paths or urls, relative to the working directory."""
    journal = section.get("journal", f"sqlite:.d1migrate/fleet-{name}.sqlite")
    found: dict[str, Any] = {
        key: expand(section[key], folder)
        for key in ("migrations", "file", "runtime", "workflow")
        if key in section
    }
    if "databases" in section:
        found["databases"] = _glob(section["databases"], folder)
    found["journal"] = _database("journal", journal, folder)
    if found["journal"].startswith("do:") or found["journal"] == "sqlite::memory:":
        raise UsageError(
            f"journal: {journal} cannot keep a journal",
            hint='name a file, or a D1: journal = "d1:fleet-journal"',
        )
    if (listed := found.get("databases", "")) and _is_listed(found["journal"], listed):
        raise UsageError(
            f"journal: {journal} is among the tenants: {section['databases']}",
            hint=f'name a file that is not, such as journal = "sqlite:.d1migrate/fleet-{name}.sqlite"',
        )
    found["indexes"] = index_paths(section.get("index", ()), folder)
    if "control" in section:
        found["control"] = _control(section["control"], folder, environments)
    return found


def _control(control: str, folder: str, environments: Collection[str]) -> str:
    """Return the name of an environment, or a url."""
    if control in environments:
        return control
    if any(mark in control for mark in ":/."):
        return _database("control", control, folder)
    if environments:
        raise _no_environment("control", control, environments)
    return control  # wrangler's configuration may have it


def _no_environment(key: str, name: str, environments: Collection[str]) -> UsageError:
    hint = did_you_mean(name, environments, otherwise=f"it has: {', '.join(environments)}")
    return UsageError(f"{key}: no environment {name!r}", hint=hint)


def _database(key: str, url: str, folder: str) -> str:
    try:
        return normalize(url, folder)
    except UsageError as error:
        raise UsageError(f"{key}: {error}", hint=error.hint) from None


def _glob(url: str, folder: str) -> str:
    """Return the url with wildcards that lists the databases."""
    if any(mark in folder for mark in "*?["):
        import glob

        folder = glob.escape(folder)
    found = _database("databases", url, folder)
    if not found.startswith(("d1:", "sqlite:")) or found == "sqlite::memory:":
        raise UsageError(
            f"databases: {url} is neither D1 databases nor SQLite files",
            hint='databases = "d1:tenant-*", or databases = "sqlite:data/*.db"',
        )
    return found


def _is_listed(url: str, pattern: str) -> bool:
    """Whether a pattern of SQLite files matches the one at a url, which may not exist yet."""
    if not (url.startswith("sqlite:") and pattern.startswith("sqlite:")):
        return False
    path, wanted = (os.path.abspath(text.removeprefix("sqlite:")).split(os.sep) for text in (url, pattern))
    return _matches(path, wanted)


def _matches(path: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a path matches, both as the names in them, as for `glob.glob(…, recursive=True)`."""
    if not (path and pattern):
        return not path and (not pattern or list(pattern) == ["**"])
    name, wanted = path[0], pattern[0]
    is_seen = not name.startswith(".") or wanted.startswith(".")
    if wanted == "**":
        return _matches(path, pattern[1:]) or (is_seen and _matches(path[1:], pattern))
    return is_seen and fnmatchcase(name, wanted) and _matches(path[1:], pattern[1:])


def _numbers(section: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that are numbers.

    Raises:
        UsageError: one is too small or too large.
    """
    found: dict[str, Any] = {key: section[key] for key in ("at_once", "inspect") if key in section}
    if not 1 <= found.get("at_once", 1) <= _MOST_AT_ONCE:
        raise UsageError(
            f"at_once is {found['at_once']}, expected 1 to {_MOST_AT_ONCE}", hint="the default is at_once = 8"
        )
    if found.get("inspect", 0) < 0:
        raise UsageError(
            f"inspect is {found['inspect']}, expected 0 or more", hint="inspect = 0 inspects no tenant"
        )
    if "reserve" in section:
        reserve = read_amount(section["reserve"])
        if reserve is None or reserve.percent is None or reserve.percent >= 100:
            raise UsageError(
                f"reserve is {section['reserve']!r}, expected a share below 100%", hint='reserve = "10%"'
            )
        found["reserve"] = reserve.percent / 100
    return found


def _limits(stop: str | list[str] | int | None) -> tuple[str, ...]:
    if stop is None:
        return DEFAULT_STOP[1:]
    return tuple(stop) if isinstance(stop, list) else (str(stop),)
