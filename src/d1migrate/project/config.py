"""The configuration: d1migrate.toml, pyproject.toml, D1MIGRATE_* variables, and wrangler's configuration.

Precedence: a flag, then its D1MIGRATE_* variable, then the nearest d1migrate.toml upward, then the nearest
pyproject.toml with a [tool.d1migrate], then the nearest wrangler configuration. Paths in a file are
relative to that file.
"""

from __future__ import annotations

import os

from d1migrate.drivers.config_file import read
from d1migrate.drivers.url import class_of, expand, normalize
from d1migrate.errors import UsageError
from d1migrate.hints import did_you_mean, exclusive
from d1migrate.named_tuple import NamedTuple
from d1migrate.project import settings
from d1migrate.project.environment import (
    Environment,
    read_budget,
    read_gates,
    refuse_circles,
    refuse_name,
    split_level,
)
from d1migrate.project.listing import DEFAULT_PATTERN, Folder, no_such_file
from d1migrate.project.schema_settings import SchemaSettings, read_schema
from d1migrate.sql.names import HELPER, fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Any

    from d1migrate.drivers.wrangler import Binding
    from d1migrate.project.fleet import FleetSettings
    from d1migrate.project.object_class import ObjectClass

VARIABLES = (
    "D1MIGRATE_ENV",
    "D1MIGRATE_DATABASE",
    "D1MIGRATE_MIGRATIONS",
    "D1MIGRATE_CONFIG",
    "D1MIGRATE_BY",
)
_WITHOUT = "without --config, the nearest d1migrate.toml is used; `d1migrate init` writes one"
DEFAULT_ENVIRONMENT = "local"
DEFAULT_MIGRATIONS = "migrations"


