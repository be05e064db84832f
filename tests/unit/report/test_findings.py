"""Findings as text, JSON, GitHub annotations and SARIF."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from d1migrate.lint.check import RULES, Diagnostic, check, unreadable
from d1migrate.lint.replay.replayer import replay
from d1migrate.lint.runner import lint
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.source import load
from d1migrate.report import findings
from d1migrate.report.text import color

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.lint.rule import Severity

ESC = "\x1b"
GIVEN = """CREATE TABLE workflows (id TEXT PRIMARY KEY, name TEXT);
CREATE TABLE executions (id TEXT PRIMARY KEY, workflow_id TEXT REFERENCES workflows(id) ON DELETE CASCADE);
CREATE INDEX idx_executions ON executions(workflow_id);
CREATE TABLE logs (id INTEGER PRIMARY KEY, line TEXT);
"""
REBUILD = """-- d1migrate: allow=D104 reason="exported, unused"
CREATE TABLE workflows_new (id TEXT PRIMARY KEY, name TEXT, owner TEXT);
INSERT INTO workflows_new (id, name) SELECT id, name FROM workflows;
  DROP TABLE workflows;
ALTER TABLE workflows_new RENAME TO workflows;
UPDATE logs SET line = '';
DROP TABLE logs;
"""


def diagnostic(
    code: str = "D104",
    message: str = "DROP TABLE logs loses its rows",
    *,
    severity: Severity = "warning",
    file: str = "migrations/004_x.sql",
    line: int = 12,
    column: int = 1,
    source: str | None = "DROP TABLE logs;",
    why: str = "a rollback brings the table back, not its rows.",
    fix: str | None = None,
    allowed: str | None = None,
) -> Diagnostic:
    """A finding."""
    return Diagnostic(code, severity, message, file, line, column, source, why, fix, allowed)


def linted(sql: str = REBUILD, given: str = GIVEN) -> tuple[Diagnostic, ...]:
    """What the linter finds in a file."""
    files = load([("001_given.sql", given), ("002_case.sql", sql)], folder="migrations")
    return check(list(replay(files))[-1])


def text(*diagnostics: Diagnostic, verbose: bool = False, count: int | None = None) -> list[str]:
    """The text without colors."""
    return findings.text(diagnostics, verbose=verbose, paint=lambda t, _: t, count=count)


# --- text ---


def test_the_text_on_a_narrow_terminal() -> None:
    """What is not wrapped as text fits: the source line, with the caret below its column, and the reason."""
    source = f"SELECT {'a, ' * 60}wrong FROM t"
    found = diagnostic(severity="error", source=source, column=source.index("wrong") + 1, why="reasons " * 30)
    lines = findings.text([found], verbose=False, paint=lambda t, _: t, width=60)
    assert all(len(part) <= 60 for line in lines for part in line.split("\n"))
    excerpt, caret = (line for line in lines if " | " in line)
    assert excerpt[caret.index("^") :].startswith("wrong")
    assert lines[-1] == "explain one: `d1migrate explain D104`"


def test_the_text_of_a_rebuild() -> None:
    """What a person reads: errors and warnings whole, infos a line each, what is allowed only counted."""
    assert "\n".join(text(*linted())) == (
        """\
error[D101] drop-deletes-children: DROP TABLE workflows deletes the rows of executions
 --> migrations/002_case.sql:4:3
4 |   DROP TABLE workflows;
  |   ^
  why: D1 always enforces foreign keys, whatever a PRAGMA says, and DROP TABLE first deletes every
       row. ON DELETE CASCADE then empties the child tables, SET NULL clears their links, and the
       migration reports success.
  fix:
    PRAGMA defer_foreign_keys = ON;
    CREATE TRIGGER "_d1m_guard_delete_executions" BEFORE DELETE ON "executions" BEGIN SELECT RAISE(IGNORE); END;
    CREATE TRIGGER "_d1m_guard_update_executions" BEFORE UPDATE ON "executions" BEGIN SELECT RAISE(IGNORE); END;
    DROP TABLE workflows;
    -- … rename the new table to the old name here …
    DROP TRIGGER "_d1m_guard_delete_executions";
    DROP TRIGGER "_d1m_guard_update_executions";
    PRAGMA defer_foreign_keys = OFF;
    SELECT json_extract('{}', 'orphan in ' || "table" || ' rowid ' || coalesce(rowid, '?')) FROM pragma_foreign_key_check;
  or run: `d1migrate lint --fix migrations/002_case.sql`

