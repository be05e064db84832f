"""Every rule: its page, its examples, and where it begins to speak."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import d1migrate.lint.rules
from d1migrate.drafting.lint_fix import fix
from d1migrate.errors import LimitExceeded, SourceError
from d1migrate.lint.analysis import AnalyzedReplay
from d1migrate.lint.check import (
    FAMILIES,
    RULES,
    SEVERITIES,
    Diagnostic,
    check,
    failing,
    severity_of,
    unreadable,
)
from d1migrate.lint.platform import D1, DURABLE_OBJECT
from d1migrate.lint.replay.replayer import replay, schema_of
from d1migrate.lint.rules.production import LARGE_FILE, LONG_BATCH
from d1migrate.lint.runner import lint as lint_files
from d1migrate.migrate.migration import LARGE, Migration
from d1migrate.migrate.rollback_file import RollbackFile
from d1migrate.migrate.source import load
from d1migrate.schema.catalog import Catalog
from d1migrate.sql.tokens import KEYWORDS, tokenize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from d1migrate.lint.rule import Rule

BY_CODE = {rule.code: rule for rule in RULES}
WITHOUT_EXAMPLES = set("H107 H108 H109 H112 P103 P105 P106 P107 P111 P114 R109 R111".split())
"""Their examples would be too large, or are more than one file, or no file that can be read."""
ALSO = {"H111": {"D104"}}
"""Findings that the bad example of a rule about `allow` also has: what it would have allowed."""
EXAMPLES = [rule for rule in RULES if rule.page.bad]


def found(sql: str, given: str = "", **severities: str) -> tuple[Diagnostic, ...]:
    """What the rules find in a file that follows one that creates the schema."""
    files = [Migration(1, "001_given", given or "SELECT 1;"), Migration(2, "002_case", sql)]
    return lint_files(files, severities=severities, only={"002_case"})


def codes(diagnostics: tuple[Diagnostic, ...], *severities: str) -> set[str]:
    """The codes that are not allowed; of some severities, or of all."""
    return {d.code for d in diagnostics if d.allowed is None and (not severities or d.severity in severities)}


def loaded(*files: tuple[str, str]) -> set[str]:
    """The codes for the last of some files, loaded as from a folder."""
    return codes(check(list(replay(load(files)))[-1]))


FILL = "CREATE TABLE IF NOT EXISTS t (n);\nINSERT INTO t VALUES (1);\n"
RECORD = "INSERT INTO schema_migrations (version, name, applied_at) VALUES ({0}, '00{0}_x', 0);\n"


@pytest.mark.parametrize(
    ("one", "other", "is_found"),
    [
        (FILL, FILL, True),
        (FILL, "-- Migration: 002_y\n" + FILL.replace("INSERT", "insert") + RECORD.format(2), True),
        (FILL, FILL.replace("(1)", "(2)"), False),
        ("CREATE TABLE t (n);", "CREATE TABLE u (n);", False),
        ("PRAGMA optimize;", "PRAGMA optimize;", False),
        ("ANALYZE;", "ANALYZE;", False),
        (RECORD.format(1), RECORD.format(2), False),
        ("-- nothing", "-- nothing", False),
    ],
)
def test_a_file_that_is_there_twice(one: str, other: str, *, is_found: bool) -> None:
    """Under another number, as a killed renaming leaves it: its rows would be written twice."""
    assert ("H112" in loaded(("001_x.sql", one), ("002_y.sql", other))) == is_found


def says(code: str, sql: str, given: str = "") -> list[str]:
    """The messages of one rule."""
    return [d.message for d in found(sql, given) if d.code == code]


# --- pages and examples ---


def test_codes_are_unique_and_in_order() -> None:
    """A letter and three digits; names are unique too, since people go by them."""
    all_codes = [rule.code for rule in RULES]
    assert all_codes == sorted(set(all_codes))
    assert len({rule.name for rule in RULES}) == len(RULES)
    for code in all_codes:
        assert code[0] in "DFRPSWHX"
        assert code[1:].isdigit()
        assert len(code) == 4


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_has_a_page(rule: Rule) -> None:
    """A title and a why, each a sentence without the word that introduces it."""
    assert rule.page.title.endswith(".")
    assert rule.page.why
    assert not rule.page.why.startswith("Why")
    assert rule.severity in SEVERITIES
    assert bool(rule.page.bad) == bool(rule.page.good)


def test_rules_without_examples_are_tested_here() -> None:
    """All others have a bad and a good one; what a rehearsal finds is shown by rehearsals."""
    without = {rule.code for rule in RULES if not rule.page.bad and rule.code[0] != "X"}
    assert without == WITHOUT_EXAMPLES


@pytest.mark.parametrize("rule", EXAMPLES, ids=lambda rule: rule.code)
def test_the_bad_example_is_reported(rule: Rule) -> None:
    """Under its code and severity, and nothing else of weight is wrong with it."""
    diagnostics = found(rule.page.bad, rule.page.given)
    assert rule.severity in {d.severity for d in diagnostics if d.code == rule.code}
    assert codes(diagnostics, "error", "warning") - {rule.code} == ALSO.get(rule.code, set())


@pytest.mark.parametrize("rule", EXAMPLES, ids=lambda rule: rule.code)
def test_the_good_example_is_not(rule: Rule) -> None:
    """No error and no warning, but for what it allows itself; and not the rule's own code."""
    diagnostics = found(rule.page.good, rule.page.given)
    assert codes(diagnostics, "error", "warning") == set()
    assert rule.code not in codes(diagnostics)


