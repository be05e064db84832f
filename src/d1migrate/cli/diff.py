"""Commands that write files."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from d1migrate.errors import DataLoss, MissingValue, UsageError
from d1migrate.migrate import source
from d1migrate.project import files

if TYPE_CHECKING:
    from collections.abc import Callable

    from d1migrate.cli.project import Context
    from d1migrate.drafting import Desired, Draft
    from d1migrate.schema.model import Schema


def new_command(context: Context) -> int:
    """Write the next migration file and print its path."""
    description = context.arguments.description
    _write(context, description, lambda name, date: source.template(name, description, date=date))
    return 0


def diff_command(context: Context) -> int:
    """Write the migration that leads to a desired schema."""
    from d1migrate.cli.schema import own
    from d1migrate.drafting import read
    from d1migrate.lint.replay.replayer import schema_of

    arguments = context.arguments
    file = arguments.to or context.schema_file
    desired = read(_text(file), file=file)
    current = context.migrator.schema() if arguments.source == "live" else schema_of(context.load())
    named, there = ([table.name for table in schema.tables] for schema in (desired.schema, current))
    desired = desired._replace(schema=own(context, desired.schema, named=there))
    return _draft(context, own(context, current, named=named), desired)


def rebuild_command(context: Context) -> int:
    """Write the migration that makes one table anew."""
    from d1migrate.drafting import Desired, edit_columns
    from d1migrate.lint.replay.replayer import schema_of

    arguments = context.arguments
    current = schema_of(context.load())
    desired = edit_columns(current, arguments.table, set_=arguments.set, drop=arguments.drop)
    context.arguments.allow_drop = [f"{arguments.table}.{column}" for column in arguments.drop]
    return _draft(context, current, Desired(desired))


def fix_drift(context: Context) -> int:
    """Bring the live schema back to what the applied files build, or the files to the live schema.

    The first is SQL for this one database: as a migration it would fail wherever nothing has drifted.
    """
    from d1migrate.cli.schema import own
    from d1migrate.drafting import Desired
    from d1migrate.drafting.migration_text import statements_text
    from d1migrate.lint.replay.replayer import schema_of

    arguments, entries = context.arguments, context.migrator.status()
    if waiting := [entry.name for entry in entries if entry.state != "applied"]:
        raise UsageError(
            f"{waiting[0]} is not applied as it is: what is drift cannot be told",
            hint="`d1migrate status` shows all",
        )
    arguments.order = arguments.dry_run = arguments.check = False
    built = schema_of([entry.migration for entry in entries if entry.migration])
    live = own(context, context.migrator.schema(), named=[table.name for table in built.tables])
    if arguments.fix == "live":
        arguments.name = "what was changed by hand"
        return _draft(context, built, Desired(live))
    drafted = _asking(context, live, Desired(built))
    if drafted is None:
        context.say("no difference")
    else:
        context.out_data(statements_text(drafted.up))
    return 0


def _draft(context: Context, current: Schema, desired: Desired) -> int:
    from d1migrate.drafting import migration_text

    arguments = context.arguments
    try:
        drafted = _asking(context, current, desired)
    except (DataLoss, MissingValue) as error:
        if not arguments.check:
            raise
        context.say(f"different: {error}")
        return _DIFFERENT
    if drafted is None:
        context.say("no difference")
        return 0
    description = arguments.name or drafted.title

    def text_of(name: str, date: str) -> str:
        return migration_text(drafted, name, description, date=date)

    if arguments.check:
        context.say(f"different: {drafted.title}")
        return _DIFFERENT
    if arguments.dry_run:
        name, date = next_file(context, description)
        context.out_data(text_of(name, date))
        return 0
    _write(context, description, text_of)
    if drafted.down.irreversible:
        context.say(f"warning: no way back: {drafted.down.irreversible}")
    for (table, column), value in drafted.down.placeholders:
        context.say(f"on the way back, {table}.{column} gets {value}: its values are not kept")
    return 0


def _asking(context: Context, current: Schema, desired: Desired) -> Draft | None:
    """Draft; on a terminal ask what is not known, anywhere else raise."""
    from d1migrate.drafting import Rename, backfill_of, draft

    given = context.arguments
    given.rename = getattr(given, "rename", [])
    while True:
        try:
            return draft(
                current,
                desired,
                renames=[Rename.of(text) for text in given.rename],
                backfill=dict(map(backfill_of, given.backfill)),
                allow_drop=given.allow_drop,
                order=given.order,
            )
        except DataLoss as error:
            if given.check or not _settled(context, error):
                raise
        except MissingValue as error:
            if given.check:
                raise
            for column in error.columns:
                value = context.ask(f"{column}: the value of the rows there are, as SQL: ")
                if not value:
                    raise
                given.backfill.append(f"{column}={value}")


def _settled(context: Context, error: DataLoss) -> bool:
    """Ask whether what goes was renamed, or really goes; whether an answer settles it."""
    for flag in error.renames:
        old, _, new = flag.partition("=")
        answer = context.ask(f"{old} is gone, and {new} is new: was it renamed? [y/N] ")
        if answer in ("y", "yes"):
            context.arguments.rename.append(flag)
            return True
    name = next(iter(error.rows))
    if context.ask(f"drop {name}, with all its values? [y/N] ") in ("y", "yes"):
        context.arguments.allow_drop.append(name)
        return True
    return False


_DIFFERENT = 3


def _text(path: str) -> str:
    """Read a schema that people wrote.

    Raises:
        UsageError: there is none, or it is no text.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            return file.read()
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}",
            hint=f"`d1migrate schema --at latest --sql --output {path}` writes one",
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8") from error