class Config(NamedTuple):
    """The settings one command runs with.

    Attributes:
        migrations: the folder, if a flag, a variable or a file names it.
        pattern: which paths below it are migrations, if the file has it.
        environments: those of the file.
        indexes: the modules that embed the migrations.
        wrangler: the wrangler configuration, if any.
        path: the file the settings come from, if any.
        lint: {code of a rule, or its letter: severity}, unless an environment overrides it.
        table: the name of the migrations table, if the file has it.
        schema: where the schema is written, and where the desired one comes from.
        from_wrangler: whether the environments are wrangler's, because there is no other configuration.
        runtime: the TypeScript file that applies an index, if any.
        classes: those of Durable Objects that have migrations of their own.
        class_name: the class whose settings these are; None for the project's.
        fleets: those of the file.
        fleet: the fleet whose settings these are, if any.
        budget: the most entries that one batch may write, unless an environment has another number.
    """

    migrations: str | None = None
    environments: tuple[Environment, ...] = ()
    indexes: tuple[str, ...] = ()
    wrangler: str | None = None
    path: str | None = None
    lint: Mapping[str, str] = {}
    from_wrangler: bool = False
    table: str | None = None
    schema: SchemaSettings = SchemaSettings()
    pattern: str | None = None
    runtime: str | None = None
    classes: tuple[ObjectClass, ...] = ()
    class_name: str | None = None
    fleets: tuple[FleetSettings, ...] = ()
    fleet: FleetSettings | None = None
    budget: int | None = None

    def draft_budget(self, url: str | None) -> int | None:
        """Return the budget that a drafted rebuild asserts; None if no database of the project is a D1.

        Args:
            url: the database that the draft is for, if it is known.
        """
        urls = [url or "", *(environment.database for environment in self.environments)]
        is_d1 = self.wrangler or any(one.startswith(("d1:", "wrangler:")) for one in urls)
        if self.budget is not None or self.class_name or not is_d1:
            return self.budget
        from d1migrate.schema.cost import DEFAULT_BUDGET

        return DEFAULT_BUDGET

    @property
    def generated(self) -> tuple[str, ...]:
        """The files that are written from the migrations: the indexes, and their runtime."""
        return (*self.indexes, *([self.runtime] if self.runtime else []))

    @property
    def workflows(self) -> tuple[FleetSettings, ...]:
        """The fleets of this class whose Workflow is written."""
        return tuple(fleet for fleet in self.fleets if fleet.workflow and fleet.objects == self.class_name)

    def of_class(self, owner: ObjectClass) -> Config:
        """Return the settings of a class. What its section leaves out is the project's."""
        return self._replace(
            class_name=owner.name,
            migrations=owner.migrations,
            pattern=owner.pattern or self.pattern,
            indexes=owner.indexes,
            runtime=owner.runtime or self.runtime,
            table=owner.table or self.table,
            schema=owner.schema.filled(self.schema.for_others),
        )

    def of_fleet(self, fleet: FleetSettings) -> Config:
        """Return the settings of a fleet. What its section leaves out is its class's, or the project's."""
        owner = next((owner for owner in self.classes if owner.name == fleet.objects), None)
        chosen = self.of_class(owner) if owner else self
        if fleet.migrations:  # then the project's index and schema are of other migrations
            chosen = chosen._replace(
                migrations=fleet.migrations,
                indexes=(),
                runtime=self.runtime,
                schema=self.schema.for_others,
            )
        return chosen._replace(
            fleet=fleet,
            pattern=fleet.pattern or chosen.pattern,
            indexes=fleet.indexes or chosen.indexes,
            runtime=fleet.runtime or chosen.runtime,
            table=fleet.table or chosen.table,
            schema=fleet.schema.filled(chosen.schema),
        )

    @property
    def others(self) -> tuple[Config, ...]:
        """The settings of each class, and of each fleet with a migrations folder of its own."""
        fleets = (fleet for fleet in self.fleets if fleet.migrations)
        return (*map(self.of_class, self.classes), *map(self.of_fleet, fleets))

    @property
    def section(self) -> str | None:
        """The section whose migrations folder this is, e.g. `[objects.Tenant]`; None for the project."""
        if self.fleet and self.fleet.migrations:
            return f"[fleet.{self.fleet.name}]"
        return f"[objects.{self.class_name}]" if self.class_name else None

    @property
    def owner(self) -> str | None:
        """What `section` describes, in words."""
        if self.class_name:
            return f"the class {self.class_name}"
        return f"the fleet {self.fleet.name}" if self.fleet and self.section else None

    def of_run(self, folder: str | None, url: str | None) -> Config:
        """Return the settings of a run: those of the class or fleet that its database or folder belongs to.

        Args:
            folder: the migrations folder, if a flag or a variable names it.
            url: the database, if it is known.

        Raises:
            UsageError: the url names a class without a section, though other classes have one.
        """
        others = self.others
        chosen = self._chosen(others, folder, url) if others else self
        return chosen._replace(migrations=folder) if folder else chosen

    def _chosen(self, others: Sequence[Config], folder: str | None, url: str | None) -> Config:
        if self.classes and url and (name := class_of(url)):
            known = {owner.name: owner for owner in self.classes}
            if name in known:
                return self.of_class(known[name])
            if not folder:
                hint = did_you_mean(name, known, otherwise=f"it has: {', '.join(known)}")
                raise UsageError(f"{self.path} has no [objects.{name}]", hint=hint)
            return self
        own = self._own_folders()
        if folder is None:
            folders = {os.path.realpath(other.migrations or "") for other in others}
            return others[0] if not own and len(folders) == 1 else self
        if any(is_same_path(one, folder) for one in own):
            return self
        return next((other for other in others if is_same_path(other.migrations or "", folder)), self)

    def _own_folders(self) -> list[str]:
        """Return the migrations folders of the project itself; none if it has only classes and fleets."""
        if self.migrations:
            return [self.migrations]
        if self.wrangler and (bound := _bindings(self.wrangler)):
            return [binding.migrations_dir for binding in bound]
        others = not self.from_wrangler and any(not class_of(one.database) for one in self.environments)
        return [self.folder(None).path] if others else []

    def owns(self, environment: Environment) -> bool:
        """Whether a database gets the migrations of these settings: an object gets those of its class."""
        if self.fleet and self.section:
            return False
        folder = self.folder(None).path
        owners = {owner.name for owner in self.classes if is_same_path(owner.migrations, folder)}
        return not self.classes or class_of(environment.database) in {self.class_name, *owners}

    def url(self, name: str | None, database: str | None) -> str | None:
        """Return the url that an environment's name or a url leads to, if any; `environment` checks both."""
        wanted = name or DEFAULT_ENVIRONMENT
        return database or next((each.database for each in self.environments if each.name == wanted), None)

    def folder(self, environment: Environment | None) -> Folder:
        """Return the migrations folder: the named one, or wrangler's for this database, or `migrations`.

        The last is beside the configuration, wherever the command is run in the project.

        Raises:
            UsageError: the wrangler configuration cannot be read, or its `migrations_pattern` is wrong.
        """
        binding = self._binding(environment)
        if binding and (not self.migrations or is_same_path(self.migrations, binding.migrations_dir)):
            path, pattern = self.migrations or binding.migrations_dir, self.pattern or binding.pattern
            return Folder(path, pattern or DEFAULT_PATTERN, binding.how_to_set("{}"))
        beside = os.path.join(os.path.relpath(os.path.dirname(self.path or "") or "."), DEFAULT_MIGRATIONS)
        return Folder(self.migrations or os.path.normpath(beside), self.pattern or DEFAULT_PATTERN)

    def _binding(self, environment: Environment | None) -> Binding | None:
        """Return what the wrangler configuration has about the migrations folder of a database.

        For a database that it does not name, and for an unknown one, that is the only folder that it names.
        """
        if self.section:  # wrangler applies no migrations to objects and tenants
            return None
        url = environment.database if environment else ""
        is_named = url.startswith(("wrangler:", "d1:"))
        is_known = self.migrations and (self.pattern or not (is_named or self.from_wrangler))
        if self.wrangler is None or is_known:
            return None
        from d1migrate.drivers.wrangler import binding_of

        if found := binding_of(url, self.wrangler):
            return found
        every = _bindings(self.wrangler)
        return every[0] if len({(one.migrations_dir, one.raw_pattern) for one in every}) == 1 else None

    def wrangler_table(self, environment: Environment | None) -> str | None:
        """Return wrangler's migrations table in a database; None if wrangler does not know the database.

        For an unknown database, that is the only table that the wrangler configuration names.

        Raises:
            UsageError: the wrangler configuration cannot be read, or has no such binding.
        """
        if self.wrangler is None or self.section:
            return None
        if environment:
            from d1migrate.drivers.wrangler import binding_of

            found = binding_of(environment.database, self.wrangler)
            return found and found.migrations_table
        named = {binding.migrations_table for binding in _bindings(self.wrangler)}
        return named.pop() if len(named) == 1 else None

    def environment(self, name: str | None, database: str | None) -> Environment:
        """Choose the database: by its url, by an environment's name, or the default environment.

        Raises:
            UsageError: the name is unknown, both are given, or nothing names a database.
        """
        if database is not None:
            if name is not None:
                raise exclusive("--env", "--database")
            url = normalize(database)
            return self._guarded(url) or Environment(None, url, lint=self.lint, budget=self.budget)
        if name == "":
            raise UsageError(
                "the name of the environment is empty", hint="--env or D1MIGRATE_ENV is set, but empty"
            )
        wanted = name or DEFAULT_ENVIRONMENT
        for environment in self.environments:
            if environment.name == wanted:
                return self.named(environment)
        found = [e for e in self.listed() if e.name == wanted] if name is not None else []
        if len(found) > 1:
            listed = ", ".join(environment.database for environment in found)
            raise UsageError(
                f"{self.wrangler}: several databases in {wanted!r}", hint=f"choose one: --database {listed}"
            )
        if found:
            return found[0]
        raise self.no_environment(name)

    def no_environment(self, name: str | None) -> UsageError:
        """Return the error of an environment that does not exist: `name`, or the default one for None."""
        known = list(dict.fromkeys(str(environment.name) for environment in self.listed()))
        if name is None and known:
            return UsageError(
                f"{self.path} has no default environment, [env.{DEFAULT_ENVIRONMENT}]",
                hint=f"choose one: {' or '.join(f'--env {each}' for each in known)}",
            )
        if name is not None and known:
            hint = did_you_mean(name, known, otherwise=f"it has: {', '.join(known)}")
            return UsageError(f"no environment {name!r} in {self.path}", hint=hint)
        if self.from_wrangler:
            self.named(self.environments[0])  # raises the error of a configuration without databases
        where = (
            f"{self.path} names none"
            if self.path
            else "no d1migrate.toml or wrangler configuration here or above"
        )
        what = "no database is configured" if name is None else f"no environment {name!r} is configured"
        return UsageError(f"{what}: {where}", hint=self._how(name))

    def severities(self, name: str | None) -> Mapping[str, str]:
        """Return {rule or letter: severity} of an environment by its name, or of the default one.

        The default for a fleet is its `env`; if it has none, the severities are the project's.

        Raises:
            UsageError: there is no environment of that name.
        """
        if self.fleet and not name:
            if self.fleet.env is None:
                return self.lint
            name = self.fleet.env
        wanted = name or DEFAULT_ENVIRONMENT
        found = next((e for e in self.environments if e.name == wanted), None)
        if found is None and name is not None:
            self.environment(name, None)
        return found.lint if found else self.lint

    def control(self, fleet: FleetSettings) -> Environment:
        """Return the database that the `query` of a fleet reads; errors as `environment`."""
        url = fleet.control_url
        return self.environment(None if url else fleet.control or fleet.env, url)

    def listed(self) -> tuple[Environment, ...]:
        """Return all environments: the file's, or if no file has any, those of wrangler's configuration.

        Raises:
            UsageError: the wrangler configuration cannot be read.
        """
        if not self.from_wrangler or self.wrangler is None:
            return tuple(self.named(environment) for environment in self.environments)
        from d1migrate.drivers.wrangler_config import environment_names

        found = [(DEFAULT_ENVIRONMENT, url) for url in _wrangler_urls(self.wrangler, None)]
        for name in environment_names(self.wrangler):
            found += [(name, url) for url in _wrangler_urls(self.wrangler, name)]
        return tuple(self.environments[0]._replace(name=name, database=url) for name, url in found)

    def _guarded(self, database: str) -> Environment | None:
        """Return the environment with gates that a url leads to, so that a url does not bypass them."""
        guarded = [environment for environment in self.environments if environment.has_gates]
        if not guarded:
            return None
        from d1migrate.project.identity import identify

        wanted = identify(Environment(None, database), self.wrangler)
        for environment in guarded:
            if wanted.is_same(identify(environment, self.wrangler)):
                return self.named(environment)
        return None

    def named(self, environment: Environment) -> Environment:
        """Return the environment, with the binding's name if its url means wrangler's only database."""
        if environment.database != "wrangler:" or self.wrangler is None:
            return environment
        from d1migrate.drivers.wrangler import resolve

        return environment._replace(database=f"wrangler:{resolve('', self.wrangler).binding}")

    def _how(self, name: str | None) -> str:
        """Return how to name a database, or that of an environment; first by a build's configuration."""
        from d1migrate.drivers.wrangler_config import generated_config, how_to_use

        if found := None if self.wrangler else generated_config(os.getcwd()):
            return how_to_use(found, os.path.dirname(self.path or "") or ".")
        if self.fleets and name is None:
            return (
                f"`d1migrate fleet status` is for the tenants of [fleet.{self.fleets[0].name}]; for another"
                " database, pass --database URL"
            )
        if self.path is None:
            return "`d1migrate init` sets up this folder; or name a database, e.g. `--database sqlite:app.db`"
        tool = "tool.d1migrate." if os.path.basename(self.path) == "pyproject.toml" else ""
        return f'add to {self.path}:\n[{tool}env.{name or "local"}]\ndatabase = "sqlite:app.db"'