@pytest.mark.parametrize("rule", EXAMPLES, ids=lambda rule: rule.code)
def test_what_is_reported_can_be_acted_on(rule: Rule) -> None:
    """It says where, shows the line with the place in it, and says why."""
    for d in found(rule.page.bad, rule.page.given):
        lines = rule.page.bad.split("\n")
        assert d.file == "002_case.sql"
        assert 1 <= d.line <= len(lines)
        assert d.source in (None, lines[d.line - 1])
        assert 1 <= d.column <= len(lines[d.line - 1]) + 1
        assert d.message == d.message.strip()
        assert "\n" not in d.message
        assert d.why == BY_CODE[d.code].page.why
        assert d.name == BY_CODE[d.code].name


@pytest.mark.parametrize("rule", [r for r in EXAMPLES if r.code != "P110"], ids=lambda rule: rule.code)
def test_a_fix_runs(rule: Rule) -> None:
    """SQL that is offered as the fix can be split and is not refused for its grammar."""
    for d in found(rule.page.bad, rule.page.given):
        if d.fix and d.code == rule.code:
            (case,) = replay([Migration(1, "001_fix", d.fix + ("" if ";" in d.fix else "\nSELECT 1;"))])
            assert not [r.refusal for r in case.statements if r.refusal and "syntax error" in r.refusal]


# --- severities ---


def test_severities_are_configured_by_code_or_letter() -> None:
    """The code goes first; `off` silences; what was an error may be less, and fails no more."""
    given, sql = "CREATE TABLE t (a);", "DROP TABLE t;"
    assert {d.severity for d in found(sql, given) if d.code == "D104"} == {"warning"}
    assert {d.severity for d in found(sql, given, D104="error") if d.code == "D104"} == {"error"}
    assert {d.severity for d in found(sql, given, D="error", D104="info") if d.code == "D104"} == {"info"}
    assert "D104" not in codes(found(sql, given, D="off"))
    assert "D104" in codes(found(sql, given, D="off", D104="info"))
    assert severity_of("D101", {}) == "error"


def test_what_fails() -> None:
    """Errors, with `strict` warnings too; never infos, and never what the file allows."""
    drop = found("DROP TABLE t;", "CREATE TABLE t (a);")
    assert not failing(drop)
    assert failing(drop, strict=True)
    assert failing(found("VACUUM;"))
    allowed = found('-- d1migrate: allow=R105 reason="not on D1"\nVACUUM;')
    assert {d.code for d in allowed if d.allowed} == {"R105"}
    assert not failing(allowed, strict=True)


def test_without_infos() -> None:
    """No rule of severity info is run, and an unused `allow` is not looked for: it may be for one of those."""
    sql = '-- d1migrate: allow=W101 reason="x"\nDROP TABLE t;\nVACUUM;'
    _, case = replay([Migration(1, "001_given", "CREATE TABLE t (a);"), Migration(2, "002_case", sql)])
    assert {"H101", "H110"} < {d.code for d in check(case)}
    assert [d.code for d in check(case, infos=False)] == ["D104", "R105"]
    assert [d.code for d in check(case, {"D104": "info", "H101": "warning"}, infos=False)] == ["H101", "R105"]