warning[D107] update-everything: UPDATE without WHERE overwrites logs.line in every row
 --> migrations/002_case.sql:6:1
6 | UPDATE logs SET line = '';
  | ^
  why: the old values are lost, and no rollback can restore them. Filling a column that the same
       file adds loses nothing and is not reported.

info[H102] migrations/002_case.sql:1:1: no `-- Rollback:` block, and the file is not declared irreversible
info[H101] migrations/002_case.sql:2:1: CREATE TABLE workflows_new without IF NOT EXISTS, and 2 more
info[W103] migrations/002_case.sql:4:3: this rebuild writes every row of workflows again

1 error, 1 warning, 3 notes (1 allowed)
fix 1: `d1migrate lint --fix migrations/002_case.sql`
explain one: `d1migrate explain D101`"""
    )


def test_verbose_shows_all_at_full_length() -> None:
    """Infos have a why too, and what is allowed has its reason."""
    lines = text(*linted(), verbose=True)
    assert "info[W103] rebuild: this rebuild writes every row of workflows again" in lines
    at = lines.index("allowed[D104] drop-table: DROP TABLE logs loses its rows")
    assert lines[at + 1 : at + 3] == [" --> migrations/002_case.sql:7:1", "  reason: exported, unused"]
    assert sum(line.startswith("  why: ") for line in lines) == len(linted()) - 1
    assert lines[-3] == "1 error, 1 warning, 3 notes (1 allowed)"


@pytest.mark.parametrize(
    ("found", "count", "summary"),
    [
        ([], None, "no findings"),
        ([], 0, "no findings in 0 migrations"),
        ([], 1, "no findings in 1 migration"),
        ([], 3, "no findings in 3 migrations"),
        ([diagnostic(allowed="x")], 3, "no findings in 3 migrations (1 allowed)"),
        ([diagnostic(severity="error")] * 2, None, "2 errors"),
        ([diagnostic(), diagnostic(severity="info")], 2, "1 warning, 1 note in 2 migrations"),
    ],
)
def test_a_summary(found: Sequence[Diagnostic], count: int | None, summary: str) -> None:
    """It counts what is not allowed, and says how much is; a last line names the command that explains."""
    lines = text(*found, count=count)
    if any(d.allowed is None for d in found):
        assert lines.pop() == "explain one: `d1migrate explain D104`"
    assert lines[-1] == summary


def test_the_command_that_fixes() -> None:
    """It names the files, as long as they are few; and the worst finding is the one to explain."""
    found = [
        diagnostic(severity="info"),
        *(diagnostic(code="P104", file=f"00{n} a.sql", fix="SELECT 1;") for n in range(1, 6)),
        diagnostic(code="R105", severity="error", fix="SELECT 1;"),
    ]
    files = " ".join(f"'00{n} a.sql'" for n in range(1, 6))
    fix, explain = text(*found)[-2:]
    assert fix == f"fix 5: `d1migrate lint --fix {files}`"
    assert explain == "explain one: `d1migrate explain R105`"
    assert "  or run: `d1migrate lint --fix '001 a.sql'`" in text(*found)
    more = diagnostic(code="P104", file="006_a.sql", fix="SELECT 1;")
    assert text(*found, more)[-2] == "fix 6: `d1migrate lint --fix`"
    assert "--fix" not in "".join(text(diagnostic(code="P104", fix="SELECT 1;", allowed="x"), verbose=True))


def test_nothing_but_the_summary_where_nothing_is_found() -> None:
    """Neither for no findings, nor where all are allowed."""
    assert text() == ["no findings"]
    assert text(diagnostic(allowed="x")) == ["no findings (1 allowed)"]


def test_colors() -> None:
    """Each severity has its own, what is allowed is dim; without colors the text is the same."""
    found = [diagnostic(severity="error"), diagnostic(), diagnostic(severity="info"), diagnostic(allowed="x")]
    lines = findings.text(found, verbose=True, paint=lambda t, name: color(t, name, on=True))
    painted = "\n".join(lines)
    assert f"{ESC}[31merror[D104]{ESC}[0m" in painted
    assert f"{ESC}[33mwarning[D104]{ESC}[0m" in painted
    assert f"{ESC}[2mallowed[D104]" in painted
    assert f"{ESC}[31m^{ESC}[0m" in painted
    assert re.sub(r"\x1b\[\d+m", "", painted) == "\n".join(text(*found, verbose=True))


def test_a_finding_about_the_whole_file_shows_no_line() -> None:
    """Without a source line there is no caret."""
    lines = text(diagnostic(source=None))
    assert not any("|" in line or "^" in line for line in lines)
    assert " --> migrations/004_x.sql:12:1" in lines


def test_only_what_is_known_is_shown() -> None:
    """No empty why, no empty fix."""
    lines = text(diagnostic(why="", fix=None))
    assert not any(line.startswith(("  why", "  fix")) for line in lines)


def test_a_fix_is_indented() -> None:
    """Every line of it, so that it can be told from the rest."""
    lines = text(diagnostic(fix="A;\n  B;\n\nC;"))
    at = lines.index("  fix:")
    assert lines[at + 1 : at + 5] == ["    A;", "      B;", "", "    C;"]


# --- the caret ---


def caret(source: str, column: int) -> tuple[str, str]:
    """The two lines with the source and the caret, without the gutter."""
    lines = text(diagnostic(line=7, column=column, source=source))
    shown, below = (line for line in lines if line.startswith(("7 | ", "  | ")))
    return shown[4:], below[4:]


@pytest.mark.parametrize(
    ("source", "column", "below"),
    [
        ("DROP TABLE t;", 1, "^"),
        ("SELECT 1; DROP TABLE t;", 11, " " * 10 + "^"),
        ("\tDROP TABLE t;", 2, "\t^"),
        ("\t a\tDROP", 5, "\t  \t^"),
        ("/* é */ DROP", 9, " " * 8 + "^"),
        ("/* 漢字 */ DROP", 10, " " * 11 + "^"),
        ("/* e\u0301 */ DROP", 10, " " * 8 + "^"),
        ("DROP TABLE t", 13, " " * 12 + "^"),
        ("", 1, "^"),
    ],
)
def test_the_caret_stands_under_its_character(source: str, column: int, below: str) -> None:
    """Tabs keep their width, wide characters count twice, accents not at all."""
    assert caret(source, column) == (source, below)


def test_removed_characters_do_not_move_the_caret() -> None:
    """What steers a terminal is not shown, and has no width."""
    shown, below = caret(f"{ESC}[31m/* \x07\u202e */ DROP TABLE t;", 15)
    assert shown == "[31m/*  */ DROP TABLE t;"
    assert below.index("^") == shown.index("DROP")


@pytest.mark.parametrize("at", [0, 1, 59, 60, 61, 5_000, 9_939, 9_940, 9_990])
def test_of_a_long_line_the_part_around_the_place_is_shown(at: int) -> None:
    """About 120 characters, with a sign where it goes on, and the caret under the same character."""
    source = "x" * at + "DROP TABLE" + "y" * (9_990 - at)
    shown, below = caret(source, at + 1)
    assert len(shown) <= 122
    assert shown[below.index("^") :].startswith("DROP TABLE")
    assert shown.startswith("…") == (at > 60)
    assert shown.endswith("…") == (at + 60 < 10_000 and at < 9_990 - 50)


def test_a_line_that_just_fits_is_whole() -> None:
    """120 characters are shown, wherever the caret is; of 121 there is a part."""
    assert caret("x" * 120, 120) == ("x" * 120, " " * 119 + "^")
    assert caret("x" * 121, 1) == ("x" * 120 + "…", "^")


@pytest.mark.parametrize("lead", [0, 30, 100, 500])
def test_the_place_in_a_line_that_cannot_be_read(lead: int) -> None:
    """An unclosed string in a long line is where the caret is."""
    migration = Migration(1, "001_a", "SELECT 1;\nSELECT " + "1, " * lead + "'unclosed;")
    with pytest.raises(Exception, match="not closed") as error:
        migration.check()
    d = unreadable(migration, error.value)  # type: ignore[arg-type]
    shown, below = (line for line in text(d) if line.startswith(("2 | ", "  | ")))
    assert shown[below.index("^") :].startswith("'unclosed")


# --- what files may hold ---

EVIL = f"a{ESC}]0;owned\x07b\u202ec\x9bd\re\nf\tg"


@pytest.mark.parametrize("verbose", [True, False])
@pytest.mark.parametrize("severity", ["error", "warning", "info"])
@pytest.mark.parametrize("allowed", [None, EVIL])
def test_no_file_can_steer_the_terminal(severity: Severity, allowed: str | None, verbose: bool) -> None:
    """Names, SQL and reasons lose what is no text, and make no lines of their own."""
    d = diagnostic(
        message=EVIL, severity=severity, file=EVIL, source=EVIL.replace("\n", ""), why=EVIL, fix=EVIL, allowed=allowed
    )  # fmt: skip
    lines = text(d, verbose=verbose)
    plain = text(diagnostic(severity=severity, fix="x\ny", allowed=allowed and "x"), verbose=verbose)
    assert len(lines) == len(plain)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", "\n".join(lines))
    assert not any("\n" in line for line in lines)


def test_a_message_that_imitates_output_stays_in_its_line() -> None:
    """A table named like a finding is part of the message."""
    (line,) = [t for t in text(diagnostic(message="DROP TABLE x\nno findings")) if "no findings" in t]
    assert line.startswith("warning[D104]")


def test_an_odd_name_in_a_real_file() -> None:
    """From the SQL to the text."""
    name = f'"o{ESC}[2Jdd ""t"" "'
    lines = text(*linted(f"DROP TABLE {name};", f"CREATE TABLE {name} (a);"))
    assert 'warning[D104] drop-table: DROP TABLE o[2Jdd "t"  loses its rows' in lines
    assert '1 | DROP TABLE "o[2Jdd ""t"" ";' in lines


# --- JSON ---


def test_the_values() -> None:
    """Counts that leave out what is allowed, and all that is known of each."""
    value = findings.values([*linted(), diagnostic(fix="SELECT 1;")])
    assert {k: v for k, v in value.items() if k != "diagnostics"} == {
        "errors": 1,
        "warnings": 2,
        "infos": 3,
        "allowed": 1,
    }
    assert len(value["diagnostics"]) == 7
    assert value["diagnostics"][-1] == {
        "code": "D104",
        "rule": "drop-table",
        "severity": "warning",
        "message": "DROP TABLE logs loses its rows",
        "file": "migrations/004_x.sql",
        "line": 12,
        "column": 1,
        "why": "a rollback brings the table back, not its rows.",
        "fix": "SELECT 1;",
        "allow_reason": None,
        "total": 1,
    }
    assert json.loads(json.dumps(value)) == value
    assert findings.values([]) == {"errors": 0, "warnings": 0, "infos": 0, "allowed": 0, "diagnostics": []}


# --- GitHub ---


def parsed(command: str) -> tuple[str, dict[str, str], str]:
    """A workflow command, read as GitHub's runner reads it."""
    match = re.fullmatch(r"::(error|warning|notice) ([^\r\n]*?)::([^\r\n]*)", command)
    assert match, command

    def unescaped(value: str, *, is_property: bool) -> str:
        for code, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ",")):
            value = value.replace(code, char) if is_property or char in "\r\n" else value
        return value.replace("%25", "%")

    properties = dict(part.split("=", 1) for part in match[2].split(","))
    return (
        match[1],
        {name: unescaped(value, is_property=True) for name, value in properties.items()},
        unescaped(match[3], is_property=False),
    )