def _bindings(path: str) -> tuple[Binding, ...]:
    """Return the bindings of a wrangler configuration that nothing asked for; none if it cannot be read."""
    from d1migrate.drivers.wrangler import bindings

    try:
        return bindings(path)
    except UsageError:
        return ()


def is_same_path(one: str, other: str) -> bool:
    """Whether two paths lead to the same file or folder."""
    return os.path.realpath(one) == os.path.realpath(other)


def load(
    start: str,
    flags: Mapping[str, str | None],
    variables: Mapping[str, str],
    *,
    proposed: tuple[str, dict[str, Any]] | None = None,
) -> Config:
    """Read the settings of a project.

    Args:
        start: the folder the search begins in.
        flags: those that choose settings; none may be empty, and `config` names a file.
        variables: the process's environment.
        proposed: path and content of a configuration file to use instead, which need not exist yet.

    Raises:
        UsageError: a file is missing or malformed, or has an unknown key.
    """
    if empty := [flag for flag, value in flags.items() if value == ""]:
        raise UsageError(f"--{empty[0]} is empty")
    explicit = flags.get("config") or variables.get("D1MIGRATE_CONFIG")
    path, content = proposed or (_read_explicit(expand(explicit)) if explicit else _search(start))
    config = _from_file(path, content) if path else _from_wrangler(start)
    if config.wrangler is None and path:
        config = config._replace(wrangler=_find_wrangler(start))
    return config