def test_findings_about_one_statement_are_in_an_order_that_does_not_change() -> None:
    """A rename changes every table that references the renamed one; Python's sets have another order each run."""
    names = [f"child_{letter}" for letter in "jcfaihbgde"]
    given = "".join(f"CREATE TABLE {name} (p REFERENCES parent(id)); " for name in names)
    files = (f"CREATE TABLE parent (id INTEGER PRIMARY KEY); {given}", "ALTER TABLE parent RENAME TO other;")
    *_, case = replay([Migration(number, f"00{number}_a", sql) for number, sql in enumerate(files, 1)])
    found = [d.message for d in check(case) if d.code == "H104"]
    assert len(found) == len(names)
    assert found == sorted(found)


# --- limits: at it nothing, one above it a finding ---


def _columns(count: int) -> str:
    return f"CREATE TABLE wide ({', '.join(f'c{i}' for i in range(count))});"


@pytest.mark.parametrize(
    ("code", "fits", "too_much"),
    [
        ("R107", "SELECT 1" + " UNION SELECT 2" * 4 + ";", "SELECT 1" + " UNION SELECT 2" * 5 + ";"),
        ("R108", _columns(100), _columns(101)),
        ("R108", f"SELECT 'a' LIKE '{'x' * 50}';", f"SELECT 'a' LIKE '{'x' * 51}';"),
        ("R108", f"SELECT 'a' GLOB '{'é' * 25}';", f"SELECT 'a' GLOB '{'é' * 25}x';"),
        ("R108", f"SELECT 'a' LIKE '{chr(39) * 100}';", f"SELECT 'a' LIKE '{chr(39) * 102}';"),
        ("R108", f"SELECT max({', '.join('1' * 127)});", f"SELECT max({', '.join('1' * 128)});"),
        ("R108", f"SELECT {'+'.join('1' * 100)};", f"SELECT {'+'.join('1' * 101)};"),
    ],
    ids=["compound", "columns", "like", "glob bytes", "quotes in like", "arguments", "depth"],
)
def test_limits(code: str, fits: str, too_much: str) -> None:
    """What D1 just takes is not reported; one more is."""
    assert codes(found(fits), "error") == set()
    assert codes(found(too_much), "error") == {code}


def _insert(size: int) -> str:
    head, tail = "INSERT INTO t VALUES ('", "')"
    return head + "é" * ((size - len(head + tail)) // 2) + "x" * ((size - len(head + tail)) % 2) + tail


def test_r109_a_statement_of_100_000_bytes() -> None:
    """Bytes are counted, not characters; the `;` is not sent, so it does not count. The rest is checked, too."""
    given = Migration(1, "001_given", "CREATE TABLE t (a);")
    for size, expected in ((100_000, ["D106"]), (100_001, ["R109", "D106"])):
        file = Migration(2, "002_case", f"SELECT 1;\n  {_insert(size)};\nDELETE FROM t;")
        diagnostics = [d for d in lint_files([given, file]) if d.severity != "info"]
        assert [d.code for d in diagnostics] == expected
        assert [(d.line, d.column) for d in diagnostics if d.code == "R109"] == [(2, 3)] * (size > 100_000)
        assert all("100001 bytes" in d.message for d in diagnostics if d.code == "R109")


class _Large:
    """A script that says it is large."""

    def __init__(self, size: int) -> None:
        self.size, self.problem = size, None

    def chunks(self, see: Callable[[bytes], object] | None = None) -> Iterator[str]:
        """What is in it."""
        if see:
            see(b"SELECT 1;\n")
        yield "SELECT 1;\n"


def test_p106_a_large_file() -> None:
    """50 MB pass."""
    for size, expected in ((LARGE_FILE, set[str]()), (LARGE_FILE + 1, {"P106"})):
        (case,) = replay([Migration(1, "001_large", _Large(size))])
        assert codes(check(case), "error", "warning") == expected


def test_p111_a_file_that_an_index_cannot_hold() -> None:
    """Only in a Durable Object: D1 imports a large file."""
    fits = Migration(1, "001_x", "-- " + "x" * (LARGE - 3 - len("\nSELECT 1;")) + "\nSELECT 1;")
    assert fits.size == LARGE
    assert in_object(fits) == set()
    larger = Migration(1, "001_x", fits.text.replace("xxx", "xxxx", 1))
    assert in_object(larger) == {"P111"}
    assert "P111" not in codes(lint_files([larger]))


# --- Durable Objects ---


def in_object(*files: Migration) -> set[str]:
    """The codes for files that run in a Durable Object."""
    return codes(lint_files(files, platform=DURABLE_OBJECT))


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.only == "d1"], ids=lambda rule: rule.code)
def test_what_is_only_about_d1(rule: Rule) -> None:
    """It is not reported for an object, and an `allow` of it is not unused: D1 may run the same files."""
    allow = f'-- d1migrate: allow={rule.code} reason="D1 runs this, too"\n'
    given = Migration(1, "001_given", rule.page.given or "SELECT 1;")
    for text in (rule.page.bad, allow + rule.page.bad):
        assert not in_object(given, Migration(2, "002_bad", text)) & {rule.code, "H110"}


