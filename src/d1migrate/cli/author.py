"""Commands that write files."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from d1migrate import files, source
from d1migrate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.cli.context import Context
    from d1migrate.migration import Migration


def new_command(context: Context) -> int:
    """Write the next migration file and print its path."""
    folder, description = context.folder, context.arguments.description
    if not os.path.isdir(folder):
        try:
            os.makedirs(folder)
        except OSError as error:
            raise UsageError(f"cannot create the migrations folder {folder}: {error.strerror}") from error
    now = time.gmtime()
    name = source.new_name(context.load(), description, now=time.strftime("%Y%m%d%H%M%S", now))
    path = os.path.join(folder, name)
    files.write_new(path, source.template(name, description, date=time.strftime("%Y-%m-%d", now)))
    if context.config.index_module:
        files.replace(context.config.index_module, source.index_module(context.load()))
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
    migrations: Sequence[Migration] = context.load()
    text = source.index_module(migrations)
    current = files.read_text(path) == text
    if not current and not context.arguments.check:
        files.replace(path, text)
    if context.json:
        context.out_json({"path": path, "up_to_date": current})
    elif context.arguments.check:
        context.say(f"{path} is {'up to date' if current else 'not what the migrations make'}")
    else:
        context.out(path)
    return 3 if context.arguments.check and not current else 0


def completion_command(context: Context) -> int:
    """Print a completion script."""
    import shtab

    from d1migrate.cli.parser import build

    sys.stdout.write(shtab.complete(build(), context.arguments.shell))
    return 0
