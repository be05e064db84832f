"""Commands that write files."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from d1migrate import files, source
from d1migrate.errors import UsageError

if TYPE_CHECKING:
    from d1migrate.cli.context import Context


def new_command(context: Context) -> int:
    """Write the next migration file and print its path."""
    folder, description = context.folder, context.arguments.description
    if not os.path.isdir(folder):
        try:
            os.makedirs(folder)
        except OSError as error:
            raise UsageError(f"cannot create the migrations folder {folder}: {error.strerror}") from error
    now = time.gmtime()
    migrations = context.load()
    if context.config.index_module:
        for migration in migrations:
            migration.check()  # the index holds all of them, and nothing is written that it would refuse
    name = source.new_name(migrations, description, now=time.strftime("%Y%m%d%H%M%S", now))
    path = os.path.join(folder, name)
    files.write_new(path, source.template(name, description, date=time.strftime("%Y-%m-%d", now)))
    if context.config.index_module:
        files.replace(context.config.index_module, _index(context))
    if context.json:
        context.out_json({"path": path})
    else:
        context.out(path)
    return 0


def index_command(context: Context) -> int:
    """Write or check the module that embeds the migrations."""
    path = context.arguments.output or context.config.index_module
    if path is None:
        raise UsageError("no index to write", hint="--output FILE, or `index = …` in d1migrate.toml")
    if os.path.exists(path) and not os.path.isfile(path):
        raise UsageError(f"{path} is no file", hint="name the module to write, e.g. src/migrations_index.py")
    text = _index(context)
    current = files.read_text(path) == text
    if not current and not context.arguments.check:
        files.replace(os.path.realpath(path), text)  # through a link, not over it
    if context.json:
        context.out_json({"path": path, "up_to_date": current})
    elif context.arguments.check:
        context.say(f"{path} is {'up to date' if current else 'not what the migrations make'}")
    else:
        context.out(path)
    return 3 if context.arguments.check and not current else 0


def _index(context: Context) -> str:
    """Return the text of the module; what it cannot tell of the schema is said."""
    from d1migrate.replay import schema_changes

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

    sys.stdout.write(shtab.complete(build(), context.arguments.shell))
    return 0