def test_an_object_is_named_instead_of_d1() -> None:
    """In messages, and in reasons; no reason mentions what wrangler does with the file."""
    sql = "PRAGMA journal_mode = WAL; SELECT power(1, 2); INSERT OR ROLLBACK INTO t VALUES (1);"
    files = [Migration(1, "001_x", f"CREATE TABLE t (id INTEGER); {sql}")]
    d1, in_object = (lint_files(files, platform=platform) for platform in (D1, DURABLE_OBJECT))
    assert [d.message.replace("D1", "a Durable Object") for d in d1 if BY_CODE[d.code].only == ""] == [
        d.message for d in in_object
    ]
    assert "earlier migrations too" in next(d.why for d in in_object if d.code == "P109")
    assert "earlier migrations too" not in next(d.why for d in d1 if d.code == "P109")


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.only != "d1"], ids=lambda rule: rule.code)
def test_a_reason_for_an_object_is_not_about_wrangler(rule: Rule) -> None:
    """Nothing but the object's own code runs its files."""
    assert "wrangler" not in rule.why(DURABLE_OBJECT)
    assert not re.search(r"\bD1\b", rule.why(DURABLE_OBJECT))


def test_p107_many_statements() -> None:
    """100,000 statements pass."""
    for count, expected in ((LONG_BATCH, set[str]()), (LONG_BATCH + 1, {"P107"})):
        case = AnalyzedReplay(
            Migration(1, "001_long", "SELECT 1;"), Catalog(), Catalog(), (), count=count, last=None, filled={}
        )
        assert codes(check(case), "error", "warning") == expected


def test_p107_counts_what_rules_do_not_look_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """INSERT … VALUES counts like any other statement."""
    monkeypatch.setattr("d1migrate.lint.rules.production.LONG_BATCH", 3)
    insert = "INSERT INTO t VALUES (1);\n"
    assert says("P107", insert * 3, "CREATE TABLE t (a);") == []
    assert says("P107", insert * 4, "CREATE TABLE t (a);") != []


# --- files ---

TRIGGER = "CREATE TRIGGER tr AFTER INSERT ON t BEGIN\n  SELECT 1;\nEND;\n"


def _crlf(text: str) -> str:
    return text.replace("\n", "\r\n")


def test_p103_a_trigger_with_crlf() -> None:
    """CRLF alone is nothing, nor is a trigger with LF; where the schema was made does not matter."""
    given = ("001_given.sql", "CREATE TABLE t (a);\n")
    assert "P103" in loaded(given, ("002_case.sql", _crlf(TRIGGER)))
    assert "P103" not in loaded(given, ("002_case.sql", TRIGGER))
    assert "P103" not in loaded(given, ("002_case.sql", _crlf("DELETE FROM t\nWHERE a = 1;\n")))
    assert "P103" not in loaded(("001_given.sql", _crlf(given[1])), ("002_case.sql", TRIGGER))


def test_places_are_the_same_with_crlf() -> None:
    """Lines, columns and source lines do not depend on the line ends."""
    sql = "SELECT 1;\n\n  /* é */ DROP TABLE t;\n"
    places = []
    for text in (sql, _crlf(sql)):
        files = load([("001_given.sql", "CREATE TABLE t (a);"), ("002_case.sql", text)])
        (drop,) = (d for d in check(list(replay(files))[-1]) if d.code == "D104")
        places.append((drop.line, drop.column, drop.source))
    assert places == [(3, 11, "  /* é */ DROP TABLE t;")] * 2


