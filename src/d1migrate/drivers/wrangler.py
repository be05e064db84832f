"""`wrangler:NAME`: the local D1 that `wrangler dev` opens for a binding, found and opened without Node."""

from __future__ import annotations

import os
from contextlib import suppress
from posixpath import normpath

from d1migrate.drivers.config_file import read
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.drivers.url import split_options
from d1migrate.drivers.wrangler_config import (
    config_for,
    generated_config,
    how_to_use,
    in_language_of,
    printable,
    read_section,
    section_of,
)
from d1migrate.errors import UsageError
from d1migrate.hints import nearest
from d1migrate.named_tuple import NamedTuple
from d1migrate.sha256 import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from d1migrate.drivers.lock_wait import OnWait
    from d1migrate.drivers.protocol import Permit
    from d1migrate.drivers.wrangler_config import Section

_TABLE = "d1_migrations"
_FOLDER = "migrations"


class Binding(NamedTuple):
    """A D1 database as a wrangler configuration names it.

    Attributes:
        config: the configuration file.
        binding, database_name, database_id, preview_id: what it is called.
        dir: `migrations_dir` as the file has it.
        raw_pattern: `migrations_pattern` as the file has it.
        migrations_table: the name of wrangler's migrations table.
    """

    config: str
    binding: str
    database_name: str | None = None
    database_id: str | None = None
    preview_id: str | None = None
    dir: str | None = None
    raw_pattern: str | None = None
    migrations_table: str = _TABLE

    @property
    def local_id(self) -> str:
        """What names the local file; an empty id counts, as for wrangler (measured on 4.164)."""
        found = self.database_id if self.preview_id is None else self.preview_id
        return self.binding if found is None else found

    @property
    def migrations_dir(self) -> str:
        """The migrations folder."""
        return os.path.normpath(os.path.join(os.path.dirname(self.config), self._dir))

    @property
    def pattern(self) -> str | None:
        """Which paths below the migrations folder are migrations; None for the usual ones.

        Raises:
            UsageError: `migrations_pattern` is not a pattern for paths below `migrations_dir`.
        """
        if self.raw_pattern is None:
            return None
        pattern, prefix = _normalized(self.raw_pattern), "" if self._dir == "." else f"{self._dir}/"
        if self.dir is None:
            raise UsageError(
                f"{self.config}: migrations_pattern is set without migrations_dir",
                hint=f"e.g. {in_language_of(self.config, migrations_dir=pattern.partition('/')[0])}",
            )
        if not pattern.startswith(prefix):
            raise UsageError(
                f"{self.config}: migrations_pattern {pattern!r} must be below migrations_dir {prefix!r}",
                hint=f"e.g. {in_language_of(self.config, migrations_pattern=f'{prefix}*.sql')}",
            )
        return pattern.removeprefix(prefix)

    def how_to_set(self, pattern: str) -> str:
        """Return how to set another pattern for the paths below the migrations folder."""
        prefix = "" if self._dir == "." else f"{self._dir}/"
        folder = {} if self.dir else {"migrations_dir": self._dir}
        lines = in_language_of(self.config, **folder, migrations_pattern=f"{prefix}{pattern}")
        return f"set {lines} in {self.config}"

    @property
    def _dir(self) -> str:
        return _normalized(_FOLDER if self.dir is None else self.dir)


def _normalized(path: str) -> str:
    """Return a path of the configuration as wrangler reads it."""
    return normpath(path.replace("\\", "/"))


