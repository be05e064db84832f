"""Which settings a project lacks: what `init` writes to a new d1migrate.toml. Reads, and writes nothing.

What the configurations of other tools contain is read in `drivers.wrangler`, `generators` and `model_tools`.
"""

from __future__ import annotations

import json
import os

from d1migrate.drivers.file_format import is_database
from d1migrate.drivers.url import normalize
from d1migrate.errors import UsageError
from d1migrate.named_tuple import NamedTuple
from d1migrate.project import boundary, generators, model_tools
from d1migrate.project.config import DEFAULT_ENVIRONMENT, is_same_path
from d1migrate.project.environment import Environment
from d1migrate.project.generators import DRIZZLE
from d1migrate.project.listing import DEFAULT_PATTERN, likely_pattern, sql_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from d1migrate.project.config import Config
    from d1migrate.project.generators import Generator
    from d1migrate.project.model_tools import ModelTool

    T = TypeVar("T")

FILE = "d1migrate.toml"
_NEW, _MEMORY = "sqlite:app.db", "sqlite::memory:"
_OTHERS_FOLDERS = ("db/migrations", "database/migrations")  # dbmate's, and what many projects choose
_SUFFIXES = (".db", ".sqlite", ".sqlite3")


class Given(NamedTuple):
    """What the user names: an environment, the url of a database, a migrations folder."""

    environment: str | None = None
    database: str | None = None
    migrations: str | None = None


class Settings(NamedTuple):
    """The settings of a new d1migrate.toml.

    Attributes:
        path: the file.
        content: its settings. Paths are relative to the file.
    """

    path: str
    content: dict[str, Any]

    @property
    def text(self) -> str:
        """The text of the file."""
        return _toml(self.content)


class Start(NamedTuple):
    """What a project has to begin with.

    Attributes:
        missing: the settings that it lacks, if any.
        generator: the tool that generates its migrations, if any.
        models: the tool that it has for its models, if any.
    """

    missing: Settings | None
    generator: Generator | None
    models: ModelTool | None = None


def examine(config: Config, given: Given, variables: Given) -> Start:
    """Find out which settings a project lacks.

    Args:
        config: its configuration, without what the user names.
        given: what the flags name, which must agree with a configuration of its own.
        variables: what the environment variables name, which win over one.

    Raises:
        UsageError: a configuration contradicts the user, names no database, or leaves a choice.
    """
    generator, models = _found_above(generators.find), _found_above(model_tools.find)
    is_own = config.path is not None and config.path != config.wrangler
    if is_own and config.environments:
        _refuse_contradiction(config, given)
        return Start(None, generator, models)
    given = Given(*(flag or variable for flag, variable in zip(given, variables, strict=True)))
    if given.environment is not None:  # without a configuration of its own, wrangler's environments exist
        return Start(None, generator, models)
    settings = _missing(config, given, generator, models)
    if is_own:
        section = "tool.d1migrate." if str(config.path).endswith("pyproject.toml") else ""
        lines = _toml(settings.content, section).rstrip()
        raise UsageError(f"{config.path} names no database", hint=f"add to it:\n{lines}")
    if settings.content and os.path.lexists(settings.path):
        raise UsageError(f"{settings.path} is not a file", hint="move it, and run `d1migrate init` again")
    return Start(settings if settings.content else None, generator, models)


def _refuse_contradiction(config: Config, given: Given) -> None:
    named = {environment.name: environment for environment in config.listed()}
    chosen = named.get(given.environment or DEFAULT_ENVIRONMENT)
    if given.database and normalize(given.database, ".") not in [one.database for one in named.values()]:
        listed = ", ".join(f"{one.name} is {one.database}" for one in named.values())
        raise UsageError(
            f"{config.path} has other databases: {listed}",
            hint="to change one, edit that file; to use another once, pass --database to any other command",
        )
    if given.migrations and not is_same_path(given.migrations, folder := config.folder(chosen).path):
        raise UsageError(
            f"{config.path} has another migrations folder: {folder}",
            hint=f'to change it, set `migrations = "{given.migrations}"` in that file',
        )


def _missing(config: Config, given: Given, generator: Generator | None, models: ModelTool | None) -> Settings:
    """Return the settings that a project without a database of its own needs; maybe none."""
    from d1migrate.drivers.wrangler_config import generated_config

    wrangler = config.wrangler
    if wrangler is None and not given.database and (generated := generated_config(os.getcwd())):
        config = config._replace(wrangler=os.path.relpath(generated))
    beside = generator or models
    root = os.path.dirname(wrangler or "") if wrangler or not beside else beside.root
    path = os.path.normpath(os.path.join(root, FILE))
    url = given.database or _bound(config) or _file_url(generator, models)
    content: dict[str, Any] = {**_folder(config._replace(path=path), given, generator, url)}
    # Models are imported from the folder of this file.
    if models and models.source and not generator and is_same_path(models.root, root or "."):
        content["schema"] = {"source": models.source}
    if given.database or not config.wrangler:
        if url == _MEMORY:
            raise UsageError(f"{url} would be another, empty database in every command", hint=f"use {_NEW}")
        url = normalize(url, os.path.relpath(".", root or "."))
        content["env"] = {DEFAULT_ENVIRONMENT: {"database": url}}
    elif content or config.wrangler != wrangler:
        content["wrangler"] = os.path.relpath(config.wrangler, root or ".")
    return Settings(path, content)


