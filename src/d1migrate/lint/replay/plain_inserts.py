"""INSERTs that concern no rule: one that differs from them only in its literals is not replayed.

A data migration is thousands of such statements, and preparing each would take most of the time of a lint.
"""

from __future__ import annotations

from d1migrate.sql.insert_form import LONGEST_FORM, WORTH_IT, InsertForm

_MOST = 1000  # beginnings: a file may have as many tables as it likes


class PlainInserts:
    """The plain INSERTs of a file so far, by what they begin with, which is mostly the table."""

    def __init__(self) -> None:
        self._forms: dict[str, tuple[InsertForm, list[int]]] = {}
        self._seen: dict[str, int] = {}

    def add(self, sql: str, tables: list[int]) -> None:
        """Take note of one that was replayed.

        Args:
            sql: the INSERT. Of many with one beginning, the last one is learned.
            tables: the numbers of the tables that it adds rows to.
        """
        beginning = _beginning(sql)
        self._seen[beginning] = self._seen.get(beginning, 0) + 1
        if self._seen[beginning] >= WORTH_IT and len(sql) <= LONGEST_FORM:
            self._seen[beginning] = 0
            if form := InsertForm.of(sql):
                self._forms[beginning] = (form, tables)
        if len(self._seen) > _MOST:
            self.clear()

    def find(self, sql: str) -> list[int] | None:
        """Return the tables of an INSERT that differs only in its literals; None if it has to be replayed."""
        known = self._forms.get(_beginning(sql)) if self._forms else None
        return known[1] if known and known[0].matches(sql) else None

    def clear(self) -> None:
        """Forget all: the schema may have changed."""
        self._forms.clear()
        self._seen.clear()


def _beginning(sql: str) -> str:
    return sql[: sql.find("(")]