class WranglerConfig(NamedTuple):
    """The D1 databases of a wrangler configuration.

    Attributes:
        path: the file.
        databases: those of the chosen environment.
        elsewhere: {another environment: its databases}; environments do not inherit them.
    """

    path: str
    databases: tuple[Binding, ...]
    elsewhere: Mapping[str, tuple[Binding, ...]] = {}

    def database(self, name: str | None) -> Binding:
        """Return the database with this binding or database name; without a name, the only one.

        Raises:
            UsageError: there is none, or there are several; the hint lists them.
        """
        found = _named(self.databases, name)
        if len({db.local_id for db in found}) == 1:
            return found[0]
        problem = f"no D1 database {name!r}" if name else f"{len(found) or 'no'} D1 databases to choose from"
        raise UsageError(f"{self.path}: {problem}", hint=self._hint(name, found))

    def _hint(self, name: str | None, found: Sequence[Binding]) -> str:
        """Report which databases exist, and where else one of the wanted name exists."""
        listed = ", ".join(f"{db.binding} ({db.database_name})" for db in self.databases) or "none"
        others = [env for env, databases in self.elsewhere.items() if _named(databases, name)]
        if not found and others:
            flags = " or ".join(f"`--env {env}`" for env in others)
            url = f", or `--database wrangler:{name}?env={others[0]}`" if name else ""
            noun = "environment" if len(others) == 1 else "environments"
            return f"D1 databases are bound only in the {noun} {', '.join(others)}: use {flags}{url}"
        if not found and (generated := generated_config(os.path.dirname(self.path) or ".")):
            return f"it binds: {listed}; {how_to_use(generated)}"
        if len(found) > 1:
            flag = f"--database wrangler:{found[0].binding}"
            return f"it binds: {listed}; choose one, e.g. `{flag}`, or for good: `d1migrate init {flag}`"
        if not self.databases and not any(self.elsewhere.values()):
            return _HOW_TO_BIND["toml" if self.path.endswith(".toml") else "json"]
        names = [each for db in self.databases for each in (db.binding, db.database_name) if each]
        meant = nearest(name, names) if name else None
        return f"did you mean wrangler:{meant}?" if meant else f"it binds: {listed}"


_HOW_TO_BIND = {
    "json": 'add "d1_databases": [{ "binding": "DB", "database_name": "app", "database_id": "…" }],'
    " as `npx wrangler d1 create app` prints it",
    "toml": 'add [[d1_databases]] with binding = "DB", database_name = "app" and database_id = "…",'
    " as `npx wrangler d1 create app` prints it",
}


def _named(databases: Iterable[Binding], name: str | None) -> list[Binding]:
    return [db for db in databases if name in (None, db.binding, db.database_name)]


def open_local(
    rest: str,
    *,
    config: str | None,
    url: str,
    on_wait: OnWait | None = None,
    permit: Permit | None = None,
) -> SqliteDriver:
    """Open the file that wrangler's local mode uses.

    Args:
        rest: NAME[?env=E&persist-to=DIR]; NAME is a binding or a database name, and may be omitted
            if the configuration has only one database.
        config: the wrangler configuration; by default the one that wrangler would use.
        url: how the user named the database, for messages.
        on_wait: as SqliteDriver takes it.
        permit: as SqliteDriver takes it.

    Raises:
        UsageError: there is no configuration, it cannot be read, or it has no such database.
    """
    path = config_for(url, config)
    binding = resolve(rest, path)
    file = local_path(state_folder(path, split_options(rest)[1]), binding.local_id)
    return SqliteDriver(file, url=url, on_wait=on_wait, permit=permit, makes_folder=True)


def state_folder(config: str, options: Mapping[str, str]) -> str:
    """Return the folder in which `wrangler dev` keeps local data, with the options of a url."""
    return options.get("persist-to") or os.path.join(os.path.dirname(config), ".wrangler", "state")


def resolve(rest: str, path: str) -> Binding:
    """Return the database that NAME[?env=E&…] means in a configuration; errors as `open_local`."""
    name, options = split_options(rest)
    return _config(section_of(path, options)).database(name or None)


def remote_id(path: str, name: str, *, preview: bool = False) -> str | None:
    """Return the id of a database name in any part of a configuration, or None.

    Args:
        path: the configuration.
        name: the `database_name`; for the preview database a `database_id`, too.
        preview: return the `preview_database_id` instead of the `database_id`.

    Raises:
        UsageError: the configuration cannot be read, or has several for that name.
    """
    key = "preview_database_id" if preview else "database_id"
    found = {
        str(db[key])
        for db in _databases(read(path))
        if db.get(key) and name in (db.get("database_name"), preview and db.get("database_id"))
    }
    if len(found) > 1:
        raise UsageError(
            f"{path}: the database {name!r} has several ids: {', '.join(sorted(found))}",
            hint="name the one you mean: d1:ID",
        )
    return next(iter(found), None)


