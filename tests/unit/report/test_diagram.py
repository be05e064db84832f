"""Diagrams: what is drawn, that nothing covers anything, and that no name breaks the picture."""

from __future__ import annotations

import sys
from itertools import combinations
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d1migrate.errors import UsageError
from d1migrate.lint.replay.replayer import schema_of
from d1migrate.migrate import source
from d1migrate.report.diagram.entities import diagram
from d1migrate.report.diagram.layout import Box, Layout, Line, Point, arrange
from d1migrate.report.diagram.mermaid import mermaid
from d1migrate.report.diagram.svg import svg
from d1migrate.schema.model import Column, ForeignKey, Schema, Table
from tests.inputs import scaled

if TYPE_CHECKING:
    from collections.abc import Iterator

ODD = """
CREATE TABLE "a<b>&""c" ("x y" TEXT, "PK" INTEGER, "1%;#" BLOB, "naïve" DECIMAL(10, 2), "e\\r" INTEGER REFERENCES gone);
CREATE TABLE class (id INTEGER PRIMARY KEY, up INTEGER REFERENCES class, up2 INTEGER NOT NULL UNIQUE REFERENCES "a<b>&""c");
"""


def built(sql: str) -> Schema:
    """The schema that a script builds."""
    return schema_of(source.load([("001_a.sql", sql)], folder="migrations"))


@pytest.mark.parametrize(
    ("columns", "optional", "single"),
    [
        ("p INTEGER REFERENCES p", True, False),
        ("p INTEGER NOT NULL REFERENCES p", False, False),
        ("p INTEGER UNIQUE REFERENCES p", True, True),
        ("p INTEGER PRIMARY KEY REFERENCES p", False, True),
        ("p INTEGER NOT NULL REFERENCES p, q INTEGER, UNIQUE (p, q)", False, False),
        ("p INTEGER NOT NULL, q INTEGER, UNIQUE (p), FOREIGN KEY (p, q) REFERENCES r (a, b)", True, True),
        ("p INTEGER NOT NULL, q INTEGER NOT NULL, FOREIGN KEY (q, p) REFERENCES r (b, a)", False, False),
    ],
)
def test_how_many_belong_to_how_many(columns: str, optional: bool, single: bool) -> None:
    """NOT NULL says whether there is a parent, a unique key whether there is one child at most."""
    (relation,) = diagram(
        built(
            "CREATE TABLE p (id INTEGER PRIMARY KEY);\nCREATE TABLE r (a, b, UNIQUE (a, b));\n"
            f"CREATE TABLE c ({columns});"
        )
    ).relations
    assert (relation.optional, relation.single) == (optional, single)


def test_an_index_of_some_rows_makes_nothing_unique() -> None:
    """Nor does one of an expression."""
    (relation,) = diagram(
        built(
            "CREATE TABLE p (id INTEGER PRIMARY KEY);\nCREATE TABLE c (p INTEGER REFERENCES p);\n"
            "CREATE UNIQUE INDEX i ON c (p) WHERE p > 1;\nCREATE UNIQUE INDEX j ON c (abs(p));"
        )
    ).relations
    assert not relation.single


def test_mermaid() -> None:
    """Columns with their marks, relations with their cardinality, and names that Mermaid can read."""
    assert mermaid(built(ODD)) == (
        """erDiagram
    "a(b)&'c" {
        TEXT x_y "x y"
        INTEGER _PK "PK"
        BLOB _1___ "1_,_"
        DECIMAL(10__2) na_ve "naïve"
        INTEGER e_r FK "e_r"
    }
    "class" {
        INTEGER id PK
        INTEGER up FK
        INTEGER up2 FK, UK
    }
    "gone"
    "gone" |o--o{ "a(b)&'c" : "e_r"
    "class" |o--o{ "class" : "up"
    "a(b)&'c" ||--o| "class" : "up2"
"""
    )


def test_mermaid_takes_no_name_for_a_mark() -> None:
    """Its parser takes `UK)` for a unique key, and what lies between two `~` for a generic type, `direction LR` for an order."""
    text = mermaid(
        Schema((Table("a~b~ direction LR", "", (Column("uk)", "PK(1)"), Column("pkx", "")), (), ()),))
    )
    assert text == 'erDiagram\n    "a-b- direction_LR" {\n        _PK(1) _uk) "uk)"\n        any pkx\n    }\n'


