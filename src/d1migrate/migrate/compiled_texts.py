"""The SQL of a compiled index: each text once, and queries that name it by its position."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from d1migrate.sql.batch import Query

_LITERAL = "="
"""What a parameter begins with that is a value itself, and not the name of one."""


class Texts:
    """The texts of an index, in the order in which they were first used."""

    def __init__(self) -> None:
        self._positions: dict[str, int] = {}

    def planned(self, sql: str, *names: str) -> list[Any]:
        """Return [position of the text, name of a parameter…]."""
        return [self._positions.setdefault(sql, len(self._positions)), *names]

    def query(self, query: Query, names: Mapping[str, str]) -> list[Any]:
        """Return [position of the text, parameter…].

        Args:
            query: the query.
            names: the names of values that only the runtime knows, by their stand-ins.
        """
        known = map(str, query.params)  # the history binds no blob and no NULL
        return self.planned(query.sql, *(names.get(value, f"{_LITERAL}{value}") for value in known))

    def queries(self, queries: Iterable[Query], names: Mapping[str, str]) -> list[list[Any]]:
        """Return several queries, each as `query` does."""
        return [self.query(query, names) for query in queries]

    def listed(self) -> list[str]:
        """Return the texts by their positions."""
        return list(self._positions)
