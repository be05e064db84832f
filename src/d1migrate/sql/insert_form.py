"""Recognize an INSERT that differs from the one before it only in its literals, and skip it.

A data migration is thousands of such statements, and preparing each would take most of the time of a lint.
"""

from __future__ import annotations

import re

from d1migrate.sql.tokens import tokenize

_NUMBER = r"[-+]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][-+]?[0-9]++)?+(?![0-9A-Za-z_.$])"
_LITERAL = rf"(?:'(?:[^']++|'')*+'|{_NUMBER}|NULL)"
_WORTH_IT = 20  # INSERTs in a row; compiling the pattern takes as long as preparing fifty
_LONGEST = 2000  # characters; a dump with long statements has few of them


class InsertPattern:
    """Learns from consecutive plain INSERTs; `reset` it at any other statement."""

    def __init__(self) -> None:
        self._seen = 0
        self._pattern: re.Pattern[str] | None = None

    def reset(self) -> None:
        """Forget the pattern: the schema may have changed."""
        self._seen, self._pattern = 0, None

    def learn(self, sql: str) -> None:
        """Count an INSERT that the engine accepts and that concerns no rule."""
        self._seen += 1
        if self._seen >= _WORTH_IT and len(sql) <= _LONGEST:
            self._seen = 0
            self._pattern = re.compile(_pattern(sql))

    def matches(self, sql: str) -> bool:
        """Whether SQL is the same except for its strings and numbers."""
        return self._pattern is not None and self._pattern.fullmatch(sql) is not None


def _pattern(sql: str) -> str:
    parts: list[str] = []
    after_values = False  # before VALUES, a string is a name
    for token in tokenize(sql):
        after_values = after_values or token.keyword == "VALUES"
        if after_values and (token.kind in ("string", "number") or token.keyword == "NULL"):
            if parts[-1:] == [re.escape("-")] or parts[-1:] == [re.escape("+")]:
                parts.pop()  # the sign of a number
            parts.append(_LITERAL)
        else:
            parts.append(re.escape(token.text))
    return "".join(parts)
