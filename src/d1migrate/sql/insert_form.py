"""Recognize INSERTs that differ only in their literals: a data migration is thousands of them in a row.

What is known of one holds for all: where it ends, which tables it writes, that it has no comment. A regular
expression passes over a series of them at 500 MB/s; looking at each takes three times as long (ADR 0012).
"""

from __future__ import annotations

import re
from functools import cached_property

from d1migrate.sql.d1 import SHORT_SQL
from d1migrate.sql.tokens import BLANKS, tokenize

LONGEST_SERIES = SHORT_SQL
"""Characters of a series: so none of its INSERTs is too long."""

# Most values are strings or plain integers: their order and form among the alternatives halve the time.
_NUMBER = r"[-+]?(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][-+]?[0-9]++)?+(?![0-9A-Za-z_.$])"
_BLOB = r"[xX]'(?:[0-9a-fA-F]{2})*+'"
_LITERAL = rf"(?:'[^']*+'(?:'[^']*+')*+|[0-9]++(?![A-Za-z_.$])|{_NUMBER}|NULL|{_BLOB})"
_BLANKS = f"[{BLANKS}]*+"
_NAMING = frozenset(("FROM", "JOIN", "IN"))  # a table's name may be a string: `1 IN 'users'`
_WORTH_IT = 20  # INSERTs in a row; compiling a form takes as long as preparing fifty
_LONGEST = 2000  # characters; a dump with long statements has few of them


class FormLearner:
    """Learns the form of INSERTs that follow each other.

    Attributes:
        form: the form of the statements before; None if none is known.
    """

    def __init__(self) -> None:
        self.form: InsertForm | None = None
        self._head, self._seen = "", 0

    def forget(self) -> None:
        """Forget all statements before."""
        self.form, self._head, self._seen = None, "", 0

    def learn(self, sql: str) -> None:
        """Learn from a statement that does not have the form: from the last of many with one beginning."""
        head = sql[: sql.find("(")]
        if head != self._head:
            self.form, self._head, self._seen = None, head, 0
        self._seen += 1
        if self._seen >= _WORTH_IT and len(sql) <= _LONGEST:
            self.form, self._seen = InsertForm.of(sql), 0


class InsertForm:
    """An INSERT with its literals left open.

    Args:
        pattern: the regular expression of the statement, without its `;`.
    """

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._ended = re.compile(f"{_BLANKS}{pattern};")

    @classmethod
    def of(cls, sql: str) -> InsertForm | None:
        """Return the form of a statement; None if it is not an INSERT, or has a comment or a query in it."""
        parts: list[str] = []
        after_values = False  # before VALUES, a string is a name
        for token in tokenize(sql):
            if token.kind == "comment" or token.keyword in _NAMING:
                return None
            if not parts and token.keyword != "INSERT":
                return None
            after_values = after_values or token.keyword == "VALUES"
            if after_values and (token.kind in ("string", "number", "blob") or token.keyword == "NULL"):
                if parts[-1:] == [re.escape("-")] or parts[-1:] == [re.escape("+")]:
                    parts.pop()  # the sign of a number
                parts.append(_LITERAL)
            else:
                parts.append(re.escape(token.text))
        return cls("".join(parts)) if parts else None

    def matches(self, sql: str) -> bool:
        """Whether a statement has this form."""
        return self._ended.fullmatch(f"{sql};") is not None

    def series(self, text: str, position: int) -> tuple[int, int]:
        """Return where a series of statements of this form ends, after its last `;`, and how many they are.

        It starts with the white space before the first of them, and has at most LONGEST_SERIES characters.
        """
        # Usually all of the text, up to a line end: nothing is left when the statements are taken out.
        end = text.rfind(";\n", position, position + LONGEST_SERIES) + 1
        rest, count = self._ended.subn("", text[position:end])
        if rest or not count:
            match = self._several.match(text, position, position + LONGEST_SERIES)
            end = match.end() if match else position
            count = self._ended.subn("", text[position:end])[1]
        return end, count

    @cached_property
    def _several(self) -> re.Pattern[str]:
        return re.compile(f"(?:{_BLANKS}{self._pattern};)*+")