def _unreadable(migration: Migration) -> Diagnostic:
    with pytest.raises((SourceError, LimitExceeded)) as error:
        migration.check()
    return unreadable(migration, error.value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("SELECT 1;\n/* never closed\nSELECT 2;\n", 2, 1, "this comment is not closed"),
        ("SELECT 1;\nSELECT 'it;\n", 2, 8, "this string is not closed"),
        ('SELECT 1;\n  SELECT "é, [x];\n', 2, 10, "this name is not closed"),
    ],
)
def test_p105_something_is_not_closed(text: str, line: int, column: int, message: str) -> None:
    """The place is where it begins."""
    d = _unreadable(Migration(1, "001_a", text, file="migrations/001_a.sql"))
    assert (d.code, d.severity, d.file) == ("P105", "error", "migrations/001_a.sql")
    assert (d.line, d.column, d.message) == (line, column, message)
    assert d.source == text.split("\n")[line - 1]
    assert failing([d])


@pytest.mark.parametrize("text", ["SELECT 1;\nDROP TABLE schema_migrations;", "SELECT 1;\n-- Rollback: x"])
def test_r111_a_file_that_is_not_run(text: str) -> None:
    """An error that says what is wrong; `unreadable` never says that a file is fine."""
    d = _unreadable(Migration(1, "001_a", text))
    assert d.code in ("R111", "P105")
    assert d.severity == "error"
    assert d.message


# --- files beside files ---


def _names(*names: str) -> set[str]:
    return loaded(*((f"{name}.sql", "SELECT 1;") for name in names))


def test_h107_a_number_is_left_out() -> None:
    """The first file may have any number, and timestamps have none to leave out."""
    assert "H107" in _names("001_a", "003_b")
    assert "H107" not in _names("001_a", "002_b")
    assert "H107" not in _names("007_a")
    assert "H107" not in _names("20260101120000_a", "20260301120000_b")
    assert "H107" not in _names("009_a", "20260301120000_b")


@pytest.mark.parametrize(
    ("header", "reported"),
    [
        ("-- Migration: 002_case", False),
        ("-- Migration: 002_case.sql", False),
        ("--Migration:002_case", False),
        ("/* x */\n--\tMigration: 002_case", False),
        ("-- Migration: 001_other", True),
        ("-- Migration: 2", True),
        ("-- A migration: 001_other", False),
        ("-- Description: something", False),
    ],
)
def test_h108_the_header_names_another(header: str, reported: bool) -> None:
    """Only a line that is the header counts."""
    assert bool(says("H108", f"{header}\nSELECT 1;\n")) == reported


RECORD = "INSERT INTO schema_migrations (version, name, applied_at) VALUES ({0}, '00{0}_a', 0);"


@pytest.mark.parametrize(
    ("records", "reported"),
    [((True, False), True), ((True, True), False), ((False, False), False), ((False, True), False),
     ((True, False, False), False), ((True, True, False, False), True), ((True, False, True), False)],
)  # fmt: skip
def test_h109_not_recording_itself(records: tuple[bool, ...], reported: bool) -> None:
    """It is asked of a file where more than half of those before it do."""
    files = [
        (f"00{n}_a.sql", "SELECT 1;" + (RECORD.format(n) if does else ""))
        for n, does in enumerate(records, 1)
    ]
    assert ("H109" in loaded(*files)) == reported


# --- spelling and size ---


def _respelt(sql: str, spelling: str) -> str:
    parts = []
    for token in tokenize(sql):
        if spelling == "lower case":
            lower = token.keyword in KEYWORDS - {"BEGIN", "END"}  # P101 is about those
            parts.append(token.text.lower() if lower else token.text)
        else:
            is_gap = token.kind == "space" and "\n" not in token.text
            parts.append("/* c */" if is_gap else token.text)
    return "".join(parts)


@pytest.mark.parametrize("spelling", ["lower case", "comments for spaces"])
@pytest.mark.parametrize("rule", EXAMPLES, ids=lambda rule: rule.code)
def test_spelling_makes_no_difference(rule: Rule, spelling: str) -> None:
    """The case of keywords, and comments in the place of white space, change no finding."""
    for sql in (rule.page.bad, rule.page.good):
        expected = codes(found(sql, rule.page.given))
        assert codes(found(_respelt(sql, spelling), _respelt(rule.page.given, spelling))) == expected


