"""Plain English: phrases that once replaced a standard word stay out of the code and the pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

INSTEAD = {
    r"\b[Aa]new\b": "again; a table is rebuilt",
    r"\b[Ll]ikewise\b": "repeat what is meant",
    r"(?<!there )\bis none\b": "is not one; there is none",
    r"\b(?:is|are) told\b(?! apart)": "receives, is declared, is reported",
    r"\bneeds? it not\b": "does not need it",
    r"\b[Tt]akes? (?:your|our) word\b": "records without checking",
    r"\bst(?:ands|ood) there\b": "is, exists",
    r"\b[Ww]ays? back\b": "rollback",
    r"\b[Jj]udged\b": "checked",
    r"\b[Tt]ake[ns]? back\b": "rolled back",
    r"\b(?:did|does) not start here\b": "was not created by d1migrate",
    r"\bcannot be told\b(?! apart)": "cannot be determined",
    r"\bstands? behind\b": "follows",
    r"\b[Bb]ehind (?:it|them|that|every|each|another|the (?:answer|batch|commit|last|load|other|run|work))\b": "after",
}
"""{what is not written: what to write}. Short, and free of false alarms: `told apart` and `left behind` are English."""

PLACES = ("src", "tests", "docs", "benchmarks", "workers")
SUFFIXES = {".py", ".md", ".sql", ".mjs", ".toml"}


def texts() -> list[Path]:
    """Return the files that are read, this one left out."""
    found = [path for place in PLACES for path in (ROOT / place).rglob("*")]
    found += [path for path in ROOT.glob("*.md") if path.name != "CHANGELOG.md"]
    return [
        path
        for path in found
        if path.suffix in SUFFIXES
        and path.name != Path(__file__).name
        and not {"node_modules", "python_modules", ".wrangler", ".venv"} & set(path.parts)
    ]


@pytest.mark.parametrize("phrase", INSTEAD, ids=list(INSTEAD.values()))
def test_nothing_says(phrase: str) -> None:
    """The phrase is nowhere; what to write is in the message."""
    pattern = re.compile(phrase)  # not without case: `is None` is Python
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in texts()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").split("\n"), 1)
        if pattern.search(line)
    ]
    assert not found, f"write: {INSTEAD[phrase]}"
