"""Every fact about D1 that something cites is in docs/reference/d1-facts.md, under its number."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FACTS = ROOT / "docs" / "reference" / "d1-facts.md"
CITING = ("src", "tests", "docs", "benchmarks", "workers")
SUFFIXES = {".py", ".md", ".sql", ".mjs", ".toml"}

_HEADING = re.compile(r"^##(?:#)? (\d+)\.(?:(\d+))? ", re.MULTILINE)
_NUMBER = re.compile(r"§(\d+(?:\.\d+)?)")
_CITATION = re.compile(r"d1-facts((?:,?\s+§\d+(?:\.\d+)?)*)")


def sections() -> list[tuple[int, int]]:
    """Return (N, M) for each numbered heading, with 0 for the M of a section itself."""
    found = _HEADING.findall(FACTS.read_text(encoding="utf-8"))
    return [(int(section), int(part or 0)) for section, part in found]


def cited(path: Path) -> list[str]:
    """Return the numbers that a file cites; "" for a citation without one."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path == FACTS:  # there, a bare §N is a citation
        return _NUMBER.findall(text)
    found: list[str] = []
    for citation in _CITATION.finditer(text):
        is_page = text[citation.end() :].startswith((".md", "`", " §N"))  # the page, not a fact
        found += _NUMBER.findall(citation[1]) or ([] if is_page else [""])
    return found


def files() -> list[Path]:
    """Return what may cite a fact."""
    below = [path for folder in CITING for path in (ROOT / folder).rglob("*")]
    return [
        path
        for path in [*below, *ROOT.glob("*.md")]
        if path.suffix in SUFFIXES and "node_modules" not in path.parts and path != Path(__file__)
    ]


def test_every_cited_section_exists() -> None:
    """A citation names a section of the page."""
    known = {f"{section}.{part}" if part else str(section) for section, part in sections()}
    lost = [
        f"{path.relative_to(ROOT)}: §{number}"
        for path in files()
        for number in cited(path)
        if number not in known
    ]
    assert not lost


def test_there_are_citations() -> None:
    """The pattern finds the citations of the code, so that the test above means something."""
    assert sum(len(cited(path)) for path in (ROOT / "src").rglob("*.py")) > 20


@pytest.mark.parametrize("section", range(12))
def test_no_section_is_removed(section: int) -> None:
    """Numbers are permanent: sections 0 to 11 exist once, and their parts have no gap."""
    parts = [part for number, part in sections() if number == section]
    assert parts == list(range(len(parts))) != []