def _bound(config: Config) -> str | None:
    """Return the only database of wrangler's configuration; None without such a configuration.

    Raises:
        UsageError: it has none or several; the hint leads on.
    """
    if config.wrangler is None:
        return None
    from d1migrate.drivers.wrangler import bindings, resolve

    classes = unconfigured_classes(config)
    if classes and not bindings(config.wrangler):
        raise UsageError(
            f"{config.wrangler}: no D1 databases, only classes of Durable Objects: {', '.join(classes)}",
            hint=f"write {how_to_configure(classes[0])} to {FILE}, then run `d1migrate new DESCRIPTION`",
        )
    return f"wrangler:{resolve('', config.wrangler).binding}"


def unconfigured_classes(config: Config) -> tuple[str, ...]:
    """Return the SQLite-backed classes of the Worker without a section; none if it cannot be read."""
    from d1migrate.drivers.worker_classes import sqlite_classes

    try:
        found = sqlite_classes(config.wrangler) if config.wrangler else ()
    except UsageError:
        return ()
    return tuple(name for name in found if name not in {owner.name for owner in config.classes})


def how_to_configure(name: str) -> str:
    """Return the section of a class, in one line."""
    return f'[objects.{name}] with migrations = "migrations/{name.lower()}"'


def _file_url(generator: Generator | None, models: ModelTool | None) -> str:
    """Return the SQLite file of a project: what its tool names, or the only one here, or a new one."""
    if generator:
        if not generator.is_for_sqlite:
            raise UsageError(
                f"{generator.config} is for {generator.dialect}, and d1migrate is for D1 and SQLite",
                hint="to use another database: `d1migrate init --database sqlite:app.db --migrations DIR`",
            )
        if generator.database is not None:
            return f"sqlite:{generator.database}"
        if generator.names_database:
            raise UsageError(
                f"{generator.config} does not name the file of the database as plain text",
                hint="name it: `d1migrate init --database sqlite:app.db`, or `--database d1:NAME` for a D1",
            )
    if models and models.database is not None:
        return f"sqlite:{models.database}"
    with os.scandir() as entries:
        found = sorted(one.name for one in entries if one.name.endswith(_SUFFIXES) and _is_database(one))
    if len(found) > 1:
        raise UsageError(
            f"several SQLite files are here: {', '.join(found)}",
            hint=f"choose one, e.g. `d1migrate init --database sqlite:{found[0]}`",
        )
    return f"sqlite:{found[0]}" if found else _NEW


def _is_database(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file() and is_database(entry.path)
    except OSError:
        return False


def _folder(config: Config, given: Given, generator: Generator | None, url: str) -> dict[str, str]:
    """Return the settings for the migrations folder, unless its place and pattern are the usual ones."""
    usual = config.folder(Environment(DEFAULT_ENVIRONMENT, url))
    path, pattern = given.migrations or usual.path, usual.pattern
    found = _sql_files(path)
    if generator and generator.is_for_sqlite and not (given.migrations or found):
        generated = _generated_folder(generator)
        found = _sql_files(generated)
        # On D1, `prisma migrate diff` may print files for wrangler's folder instead.
        if found or not config.wrangler or generator.tool == DRIZZLE:
            path, pattern = generated, generator.pattern or pattern
    if not (given.migrations or found or generator or config.wrangler):
        path = next((folder for folder in _OTHERS_FOLDERS if _sql_files(folder)), path)
        found = _sql_files(path)
    settings = {}
    if not is_same_path(path, usual.path):
        settings["migrations"] = os.path.relpath(path, os.path.dirname(config.path or "") or ".")
        usual = usual._replace(pattern=DEFAULT_PATTERN)
    if usual.pattern != DEFAULT_PATTERN:
        return settings
    if found:
        pattern = likely_pattern(found)
    return settings if pattern == DEFAULT_PATTERN else settings | {"pattern": pattern}


def _generated_folder(generator: Generator) -> str:
    if generator.folder is None:
        raise UsageError(
            f"{generator.config} does not name the migrations folder as plain text",
            hint="name it: `d1migrate init --migrations DIR`",
        )
    return generator.folder


def _sql_files(folder: str) -> list[str]:
    return sql_files(folder) if os.path.isdir(folder) else []


def _found_above(find: Callable[[str], T | None]) -> T | None:
    """Return what a folder has, for the first one here or above, inside the project, that has it."""
    root = boundary.root_of(None)
    folder = os.path.realpath(".")
    while True:
        if found := find(os.path.relpath(folder)):
            return found
        if folder == root:
            return None
        folder = os.path.dirname(folder)


def _toml(content: dict[str, Any], prefix: str = "") -> str:
    """Return settings, and the sections among them, as TOML."""
    lines = [f"{key} = {_quoted(value)}" for key, value in content.items() if isinstance(value, str)]
    sections = {"schema": content["schema"]} if "schema" in content else {}
    sections |= {f"env.{name}": section for name, section in content.get("env", {}).items()}
    for name, section in sections.items():
        lines += ["", f"[{prefix}{name}]", *(f"{key} = {_quoted(v)}" for key, v in section.items())]
    return "\n".join(lines).lstrip("\n") + "\n"


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)  # the same escapes are valid in TOML