SHAPES = {
    "create": ("", "CREATE TABLE n{0} (id INTEGER PRIMARY KEY, a TEXT);"),
    "children": ("", "CREATE TABLE n{0} (id INTEGER PRIMARY KEY, p REFERENCES n0(id));"),
    "drop": ("CREATE TABLE t{0} (a);", "DROP TABLE t{0};"),
    "index": ("CREATE TABLE t{0} (a);", "CREATE INDEX i{0} ON t{0}(a);"),
    "insert": ("CREATE TABLE t{0} (a);", "INSERT INTO t{0} VALUES ({0});"),
    "update": ("CREATE TABLE t{0} (a);", "UPDATE t{0} SET a = {0};"),
    "delete": ("CREATE TABLE t{0} (a);", "DELETE FROM t0;"),
    "replace": (
        "CREATE TABLE IF NOT EXISTS t (a UNIQUE, t REFERENCES t(a) ON DELETE CASCADE);",
        "REPLACE INTO t VALUES ({0}, 1);",
    ),
    "triggers of one table": (
        "CREATE TABLE IF NOT EXISTS t (a);",
        "CREATE TRIGGER r{0} AFTER UPDATE ON t BEGIN SELECT {0}; END;",
    ),
    "indexes of one table": ("CREATE TABLE IF NOT EXISTS t (a);", "CREATE INDEX i{0} ON t(a);"),
    "unique indexes of one table": (
        "CREATE TABLE IF NOT EXISTS t (a, b);",
        "CREATE UNIQUE INDEX i{0} ON t(a, b);",
    ),
    "views": ("CREATE TABLE IF NOT EXISTS t (a);", "CREATE VIEW v{0} AS SELECT a FROM t;"),
    "directives": ("", '-- d1migrate: allow=H101 reason="x"\nCREATE TABLE n{0} (id INTEGER PRIMARY KEY);'),
    "directives of the file": ("", '-- d1migrate: allow=H101 reason="x"'),
    "drop of triggers": (
        "CREATE TABLE IF NOT EXISTS t (a); CREATE TRIGGER r{0} AFTER UPDATE ON t BEGIN SELECT {0}; END;",
        "DROP TRIGGER r{0};",
    ),
}  # fmt: skip


def _work(shape: str, count: int) -> int:
    """How many functions the linter calls, itself or through others."""
    given, sql = ("\n".join(text.format(n) for n in range(count)) for text in SHAPES[shape])
    first, case = (
        Migration(1, "001_given", given or "SELECT 1;"),
        Migration(2, "002_case", f"{sql}\nSELECT 1;"),
    )
    (before_it,) = replay([first])
    calls = 0

    def count_call(_: FrameType, event: str, __: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count_call)
    try:
        lint_files([case], before_it.after.schema)
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_the_work_is_linear(shape: str) -> None:
    """Rules look at a file of twice the statements for twice as long, not four times."""
    _, once, twice, four = (_work(shape, count) for count in (240, 60, 120, 240))  # the first fills caches
    assert four - twice <= 2.2 * (twice - once)


# --- seen wrong once ---


def test_s102_of_what_is_no_statement() -> None:
    """It is refused, and no rule falls over it."""
    assert "R106" in codes(found("-- idempotent\n(1);"))


@pytest.mark.parametrize(
    ("sql", "line", "message"),
    [
        (
            "SELECT 1;\n\nDROP TABLE schema_migrations;",
            3,
            "it changes the history of all migrations (drop schema_migrations)",
        ),
    ],
)
def test_where_a_file_cannot_be_read(sql: str, line: int, message: str) -> None:
    """The line is the statement's, and the message is a message."""
    d = _unreadable(Migration(1, "001_a", sql))
    assert (d.line, d.message) == (line, message)


def test_r102_names_the_pragma() -> None:
    """Also after a schema's name."""
    assert says("R102", "PRAGMA main.journal_mode;") == ["D1 does not allow PRAGMA journal_mode"]


# --- what was once wrong ---


def test_a_rollback_with_a_statement_that_is_too_long() -> None:
    """It is a finding like any other, and the next file is checked."""
    files = [
        Migration(1, "001_a", f"SELECT 1;\n-- Rollback:\n--   {_insert(100_001)};"),
        Migration(2, "002_b", "VACUUM;"),
    ]
    assert [d.code for d in lint_files(files) if d.severity == "error"] == ["R109", "R105"]


