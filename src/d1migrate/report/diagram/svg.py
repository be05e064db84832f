"""A diagram as SVG: a picture that needs no other font, script or file, for light and dark themes."""

from __future__ import annotations

from unicodedata import east_asian_width
from xml.sax.saxutils import escape

from d1migrate.named_tuple import NamedTuple
from d1migrate.report.diagram.entities import diagram
from d1migrate.report.diagram.layout import STUB, arrange
from d1migrate.report.text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.report.diagram.entities import Entity, Relation
    from d1migrate.report.diagram.layout import Box, Line
    from d1migrate.schema.model import Schema

_HEAD, _ROW, _PAD, _RADIUS = 30, 21, 12, 6
_LETTER = 7.25  # the width of a letter of 12 pixels in any monospaced font, at most
_MARK = 6.1  # one of 10 pixels
_LONGEST = 44  # letters of a name that are shown

_STYLE = """\
text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace }
text { fill: #1f2933 }
.page { fill: #f7f9fb }
.box { fill: #ffffff; stroke: #b6c2cf }
.head { fill: #31557f }
.name { font-weight: 600; fill: #ffffff }
.type { fill: #667788 }
.mark { font-size: 10px; font-weight: 600; fill: #2f6f4f }
.rule { stroke: #e6ebf0 }
.line { fill: none; stroke: #5d7186; stroke-width: 1.3 }
.ring { fill: #f7f9fb; stroke: #5d7186; stroke-width: 1.3 }
.none .box { stroke-dasharray: 4 3 }
.none .head { fill: #7b8794 }
@media (prefers-color-scheme: dark) {
text { fill: #dfe6ee }
.page { fill: #12171e }
.box { fill: #1c242e; stroke: #465567 }
.head { fill: #2c4f7c }
.name { fill: #f4f8fc }
.type { fill: #94a3b3 }
.mark { fill: #7fcfa4 }
.rule { stroke: #2a3542 }
.line { stroke: #8fa3b8 }
.ring { fill: #12171e; stroke: #8fa3b8 }
.none .head { fill: #4b5866 }
}
"""
# The ends of lines, for a box on their right.
_ENDS = """\
<g id="one"><path class="line" d="M-7-4.5v9M-12-4.5v9"/></g>
<g id="maybe"><path class="line" d="M-7-4.5v9"/><circle class="ring" cx="-15" cy="0" r="3.5"/></g>
<g id="many"><path class="line" d="M-11 0L0-6M-11 0L0 6"/><circle class="ring" cx="-15" cy="0" r="3.5"/></g>
"""


class _Widths(NamedTuple):
    """The width of the marks of a box, and of the whole box."""

    marks: float
    all: float


def svg(schema: Schema) -> str:
    """Return a drawing of a schema's tables, their columns, and the relations between them.

    Raises:
        UsageError: the library that finds the layout is not installed.
    """
    entities, relations = diagram(schema)
    widths = [_widths(entity) for entity in entities]
    sizes = [(w.all, _HEAD + _ROW * max(1, len(e.attributes))) for w, e in zip(widths, entities, strict=True)]
    layout = arrange(sizes, [(relation.parent, relation.child) for relation in relations])
    title = f"{len(schema.tables)} tables" if len(schema.tables) != 1 else "1 table"
    width, height = f"{layout.width:.0f}", f"{layout.height:.0f}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"',
        f'     width="{width}" height="{height}">',
        f"<title>{title}</title>",
        f"<style>\n{_STYLE}</style>",
        f"<defs>\n{_ENDS}</defs>",
        '<rect class="page" width="100%" height="100%"/>',
    ]
    both = _both_kinds(relations)
    for relation, line in zip(relations, layout.lines, strict=True):
        lines += _relation(
            relation, entities, layout.boxes, line, is_split=(relation.parent, relation.to) in both
        )
    for entity, box, inner in zip(entities, layout.boxes, widths, strict=True):
        lines += _box(entity, box, inner)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _widths(entity: Entity) -> _Widths:
    marks = max((len(" ".join(a.marks)) for a in entity.attributes), default=0) * _MARK
    rows = [_cells(_short(a.name)) + _cells(_short(a.type)) + 2 for a in entity.attributes]
    inner = max([*(row * _LETTER for row in rows), 60])
    left = marks + 8 if marks else 0
    head = (_cells(_short(entity.name)) + 1) * _LETTER * 1.05
    return _Widths(left, round(max(left + inner, head) + 2 * _PAD))


