"""SQL in the form that a transport carries: parameters written out, and triggers that survive being cut anew."""

from __future__ import annotations

from math import inf, nan
from typing import TYPE_CHECKING

import apsw
import pytest

from d1migrate.schema.normalize import canonical
from d1migrate.sql.parameters import inline
from d1migrate.sql.triggers import is_create_trigger, one_line

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
def test_parameters_are_numbered_anew(
    sql: str, params: tuple[Value, ...], expected: tuple[str, tuple[Value, ...]]
) -> None:
    """What is left to bind keeps its place, whatever was written out before it."""
    assert inline(sql, params) == expected


TRIGGERS = [
    "create trigger r after insert on t begin select 1; end",
    "CREATE TRIGGER IF NOT EXISTS r\r\nBEFORE UPDATE OF a ON t\r\nWHEN new.a\r\nBEGIN\r\n  SELECT 'x;y -- z'; /* c; */\r\nEND",
    """create trigger "é r" after delete on t when case old.a when 1 then 1 else 0 end begin
      update t set a = case when b then case a when 1 then 2 end else (case 1 when 1 then 3 end) end;
      insert into t select max(case when a then 1 end, 2) - -1, x'61' from t; -- done; end
    end""",
    """CREATE TRIGGER r AFTER INSERT ON e BEGIN
      UPDATE e SET "end" = CASE WHEN new."end" THEN new.[case] ELSE e.[end] END;
    END""",
]


@pytest.mark.parametrize("sql", TRIGGERS)
def test_a_trigger_in_one_line_is_the_same_trigger(sql: str) -> None:
    """SQLite takes it, schemas compare as equal, and it does not change a second time."""
    line = one_line(sql)
    assert line
    assert is_create_trigger(sql)
    assert "\n" not in line
    assert canonical(line) == canonical(sql)
    assert one_line(line) == line
    connection = apsw.Connection(":memory:")
    connection.execute('CREATE TABLE t (a, b); CREATE TABLE e ("end", "case")')
    connection.execute(line)
    connection.execute(
        "INSERT INTO t VALUES (1, 2); UPDATE t SET a = 3; DELETE FROM t; INSERT INTO e VALUES (1, 2)"
    )


def test_every_case_has_parentheses() -> None:
    """Once, and its END with it."""
    line = one_line(TRIGGERS[2])
    assert line
    assert line.count("(CASE") == line.upper().count("CASE") == 5
    assert "((CASE" not in line.replace("max ((", "max (")


def test_a_literal_of_two_lines_cannot_be_one() -> None:
    """Then the request cannot carry it."""
    assert one_line("CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 'a\nb'; END") is None
    assert one_line("CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT new.end; END") is None
    assert not is_create_trigger("CREATE TABLE trigger_log (a)")
    assert is_create_trigger(f"CREATE /* {'long ' * 100}*/ TEMPORARY TRIGGER r AFTER INSERT ON t BEGIN")
    assert is_create_trigger("-- a\ncreate temp trigger r after insert on t begin select 1; end")


def test_other_parentheses_count() -> None:
    """Only those around a CASE mean nothing, and only in a trigger."""
    trigger = "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT {}; END"
    assert canonical(trigger.format("(1) + 2")) != canonical(trigger.format("1 + 2"))
    assert canonical(trigger.format("(CASE 1 WHEN 1 THEN 2 END + 1) * 2")) != canonical(
        trigger.format("CASE 1 WHEN 1 THEN 2 END + 1 * 2")
    )
    view = "CREATE VIEW v AS SELECT {}"
    assert canonical(view.format("(CASE 1 WHEN 1 THEN 2 END)")) != canonical(
        view.format("CASE 1 WHEN 1 THEN 2 END")
    )