@pytest.mark.parametrize("sql", ["UPDATE users SET id = 2 WHERE id = 1;", "DELETE FROM users WHERE id = 1;"])
def test_r106_of_a_foreign_key_that_does_not_fit(sql: str) -> None:
    """D1 says `foreign key mismatch - "posts" referencing "users"`, whoever made that key."""
    given = "CREATE TABLE users (id INTEGER); CREATE TABLE posts (id INTEGER PRIMARY KEY, u REFERENCES users(id));"
    assert any("foreign key mismatch" in message for message in says("R106", sql, given))


@pytest.mark.parametrize(
    ("name", "sql", "code", "message"),
    [
        (
            "001_a",
            "SELECT 1;\n-- Down\nDROP TABLE a;",
            "P110",
            "wrangler ran this forward: the SQL after `-- Down`",
        ),
        (
            "001_a.down",
            "DROP TABLE a;",
            "P110",
            "wrangler ran this forward: wrangler would run this down file",
        ),
        ("001_a", "SELECT 'x", "P105", "applied, although it would be refused: this string is not closed"),
        (
            "001_a",
            _insert(100_001) + ";",
            "R109",
            "applied, although it would be refused: the statement has 100001",
        ),
    ],
)
def test_what_was_applied_although_it_would_be_refused(name: str, sql: str, code: str, message: str) -> None:
    """An info, which stops nothing; a pending file is an error."""
    file = Migration(1, name, sql)
    (applied,) = lint_files([Migration(2, "002_b", "SELECT 1;\n-- Rollback: none, x")], earlier=[file])
    assert (applied.code, applied.severity) == (code, "info")
    assert applied.message.startswith(message)
    assert (code, "error") in {(d.code, d.severity) for d in lint_files([file])}


@pytest.mark.parametrize(
    ("rollback", "code", "line"),
    [
        ("\nDROP TABLE a", "H103", 1),
        ("SELECT 1;\nDROP TABLE c;", "H103", 2),
        ("SELECT 1;\nsee the wiki;", "R111", 2),
    ],
)
def test_findings_in_a_rollback_file(rollback: str, code: str, line: int) -> None:
    """They name that file; and it is a rollback to H102."""
    text = "CREATE TABLE a (id INTEGER PRIMARY KEY);\nCREATE TABLE b (id INTEGER PRIMARY KEY);\n"
    file = Migration(1, "001_a", text, rollback_file=RollbackFile("rollback/001_a.sql", rollback))
    found = {d.code: (d.file, d.line) for d in lint_files([file])}
    assert found[code] == ("rollback/001_a.sql", line)
    assert "H102" not in found


def test_p110_may_be_allowed_by_who_knows_better() -> None:
    """E.g. in the history of a folder that is linted without its database."""
    allowed = '-- d1migrate: allow=P110 reason="wrangler ran it in 2024"\n'
    (d,) = (d for d in lint_files([Migration(1, "001_a.down", allowed + "SELECT 1;")]) if d.code == "P110")
    assert d.allowed == "wrangler ran it in 2024"


