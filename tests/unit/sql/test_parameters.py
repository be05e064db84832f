"""Parameters written into the SQL, for transports that cannot carry their values."""

from __future__ import annotations

from math import inf, nan
from typing import TYPE_CHECKING

import apsw
import pytest

from d1migrate.sql.parameters import inline

if TYPE_CHECKING:
    from d1migrate.sql.batch import Value

VALUES: list[Value] = [
    *(None, 0, -7, 2**53 + 1, 2**63 - 1, -(2**63), 1.5, -2.25, 1e300, inf, -inf, 5e-324, 0.1),
    *("", "it's", "a\0'b", "?1 -- ?", "🙂\n\r\t", b"", b"\x00\xff'"),
]


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("bound", [(), (str,), (str, float, bytes)])
def test_a_value_is_the_same_written_out(value: Value, bound: tuple[type, ...]) -> None:
    """SQLite answers with the value, of its own type, whichever types are bound."""
    sql, params = inline("SELECT ?, typeof(?1), 1-1, '?', ?2 -- ?", (value, "kept"), bound=bound)

    (row,) = apsw.Connection(":memory:").execute(sql, params)

    kinds = {type(None): "null", int: "integer", float: "real", str: "text", bytes: "blob"}
    assert row == (value, kinds[type(value)], 0, "?", "kept")
    assert all(isinstance(param, bound) for param in params)


def test_no_number_is_null() -> None:
    """As SQLite itself has it."""
    assert inline("SELECT ?", (nan,)) == ("SELECT ?", (nan,))
    assert inline("SELECT ?", (nan,), bound=(str,)) == ("SELECT NULL", ())


@pytest.mark.parametrize(
    ("sql", "params", "expected"),
    [
        ("SELECT ?, ?2, ?1, ?", (1, "a", None), ("SELECT (1), ?1, (1), NULL", ("a",))),
        ("SELECT ?3, ?1, ?2", ("a", 5, "c"), ("SELECT ?1, ?2, (5)", ("c", "a"))),
        ("SELECT 1-?", (-1,), ("SELECT 1-(-1)", ())),
        ("SELECT :a", ("a",), ("SELECT :a", ("a",))),
        ("SELECT 1", (1,), ("SELECT 1", (1,))),  # too many: D1 is left to count
        ("SELECT ?, ?", (None,), ("SELECT NULL, ?1", ())),  # too few
    ],
)
def test_parameters_are_renumbered(
    sql: str, params: tuple[Value, ...], expected: tuple[str, tuple[Value, ...]]
) -> None:
    """What is left to bind keeps its place, whatever was written out before it."""
    assert inline(sql, params) == expected