def named_folder(flag: str | None, variables: Mapping[str, str]) -> str | None:
    """Return the migrations folder that a flag or else a variable names."""
    folder = flag or variables.get("D1MIGRATE_MIGRATIONS")
    return expand(folder) if folder else None


def _search(start: str) -> tuple[str | None, dict[str, Any]]:
    folder = os.path.abspath(start)
    fallback: tuple[str | None, dict[str, Any]] = (None, {})
    while True:
        path = os.path.relpath(os.path.join(folder, "d1migrate.toml"))
        if os.path.isfile(path):
            return path, read(path)
        if fallback[0] is None:
            fallback = _pyproject(os.path.relpath(os.path.join(folder, "pyproject.toml")))
        parent = os.path.dirname(folder)
        if parent == folder:
            return fallback
        folder = parent


def _pyproject(path: str) -> tuple[str | None, dict[str, Any]]:
    if not os.path.isfile(path):
        return None, {}
    section = _section(path, read(path))
    return (path, section) if section is not None else (None, {})


def _section(path: str, content: dict[str, Any]) -> dict[str, Any] | None:
    """Return [tool.d1migrate] of a pyproject.toml, if it has one."""
    tool = content.get("tool")
    section = tool.get("d1migrate") if isinstance(tool, dict) else None
    if section is not None and not isinstance(section, dict):
        raise UsageError(f"{path}: tool.d1migrate is not a table")
    return section