def test_annotations() -> None:
    """One a finding that is not allowed, with why and without the fix."""
    commands = findings.github(linted())
    assert [parsed(c)[0] for c in commands] == ["notice", "notice", "error", "notice", "warning"]
    kind, properties, message = parsed(commands[2])
    assert (kind, properties) == (
        "error",
        {"file": "migrations/002_case.sql", "line": "4", "col": "3", "title": "D101 drop-deletes-children"},
    )
    assert message.startswith("DROP TABLE workflows deletes the rows of executions\nD1 always enforces")
    assert "_guard" not in message
    assert findings.github([]) == []
    assert findings.github([diagnostic(allowed="x")]) == []


def test_annotations_are_escaped_as_github_says() -> None:
    """`%`, CR and LF everywhere; `:` and `,` in properties as well."""
    (command,) = findings.github(
        [diagnostic(message="50%: a, b::c\n%0A", why="", file="a,b:c%2C=d/004.sql", column=3)]
    )
    assert command == (
        "::warning file=a%2Cb%3Ac%252C=d/004.sql,line=12,col=3,title=D104 drop-table::50%25: a, b::c%0A%250A"
    )
    _, properties, message = parsed(command)
    assert properties["file"] == "a,b:c%2C=d/004.sql"
    assert message == "50%: a, b::c\n%0A"


