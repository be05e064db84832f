"""The corpus is complete, and written as it should be."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from d1migrate import split
from tests.corpus.corpus import CASES, ERRORS, INFOS, WARNINGS, Case, CaseError, load_cases, read_case

if TYPE_CHECKING:
    from pathlib import Path

BUILT_ELSEWHERE = {
    "P106": "a file too large to keep here",
    "P107": "a batch of more than 30 s is a file too large to keep here",
    "P111": "a file over 1 MiB is too large to keep here, and the cases are for D1",
    "P114": "it needs the numbers of rows in production",
    "R109": "a statement over 100,000 bytes is too large to keep here",
    "H107": "a case is always 001_before.sql and 002_case.sql, without a gap",
}
TEXT = """-- Case: a table
-- Source: -
-- Expect: D104
-- == before
CREATE TABLE t (a);
-- == migration
DROP TABLE t;
"""


def test_there_are_enough_cases() -> None:
    """At least 120, of which at least 45 are about losing data, and most have a good twin."""
    cases = load_cases()
    bad = [case for case in cases if not case.good]
    names = {case.name for case in cases}
    assert len(cases) >= 120
    assert len([case for case in bad if case.group == "D"]) >= 45
    assert len([case for case in bad if f"{case.name}.good" in names]) > len(bad) / 2


def test_every_code_has_a_case() -> None:
    """Every code is expected by at least two cases, or built by a test elsewhere."""
    count = Counter(code for case in load_cases() for code in case.expect | case.info)
    assert {code for code in ERRORS | WARNINGS | INFOS if count[code] < 2} == BUILT_ELSEWHERE.keys()


@pytest.mark.parametrize("case", load_cases(), ids=lambda case: case.name)
def test_a_case_is_about_its_group(case: Case) -> None:
    """A bad case lies in the folder of a code it expects; what is done to set it up is SQL."""
    assert case.good or case.group in {code[0] for code in case.expect | case.info}
    for sql in (case.before, case.rows):
        assert not sql or [statement.sql for statement in split(sql)][-1] == ""


def test_titles_are_not_used_twice() -> None:
    """Each case shows something of its own."""
    titles = Counter(case.title for case in load_cases())
    assert [title for title, count in titles.items() if count > 1] == []


def test_line_ends_are_kept() -> None:
    """A case about CRLF reaches the linter with CRLF."""
    case = read_case(CASES / "P" / "crlf.sql")
    assert case.migration.count("\r\n") == case.migration.count("\n") > 1
    assert "\r" not in case.before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("-- Source: -\n", ""),
        ("-- Source: -\n", "-- Source:\n"),
        ("-- Source: -\n", "-- Source: -\n-- Why: -\n"),
        ("-- Source: -\n", "-- Source: -\n-- Source: -\n"),
        ("-- Source: -\n-- Expect: D104\n", "-- Expect: D104\n-- Source: -\n"),
        ("D104", "D104 D101"),
        ("D104", "D104 D104"),
        ("D104", "D999"),
        ("D104", "W103"),
        ("-- Expect: D104\n", "-- Expect:\n"),
        ("-- Expect: D104\n", "-- Expect: D104\n-- Info: D105\n"),
        ("-- Expect: D104\n", "-- Expect: D104\n-- Loses: u\n"),
        ("-- == migration\n", ""),
        ("-- == migration\n", "-- == after\n"),
        ("-- == before\n", "-- == rows\n"),
        ("DROP TABLE t;\n", "\n"),
        ("-- == before\n", "\n-- == before\n"),
    ],
)
def test_a_case_written_wrong_is_an_error(
    old: str, new: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unknown, missing, doubled or contradicting parts are refused, not passed over."""
    monkeypatch.setattr("tests.corpus.corpus.CASES", tmp_path)
    path = tmp_path / "D" / "drop.sql"
    path.parent.mkdir()
    path.write_text(TEXT)
    assert read_case(path).expect == {"D104"}
    path.write_text(TEXT.replace(old, new))
    with pytest.raises(CaseError, match=r"drop\.sql"):
        read_case(path)


def test_a_good_case_expects_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`.good.sql` and a code exclude each other."""
    monkeypatch.setattr("tests.corpus.corpus.CASES", tmp_path)
    path = tmp_path / "D" / "drop.good.sql"
    path.parent.mkdir()
    path.write_text(TEXT.replace(" D104", ""))
    assert read_case(path).good
    path.write_text(TEXT)
    with pytest.raises(CaseError, match="expects nothing"):
        read_case(path)
