"""Every path and every heading that a page names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.test_layers import LAYERS

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in ROOT.rglob("*.md")
    if not {"node_modules", ".venv", "python_modules"} & set(path.parts) and path.name != "CHANGELOG.md"
)
_PATH = re.compile(r"(?<![\w/.<-])(?:src/d1migrate|tests|docs|benchmarks)/[\w./-]*\w/?(?![\w<*])")
_LINK = re.compile(r"\]\(([^)#: ]*)#([^) ]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$|<a id=\"([^\"]+)\">", re.MULTILINE)
_WRITTEN = {"docs/schema.svg"}
"""Files that commands of a page write."""


def anchor(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", text).strip().replace(" ", "-")


@pytest.mark.parametrize("page", PAGES)
def test_paths_exist(page: str) -> None:
    """What looks like a path of this repository is one."""
    text = (ROOT / page).read_text(encoding="utf-8")
    named = {path.rstrip("./") for path in _PATH.findall(text)} - _WRITTEN
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_headings_exist(page: str) -> None:
    """A link to a heading leads to one."""
    here = ROOT / page
    for target, name in _LINK.findall(here.read_text(encoding="utf-8")):
        text = (here.parent / target if target else here).read_text(encoding="utf-8")
        assert name in {id_ or anchor(heading) for heading, id_ in _HEADING.findall(text)}, (target, name)


def test_every_page_is_listed_once() -> None:
    """The index of the documentation links each page; the decisions have an index of their own."""
    docs = ROOT / "docs"
    linked = re.findall(r"\]\(((?!\.\./)[\w/-]+\.md)\)", (docs / "README.md").read_text(encoding="utf-8"))
    pages = {path.relative_to(docs).as_posix() for path in docs.rglob("*.md")}
    decisions = {page for page in pages if re.match(r"adr/\d", page)}
    assert sorted(linked) == sorted(pages - decisions - {"README.md"})


def test_every_guide_is_in_the_readme() -> None:
    """A reader of the README finds each guide without the index."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    guides = (path.name for path in (ROOT / "docs" / "guides").glob("*.md"))
    assert [guide for guide in guides if f"(docs/guides/{guide})" not in text] == []


def test_every_decision_is_listed() -> None:
    """The index of the decision records names each of them, in order."""
    folder = ROOT / "docs" / "adr"
    listed = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (folder / "README.md").read_text(encoding="utf-8"))
    assert listed == sorted(path.name for path in folder.glob("[0-9]*.md"))


def test_the_map_draws_the_layers() -> None:
    """The line of CONTRIBUTING is the list that the layer test holds."""
    (line,) = re.findall(
        r"^errors < .*$", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert re.split(r"[ <,]+", line) == LAYERS
