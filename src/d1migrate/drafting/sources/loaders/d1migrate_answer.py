"""How a loader reads its request and writes its answer. It runs in Python 3.9 or later."""

from __future__ import annotations

import json
import os
import sys
import traceback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Refused(Exception):
    """The models cannot be used; the message says why.

    Attributes:
        hint: what to do next, or None.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def answer(load: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Call `load` with the request, and write its answer, or its error, into the file that the request names.

    The project is imported as by `python -m`: from the working directory.
    """
    request = json.load(sys.stdin)
    sys.path[0] = os.getcwd()
    sys.addaudithook(_only(request["database"]))
    try:
        found = load(request)
    except Refused as refused:
        found = {"error": {"message": str(refused), "hint": refused.hint}}
    except (Exception, SystemExit):
        found = {"error": {"message": "the models cannot be loaded" + tail()}}
    with open(request["answer"], "w", encoding="utf-8") as file:
        json.dump(found, file)


def tail() -> str:
    """Return the traceback that is being handled, indented."""
    lines = traceback.format_exc().rstrip().splitlines()
    return "".join(f"\n    {line}" for line in lines)


def _only(database: str) -> Callable[[str, tuple[Any, ...]], None]:
    """Return an audit hook that refuses every SQLite file but one: importing models must change nothing."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "sqlite3.connect":
            path = os.fspath(arguments[0])
            if path not in (database, ":memory:", ""):
                raise Refused(f"{path} is opened while the models are loaded")

    return hook
