"""What every command has: its arguments, the configuration, the database, and two streams."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from d1migrate.errors import AmbiguousError, ApplyError, Error
from d1migrate.project import config
from d1migrate.report.text import clean, clean_line, colour, duration, escaped, printed

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from d1migrate.drivers.protocol import Driver
    from d1migrate.migrate.flows.leftovers import Problem
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrator import Migrator
    from d1migrate.project.config import Config
    from d1migrate.project.environment import Environment


class LostOutput(Exception):
    """Stdout did not take what was written to it: `error` says why."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


class Context:
    """The shell around a command: it finds configuration and database when first asked, and prints."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self._config: Config | None = None
        self._driver: Driver | None = None
        self._opened: list[Driver] = []
        self._migrator: Migrator | None = None
        self.files_may_be_gone = False  # a backup, and the way back from it, is for when they are

    # --- where things are ---

    @property
    def config(self) -> Config:
        """The settings of this run."""
        if self._config is None:
            flags = {"config": self.arguments.config, "migrations": self.arguments.migrations}
            self._config = config.load(os.getcwd(), flags, os.environ)
        return self._config

    @property
    def environment(self) -> Environment:
        """The database to work on."""
        given = self.arguments
        env, database = given.env, given.database
        if env is None and database is None:  # a flag of either kind wins over both variables
            env, database = os.environ.get("D1MIGRATE_ENV"), os.environ.get("D1MIGRATE_DATABASE")
        return self.config.environment(env, database)

    @property
    def names_database(self) -> bool:
        """Whether anything says which database to work on."""
        return self._names_one or bool(self.config.environments)

    @property
    def _names_one(self) -> bool:
        """Whether a flag or a variable does."""
        given = self.arguments.env or self.arguments.database
        return bool(given or os.environ.get("D1MIGRATE_ENV") or os.environ.get("D1MIGRATE_DATABASE"))

    @property
    def severities(self) -> Mapping[str, str]:
        """What the environment, or else the configuration, says of lint rules; no database is looked for."""
        return self.config.severities(self.arguments.env or os.environ.get("D1MIGRATE_ENV"))

    def load(self) -> tuple[Migration, ...]:
        """Read the migrations folder; the database need not be known for it."""
        from d1migrate.project.files import load_migrations

        if self.files_may_be_gone and not os.path.exists(self.folder):
            return ()
        return load_migrations(self.folder)

    @property
    def folder(self) -> str:
        """The migrations folder."""
        if self.config.migrations:
            return self.config.migrations
        default = any(e.name == config.DEFAULT_ENVIRONMENT for e in self.config.environments)
        return self.config.folder(self.environment if self._names_one or default else None)

    @property
    def schema_file(self) -> str:
        """The schema as SQL: the file that the configuration names, else schema.sql beside the migrations."""
        beside = os.path.join(self.folder, os.pardir, "schema.sql")
        return self.config.schema_file or os.path.normpath(beside)

    @property
    def driver(self) -> Driver:
        """The database itself, with nobody watching."""
        if self._driver is None:
            self._driver = self.open(self.environment)
        return self._driver

    def open(self, environment: Environment) -> Driver:
        """Return the database of an environment, in the account that it names."""
        from d1migrate.drivers.connect import connect

        permit = None
        if not (self._gives_database or self.arguments.outside_project):
            from d1migrate.project import boundary

            # The points of a remote D1 are kept in the working directory, which no configuration names.
            config_file = None if environment.database.startswith("d1:") else self.config.path
            permit = partial(boundary.refuse_outside, config_file)
        driver = connect(
            environment.database,
            config=self.config.wrangler,
            account=environment.account,
            on_wait=lambda reason, seconds: self.say(f"waiting {duration(seconds)}: {clean_line(reason)}"),
            permit=permit,
        )
        self._opened.append(driver)
        return driver

    @property
    def _gives_database(self) -> bool:
        """Whether the user gave the database's url, and not a configuration."""
        given = self.arguments
        return bool(given.database or (not given.env and os.environ.get("D1MIGRATE_DATABASE")))

    @property
    def _gives_folder(self) -> bool:
        return bool(self.arguments.migrations or os.environ.get("D1MIGRATE_MIGRATIONS"))

    def permit_folder(self) -> None:
        """Permit writing migrations, unless the configured folder is outside the project.

        Raises:
            UsageError: it does.
        """
        self._permit(self.folder, "the migrations folder", given=self._gives_folder)

    def permit_schema_file(self) -> None:
        """Let the schema file be written; as `permit_folder`."""
        is_given = self._gives_folder and self.config.schema_file is None
        self._permit(self.schema_file, "the schema file", given=is_given)

    def permit_index(self) -> None:
        """Let the configured index be written, if there is one; as `permit_folder`."""
        if self.config.index_module:
            self._permit(self.config.index_module, "the index", given=False)

    def _permit(self, path: str, what: str, *, given: bool) -> None:
        if not (given or self.arguments.outside_project):
            from d1migrate.project import boundary

            boundary.refuse_outside(self.config.path, path, what)

    @property
    def lookups(self) -> int:
        """How many requests it took to find the databases that were opened so far."""
        return sum(driver.capabilities.lookups for driver in self._opened)

    @property
    def migrator(self) -> Migrator:
        """The database and the files."""
        if self._migrator is None:
            from d1migrate.migrator import Migrator

            environment = self.environment
            allow = getattr(self.arguments, "allow_out_of_order", False)
            skipped = getattr(self.arguments, "no_restore_point", None) is not None
            self._migrator = Migrator(
                self.driver,
                self.load(),
                allow_out_of_order=allow or environment.out_of_order == "allow",
                severities=environment.lint,
                strict=environment.lint_level == "warning",
                mirror=self.config.mirror,
                restore_points=environment.restore_point is not False and not skipped,
            )
        return self._migrator

    def watched(self) -> Migrator:
        """The same, telling on stderr what it does."""
        from d1migrate.report.progress import WatchedDriver

        migrator = self.migrator
        self.say_database()
        say_sql = self._say_sql if self.arguments.verbose else None
        bar = bool(sys.stderr) and sys.stderr.isatty() and not self.arguments.quiet
        self._migrator = migrator.watched(lambda driver: WatchedDriver(driver, self.say, say_sql, bar=bar))
        return self._migrator

    def close(self) -> None:
        """Let go of the database."""
        opened = self._migrator or self._driver
        if opened:
            opened.close()

    # --- what is printed ---

    @property
    def json(self) -> bool:
        """Whether the data is asked for as JSON."""
        return bool(self.arguments.json)

    def paint(self, text: str, name: str | None) -> str:
        """Colour text for stdout, on a terminal without NO_COLOR."""
        return colour(text, name, on=_coloured(sys.stdout))

    def out(self, lines: str | Sequence[str]) -> None:
        """Print lines for people; like all data output, raises LostOutput if nothing reads them."""
        if lines or isinstance(lines, str):
            text = lines if isinstance(lines, str) else "\n".join(lines)
            with _stdout():
                print(printed(text, coloured=_coloured(sys.stdout)))

    def out_data(self, text: str) -> None:
        """Print text for a file or a program: character by character, unless a terminal shows it."""
        with _stdout():
            print(printed(text, coloured=False) if sys.stdout.isatty() else text)

    def out_path(self, path: str) -> None:
        """Print the path of a file that was written, unless the file is stdout itself."""
        from d1migrate.project import disk

        if not disk.is_stdout(path):
            self.out(path)

    def out_json(self, value: Any) -> None:
        """Print data as JSON."""
        import json

        with _stdout():
            print(escaped(json.dumps(value, indent=2, ensure_ascii=False)))

    def flush(self) -> None:
        """Have all data written."""
        with _stdout():
            sys.stdout.flush()

    def problems(self, found: Sequence[Problem], stream: Any = None) -> list[str]:
        """Return the lines that say what is wrong with a database, as data of a command that reads."""
        lines, on = [], _coloured(stream or sys.stdout)
        for problem in found:
            word, shade = ("error", "red") if problem.is_new else ("warning, as before", "yellow")
            lines.append(f"{colour(f'{word}:', shade, on=on)} {clean_line(problem.message)}")
            lines += [f"    {clean(line)}" for sql in problem.fix for line in sql.split("\n")]
        return lines

    def complain(self, found: Sequence[Problem]) -> None:
        """Print what is wrong with a database after a command changed it, where errors are printed."""
        if lines := self.problems(found, sys.stderr):
            _tell("\n".join(lines))

    def say(self, line: str) -> None:
        """Talk: to stderr, unless --quiet. That nobody listens is no reason to stop a migration."""
        if not self.arguments.quiet:
            _tell(line)

    def say_database(self) -> None:
        """Say which database it is: an environment's name and url."""
        environment = self.environment
        self.say(f"{environment.name}: {environment.database}" if environment.name else environment.database)

    def ask(self, question: str) -> str | None:
        """Return a line typed on the terminal, or None where there is no terminal to ask on."""
        if not (sys.stdin and sys.stdin.isatty() and sys.stderr and sys.stderr.isatty()):
            return None
        print(printed(question, coloured=False), end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip()

    def fail(self, error: Error) -> None:
        """Print an error, its hint, and what was and was not applied."""
        lines = [colour("error: ", "red", on=_coloured(sys.stderr)) + clean(str(error))]
        if isinstance(error, ApplyError):
            done = "applied" if error.direction == "up" else "rolled back"
            name = clean_line(error.migration)
            asked = " when the database was asked" if isinstance(error.__cause__, AmbiguousError) else ""
            lines.append(
                f"whether {name} was {done} is not known"
                if error.unknown
                else f"nothing of {name} was {done}{asked}"
            )
            lines.append(f"{done}: {clean_line(', '.join(error.applied)) or 'none'}")
            lines.append("pending: " + clean_line(", ".join(error.pending)))
        if error.hint:
            lines.append(f"hint: {clean(error.hint)}")
        _tell("\n".join(lines))
        if self.json:
            self.out_json({"error": _error_json(error)})

    def _say_sql(self, sql: str) -> None:
        _tell(f"{sql};")


def _tell(text: str) -> None:
    with suppress(OSError):
        print(printed(text, coloured=_coloured(sys.stderr)), file=sys.stderr, flush=True)


@contextmanager
def _stdout() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LostOutput(error) from error


def _error_json(error: Error) -> dict[str, Any]:
    value: dict[str, Any] = {"type": type(error).__name__, "message": str(error), "hint": error.hint}
    return value | {
        name: fact for name, fact in vars(error).items() if name not in ("hint", "source", "shown_from")
    }


def _coloured(stream: Any) -> bool:
    return (
        stream is not None
        and stream.isatty()
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM") != "dumb"
    )