def _read_explicit(path: str) -> tuple[str, dict[str, Any]]:
    if not os.path.isfile(path):
        if os.path.isdir(path):
            raise UsageError(
                f"the configuration file {path} is a folder",
                hint=f"--config {os.path.join(path, 'd1migrate.toml')}",
            )
        raise no_such_file(path, f"the configuration file {path} does not exist", otherwise=_WITHOUT)
    if os.path.basename(path).startswith("wrangler."):
        raise UsageError(
            f"{path} is a wrangler configuration, and --config takes a d1migrate.toml",
            hint="the nearest wrangler configuration is used without --config; for another one, set"
            " `wrangler` in d1migrate.toml",
        )
    if not path.endswith(".toml"):
        raise UsageError(f"{path} is not TOML, and --config takes a d1migrate.toml", hint=_WITHOUT)
    content = read(path)
    if os.path.basename(path) == "pyproject.toml":
        content = _section(path, content) or {}
    return path, content


def _from_file(path: str, content: dict[str, Any]) -> Config:
    _refuse_unprintable(path, content)
    settings.check(path, "", content, settings.PROJECT)
    folder = os.path.relpath(os.path.dirname(path) or ".")

    def relative(key: str) -> str | None:
        value = content.get(key)
        return None if value is None else expand(value, folder)

    order, lint = content.get("out_of_order", "refuse"), _lint(path, "", content.get("lint", {}))
    sections = content.get("env", {}).items()
    budget = read_budget(path, "", content)
    environments = tuple(
        _environment(path, folder, name, section, order, lint)._replace(
            budget=read_budget(path, f"[env.{name}] ", section) or budget
        )
        for name, section in sections
    )
    refuse_circles(path, {str(environment.name): environment.after for environment in environments})
    wrangler = relative("wrangler")
    from_wrangler = not environments and wrangler is not None
    if from_wrangler:
        environments = (Environment(DEFAULT_ENVIRONMENT, "wrangler:", order, lint, budget=budget),)
    _refuse_table(path, "", content.get("table"))
    names = () if from_wrangler else tuple(str(environment.name) for environment in environments)
    indexes, classes, fleets = _indexed(path, folder, content, names)
    return Config(
        migrations=relative("migrations"),
        environments=environments,
        indexes=indexes,
        wrangler=wrangler,
        path=path,
        lint=lint,
        from_wrangler=from_wrangler,
        table=content.get("table"),
        schema=read_schema(path, "schema", folder, content.get("schema")),
        pattern=content.get("pattern"),
        runtime=relative("runtime"),
        classes=classes,
        fleets=fleets,
        budget=budget,
    )


