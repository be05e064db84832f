"""The project of one run: configuration, migration files and databases, as flags and variables select them.

Everything is looked up when first asked for: `lint FILE` needs no database, `completion` no configuration.
"""

from __future__ import annotations

import os
from functools import partial

from d1migrate.drivers.url import class_of
from d1migrate.errors import UsageError
from d1migrate.hints import exclusive, nearest
from d1migrate.project import config
from d1migrate.report.text import clean_line, duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from d1migrate.cli.options import GlobalOptions
    from d1migrate.cli.output import Output
    from d1migrate.drivers.protocol import Driver, Permit
    from d1migrate.lint.platform import Platform, PlatformName
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.table_choice import TableChoice
    from d1migrate.migrator import Migrator
    from d1migrate.project.config import Config
    from d1migrate.project.environment import Environment
    from d1migrate.project.fleet import FleetSettings
    from d1migrate.project.init import Settings, Start
    from d1migrate.project.listing import Folder, Listing
    from d1migrate.schema.model import Schema

_DATABASE_VARIABLES = ("D1MIGRATE_ENV", "D1MIGRATE_DATABASE")


class Project:
    """The configuration, files and databases of one run.

    Args:
        given: the global options.
        output: prints which database is used, and what a driver waits for.
    """

    def __init__(self, given: GlobalOptions, output: Output) -> None:
        self._given, self._output = given, output
        self._own: Config | None = None
        self._config: Config | None = None
        self._driver: Driver | None = None
        self._listing: Listing | None = None
        self._opened: list[Driver] = []
        self._knows_strays = False

    # --- configuration ---

    @property
    def config(self) -> Config:
        """The settings of this run: the project's, or those of the Durable Object class that it is for."""
        if self._config is None:
            self._config = self._own_config.of_run(self._given_folder, self._url)
        return self._config

    @property
    def _own_config(self) -> Config:
        """The settings of the project itself."""
        if self._own is None:
            self._warn_of_variables()
            flags = {"config": self._given.config, "migrations": self._given.migrations}
            self._own = config.load(os.getcwd(), flags, os.environ)
        return self._own

    @property
    def _given_folder(self) -> str | None:
        return config.named_folder(self._given.migrations, os.environ)

    @property
    def _url(self) -> str | None:
        """The url of the database to work on, if anything names it; `environment` checks what does."""
        env, database = self._given.env, self._given.database
        if env is None and database is None:
            env, database = map(os.environ.get, _DATABASE_VARIABLES)
        return self._own_config.url(env, database)

    def config_of(self, environment: Environment) -> Config:
        """Return the settings for any environment: those of its class, if it is a Durable Object."""
        return self._own_config.of_run(self._given_folder, environment.database)

    @property
    def owners(self) -> tuple[Project, ...]:
        """The project, each class of Durable Objects, and each fleet with a folder of its own."""
        own = self._own_config
        return tuple(self._with(each) for each in (own, *own.others))

    @property
    def owners_of_folder(self) -> tuple[Project, ...]:
        """This run's owner, and the others that have indexes of the same migrations folder."""
        section = self.config.section
        others = (one for one in self.owners if one.config.indexes and one.config.section != section)
        return (self, *(one for one in others if config.is_same_path(one.folder, self.folder)))

    @property
    def is_owner_given(self) -> bool:
        """Whether a flag or a variable chooses a migrations folder, or a Durable Object."""
        return bool(self._given_folder) or (self.is_database_given and self._is_of_object)

    def fleet(self, name: str | None) -> FleetSettings:
        """Return a fleet of the configuration; without a name, its only one.

        Raises:
            UsageError: there is no such fleet; several, and no name; or a flag names another database.
        """
        from d1migrate.project.fleet import choose

        if self._given.database is not None:
            raise UsageError(
                "--database is for one database, and a fleet lists its own",
                hint="`d1migrate up --database URL` migrates one database; `d1migrate fleet up --only NAME`"
                " chooses some of a fleet",
            )
        config = self._own_config
        found = choose(config.fleets, name, config.path)
        if self._given.env not in (None, found.env):
            raise UsageError(
                f"--env {self._given.env}, but the gates of the fleet {found.name} are those of"
                f" {found.env or 'no environment'}",
                hint=f"leave out --env; `env = …` in [fleet.{found.name}] chooses the environment",
            )
        return found

    def of_fleet(self, fleet: FleetSettings) -> Project:
        """Return the project with the settings of a fleet, and its folder unless another one is given."""
        settings, folder = self._own_config.of_fleet(fleet), self._given_folder
        return self._with(settings._replace(migrations=folder) if folder else settings)

    def _with(self, settings: Config) -> Project:
        found = Project(self._given, self._output)
        found._own, found._config = self._own, settings
        return found

    def examine(self) -> Start:
        """Find out which settings the project lacks; errors as `init.examine`."""
        from d1migrate.project import init

        given, variables = self._given, os.environ
        names = ("D1MIGRATE_ENV", "D1MIGRATE_DATABASE", "D1MIGRATE_MIGRATIONS")
        others = {name: value for name, value in variables.items() if name not in names}
        return init.examine(
            config.load(os.getcwd(), {"config": given.config}, others),
            init.Given(given.env, given.database, given.migrations),
            init.Given(*map(variables.get, names)),
        )

    def with_settings(self, settings: Settings) -> Project:
        """Return the project as it is once its configuration has these settings."""
        found = Project(self._given._replace(database=None, migrations=None), self._output)
        found._own = found._config = config.load(os.getcwd(), {}, {}, proposed=settings)
        return found

    @property
    def environment(self) -> Environment:
        """The database to work on."""
        env, database = self._given.env, self._given.database
        if env is None and database is None:  # a flag of either kind wins over both variables
            return self._environment_of_variables()
        return self.config.environment(env, database)

    def _environment_of_variables(self) -> Environment:
        names = _DATABASE_VARIABLES
        env, database = map(os.environ.get, names)
        if env is not None and database is not None:
            raise exclusive(*names, hint="unset one of them, or pass --env or --database")
        chosen = self.config
        try:
            found = chosen.environment(env, database)
        except UsageError as error:
            if env is None and database is None:
                raise
            name = names[0] if database is None else names[1]
            raise UsageError(f"{name}: {error}", hint=error.hint) from None
        if chosen.section and not (env or database or class_of(found.database)):
            one = "one of its objects" if chosen.class_name else "one of its tenants"
            raise UsageError(
                f"{self.folder} has the migrations of {chosen.owner}, and {found.described} is not {one}",
                hint=f"{_how_to_name(chosen)}; or a file to try the migrations on, e.g. --database"
                " sqlite:scratch.db",
            )
        return found

    def _warn_of_variables(self) -> None:
        """Name the variables that look like ours: a mistyped one would leave the default in place."""
        prefix = "D1MIGRATE_"
        known = [name.removeprefix(prefix) for name in config.VARIABLES]
        for name in os.environ:
            if name.startswith(prefix) and name not in config.VARIABLES:
                meant = nearest(name.removeprefix(prefix), known)
                also = (
                    f"; did you mean {prefix}{meant}?"
                    if meant
                    else f"; it reads {', '.join(config.VARIABLES)}"
                )
                self._output.warn(f"{clean_line(name)} is no variable of d1migrate{also}")

    @property
    def names_database(self) -> bool:
        """Whether a flag, a variable or the configuration names a database to work on."""
        return self.is_database_given or bool(self.config.environments)

    @property
    def is_database_given(self) -> bool:
        """Whether a flag or a variable names the database."""
        given = self._given.env or self._given.database
        return bool(given or os.environ.get("D1MIGRATE_ENV") or os.environ.get("D1MIGRATE_DATABASE"))

    @property
    def severities(self) -> Mapping[str, str]:
        """The severities of lint rules, from the environment or else the configuration; needs no database."""
        return self.config.severities(self._given.env or os.environ.get("D1MIGRATE_ENV"))

    @property
    def draft_budget(self) -> int | None:
        """The budget that a drafted rebuild asserts; None for any number of entries."""
        return self.config.draft_budget(self._url)

    @property
    def target_budget(self) -> int | None:
        """The most entries that one batch may write where the migrations are to run; None for any number."""
        known = self.environment.entries_per_batch if self._is_environment_chosen else None
        return known or self.draft_budget

    @property
    def _is_environment_chosen(self) -> bool:
        """Whether the migrations run in one database; those of a fleet or a class have many."""
        return self.names_database and (self.is_database_given or self._is_own_database)

    def platform(self, given: PlatformName | None) -> Platform:
        """Return where the migrations are to run: as given with `--for`, or what folder or database imply."""
        from d1migrate.lint.platform import PLATFORMS

        is_of_class = self.config.class_name or self._is_of_object
        return PLATFORMS[given or ("durable-object" if is_of_class else "d1")]

    def has_database_on(self, platform: Platform) -> bool:
        """Whether a database shows what is pending: one of the platform, or that of a flag."""
        is_given = bool(self._given.env or self._given.database)
        is_of_platform = self._is_of_object == (platform.name == "durable-object")
        return self.names_database and (is_given or (is_of_platform and self._is_own_database))

    @property
    def _is_own_database(self) -> bool:
        """Whether the configured database is one that the migrations of the folder are for."""
        return self._is_of_object or not self.config.section

    @property
    def _is_of_object(self) -> bool:
        return class_of(self._url or "") is not None

    def command(self, rest: str) -> str:
        """Return a command line to paste: `rest`, with the flags that say which project and database."""
        from d1migrate.cli.command_lines import with_flags

        return with_flags(f"d1migrate {rest}", self._given.places)

    # --- files ---

    @property
    def folder(self) -> str:
        """The migrations folder."""
        return self.config.migrations or self._folder.path

    @property
    def _folder(self) -> Folder:
        return self.config.folder(self._known_environment)

    @property
    def _known_environment(self) -> Environment | None:
        """The database to work on, if a flag, a variable or the configuration names it.

        A class or a fleet needs none: wrangler's configuration has no settings for its folder.
        """
        if self.config.section:
            return None
        default = any(e.name == config.DEFAULT_ENVIRONMENT for e in self.config.environments)
        return self.environment if self.is_database_given or default else None

    @property
    def pattern(self) -> str:
        """Which paths below the migrations folder are migrations."""
        return self._folder.pattern

    def is_migration(self, path: str) -> bool:
        """Whether a file with that path below the migrations folder is a migration."""
        from d1migrate.project.listing import is_migration

        return is_migration(path, self.pattern)

    def choice(self, migrations: Sequence[Migration]) -> TableChoice:
        """Return how to choose the migrations table for files that run in the project's D1.

        The database to work on need not be known, may be another one, e.g. a SQLite file, and is not read.
        """
        from d1migrate.migrate.file_suggestion import choose_table

        return choose_table(migrations, configured=self.config.table, wrangler=self.wrangler_table)

    def built_schema(self, migrations: Sequence[Migration]) -> Schema:
        """Return what files build, in order, on an empty database.

        Raises:
            SourceError: as `schema_of`.
        """
        from d1migrate.lint.replay.replayer import schema_of

        return schema_of(migrations, self.choice(migrations).guess)

    @property
    def wrangler_table(self) -> str | None:
        """The name of wrangler's table in the database to work on, or else in the project's."""
        known = self._known_environment
        return (known and self.config.wrangler_table(known)) or self.config.wrangler_table(None)

    @property
    def schema_file(self) -> str:
        """The schema as SQL: the file that the configuration names, else schema.sql beside the migrations."""
        beside = os.path.join(self.folder, os.pardir, "schema.sql")
        return self.config.schema.file or os.path.normpath(beside)

    @property
    def root(self) -> str:
        """The folder of d1migrate's own configuration, or else the working directory."""
        return os.path.dirname(self._own_file or "") or "."

    @property
    def _own_file(self) -> str | None:
        """d1migrate's own configuration, if there is one; wrangler's names no models."""
        path = self.config.path
        return None if path == self.config.wrangler else path

    def load(self, *, missing_ok: bool = False) -> tuple[Migration, ...]:
        """Read the migrations folder; the database need not be known.

        Args:
            missing_ok: return no migrations if there is no folder, instead of raising UsageError.
        """
        from d1migrate.project.files import load_folder
        from d1migrate.project.listing import list_files

        if missing_ok and not os.path.exists(self.folder):
            return ()
        folder = self._folder
        if (section := self.config.section) and not os.path.lexists(folder.path):
            from shlex import quote

            raise UsageError(
                f"the migrations folder {folder.path} of {self.config.owner} does not exist",
                hint=f"`d1migrate new DESCRIPTION --migrations {quote(folder.path)}` creates it; if it is"
                f" elsewhere, correct `migrations = …` in {section}",
            )
        self._listing = list_files(folder)
        found = load_folder(folder, self._listing)
        self._warn_of_strays(found)
        return found

    def warn_of_files(self, pending: Iterable[str] | None = None) -> None:
        """Warn, once a run, of the files that `load` skipped, and of an order that surprises.

        Args:
            pending: names of migrations, if the order matters only among these.
        """
        from d1migrate.project.listing import warnings

        listing, self._listing = self._listing, None
        for line in warnings(listing, pending) if listing else ():
            self._output.warn(clean_line(line))

    def _warn_of_strays(self, migrations: tuple[Migration, ...]) -> None:
        """Name the rollback files without a migration, once a run: they may be misspelled."""
        from d1migrate.migrate.source import ROLLBACKS

        if self._knows_strays or not os.path.isdir(os.path.join(self.folder, os.pardir, ROLLBACKS)):
            return
        from d1migrate.project import rollback_folder

        self._knows_strays = True
        for path in rollback_folder.strays(self.folder, migrations):
            self._output.warn(f"{clean_line(path)} belongs to no migration in {clean_line(self.folder)}")

    def refuse_outside_folder(self) -> None:
        """Check that the migrations folder may be written to.

        Raises:
            UsageError: the configuration, not the user, names a folder outside the project.
        """
        self._refuse_outside(self.folder, "the migrations folder", given=self._is_folder_given)

    def refuse_outside_schema_file(self) -> None:
        """Check that the schema file may be written; errors as `refuse_outside_folder`."""
        is_given = self._is_folder_given and self.config.schema.file is None
        self._refuse_outside(self.schema_file, "the schema file", given=is_given)

    def refuse_outside_index(self) -> None:
        """Check that what is generated may be written, if configured; errors as `refuse_outside_folder`."""
        for path in self.config.generated:
            what = "the runtime" if path == self.config.runtime else "the index"
            self._refuse_outside(path, what, given=False)
        for fleet in self.config.workflows:
            self._refuse_outside(fleet.workflow or "", "the Workflow", given=False)

    def refuse_foreign_program(self, what: str) -> None:
        """Check that a program may run in this project; errors as `boundary.refuse_program`."""
        is_named = self._given.config or os.environ.get("D1MIGRATE_CONFIG") or self._given.outside_project
        if self._own_file and not is_named:
            from d1migrate.project.boundary import refuse_program

            refuse_program(self._own_file, what)

    @property
    def _is_folder_given(self) -> bool:
        return self._given_folder is not None

    def _refuse_outside(self, path: str, what: str, *, given: bool) -> None:
        if not (given or self._given.outside_project):
            _refuse_outside(self.config.path, path, what)

    # --- databases ---

    @property
    def driver(self) -> Driver:
        """The database to work on."""
        if self._driver is None:
            self._driver = self.open(self.environment)
        return self._driver

    def open(self, environment: Environment) -> Driver:
        """Return the database of an environment, in the account that it names."""
        from d1migrate.drivers.connect import connect

        driver = connect(
            environment.database,
            config=self.config.wrangler,
            account=environment.account,
            on_wait=self.on_wait,
            permit=None if self._is_url_given else self.permit(environment.database),
        )
        self._opened.append(driver)
        return driver

    def permit(self, url: str) -> Permit | None:
        """Return what refuses local paths outside the project, for a database that a configuration names."""
        if self._given.outside_project:
            return None
        # The points of a remote D1 are kept in the working directory, which no configuration names.
        return partial(_refuse_outside, None if url.startswith("d1:") else self.config.path)

    def on_wait(self, reason: str, seconds: float) -> None:
        """Report a wait of a driver."""
        self._output.note(f"waiting up to {duration(seconds)}: {clean_line(reason)}")

    @property
    def _is_url_given(self) -> bool:
        """Whether the user gave the database's url, and not a configuration."""
        given = self._given
        return bool(given.database or (not given.env and os.environ.get("D1MIGRATE_DATABASE")))

    @property
    def lookups(self) -> int:
        """How many requests it took to find the databases that were opened so far."""
        return sum(driver.capabilities.lookups for driver in self._opened)

    def migrator(
        self,
        *,
        allow_out_of_order: bool = False,
        restore_points: bool = True,
        files_may_be_missing: bool = False,
    ) -> Migrator:
        """Return the database with the migration files.

        Args:
            allow_out_of_order: also apply migrations that come before an applied one, whatever is
                configured.
            restore_points: whether a restore point may be taken before a change.
            files_may_be_missing: whether the command also works without a migrations folder.
        """
        from d1migrate.migrator import Migrator

        environment = self.environment
        return Migrator(
            self.driver,
            self.load(missing_ok=files_may_be_missing),
            allow_out_of_order=allow_out_of_order or environment.out_of_order == "allow",
            severities=environment.lint,
            strict=environment.lint_level == "warning",
            budget=environment.budget,
            table=self.config.table,
            wrangler_table=self.config.wrangler_table(environment),
            restore_points=environment.restore_point is not False and restore_points,
        )

    def reader(self, environment: Environment, migrations: Sequence[Migration]) -> Migrator:
        """Return the database of any environment with migration files, to read its history."""
        from d1migrate.migrator import Migrator

        settings = self.config_of(environment)
        return Migrator(
            self.open(environment),
            migrations,
            table=settings.table,
            wrangler_table=settings.wrangler_table(environment),
        )

    def elsewhere(self, driver: Driver) -> Migrator:
        """Return another database with the migration files, e.g. a copy of one of the project's."""
        from d1migrate.migrator import Migrator

        return Migrator(
            driver,
            self.load(),
            severities=self.severities,
            table=self.config.table,
            wrangler_table=self.wrangler_table,
        )

    @property
    def history_tables(self) -> tuple[str, ...]:
        """The migrations tables that the configurations name, besides the usual ones."""
        from d1migrate.drivers.wrangler import history_tables

        wrangler = self.config.wrangler
        own = (self.config.table,) if self.config.table else ()
        return (*own, *(history_tables(wrangler) if wrangler else ()))

    def watched(self, migrator: Migrator) -> Migrator:
        """Say which database it is; return a migrator that reports every batch."""
        from d1migrate.report.progress import WatchedDriver

        self.note_database()
        output = self._output
        note_sql = output.note_sql if output.verbose else None
        return migrator.watched(
            lambda driver: WatchedDriver(
                driver, output.note, note_sql, bar=output.shows_progress, working=output.working
            ),
            output.working,
        )

    def showing_sql(self, migrator: Migrator) -> Migrator:
        """Return a migrator that only reports its SQL, with --verbose: a job has its own progress."""
        if not self._output.verbose:
            return migrator
        from d1migrate.report.progress import WatchedDriver

        note_sql = self._output.note_sql
        return migrator.watched(lambda driver: WatchedDriver(driver, lambda _: None, note_sql, bar=False))

    def note_no_database(self) -> None:
        """Say that a check had no database to start from, though it could have one."""
        why = "each object has its own history" if self.names_database else "no database configured"
        self._output.note(f"{why}: checked against what the files build")

    def warn_of_duplicates(self) -> None:
        """Warn of two environments that lead to one database, which commands that write refuse."""
        if len(self.config.environments) > 1:
            from d1migrate.project.duplicates import refuse_duplicates

            try:
                refuse_duplicates(self.config)
            except UsageError as error:
                self._output.warn(clean_line(f"{error}; {error.hint}"))

    def note_database(self) -> None:
        """Say which database it is: an environment's name and url."""
        environment = self.environment
        self._output.note(environment.described)
        scheme, _, path = environment.database.partition(":")
        if self._given.database and scheme == "sqlite" and path != ":memory:" and not os.path.exists(path):
            self._output.note(f"{path} does not exist yet")  # it may be mistyped, and would look empty

    def close(self) -> None:
        """Close the database."""
        if self._driver:
            self._driver.close()


def _refuse_outside(config: str | None, path: str, what: str) -> None:
    from d1migrate.project import boundary

    boundary.refuse_outside(config, path, what)


def _how_to_name(chosen: Config) -> str:
    """Return how to name a database that gets the migrations of a class or a fleet."""
    if chosen.class_name:
        return f"name an object with --database do:{chosen.class_name}/NAME, which reads it"
    return "`fleet up` migrates all tenants; name one with --database d1:NAME"