def next_file(context: Context, description: str) -> tuple[str, str]:
    """Return the name of the next file, and today's date, once it is known that the file can be written.

    Raises:
        UsageError: as `prepare`.
        SourceError: a file cannot be read.
    """
    now = time.gmtime()
    migrations = context.load()
    prepare(context)
    if context.config.index_module:
        for migration in migrations:
            migration.check()  # the index holds all of them, and nothing is written that it would refuse
    name = source.new_name(migrations, description, now=time.strftime("%Y%m%d%H%M%S", now))
    return name, time.strftime("%Y-%m-%d", now)


def prepare(context: Context) -> None:
    """Check that migrations and the configured index may be written, before writing anything.

    Raises:
        UsageError: a configured path is outside the project, or the file is not an index.
    """
    context.permit_folder()
    context.permit_index()
    if context.config.index_module:
        _refuse_other(context.config.index_module)


def write_file(context: Context, name: str, text: str) -> str:
    """Write a new migration file, and the index; return the path."""
    folder = context.folder
    if not os.path.isdir(folder):
        try:
            os.makedirs(folder)
        except OSError as error:
            raise UsageError(f"cannot create the migrations folder {folder}: {error.strerror}") from error
    path = os.path.join(folder, name)
    files.write_new(path, text)
    write_index(context)
    return path


def write_index(context: Context) -> None:
    """Write the configured index, if there is one."""
    if context.config.index_module:
        files.replace(context.config.index_module, _index(context))


def _refuse_other(path: str) -> str | None:
    """Return the index that a file contains, None if there is no file.

    Raises:
        UsageError: the file contains something else, which would be lost.
    """
    text = files.current_text(path)
    if text and not source.is_index_module(text):
        raise UsageError(
            f"{path} exists and is not an index of migrations: it was not changed",
            hint="name another file with `index = …` in d1migrate.toml, or --output FILE",
        )
    return text


def _write(context: Context, description: str, text_of: Callable[[str, str], str]) -> None:
    """Write the next migration file; print the path."""
    from d1migrate.project import disk

    context.files_may_be_gone = True
    with disk.locked(context.folder):
        name, date = next_file(context, description)
        path = write_file(context, name, text_of(name, date))
    if context.json:
        context.out_json({"path": path})
    else:
        context.out(path)


def index_command(context: Context) -> int:
    """Write or check the module that embeds the migrations."""
    path = context.arguments.output or context.config.index_module
    if path is None:
        raise UsageError("no index to write", hint="--output FILE, or `index = …` in d1migrate.toml")
    if os.path.isdir(path):
        raise UsageError(f"{path} is a folder", hint="name the module to write, e.g. src/migrations_index.py")
    if context.arguments.output is None and not context.arguments.check:
        context.permit_index()
    text = _index(context)
    current = _refuse_other(path) == text
    if not current and not context.arguments.check:
        files.replace(path, text)
    if context.json:
        context.out_json({"path": path, "up_to_date": current})
    elif context.arguments.check:
        context.say(f"{path} is {'up to date' if current else 'not what the migrations make'}")
    else:
        context.out_path(path)
    return 3 if context.arguments.check and not current else 0


def _index(context: Context) -> str:
    """Return the text of the module; what it cannot tell of the schema is said."""
    from d1migrate.lint.replay.replayer import schema_changes

    migrations = context.load()
    schemas = schema_changes(migrations)
    if unknown := [m for m in migrations if m.version not in schemas]:
        context.say(
            f"no schema digests from {unknown[0].name} on: it cannot be replayed on an empty database"
            " (`d1migrate lint --all` says why)"
        )
    return source.index_module(migrations, schemas)


def completion_command(context: Context) -> int:
    """Print a completion script."""
    import shtab

    from d1migrate.cli.parser import build

    context.out_data(shtab.complete(build(), context.arguments.shell).rstrip())
    return 0
