"""What comes back from a function that ran inside workerd, in any language."""

from __future__ import annotations

from typing import Any, NamedTuple


class Answer(NamedTuple):
    """What a function inside returned, and the calls of the binding it took."""

    result: Any
    calls: dict[str, int]

    @property
    def results(self) -> list[dict[str, Any]]:
        """What `runMigrations` reports of each migration."""
        found: list[dict[str, Any]] = self.result["results"]
        return found


class InsideError(Exception):
    """An exception inside: its class and the bases of that, its text, its traceback and its simple attributes."""

    def __init__(self, error: dict[str, Any], calls: dict[str, int]) -> None:
        self.type: str = error["type"]
        self.message: str = error["message"]
        self.traceback: str = error["traceback"]
        self.attributes: dict[str, Any] = error["attributes"]
        self.bases: list[str] = error["bases"]
        self.calls = calls
        super().__init__(f"{self.type}: {self.message}\n{self.traceback}")


def decoded(value: dict[str, Any]) -> object:
    """Return an object of the JSON that comes from inside: bytes, if it is those."""
    return bytes(value["bytes"]) if value.keys() == {"bytes"} else value
