"""How a loader reads its request and writes its answer. It runs in Python 3.9 or later, beside the models."""

from __future__ import annotations

import difflib
import importlib
import json
import os
import signal
import sqlite3
import sqlite3.dbapi2
import sys
import sysconfig
import traceback
from urllib.parse import unquote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, ModuleType
    from typing import Any

OTHER_INTERPRETER = "--python, or `python` in [schema], names the interpreter of the models: .venv/bin/python"

_OLDEST = (3, 9)
_LINES = 25  # of a traceback
_WIDTH = 200
_SQLITE_ATTACH = 24
_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_STANDARD = os.path.realpath(sysconfig.get_paths()["stdlib"]) + os.sep
_INSTALLED = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))


class Refused(Exception):
    """The models cannot be used; the message says why.

    Attributes:
        hint: what to do next, or None.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def answer(load: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Call `load` with the request, write its answer, or its error, into the request's file, and exit.

    The project is imported as by `python -m`: from the working directory.
    """
    if sys.version_info < _OLDEST:
        sys.exit("this Python is too old")  # the caller asks for the version
    request = json.load(sys.stdin)
    if hasattr(signal, "alarm"):  # also if d1migrate was killed, and nobody waits any more
        signal.alarm(request["seconds"] + 1)
    sys.path[0] = os.getcwd()
    opened: list[str] = []
    _refuse_files_but(request["database"], opened)
    try:
        found = load(request)
    except Refused as refused:
        found = {"error": {"message": str(refused), "hint": refused.hint}}
    except BaseException as error:
        found = {"error": {"traceback": tail(error), "hint": _hint(error)}}
    if opened:  # even if the models caught the exception
        found = {"error": {"message": opened[0], "hint": _NO_CONNECTION}}
    with open(request["answer"], "w", encoding="utf-8") as file:
        json.dump(found, file, default=str)  # such as a translated text of Django
    os._exit(0)  # threads of the models must not keep it alive, nor their exit handlers run


def imported(name: str) -> ModuleType:
    """Import a module of the project.

    Raises:
        Refused: there is no such module. An error inside a module is raised as it is.
    """
    if not name or name.startswith("."):
        raise Refused(f"{name!r} is not a module", "name it from the project's folder, with dots: app.models")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        hint = _object_in(error.name, name) or _where_it_may_be(name)
        raise Refused(f"there is no module {error.name}", hint) from error


def _object_in(missing: str, name: str) -> str | None:
    """Return the hint for a dot where the colon belongs: what is missing is an object in a module."""
    outer, _, attribute = missing.rpartition(".")
    if not hasattr(sys.modules.get(outer), attribute):
        return None
    return f"did you mean {outer}:{name.removeprefix(f'{outer}.')}?"


def nearest(word: str, known: list[str]) -> str | None:
    """Return the known name that is most like a word, or None."""
    return next(iter(difflib.get_close_matches(word, known, n=1)), None)


def _where_it_may_be(name: str) -> str:
    """Return the hint for a module that was not found: its spelling, or where it was looked for."""
    if os.sep in name or name.endswith(".py"):
        dotted = name.removesuffix(".py")
        return f"a module is named with dots: {dotted.strip('./').replace(os.sep, '.')}"
    top, folder = name.partition(".")[0], os.getcwd()
    for inner in ("src", "app", "backend"):
        if any(os.path.exists(os.path.join(folder, inner, found)) for found in (top, f"{top}.py")):
            return f"it may be in {os.path.join(folder, inner)}: set PYTHONPATH={inner}"
    if meant := _module_like(name):
        return f"did you mean {meant}?"
    return (
        f"Python looks for it in {folder}, in PYTHONPATH, and in the packages of {sys.executable};"
        f" {OTHER_INTERPRETER}"
    )


def _module_like(name: str) -> str | None:
    """Return the module of the project whose name differs from `name` in its first wrong part, or None."""
    known, folder = "", os.getcwd()
    for part in name.split("."):
        names = [found.removesuffix(".py") for found in os.listdir(folder)]
        if part not in names:
            meant = nearest(part, names)
            return known + meant if meant else None
        known, folder = f"{known}{part}.", os.path.join(folder, part)
        if not os.path.isdir(folder):
            break
    return None