def test_svg_holds_any_name() -> None:
    """It is XML, with every name in it, whatever characters it has; a missing parent is drawn as such."""
    odd = Table("\x00\ud800\ufffe]]>", "", (Column("\x1b[2J", "\n"),), (), ())
    schema = built(ODD)
    root = ET.fromstring(svg(schema._replace(tables=(*schema.tables, odd))))  # noqa: S314
    texts = {element.text for element in root.iter() if element.text}
    assert {'a<b>&"c', "x y", "PK", "1%;#", "naïve", "]]>", "[2J", "not here"} <= texts
    assert {"class (up) → class", 'class (up2) → a<b>&"c'} <= texts


def test_long_names_are_cut_and_kept_in_the_tip() -> None:
    """A box stays as wide as a screen can show."""
    root = ET.fromstring(svg(built(f"CREATE TABLE {'t' * 900} ({'c' * 900} {'x' * 900});")))  # noqa: S314
    assert int(root.attrib["width"]) < 900
    assert "t" * 900 in {element.text for element in root.iter()}


def test_the_same_schema_is_the_same_picture() -> None:
    """A picture is kept in git and checked by CI."""
    tables = [
        Table(f"t{i}", "", (Column("a", ""), Column("b", "")), (), tuple(_key(name, (i * k) % 37) for name, k in (("a", 5), ("b", 11))))
        for i in range(40)
    ]  # fmt: skip
    pictures = {svg(Schema(tuple(order))) for order in (tables, tables[::-1], tables[7:] + tables[:7])}
    assert len(pictures) == 1


def _key(column: str, parent: int) -> ForeignKey:
    return ForeignKey((column,), f"t{parent}", (None,), "NO ACTION", "NO ACTION")


def test_without_the_library_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mermaid needs no library."""
    monkeypatch.setitem(sys.modules, "grandalf.graphs", None)
    with pytest.raises(UsageError, match="needs grandalf") as caught:
        svg(built(ODD))
    assert caught.value.hint == "pip install 'd1migrate[diagram]'"
    assert mermaid(built(ODD))


@given(st.data())
@settings(max_examples=scaled(60))
def test_nothing_covers_anything(data: st.DataObject) -> None:
    """No two boxes overlap, all is within the picture, and no line runs through a box that is not its own."""
    sizes = data.draw(st.lists(st.tuples(st.integers(80, 300), st.integers(51, 600)), max_size=40))
    number = st.integers(0, max(0, len(sizes) - 1))
    links = data.draw(st.lists(st.tuples(number, number), max_size=2 * len(sizes))) if sizes else []
    layout = arrange(sizes, links)
    assert layout == arrange(sizes, links)
    for box, size in zip(layout.boxes, sizes, strict=True):
        assert (box.width, box.height) == size
        assert 0 <= box.x <= box.x + box.width <= layout.width
        assert 0 <= box.y <= box.y + box.height <= layout.height
    for a, b in combinations(layout.boxes, 2):
        assert a.x + a.width <= b.x or b.x + b.width <= a.x or a.y + a.height <= b.y or b.y + b.height <= a.y
    for ends, line in zip(links, layout.lines, strict=True):
        assert (line is None) == (ends[0] == ends[1])
        assert line is None or {line.left, line.right} == set(ends)
        for x, y in passed(line, layout) if line else ():
            for place, box in enumerate(layout.boxes):
                assert place in ends or not inside(x, y, box)


def passed(line: Line, layout: Layout) -> Iterator[Point]:
    """Points of a line: the corners that its curves lie between, and what is straight between these."""
    last = None
    for place, (a, b) in enumerate(line.channels):
        start = a if place else a._replace(y=layout.boxes[line.left].y + 45)
        end = b if place < len(line.channels) - 1 else b._replace(y=layout.boxes[line.right].y + 45)
        for step in range(11):
            yield Point(start.x + (end.x - start.x) * step / 10, start.y)
            yield Point(start.x + (end.x - start.x) * step / 10, end.y)
            yield Point((start.x + end.x) / 2, start.y + (end.y - start.y) * step / 10)
        if last is not None:
            for step in range(11):
                yield Point(last.x + (start.x - last.x) * step / 10, start.y)
        last = end


def inside(x: float, y: float, box: Box) -> bool:
    """Whether a point lies in a box."""
    return box.x < x < box.x + box.width and box.y < y < box.y + box.height