def history_tables(path: str) -> tuple[str, ...]:
    """Return the names of wrangler's own migrations table in all parts of a configuration.

    Raises:
        UsageError: it cannot be read.
    """
    names = [database.get("migrations_table") for database in _databases(read(path))]
    return tuple(dict.fromkeys(str(name) for name in names if name))


def binding_of(url: str, path: str) -> Binding | None:
    """Return the binding of a database; None if the configuration does not name the database.

    Args:
        url: the database.
        path: the wrangler configuration.

    Raises:
        UsageError: the configuration cannot be read, or has no such binding.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "wrangler":
        return resolve(rest, path)
    name = rest.partition("?")[0]
    found = bindings(path) if scheme == "d1" else ()
    return next((db for db in found if name in (db.database_id, db.preview_id, db.database_name)), None)


def bindings(path: str) -> tuple[Binding, ...]:
    """Return the bindings of all parts of a configuration.

    Raises:
        UsageError: it cannot be read, or one of them is malformed.
    """
    return tuple(_binding(db, path) for db in _databases(read(path)))


def _databases(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the D1 databases of all parts of a configuration."""
    environments = content.get("env")
    sections = [content, *(environments.values() if isinstance(environments, dict) else ())]
    lists = [section.get("d1_databases") for section in sections if isinstance(section, dict)]
    return [db for found in lists if isinstance(found, list) for db in found if isinstance(db, dict)]


def load_config(path: str, *, env: str | None) -> WranglerConfig:
    """Read the D1 databases of an environment, which inherits none, or of no environment.

    Raises:
        UsageError: as `read_section`.
    """
    return _config(read_section(path, env))


def _config(section: Section) -> WranglerConfig:
    path, env = section.path, section.env
    return WranglerConfig(path, _bindings(section.chosen, path), _elsewhere(section.sections, env, path))


def _elsewhere(
    sections: Mapping[str, dict[str, Any]], env: str | None, path: str
) -> dict[str, tuple[Binding, ...]]:
    """Return what other environments bind; a malformed one is skipped, as it was not asked for."""
    found = {}
    for name, section in sections.items():
        with suppress(UsageError):
            if name != env:
                found[printable(name, path, "env")] = _bindings(section, path)
    return found


def _bindings(section: dict[str, Any], path: str) -> tuple[Binding, ...]:
    databases = section.get("d1_databases", [])
    if not isinstance(databases, list) or not all(
        isinstance(db, dict) and "binding" in db for db in databases
    ):
        raise UsageError(f"{path}: d1_databases is not a list of databases, each with a binding")
    return tuple(_binding(db, path) for db in databases)


def _binding(db: dict[str, Any], path: str) -> Binding:
    given = {key: printable(db[key], path, key) for key in _KEYS if db.get(key) is not None}
    return Binding(
        path,
        printable(db.get("binding"), path, "binding"),
        given.get("database_name"),
        given.get("database_id"),
        given.get("preview_database_id"),
        given.get("migrations_dir"),
        given.get("migrations_pattern"),
        given.get("migrations_table") or _TABLE,
    )


_KEYS = (
    "database_name",
    "database_id",
    "preview_database_id",
    "migrations_dir",
    "migrations_pattern",
    "migrations_table",
)


def local_path(persist: str, local_id: str) -> str:
    """Return the file of a local D1.

    Miniflare names it by a Durable Object id made from a constant key and the database's id (measured
    against wrangler 4.164 for every kind of id; `tests/runtime` asks the real wrangler).
    """
    key = "miniflare-D1DatabaseObject"
    return os.path.join(persist, "v3", "d1", key, f"{object_id(key, local_id)}.sqlite")


def object_id(key: str, name: str) -> str:
    """Return the id of a Durable Object by its name, as workerd's `idFromName` makes it.

    Args:
        key: what makes the ids of a class unique: its Worker's name and its own, with a hyphen between.
        name: the name.
    """
    secret = sha256(key.encode()).digest()
    base = _hmac(secret, name.encode())[:16]
    return (base + _hmac(secret, base)[:16]).hex()


def _hmac(key: bytes, message: bytes) -> bytes:
    """Return the HMAC-SHA256 of a message; `hmac` loads OpenSSL."""
    inner, outer = (bytes(byte ^ pad for byte in key.ljust(64, b"\0")) for pad in (0x36, 0x5C))
    return sha256(outer + sha256(inner + message).digest()).digest()