def _hint(error: BaseException) -> str | None:
    if isinstance(error, ModuleNotFoundError):
        return OTHER_INTERPRETER
    if any(name in str(error).upper() for name in ("CLOUDFLARE_API", "CLOUDFLARE_ACCOUNT", "CF_API")):
        return (
            "models are loaded without Cloudflare's variables, so that they cannot change D1: read them in a"
            " function, or with os.environ.get"
        )
    return None


def tail(error: BaseException) -> str:
    """Return the end of a traceback, indented: the frames of the project, or all if it has none."""
    shown = traceback.TracebackException(type(error), error, error.__traceback__)
    part: traceback.TracebackException | None = shown
    while part is not None:
        frames = [frame for frame in part.stack if not _is_loader(frame.filename)]
        part.stack[:] = [frame for frame in frames if _is_of_project(frame.filename)] or frames
        for frame in part.stack:
            _ = frame.line  # read while the name is that of the file
            frame.filename = _relative(frame.filename)
        part = part.__cause__ or (None if part.__suppress_context__ else part.__context__)
    lines = "".join(shown.format()).rstrip().splitlines()
    return indented(lines if len(lines) <= _LINES else ["…", *lines[-_LINES:]])


def indented(lines: list[str]) -> str:
    """Return lines to add to a message, each cut to what one can read."""
    return "".join(f"\n    {line[:_WIDTH]}{line[_WIDTH:] and '…'}" for line in lines)


def _is_loader(file: str) -> bool:
    return file.startswith((_HERE, "<frozen ")) or f"{os.sep}importlib{os.sep}" in file


def _relative(path: str) -> str:
    """Return a path as it is below the working directory; another as it is."""
    return path.removeprefix(os.getcwd() + os.sep)


def _is_of_project(file: str) -> bool:
    path = os.path.realpath(file)
    is_installed = path.startswith(_STANDARD) or any(part in path for part in _INSTALLED)
    return not (is_installed or file.startswith("<") or _is_loader(file))


_NO_CONNECTION = (
    "importing models must change nothing: put what connects, such as `create_all`, into a function,"
    " or below `if __name__ == '__main__':`"
)


def _refuse_files_but(database: str, opened: list[str]) -> None:
    """Refuse every SQLite file but one, from now on, and write down in `opened` what was refused."""

    def is_refused(path: str, verb: str, frame: FrameType) -> bool:
        if path == database or _is_in_memory(path):
            return False
        opened.append(f"{_relative(path)} is {verb} while the models are loaded{_place(frame)}")
        return True

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "sqlite3.connect" and is_refused(os.fsdecode(arguments[0]), "opened", sys._getframe(1)):
            raise Refused(opened[-1], _NO_CONNECTION)

    def authorize(action: int, path: str | None, *_: Any) -> int:
        is_attach = action == _SQLITE_ATTACH  # by VACUUM INTO, too; of a parameter, SQLite tells no path
        return int(is_attach and is_refused("a file" if path is None else path, "attached", sys._getframe(1)))

    original = sqlite3.connect

    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = original(*arguments, **options)
        connection.set_authorizer(authorize)
        return connection

    sys.addaudithook(hook)
    sqlite3.connect = sqlite3.dbapi2.connect = connect  # type: ignore[assignment]


def _is_in_memory(path: str) -> bool:
    name, _, query = unquote(path).partition("?")
    return name in (":memory:", "", "file:", "file::memory:") or (
        name.startswith("file:") and any(part in ("mode=memory", "vfs=memdb") for part in query.split("&"))
    )


def _place(frame: FrameType | None) -> str:
    """Return the innermost line of the project that is running, as `, by FILE:LINE`."""
    while frame is not None:
        if _is_of_project(frame.f_code.co_filename):
            return f", by {_relative(frame.f_code.co_filename)}:{frame.f_lineno}"
        frame = frame.f_back
    return ""