def test_an_annotation_is_one_line_without_controls() -> None:
    """Whatever the file holds."""
    (command,) = findings.github([diagnostic(message=EVIL, file=EVIL, why=EVIL)])
    assert not re.search("[\x00-\x08\x0a-\x1f\x7f-\x9f\u202e]", command)
    parsed(command)


# --- SARIF ---


def log(*diagnostics: Diagnostic) -> dict[str, Any]:
    """The only run of a SARIF log, which is checked for what the 2.1.0 schema asks of it."""
    value = findings.sarif(diagnostics, "1.2.3")
    assert value["version"] == "2.1.0"
    assert value["$schema"].endswith("sarif-2.1.0.json")
    assert value.keys() == {"$schema", "version", "runs"}
    assert json.loads(json.dumps(value)) == value
    (run,) = value["runs"]
    assert run.keys() == {"tool", "columnKind", "results"}
    assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
    assert run["tool"].keys() == {"driver"}
    driver = run["tool"]["driver"]
    assert driver.keys() == {"name", "semanticVersion", "rules"}
    assert (driver["name"], driver["semanticVersion"]) == ("d1migrate", "1.2.3")
    for rule in driver["rules"]:
        _check_rule(rule)
    for result in run["results"]:
        _check_result(result, driver["rules"])
    assert len({json.dumps(r, sort_keys=True) for r in driver["rules"]}) == len(driver["rules"])
    assert isinstance(run, dict)
    return run


