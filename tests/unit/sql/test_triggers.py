"""Triggers that D1's REST server splits correctly."""

from __future__ import annotations

import apsw
import pytest

from d1migrate.schema.normalize import canonical
from d1migrate.sql.triggers import is_create_trigger, one_line

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