def _box(entity: Entity, box: Box, widths: _Widths) -> Iterator[str]:
    x, y, width, height = box
    r = _RADIUS
    yield f'<g class="{"some" if entity.attributes else "none"}" transform="translate({x:.1f} {y:.1f})">'
    yield f"<title>{_text(entity.name)}</title>"
    yield f'<rect class="box" width="{width:.1f}" height="{height:.1f}" rx="{r}"/>'
    yield (
        f'<path class="head" d="M0 {_HEAD}V{r}A{r} {r} 0 0 1 {r} 0H{width - r:.1f}'
        f'A{r} {r} 0 0 1 {width:.1f} {r}V{_HEAD}Z"/>'
    )
    yield f'<text class="name" x="{_PAD}" y="{_HEAD / 2 + 4:.0f}">{_text(_short(entity.name))}</text>'
    for row, attribute in enumerate(entity.attributes):
        base = _HEAD + row * _ROW + 15
        if row:
            yield f'<path class="rule" d="M1 {base - 15}h{width - 2:.1f}"/>'
        if attribute.marks:
            yield f'<text class="mark" x="{_PAD}" y="{base}">{" ".join(attribute.marks)}</text>'
        yield f'<text x="{_PAD + widths.marks:.1f}" y="{base}">{_text(_short(attribute.name))}</text>'
        end = f'x="{width - _PAD:.1f}" y="{base}" text-anchor="end"'
        yield f'<text class="type" {end}>{_text(_short(attribute.type))}</text>'
    if not entity.attributes:
        yield f'<text class="type" x="{_PAD}" y="{_HEAD + 15}">not here</text>'
    yield "</g>"


def _both_kinds(relations: tuple[Relation, ...]) -> set[tuple[int, int]]:
    """Return the columns that have both required and optional references: these ends are drawn apart."""
    return {(r.parent, r.to) for r in relations if r.optional} & {
        (r.parent, r.to) for r in relations if not r.optional
    }


def _relation(
    relation: Relation,
    entities: tuple[Entity, ...],
    boxes: tuple[Box, ...],
    line: Line | None,
    *,
    is_split: bool,
) -> Iterator[str]:
    """Yield a line from a column to the referenced one; its ends show the cardinality."""
    child, parent = boxes[relation.child], boxes[relation.parent]
    here = child.y + _HEAD + (relation.column + 0.5) * _ROW
    there = parent.y + _HEAD + (relation.to + 0.5) * _ROW
    if is_split:
        there += 5 if relation.optional else -5
    if line is None:
        right = child.x + child.width
        places = [(right, here, -1), (right, there, -1)]
        path = _loop(right, here, there)
    elif line.left == relation.parent:
        places = [(child.x, here, 1), (parent.x + parent.width, there, -1)]
        path = _path(line, parent.x + parent.width, there, child.x, here)
    else:
        places = [(child.x + child.width, here, -1), (parent.x, there, 1)]
        path = _path(line, child.x + child.width, here, parent.x, there)
    kinds = ["maybe" if relation.single else "many", "maybe" if relation.optional else "one"]
    tip = f"{entities[relation.child].name} ({relation.label}) → {entities[relation.parent].name}"
    yield f'<g><title>{_text(tip)}</title><path class="line" d="{path}"/>'
    for kind, (x, y, side) in zip(kinds, places, strict=True):
        yield f'<use href="#{kind}" transform="translate({x:.1f} {y:.1f}) scale({side} 1)"/>'
    yield "</g>"


def _loop(right: float, here: float, there: float) -> str:
    """Return a path from the right of a box back to it."""
    far = right + 2 * STUB
    return (
        f"M{right:.1f} {here:.1f}h{STUB}"
        f"C{far:.1f} {here:.1f} {far:.1f} {there:.1f} {right + STUB:.1f} {there:.1f}h-{STUB}"
    )


def _path(line: Line, x_left: float, y_left: float, x_right: float, y_right: float) -> str:
    """Return a path from one box to the one on its right: curved between layers, straight in them."""
    words = [f"M{x_left:.1f} {y_left:.1f}"]
    for place, (a, b) in enumerate(line.channels):
        y1 = a.y if place else y_left
        y2 = b.y if place < len(line.channels) - 1 else y_right
        start, stop = a.x + STUB, b.x - STUB
        middle = (start + stop) / 2
        words.append(f"H{start:.1f}C{middle:.1f} {y1:.1f} {middle:.1f} {y2:.1f} {stop:.1f} {y2:.1f}")
    return "".join(words) + f"H{x_right:.1f}"


def _short(text: str) -> str:
    text = _plain(text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _cells(text: str) -> int:
    """Return the width of a text in letters: some scripts take two for each letter."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def _text(text: str) -> str:
    return escape(_plain(text))


def _plain(text: str) -> str:
    """Return a text without characters that XML forbids."""
    return "".join(
        " " if letter in "\n\t" else letter
        for letter in clean(text)
        if not "\ud800" <= letter <= "\udfff" and letter not in "\ufffe\uffff"
    )