def _check_rule(rule: dict[str, Any]) -> None:
    wanted = {"id", "name", "shortDescription", "fullDescription", "help", "defaultConfiguration"}
    assert rule.keys() == wanted
    assert re.fullmatch(r"[A-Z]\d{3}", rule["id"])
    assert re.fullmatch(r"([A-Z][a-z0-9]*)+", rule["name"])
    for message in (rule["shortDescription"], rule["fullDescription"]):
        assert message.keys() == {"text"}
        assert message["text"]
    assert rule["help"].keys() == {"text", "markdown"}
    assert rule["defaultConfiguration"].keys() == {"level"}
    assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")


def _check_result(result: dict[str, Any], rules: Sequence[dict[str, Any]]) -> None:
    wanted = {"ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints", "suppressions"}
    assert result.keys() == wanted
    assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    assert result["level"] in ("none", "note", "warning", "error")
    assert result["message"].keys() == {"text"}
    (location,) = result["locations"]
    assert location.keys() == {"physicalLocation"}
    place = location["physicalLocation"]
    assert place.keys() == {"artifactLocation", "region"}
    assert re.fullmatch(r"(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2}|^file:)+", place["artifactLocation"]["uri"])
    assert place["region"].keys() == {"startLine", "startColumn"}
    assert all(isinstance(n, int) and n >= 1 for n in place["region"].values())
    assert all(isinstance(v, str) and v for v in result["partialFingerprints"].values())
    for suppression in result["suppressions"]:
        assert suppression.keys() == {"kind", "justification"}
        assert suppression["kind"] in ("inSource", "external")


