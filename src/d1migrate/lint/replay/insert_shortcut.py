"""Recognise the next INSERT as the last one with other literals: what is known of one holds for all."""

from __future__ import annotations

import re

from d1migrate.sql.tokens import tokenize

_NUMBER = r"[-+]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][-+]?[0-9]++)?+(?![0-9A-Za-z_.$])"
_LITERAL = rf"(?:'(?:[^']++|'')*+'|{_NUMBER}|NULL)"
_WORTH_IT = 20  # INSERTs in a row; a pattern takes as long to compile as fifty to prepare
_LONGEST = 2000  # characters; dumps with thousands of rows a statement have few statements


class Alike:
    """Learns from plain INSERTs that follow each other; `forget` when anything else comes."""

    def __init__(self) -> None:
        self._seen = 0
        self._pattern: re.Pattern[str] | None = None

    def forget(self) -> None:
        """Begin anew: the schema may be another."""
        self._seen, self._pattern = 0, None

    def learn(self, sql: str) -> None:
        """Take note of an INSERT that the engine accepts and no rule has anything to say of."""
        self._seen += 1
        if self._seen >= _WORTH_IT and len(sql) <= _LONGEST:
            self._seen = 0
            self._pattern = re.compile(_pattern(sql))

    def covers(self, sql: str) -> bool:
        """Whether SQL is the same but for its strings and numbers."""
        return self._pattern is not None and self._pattern.fullmatch(sql) is not None


def _pattern(sql: str) -> str:
    parts: list[str] = []
    behind = False  # VALUES: before it, a string is a name
    for token in tokenize(sql):
        behind = behind or token.keyword == "VALUES"
        if behind and (token.kind in ("string", "number") or token.keyword == "NULL"):
            if parts[-1:] == [re.escape("-")] or parts[-1:] == [re.escape("+")]:
                parts.pop()  # the sign of a number
            parts.append(_LITERAL)
        else:
            parts.append(re.escape(token.text))
    return "".join(parts)
