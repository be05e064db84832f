"""`-- d1migrate: allow=…`: where it may stand, what it speaks of, and when it does not count."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.lint.check import Diagnostic, check
from d1migrate.lint.replay.replayer import replay
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.source import load

if TYPE_CHECKING:
    from d1migrate.migrate.directives import Directive

GIVEN = "CREATE TABLE a (x);\nCREATE TABLE b (x);\nCREATE TABLE c (x);\n"
ALLOW = '-- d1migrate: allow=D104 reason="unused"'


def found(sql: str, given: str = GIVEN) -> list[Diagnostic]:
    """The errors and warnings of a file, in the order of its lines."""
    files = [Migration(1, "001_given", given), Migration(2, "002_case", sql)]
    _, case = replay(files)
    return [d for d in check(case) if d.severity != "info"]


def directives(sql: str) -> list[Directive]:
    """The directives of a file."""
    (case,) = replay([Migration(1, "001_case", sql)])
    return list(case.directives)


def dropped(sql: str) -> dict[str, bool]:
    """{table: whether its DROP TABLE is allowed}; nothing else may be found."""
    diagnostics = found(sql)
    assert {d.code for d in diagnostics} == {"D104"}, diagnostics
    return {d.message.split()[2]: d.allowed == "unused" for d in diagnostics}


# --- where it stands ---


@pytest.mark.parametrize(
    ("sql", "allowed"),
    [
        (f"SELECT 1;\n{ALLOW}\nDROP TABLE a;\nDROP TABLE b;", "a"),
        (f"SELECT 1;\nDROP TABLE a;\n\n{ALLOW}\n\n\nDROP TABLE b;\nDROP TABLE c;", "b"),
        (f"SELECT 1;\n/* why */ {ALLOW}\n-- more\nDROP TABLE a;\nDROP TABLE b;", "a"),
        (f"DROP TABLE a; {ALLOW}\nDROP TABLE b;", "a"),
        (f"DROP TABLE a;{ALLOW}\nDROP TABLE b;", "a"),
        (f"SELECT 1;\nDROP\n  TABLE\n  a; {ALLOW}\nDROP TABLE b;", "a"),
        (f"SELECT 1;\nDROP TABLE a\n; {ALLOW}\nDROP TABLE b;", "a"),
        (f"SELECT 1;\nDROP TABLE a; /* note */ {ALLOW}\nDROP TABLE b;", "a"),
        (f"SELECT 1; DROP TABLE a; DROP TABLE b; {ALLOW}\nDROP TABLE c;", "b"),
        (f"DROP TABLE a;\nDROP TABLE b; {ALLOW}\n", "b"),
        (f"DROP TABLE a;\nDROP TABLE b; {ALLOW}", "b"),
        (f"SELECT 1;\nDROP TABLE a {ALLOW}\n;\nDROP TABLE b;", "a"),
        (f"SELECT 1;;\nDROP TABLE a;; {ALLOW}\nDROP TABLE b;", "a"),
        (f"{ALLOW}\nDROP TABLE a;\nDROP TABLE b;", "ab"),
        (f"-- Migration: 002_case\n\n{ALLOW}\n\nSELECT 1;\nDROP TABLE a;\nDROP TABLE b;", "ab"),
        (f"{ALLOW} \t\nDROP TABLE a;\nDROP TABLE b;", "ab"),
        (f"DROP TABLE a;\nDROP TABLE b;\n{ALLOW}\n", "ab"),
        (f"DROP TABLE a;\nDROP TABLE b;\n\n-- the end\n{ALLOW}", "ab"),
        (f"{ALLOW}\n{ALLOW}\nDROP TABLE a;\nDROP TABLE b;", "ab"),
    ],
)
def test_what_a_directive_speaks_of(sql: str, allowed: str) -> None:
    """The statement below it, the one on whose line it stands, or the whole file; never one more."""
    assert {table for table, is_allowed in dropped(sql).items() if is_allowed} == set(allowed)


@pytest.mark.parametrize(
    "sql", [f"SELECT 1;\n{ALLOW}\nDROP TABLE a;", f"DROP TABLE a; {ALLOW}\nDROP TABLE b;"]
)
def test_line_ends_do_not_matter(sql: str) -> None:
    """A file with CRLF has the directives of the same file with LF."""
    texts = [sql, sql.replace("\n", "\r\n")]
    loaded = [load([("001_given.sql", GIVEN), ("002_case.sql", text)]) for text in texts]
    answers = [
        [(d.code, d.line, d.allowed) for d in check(list(replay(files))[-1]) if d.severity != "info"]
        for files in loaded
    ]
    assert answers[0] == answers[1]


def test_a_trigger_is_one_statement() -> None:
    """The `;` inside a trigger's body ends nothing: the line below its END is the next statement's."""
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  SELECT 1;\n  SELECT 2;\nEND;"
    assert dropped(f"{trigger}\n{ALLOW}\nDROP TABLE b;\nDROP TABLE c;") == {"b": True, "c": False}


def test_the_line_is_that_of_the_file() -> None:
    """Directives know the line they stand on, wherever that is."""
    allow = ALLOW.replace("D104", "{}")
    sql = "\n".join(
        [allow.format("D101"), "SELECT 1;", "/*", "*/", allow.format("D102"), "SELECT", " 2", "; " + allow.format("D103"),
         "", "SELECT 3;", allow.format("D104")]
    )  # fmt: skip
    assert [(d.line, d.codes, d.statement) for d in directives(sql)] == [
        (1, ("D101",), None),
        (5, ("D102",), 1),
        (8, ("D103",), 1),
        (11, ("D104",), None),
    ]


# --- where there is none ---


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT '{ALLOW}';\nDROP TABLE a;",
        f"SELECT '\n{ALLOW}\n';\nDROP TABLE a;",
        f"SELECT 1 AS `\n{ALLOW}\n`;\nDROP TABLE a;",
        f"/* {ALLOW} */\nDROP TABLE a;",
        f"/*\n{ALLOW}\n*/\nDROP TABLE a;",
        f"SELECT 1;\nDROP TABLE a; /* {ALLOW} */",
        f"SELECT 1;\nDROP {ALLOW}\nTABLE a;",
        f"CREATE TRIGGER t AFTER INSERT ON b BEGIN\n  {ALLOW}\n  SELECT 1;\nEND;\nDROP TABLE a;",
        f"-- not: {ALLOW}\nDROP TABLE a;",
        "-- see https://example.com/d1migrate: allow\nDROP TABLE a;",
        f"DROP TABLE a;\n-- Rollback:\n--   {ALLOW}\n--   CREATE TABLE a (x);",
    ],
)
def test_what_is_no_directive(sql: str) -> None:
    """In a string, a name, a block comment, a statement or a rollback block it is neither obeyed nor checked."""
    assert dropped(sql) == {"a": False}
    assert directives(GIVEN + sql) == []


# --- what it says ---


def test_several_codes() -> None:
    """Each is allowed, with the same reason; each that allows nothing is reported by itself."""
    sql = '-- d1migrate: allow=D104,R105,d106 reason="unused"\nDROP TABLE a;\nVACUUM;\nDELETE FROM b;'
    assert {d.code for d in found(sql) if d.allowed == "unused"} == {"D104", "R105", "D106"}
    assert len(found(sql)) == 3
    unused = found('-- d1migrate: allow=D104,D105,D106 reason="unused"\nDROP TABLE a;')
    assert sorted((d.code, d.line, d.message) for d in unused if d.allowed is None) == [
        ("H110", 1, "allow=D105 allows nothing"),
        ("H110", 1, "allow=D106 allows nothing"),
    ]


@pytest.mark.parametrize("reason", ["", ' reason=""', ' reason="  "'])
def test_without_a_reason_it_does_not_count(reason: str) -> None:
    """The finding stays, and the directive is one more; it is not called unused as well."""
    diagnostics = found(f"SELECT 1;\n-- d1migrate: allow=D104{reason}\nDROP TABLE a;")
    assert [(d.code, d.line, d.allowed) for d in diagnostics] == [("H111", 2, None), ("D104", 3, None)]
    assert "D104" in diagnostics[0].message


def test_a_code_that_does_not_exist() -> None:
    """It is reported as unused, and why."""
    (d,) = found('-- d1migrate: allow=D999 reason="typo"\nSELECT 1;')
    assert (d.code, d.line) == ("H110", 1)
    assert "no such rule" in d.message


def test_a_code_of_the_rehearsal_is_not_judged_here() -> None:
    """Whether X codes allow something is for a rehearsal to say."""
    assert found('-- d1migrate: allow=X101 reason="rows are merged"\nSELECT 1;') == []


@pytest.mark.parametrize(
    "text",
    [
        "", "allow", "allow=", "allow=D104 reason=unused", "allow=D104 reason='unused'", 'allow=D104 why="unused"',
        'allow D104 reason="unused"', 'allow=D104, D105 reason="unused"', 'allow=D reason="unused"',
        'allow=D104 reason="unused" until="2027"', 'ignore=D104 reason="unused"', 'allow=D104 reason="unused',
        'allow=* reason="unused"',
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_reported(text: str) -> None:
    """It allows nothing, and is reported."""
    diagnostics = found(f"-- d1migrate: {text}\nDROP TABLE a;")
    assert [(d.code, d.line, d.allowed) for d in diagnostics] == [("H111", 1, None), ("D104", 2, None)]


@pytest.mark.parametrize("space", ["", " ", "\t", "  "])
def test_white_space(space: str) -> None:
    """It may stand, or be left out, around the name."""
    assert dropped(f'--{space}d1migrate:{space}allow=D104{space or " "}reason="unused"\nDROP TABLE a;') == {
        "a": True
    }


def test_the_reason_may_hold_anything_but_its_quote() -> None:
    """Apostrophes, `--`, `;`, `*/` and letters beyond ASCII are part of it."""
    reason = "it's -- see #12; */ größer 漢字"
    (d,) = found(f'SELECT 1;\n-- d1migrate: allow=D104 reason="{reason}"\nDROP TABLE a;')
    assert d.allowed == reason


# --- what it reaches ---


def test_another_statement_is_still_reported() -> None:
    """A directive is used up by its statement: the same code elsewhere stays, and is not called unused."""
    sql = f"SELECT 1;\n{ALLOW}\nDROP TABLE a;\nDROP TABLE b;"
    assert [(d.line, d.allowed) for d in found(sql)] == [(3, "unused"), (4, None)]


def test_on_the_wrong_statement_it_is_unused() -> None:
    """It allows nothing there, and says so; the finding stays."""
    sql = f"SELECT 1;\n{ALLOW}\nSELECT 2;\nDROP TABLE a;"
    assert [(d.code, d.line, d.allowed) for d in found(sql)] == [("H110", 2, None), ("D104", 4, None)]


def test_findings_about_the_file_need_a_directive_about_the_file() -> None:
    """A statement's directive does not reach what is found of the whole file."""
    allow = '-- d1migrate: allow=P104 reason="wrangler is not used"'
    assert [(d.code, d.allowed) for d in found(f"{allow}\nSELECT 1")] == [("P104", "wrangler is not used")]
    below = found(f"SELECT 1;\n{allow}\nSELECT 2")
    assert {(d.code, d.allowed) for d in below} == {("H110", None), ("P104", None)}


def test_a_directive_can_be_allowed_to_be_unused_nowhere() -> None:
    """H110 cannot allow itself: it would always be used."""
    (d,) = found('-- d1migrate: allow=H110 reason="kept"\nSELECT 1;')
    assert (d.code, d.allowed) == ("H110", None)


def test_h110_of_a_rule_that_is_off() -> None:
    """What one environment does not want to hear of, another does: the directive is not idle."""
    sql = '-- d1migrate: allow=D104 reason="unused"\nDROP TABLE t;'
    files = [Migration(1, "001_given", "CREATE TABLE t (a);"), Migration(2, "002_case", sql)]
    assert "H110" not in {d.code for d in check(list(replay(files))[-1], {"D104": "off"})}