def test_a_sarif_log() -> None:
    """Every finding is a result, what is allowed is one that is suppressed; rules are those that found."""
    run = log(*linted())
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["D101", "D104", "D107", "H101", "H102", "W103"]
    assert run["tool"]["driver"]["rules"][0]["name"] == "DropDeletesChildren"
    results = {result["ruleId"]: result for result in run["results"]}
    assert {code: result["level"] for code, result in results.items()} == {
        "D101": "error", "D104": "warning", "D107": "warning", "H101": "note", "H102": "note", "W103": "note",
    }  # fmt: skip
    assert results["D101"]["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "migrations/002_case.sql"},
        "region": {"startLine": 4, "startColumn": 3},
    }
    assert results["D104"]["suppressions"] == [{"kind": "inSource", "justification": "exported, unused"}]
    assert results["D101"]["suppressions"] == []


def test_sarif_of_nothing_and_of_every_rule() -> None:
    """Both are logs."""
    assert log()["results"] == []
    every = [diagnostic(rule.code, severity=rule.severity) for rule in RULES]
    assert len(log(*every)["tool"]["driver"]["rules"]) == len(RULES)


def test_the_help_shows_the_examples() -> None:
    """As text and as Markdown."""
    (rule,) = log(diagnostic("R105"))["tool"]["driver"]["rules"]
    assert "```sql\nVACUUM;\n```" in rule["help"]["markdown"]
    assert "\n    VACUUM;\n" in rule["help"]["text"]


def test_the_level_is_the_configured_one() -> None:
    """The rule keeps its own; the result has what it was found with."""
    run = log(diagnostic(severity="error"))
    assert run["results"][0]["level"] == "error"
    assert run["tool"]["driver"]["rules"][0]["defaultConfiguration"] == {"level": "warning"}


@pytest.mark.parametrize(
    "file",
    ["a b/ü/004#x?.sql", "50%/004_x.sql", "c:d/004.sql", "a[b]/{c}.sql", f"a{ESC}\nb.sql", "\udcff/a.sql"],
)
def test_paths_are_uris(file: str) -> None:
    """Percent-encoded, so that the path can be had back; also where it is no UTF-8."""
    uri = log(diagnostic(file=file))["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"][
        "uri"
    ]
    assert unquote(uri, errors="surrogateescape") == file


def test_an_absolute_path_is_a_file_uri() -> None:
    """As the standard asks for."""
    uri = log(diagnostic(file="/srv/a b/004.sql"))["results"][0]["locations"][0]["physicalLocation"]
    assert uri["artifactLocation"]["uri"] == "file:///srv/a%20b/004.sql"


def fingerprints(*diagnostics: Diagnostic) -> list[dict[str, str]]:
    """What each finding is recognized by."""
    return [result["partialFingerprints"] for result in log(*diagnostics)["results"]]


def test_fingerprints_survive_what_moves_lines() -> None:
    """Lines above, and other indents, change nothing; another message or statement does."""
    once = fingerprints(*linted())
    moved = linted(REBUILD.replace("CREATE", "\n\n-- a note\nCREATE", 1).replace("  DROP", "      DROP"))
    assert fingerprints(*moved) == once
    changed = [diagnostic(message="other"), diagnostic(source="DROP TABLE main.logs;"), diagnostic("D105")]
    assert len({str(f) for f in fingerprints(diagnostic(), *changed)}) == 4