def _indexed(
    path: str, folder: str, content: dict[str, Any], environments: Collection[str]
) -> tuple[tuple[str, ...], tuple[ObjectClass, ...], tuple[FleetSettings, ...]]:
    """Return the indexes of the project, and the classes and fleets with theirs."""
    if content.keys().isdisjoint(("index", "objects", "fleet")):
        return (), (), ()
    from d1migrate.project.object_class import index_paths, read_class, refuse_shared

    indexes = index_paths(content.get("index", ()), folder)
    sections = content.get("objects", {})
    classes = tuple(read_class(path, folder, name, section) for name, section in sections.items())
    fleets = _fleets(path, folder, content, environments, {owner.name for owner in classes})
    runtime = content.get("runtime")
    own_runtime = None if runtime is None else expand(runtime, folder)
    owners: list[tuple[str, tuple[str, ...], str | None, str | None]] = [("", indexes, own_runtime, None)]
    owners += [(f"[objects.{one.name}] ", one.indexes, one.runtime, one.table) for one in classes]
    owners += [(f"[fleet.{one.name}] ", one.indexes, one.runtime, one.table) for one in fleets]
    for where, _, _, table in owners:
        _refuse_table(path, where, table)
    refuse_shared(path, [owner[:3] for owner in owners])
    return indexes, classes, fleets


def _fleets(
    path: str, folder: str, content: dict[str, Any], environments: Collection[str], classes: Collection[str]
) -> tuple[FleetSettings, ...]:
    if not (sections := content.get("fleet")):
        return ()
    from d1migrate.project.fleet import read_fleet

    return tuple(
        read_fleet(path, folder, name, section, environments=environments, classes=classes)
        for name, section in sections.items()
    )


