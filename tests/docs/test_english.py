"""Plain English: phrases that once stood for a standard word do not come back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

INSTEAD = {
    r"\banew\b": "again; for a table: rebuilt",
    r"\blikewise\b": "repeat what is meant",
    r"(?<!there )\bis none\b": "is not one; there is none",
    r"\b(?:is|are) told\b": "declared, reported, passed",
    r"\bneeds? it not\b": "does not need it",
    r"\btakes? (?:your|our) word\b": "records without checking",
    r"\bst(?:ands|ood) there\b": "is, exists",
    r"\bways? back\b": "rollback",
    r"\bjudged\b": "checked",
    r"\btake[ns]? back\b": "rolled back",
    r"\b(?:did|does) not start here\b": "was not created by d1migrate",
    r"\bcannot be told\b": "cannot be determined",
    r"(?<!fell )(?<!falls )(?<!lags )\bbehind the\b": "after the",
}
"""{what is not written: what to write}. Short, and free of false alarms."""

GENERATED = {"library.md", "commands.md", "rules.md", "workers.md"}
"""Their text is that of the code."""


def pages() -> list[Path]:
    """Return the pages that are written by hand."""
    found = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "workers").glob("**/*.md"), *ROOT.glob("*.md")]
    found += [ROOT / "benchmarks" / "README.md", ROOT / "docs" / "reference" / "generate.py"]
    return [
        path
        for path in found
        if path.name not in {"CHANGELOG.md", *GENERATED} and "python_modules" not in path.parts
    ]


def prose(path: Path) -> str:
    """Return a file without the blocks that a program printed."""
    return re.sub(r"```console\n.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("phrase", INSTEAD, ids=lambda phrase: re.sub(r"\\b|\(\?<!.*?\)|[\\?]", "", phrase))
def test_no_page_says(phrase: str) -> None:
    """The phrase is nowhere; what to write is in the message."""
    found = [
        f"{path.relative_to(ROOT)}: {' '.join(match[0].split())}"
        for path in pages()
        for match in re.finditer(rf".*{phrase}.*", prose(path), re.IGNORECASE)
    ]
    assert not found, f"write: {INSTEAD[phrase]}"