SEEDED = "CREATE TABLE t (id INTEGER PRIMARY KEY, a);\nINSERT INTO t VALUES (1, 'x'), (2, 'x');"


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ((SEEDED, "ALTER TABLE t ADD COLUMN b DEFAULT (unixepoch());"), "R112"),
        ((SEEDED, "ALTER TABLE t ADD COLUMN b NOT NULL;"), "R112"),
        ((SEEDED, "ALTER TABLE t ADD COLUMN b AS (a) STORED;"), "R112"),
        ((SEEDED, "ALTER TABLE t ADD COLUMN b DEFAULT 1 REFERENCES t(id);"), "R112"),
        ((SEEDED, "ALTER TABLE t ADD COLUMN b DEFAULT 0 CHECK (b > id);"), "R112"),
        ((SEEDED, "CREATE UNIQUE INDEX i ON t (a);"), "R112"),
        ((SEEDED, ("CREATE TABLE n (id INTEGER PRIMARY KEY, a UNIQUE); INSERT INTO n SELECT * FROM t;"
         " DROP TABLE t; ALTER TABLE n RENAME TO t;")), "R112"),
        ((SEEDED + "\nALTER TABLE t ADD COLUMN b NOT NULL;",), "R112"),
        ((SEEDED, "-- nothing yet", "ALTER TABLE t ADD COLUMN b NOT NULL;"), "R112"),
        ((SEEDED, ("CREATE TABLE n (id INTEGER PRIMARY KEY, a); INSERT INTO n SELECT * FROM t; DROP TABLE t;"
         " ALTER TABLE n RENAME TO t;"), "SELECT 1; ALTER TABLE t ADD COLUMN b NOT NULL;"), "R112"),
        ((("CREATE TABLE t (id); CREATE TABLE u (id); CREATE TRIGGER r AFTER INSERT ON u BEGIN INSERT INTO t"
          " VALUES (new.id); END; INSERT INTO u VALUES (1);"), "ALTER TABLE t ADD COLUMN b NOT NULL;"), "R112"),
        ((SEEDED, "DELETE FROM t;", "ALTER TABLE t ADD COLUMN b NOT NULL;"), "F101"),
        ((SEEDED, "DELETE FROM t WHERE a = 'x';", "ALTER TABLE t ADD COLUMN b NOT NULL;"), "F101"),
        ((SEEDED, "CREATE UNIQUE INDEX i ON t (id, a);", "CREATE UNIQUE INDEX j ON t (a, lower(id));"), "F106"),
        (("CREATE TABLE t (id);", "ALTER TABLE t ADD COLUMN b NOT NULL;"), "F101"),
        ((SEEDED, '-- d1migrate: allow=F101 reason="t is emptied first"\nALTER TABLE t ADD COLUMN b NOT NULL;'), "allowed"),
        ((SEEDED, "SELECT 'not closed", "ALTER TABLE t ADD COLUMN b NOT NULL;"), "F101"),
    ],
)  # fmt: skip
def test_r112_rows_of_the_files_themselves(files: tuple[str, ...], code: str) -> None:
    """They prove what else is a warning; in its place, it is an error, and only where they surely are."""
    migrations = [Migration(n, f"{n:03}_file", sql) for n, sql in enumerate(files, 1)]
    last = lint_files(migrations, only={migrations[-1].name})
    weighty = {"allowed" if d.allowed else d.code for d in last if d.code[0] in "FR" and d.severity != "info"}
    assert weighty == {code}
    assert failing(last) == (code == "R112")
    applied, base = migrations[:-1], schema_of(m for m in migrations[:-1] if "closed" not in m.text)
    if applied and code != "F101":
        assert lint_files(migrations[-1:], base, earlier=applied) == last


# --- where rules are ---


def test_every_module_of_rules_is_listed() -> None:
    """A rule in a module that `check` does not list would never be asked."""
    package = Path(d1migrate.lint.rules.__file__).parent
    there = {path.stem for path in package.glob("*.py")} - {"__init__", "found_elsewhere"}
    assert [family.__name__.rpartition(".")[2] for family in FAMILIES] == sorted(there)


def test_no_rule_imports_another() -> None:
    """What two families share is a module of `lint`."""
    for path in Path(d1migrate.lint.rules.__file__).parent.glob("*.py"):
        assert "lint.rules" not in path.read_text(), path


def test_the_guards_shown_are_those_that_fix_writes() -> None:
    """`--fix` takes them from the same function; this holds the two outputs together."""
    parent = "CREATE TABLE p (id INTEGER PRIMARY KEY, n);"
    for action in ("CASCADE", "SET NULL", "RESTRICT"):
        given = f"{parent} CREATE TABLE a (p REFERENCES p(id) ON DELETE {action}); CREATE INDEX i ON a(p);"
        given += "CREATE TABLE b (p REFERENCES p(id) ON DELETE CASCADE); CREATE INDEX j ON b(p);"
        sql = "CREATE TABLE q (id INTEGER PRIMARY KEY, n TEXT);\nINSERT INTO q SELECT id, n FROM p;\nDROP TABLE p;\nALTER TABLE q RENAME TO p;\n"
        files = [Migration(1, "001_given", given), Migration(2, "002_case", sql)]
        (shown,) = (d.fix or "" for d in lint_files(files) if d.code == "D101")
        (fixed,) = fix(files, files[1:], {"002_case": sql})
        assert guards(shown) == guards(fixed.text or ""), fixed.why_not
        assert len(guards(shown)) == 8


def guards(sql: str) -> list[str]:
    """The statements that create and drop guard triggers."""
    return [line for line in sql.split("\n") if "_guard_" in line]