def test_fingerprints_tell_twins_apart() -> None:
    """Two findings of one text in one file are two, in order; in two files they count by themselves."""
    first, second, other = fingerprints(diagnostic(line=3), diagnostic(line=9), diagnostic(file="005.sql"))
    assert first != second
    assert first == other


# --- several findings of one rule in one file ---


def several(number: int, **fields: Any) -> list[Diagnostic]:
    """Findings of one rule, on lines from 1."""
    return [diagnostic(line=line, message=f"DROP TABLE t{line}", **fields) for line in range(1, number + 1)]


def shown(diagnostics: list[Diagnostic], *, verbose: bool = False) -> str:
    """The text without colors."""
    return "\n".join(findings.text(diagnostics, verbose=verbose, paint=lambda text, _: text))


def test_findings_of_one_rule_in_one_file_are_summed_up() -> None:
    """The first in full, the others by their lines, and of many a number; JSON and SARIF have all."""
    text = shown(several(213))
    assert text.count("warning[D104]") == 1
    assert "also line 6: DROP TABLE t6\n  and 207 more; --verbose shows all\n" in text
    assert text.endswith("213 warnings\nexplain one: `d1migrate explain D104`")
    assert shown(several(3), verbose=True).count("warning[D104]") == 3
    assert len(findings.github(several(213))) == 1
    assert findings.values(several(213))["warnings"] == 213
    assert shown(several(8, severity="info")).startswith(
        "info[D104] migrations/004_x.sql:1:1: DROP TABLE t1, and 7 more"
    )
    assert shown(several(2, severity="info")).count("info[D104]") == 2
    assert shown(several(9, severity="error")).count("also line") == 8, "errors are all shown"
    assert shown(several(3, fix="SELECT 1;")).count("warning[D104]") == 3, "each has SQL of its own"
    other = several(2) + several(2, file="migrations/005_y.sql")
    assert shown(other).count("warning[D104]") == 2


def test_a_rule_that_is_summed_has_a_total() -> None:
    """What H101 and S102 find in a file is one finding, apart from what the file allows."""
    sql = '-- idempotent\nDROP TABLE a; -- d1migrate: allow=H101 reason="x"\nDROP TABLE b;\nDROP TABLE c;\n'
    files = load(
        [("001_a.sql", "CREATE TABLE a (x); CREATE TABLE b (x); CREATE TABLE c (x);\n"), ("002_b.sql", sql)]
    )
    found = [d for d in lint(files, only={"002_b"}) if d.code in ("H101", "S102")]
    assert [(d.code, d.line, d.total, d.allowed) for d in found] == [
        ("H101", 2, 1, "x"), ("S102", 2, 3, None), ("H101", 3, 2, None),
    ]  # fmt: skip
    assert (
        found[1].message
        == "DROP TABLE a cannot run twice, although the file claims to be repeatable, and 2 more"
    )
    assert findings.values(found)["diagnostics"][1]["total"] == 3


def test_a_folder_without_rollbacks_is_told_once() -> None:
    """A project that writes none hears it once; one that writes some, of each file that has none."""
    files = [(f"00{n}_a.sql", f"CREATE TABLE t{n} (id INTEGER PRIMARY KEY);\n") for n in (1, 2, 3)]
    (one,) = [d for d in lint(load(files)) if d.code == "H102"]
    assert (one.total, one.file) == (3, "001_a.sql")
    assert one.message == "none of the 3 files has a `-- Rollback:` block or is declared irreversible"
    files.append(("004_a.sql", "CREATE TABLE u (x);\n-- Rollback:\n--   DROP TABLE u;\n"))
    assert [d.line for d in lint(load(files)) if d.code == "H102"] == [1, 1, 1]
    files[3] = ("004_a.sql", "CREATE TABLE u (x);\n-- Roll back:\n--   DROP TABLE u;\n")
    found = [d for d in lint(load(files)) if d.code in ("H102", "H114")]
    assert [d.line for d in found] == [1, 1, 1, 2]
    assert found[3].message.endswith("does not start a rollback block: did you mean `-- Rollback:`?")
