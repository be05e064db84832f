"""The figures that README and CHANGELOG state are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from d1migrate.lint.check import RULES
from tests.corpus.corpus import load_cases

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md"])
def test_the_number_of_rules(page: str) -> None:
    """Each page that counts the linter's rules counts them right."""
    stated = re.findall(r"(\d+) rules\b", (ROOT / page).read_text(encoding="utf-8"))
    assert stated == [str(len(RULES))]


def test_the_size_of_the_corpus() -> None:
    """README states at most as many migrations, and as many safe ones, as the corpus has."""
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    found = load_cases()
    (all_,) = re.findall(r"more than (\d+) small migrations", readme)
    (safe,) = re.findall(r"more than (\d+) of them safe", readme)
    assert len(found) > int(all_)
    assert sum(case.good for case in found) > int(safe)
