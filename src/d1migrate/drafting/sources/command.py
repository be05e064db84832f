"""A command of the project that creates the desired tables in a SQLite file, for any tool that can."""

from __future__ import annotations

import os
import shlex
from shutil import which

from d1migrate.drafting.sources.process import run_program
from d1migrate.drivers.file_format import is_database
from d1migrate.errors import UsageError

PLACEHOLDER = "{db}"
_EXAMPLE = f"for example: 'command:make-schema {PLACEHOLDER}'"


def run_command(command: str, database: str, *, folder: str, name: str) -> None:
    """Run a command, without a shell, that fills a database.

    Args:
        command: its words, quoted as for a shell; PLACEHOLDER stands for the path of the database.
        database: the path of an empty file.
        folder: the project, in which it runs.
        name: what to call the source in errors.

    Raises:
        UsageError: the command cannot be parsed or started, fails, or leaves no database.
    """
    words = [word.replace(PLACEHOLDER, database) for word in _words(command, name)]
    _refuse_missing(words[0], folder, name)
    finished = run_program(words, folder=folder, name=name)
    if finished.code:
        raise UsageError(f"{name}: {finished.how}{finished.tail}")
    if not os.path.isfile(database) or not is_database(database):
        raise UsageError(
            f"{name} ended without an error, but the file that {PLACEHOLDER} stands for is not a SQLite"
            f" database{finished.tail}",
            hint=f"the command creates the tables in that file, which is empty at first; {_EXAMPLE}",
        )


def _words(command: str, name: str) -> list[str]:
    """Return the words of a command.

    Raises:
        UsageError: a quotation has no end, there is no program, or nothing stands for the database.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"{name}: {str(error).lower()}", hint="quote the words as in a shell") from None
    if not any(PLACEHOLDER in word for word in words):
        raise UsageError(
            f"{name} has no {PLACEHOLDER}, which stands for the SQLite file that it fills", hint=_EXAMPLE
        )
    if not words[0] or PLACEHOLDER in words[0]:
        raise UsageError(f"{name} does not name a program", hint=_EXAMPLE)
    return words


def _refuse_missing(program: str, folder: str, name: str) -> None:
    """Refuse a program that does not exist: a path is relative to the project, and a name is looked up.

    Raises:
        UsageError: it does not, or it cannot be run.
    """
    is_path = os.path.basename(program) != program
    path = os.path.join(folder, program)
    if which(path if is_path else program):
        return
    if not is_path:
        path_hint = f"./{program}" if os.path.isfile(path) else "its path, such as .venv/bin/python"
        raise UsageError(
            f"{name}: there is no program {program} in PATH",
            hint=f"write {path_hint}; the command runs without a shell, so builtins and aliases do not work",
        )
    problem = "cannot be executed" if os.path.exists(path) else "does not exist"
    raise UsageError(f"{name}: {path} {problem}", hint=f"the command runs in {folder}")
