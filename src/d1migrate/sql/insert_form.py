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

WORTH_IT = 20
"""Statements after which a form is worth it: to compile one takes as long as preparing fifty."""
LONGEST_FORM = 2000
"""Characters of a statement of which a form is made: a dump with longer statements has few of them."""
_LONGEST_WAIT = 5000  # statements


class InsertForm:
    """An INSERT with its literals left open.

    Args:
        pattern: the regular expression of the statement, without its `;`.
    """

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._ended = re.compile(f"{_BLANKS}{pattern};")
        self._is_long = False  # whether the last series was

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
        if self._is_long:
            # Then one pass is enough: nothing is left when the statements up to a line end are taken out.
            end = text.rfind(";\n", position, position + LONGEST_SERIES) + 1
            rest, count = self._ended.subn("", text[position:end])
            if count and not rest:
                return end, count
        match = self._several.match(text, position, position + LONGEST_SERIES)
        end = match.end() if match else position
        if end == position:
            return position, 0
        self._is_long = 2 * (end - position) > LONGEST_SERIES
        return end, self._ended.subn("", text[position:end])[1]

    @cached_property
    def _several(self) -> re.Pattern[str]:
        return re.compile(f"(?:{_BLANKS}{self._pattern};)*+")


class SeriesFinder:
    """Finds series in a script that is read statement by statement.

    A script without any must not be read much slower. So a new form is tried ever less often as long as none
    succeeds, and one that succeeded is tried again after the next statement, and then less often, too.

    Attributes:
        wait: how many statements are read before the next `learn`, after a `series` that found none.
    """

    def __init__(self) -> None:
        self.wait = WORTH_IT
        self._form: InsertForm | None = None

    def learn(self, sql: str) -> None:
        """Take note of the statement before the next `series`."""
        if self.wait >= WORTH_IT and len(sql) <= LONGEST_FORM:
            self._form = InsertForm.of(sql)

    def series(self, text: str, position: int) -> tuple[int, int]:
        """Return where a series ends and how many statements it has; 0 if there is none."""
        end, count = self._form.series(text, position) if self._form else (position, 0)
        self.wait = 1 if count else min(2 * self.wait, _LONGEST_WAIT)
        return end, count