def _refuse_table(path: str, where: str, name: str | None) -> None:
    """Check the name of the migrations table.

    Raises:
        UsageError: SQLite, D1 or d1migrate keeps the name for itself.
    """
    if name is None:
        return
    from d1migrate.migrate.log import OLD_LOG
    from d1migrate.migrate.table import LOG_TABLE

    if fold(name) in (LOG_TABLE, OLD_LOG) or fold(name).startswith(("sqlite_", "_cf_", HELPER)):
        raise UsageError(
            f"{path}: {where}table is {name!r}, which cannot be the migrations table",
            hint='table = "schema_migrations", or wrangler\'s: table = "d1_migrations"',
        )


def _environment(
    path: str, folder: str, name: str, section: Any, order: str, lint: Mapping[str, str]
) -> Environment:
    refuse_name(path, name)
    where, is_section = f"[env.{name}] ", isinstance(section, dict)
    if is_section:
        settings.check(path, where, section, settings.ENVIRONMENT)
    if not is_section or "database" not in section:
        raise UsageError(f"{path}: {where}has no `database`", hint='for example: database = "sqlite:app.db"')
    url = _url(path, folder, name, section["database"])
    rules, level = split_level(path, where, section.get("lint"))
    own = _lint(path, where, rules)
    general = {
        code: severity for code, severity in lint.items() if code[0] not in own
    }  # a letter means all its rules
    found = Environment(name, url, section.get("out_of_order", order), {**general, **own}, level)
    return found._replace(**read_gates(path, where, section))


def _url(path: str, folder: str, name: str, url: str) -> str:
    try:
        return normalize(url, folder)
    except UsageError as error:
        raise UsageError(f"{path}: [env.{name}] {error}", hint=error.hint) from None


def _lint(path: str, where: str, table: dict[str, str]) -> dict[str, str]:
    """Check the severities of rules, or of their letters, and return them."""
    if not table:
        return {}
    from d1migrate.lint.check import RULES, SEVERITIES

    known = {name for rule in RULES for name in (rule.code, rule.code[0])}
    for code, severity in table.items():
        if code not in known:
            listed = sorted(name for name in known if len(name) == 1 or name.startswith(code[:1].upper()))
            codes = [name for name in known if len(name) > 1]
            hint = did_you_mean(code, codes, otherwise=f"known: {', '.join(listed)}")
            raise UsageError(f"{path}: {where}lint: no rule {code!r}", hint=hint)
        if severity not in SEVERITIES:
            raise UsageError(
                f"{path}: {where}lint: {code} is {severity!r}",
                hint=f"expected one of {', '.join(SEVERITIES)}",
            )
    return table


def _refuse_unprintable(path: str, value: Any) -> None:
    """Refuse control characters anywhere: no setting needs one, and some are printed to terminals."""
    if isinstance(value, str) and not value.isprintable():
        raise UsageError(f"{path}: {value!r} contains unprintable characters")
    if isinstance(value, dict | list):
        for part in (*value, *value.values()) if isinstance(value, dict) else value:
            _refuse_unprintable(path, part)


def _wrangler_urls(wrangler: str, env: str | None) -> list[str]:
    """Return the urls of the D1 databases in one of a wrangler configuration's `env` sections, or outside."""
    from d1migrate.drivers.wrangler import load_config

    query = f"?env={env}" if env else ""
    return [f"wrangler:{database.binding}{query}" for database in load_config(wrangler, env=env).databases]


def _find_wrangler(start: str) -> str | None:
    from d1migrate.drivers.wrangler_config import find_config

    found = find_config(start)
    return os.path.relpath(found) if found else None


def _from_wrangler(start: str) -> Config:
    path = _find_wrangler(start)
    if path is None:
        return Config()
    environments = (Environment(DEFAULT_ENVIRONMENT, "wrangler:"),)
    return Config(None, environments, wrangler=path, path=path, from_wrangler=True)
