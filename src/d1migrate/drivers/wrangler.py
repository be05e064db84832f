"""`wrangler:NAME`: the local D1 that `wrangler dev` opens for a binding, found and opened without Node."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from typing import Any, NamedTuple

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import UsageError

CONFIG_NAMES = ("wrangler.json", "wrangler.jsonc", "wrangler.toml")


class Binding(NamedTuple):
    """A D1 database as a wrangler configuration names it; `local_id` is what names its local file."""

    binding: str
    database_name: str | None
    local_id: str
    migrations_dir: str


class WranglerConfig(NamedTuple):
    """What a wrangler configuration says about D1. `path` is the file."""

    path: str
    databases: tuple[Binding, ...]

    def database(self, name: str | None) -> Binding:
        """Return the database with this binding or database name; the only one there is for None.

        Raises:
            UsageError: there is none, or several and no choice; it lists them.
        """
        found = [db for db in self.databases if name in (None, db.binding, db.database_name)]
        if len({db.local_id for db in found}) == 1:
            return found[0]
        listed = ", ".join(f"{db.binding} ({db.database_name})" for db in self.databases) or "none"
        problem = f"no D1 database {name!r}" if name else f"{len(found) or 'no'} D1 databases to choose from"
        raise UsageError(f"{self.path}: {problem}", hint=f"it binds: {listed}")


def open_local(rest: str, *, config: str | None, url: str) -> SqliteDriver:
    """Open the file that wrangler's local mode uses.

    Args:
        rest: NAME[?env=E&persist-to=DIR]; NAME is a binding or a database name, and may be left out
            where the configuration has one database only.
        config: the wrangler configuration; the one wrangler would take without it.
        url: how the database was named, for messages.

    Raises:
        UsageError: there is no configuration, it cannot be read, or it has no such database.
    """
    path = config or find_config(os.getcwd())
    if path is None:
        raise UsageError(
            f"{url}: no wrangler configuration here or above",
            hint="name the file with `wrangler = …` in d1migrate.toml",
        )
    binding = resolve(rest, path)
    persist = _options(rest).get("persist-to") or os.path.join(os.path.dirname(path), ".wrangler", "state")
    return SqliteDriver(local_path(persist, binding.local_id), url=url)


def resolve(rest: str, path: str) -> Binding:
    """Return the database that NAME[?env=E&…] means in a configuration.

    Without `env`, CLOUDFLARE_ENV names the environment, as it does for wrangler. Raises as `open_local`.
    """
    options = _options(rest)
    if unknown := options.keys() - {"env", "persist-to"}:
        raise UsageError(f"unknown option {min(unknown)!r} of wrangler:", hint="env and persist-to are known")
    env = options.get("env")
    config = load_config(path, env=env or os.environ.get("CLOUDFLARE_ENV"), env_is_required=env is not None)
    return config.database(rest.partition("?")[0] or None)


def remote_id(path: str, name: str) -> str | None:
    """Return the `database_id` that any part of a configuration gives a database name, or None.

    Raises:
        UsageError: the configuration cannot be read, or gives it several.
    """
    found = {
        str(db["database_id"])
        for db in _databases(_parse(path))
        if db.get("database_name") == name and db.get("database_id")
    }
    if len(found) > 1:
        raise UsageError(
            f"{path}: the database {name!r} has several ids: {', '.join(sorted(found))}",
            hint="name the one you mean: d1:ID",
        )
    return next(iter(found), None)


def environment_names(path: str) -> tuple[str, ...]:
    """Return the names of a configuration's `env` sections.

    Raises:
        UsageError: it cannot be read.
    """
    sections = _parse(path).get("env")
    return tuple(sections) if isinstance(sections, dict) else ()


def history_tables(path: str) -> tuple[str, ...]:
    """Return the names that a configuration gives wrangler's own migrations table, in any of its parts.

    Raises:
        UsageError: it cannot be read.
    """
    names = [database.get("migrations_table") for database in _databases(_parse(path))]
    return tuple(dict.fromkeys(str(name) for name in names if name))


def _databases(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the D1 databases of all parts of a configuration."""
    environments = content.get("env")
    sections = [content, *(environments.values() if isinstance(environments, dict) else ())]
    lists = [section.get("d1_databases") for section in sections if isinstance(section, dict)]
    return [db for found in lists if isinstance(found, list) for db in found if isinstance(db, dict)]


def _options(rest: str) -> dict[str, str]:
    query = rest.partition("?")[2]
    if not query:
        return {}
    from urllib.parse import parse_qsl

    return dict(parse_qsl(query, keep_blank_values=True))


def find_config(start: str) -> str | None:
    """Return the configuration that wrangler would take: for each name in turn, the nearest one upward."""
    for name in CONFIG_NAMES:
        folder = os.path.abspath(start)
        while True:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                return path
            parent = os.path.dirname(folder)
            if parent == folder:
                break
            folder = parent
    return None


def load_config(path: str, *, env: str | None, env_is_required: bool = True) -> WranglerConfig:
    """Read the D1 databases of a wrangler.jsonc, wrangler.json or wrangler.toml.

    Args:
        path: the file.
        env: one of its environments; D1 databases are not inherited by them, so only its own count.
        env_is_required: whether a configuration without any environments is an error then; to wrangler
            CLOUDFLARE_ENV is a warning there.

    Raises:
        UsageError: the file is missing or malformed, or has no such environment.
    """
    content = _parse(path)
    sections = content.get("env") or {}
    if not isinstance(sections, dict) or not all(isinstance(section, dict) for section in sections.values()):
        raise UsageError(f"{path}: env is not an object of environments")
    if env and (sections or env_is_required):
        if env not in sections:
            known = ", ".join(sections) or "none"
            raise UsageError(f"{path}: no environment {env!r}", hint=f"it has: {known}")
        content = sections[env]
    databases = content.get("d1_databases", [])
    if not isinstance(databases, list) or not all(
        isinstance(db, dict) and "binding" in db for db in databases
    ):
        raise UsageError(f"{path}: d1_databases is not a list of databases, each with a binding")
    return WranglerConfig(path, tuple(_binding(db, path) for db in databases))


def local_path(persist: str, local_id: str) -> str:
    """Return the file of a local D1.

    Miniflare names it by a Durable Object id made from a constant key and the database's id (measured
    against wrangler 4.164 for every kind of id; `tests/runtime` asks the real wrangler).
    """
    key = hashlib.sha256(b"miniflare-D1DatabaseObject").digest()
    base = hmac.digest(key, local_id.encode(), "sha256")[:16]
    mac = hmac.digest(key, base, "sha256")[:16]
    return os.path.join(persist, "v3", "d1", "miniflare-D1DatabaseObject", f"{(base + mac).hex()}.sqlite")


def _binding(db: dict[str, Any], path: str) -> Binding:
    local_id = db.get("preview_database_id") or db.get("database_id") or db["binding"]
    migrations = os.path.join(os.path.dirname(path), str(db.get("migrations_dir") or "migrations"))
    return Binding(str(db["binding"]), db.get("database_name"), str(local_id), os.path.normpath(migrations))


def _parse(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()
        content = _parse_toml(text) if path.endswith(".toml") else _parse_json(text)
    except FileNotFoundError:
        raise UsageError(f"no wrangler configuration {path}") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
    if not isinstance(content, dict):
        raise UsageError(f"{path}: not an object of settings")
    return content


def _parse_toml(text: str) -> Any:
    import tomllib

    return tomllib.loads(text)


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:  # comments and trailing commas; the strict parser starts faster
        import json5

        return json5.loads(text)
