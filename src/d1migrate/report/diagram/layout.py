"""The positions of boxes and lines: layers from left to right, by Sugiyama's method, with grandalf.

grandalf places boxes of any size in a layer, and reserves a place in each layer that a line crosses. Boxes
that still overlap are pushed apart, so lines never run through a box: between two layers there is a channel
for their curves, and through a layer they run straight, each in its own place.
"""

from __future__ import annotations

from collections import Counter

from d1migrate.errors import UsageError
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

GAP = 28  # between boxes of a layer
LINE = 12  # the height of a line that crosses a layer
STUB = 24  # the straight end of a line at a box
_CURVE = 56  # a channel's width without its stubs
_MARGIN = 24
_SIDES = 6  # a box with more leaves than this has some on both sides
_WIDE = 1.5  # the width of a picture divided by its height


class Point(NamedTuple):
    """A point."""

    x: float
    y: float


class Box(NamedTuple):
    """A box, by its upper left corner."""

    x: float
    y: float
    width: float
    height: float


class Line(NamedTuple):
    """A line between two boxes, from left to right.

    Attributes:
        left, right: the boxes.
        channels: its ways from one layer to the next, as (left end, right end). The first begins and the
            last ends at a box; the caller knows the y of these two ends.
    """

    left: int
    right: int
    channels: tuple[tuple[Point, Point], ...]


class Layout(NamedTuple):
    """Boxes, and lines.

    Attributes:
        width, height: of the whole picture.
        boxes: one for each size.
        lines: one for each link; None for a link from a box to itself.
    """

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line | None, ...]


class _Part(NamedTuple):
    """Connected boxes, {number: box}, with the origin at 0, 0."""

    width: float
    height: float
    boxes: dict[int, Box]
    lines: dict[frozenset[int], Line]


class _View:
    """A box as grandalf needs it; turned, because its layers are one below the other."""

    def __init__(self, width: float, height: float) -> None:
        self.w, self.h = height + GAP, width
        self.xy = (0.0, 0.0)


def arrange(sizes: Sequence[tuple[float, float]], links: Sequence[tuple[int, int]]) -> Layout:
    """Place each box and line.

    Args:
        sizes: widths and heights.
        links: pairs of boxes that a line connects, if possible the left one first.

    Raises:
        UsageError: grandalf is not installed.
    """
    try:
        from grandalf.graphs import Edge, Vertex, graph_core
    except ImportError as error:
        raise UsageError(
            "--format svg needs grandalf, which is not installed", hint="pip install 'd1migrate[diagram]'"
        ) from error
    pairs, count = _both_sides(_one_way(links)), Counter(map(frozenset, links))
    parts = []
    for numbers in _components(len(sizes), pairs):
        vertices = {number: Vertex(number) for number in numbers}
        for number, vertex in vertices.items():
            vertex.view = _View(*sizes[number])
        edges = [Edge(vertices[a], vertices[b]) for a, b in pairs if a in vertices]
        parts.append(_part(graph_core(list(vertices.values()), edges), sizes, count))
    width, height, boxes, lines = _packed(parts)
    loops = 2 * STUB if any(a == b for a, b in links) else 0
    return Layout(
        *(width + loops, height),
        boxes=tuple(boxes[number] for number in range(len(sizes))),
        lines=tuple(_side_by_side(links, count, lines)),
    )


def _side_by_side(
    links: Sequence[tuple[int, int]], count: Counter[frozenset[int]], lines: dict[frozenset[int], Line]
) -> Iterator[Line | None]:
    """Yield the line of each link; several between the same boxes share the place of one."""
    seen = Counter[frozenset[int]]()
    for link in links:
        pair = frozenset(link)
        line = lines.get(pair)
        shift = LINE * (seen[pair] - (count[pair] - 1) / 2)
        seen[pair] += 1
        yield line and line._replace(
            channels=tuple((Point(a.x, a.y + shift), Point(b.x, b.y + shift)) for a, b in line.channels)
        )


def _one_way(links: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return each pair once, in the direction that comes first; a box's line to itself is left out."""
    first: dict[frozenset[int], tuple[int, int]] = {}
    for a, b in links:
        if a != b:
            first.setdefault(frozenset((a, b)), (a, b))
    return list(first.values())


def _both_sides(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Move half the leaves of a box with many leaves to its other side, which halves the height."""
    degree = Counter(end for pair in pairs for end in pair)
    leaves = Counter(a for a, b in pairs if degree[b] == 1)
    turned, seen = [], Counter[int]()
    for a, b in pairs:
        is_leaf = degree[b] == 1 and leaves[a] > _SIDES
        seen[a] += is_leaf
        turned.append((b, a) if is_leaf and seen[a] % 2 == 0 else (a, b))
    return turned


def _components(count: int, pairs: list[tuple[int, int]]) -> list[list[int]]:
    """Return the connected components; grandalf returns them in a different order every time."""
    group = {number: [number] for number in range(count)}
    for a, b in pairs:
        if group[a] is not group[b]:
            small, large = sorted((group[a], group[b]), key=len)
            large += small
            group |= dict.fromkeys(small, large)
    return [numbers for number, numbers in group.items() if numbers[0] == number]


def _part(component: Any, sizes: Sequence[tuple[float, float]], count: Counter[frozenset[int]]) -> _Part:
    """Lay out one connected component."""
    from grandalf.layouts import SugiyamaLayout

    drawn = SugiyamaLayout(component)
    drawn.xspace, drawn.dw, drawn.dh = 0, LINE, LINE
    drawn.init_all(optimize=True)
    for edge, passed in drawn.ctrls.items():
        for item in passed.values():
            if item not in edge.v:  # a place that the line crosses
                item.view.w = LINE * count[frozenset(v.data for v in edge.v)]
    drawn.draw(8)
    middles: dict[Any, float] = {}
    for layer in drawn.layers:
        middles |= _apart({v: v.view.xy[0] for v in layer}, {v: v.view.w for v in layer})
    return _placed(drawn, middles, sizes)


def _apart(wanted: dict[Any, float], heights: dict[Any, float]) -> dict[Any, float]:
    """Return the middles of the items of one layer, pushed apart if they would overlap."""
    found: dict[Any, float] = {}
    end = float("-inf")
    for item in sorted(wanted, key=wanted.__getitem__):
        found[item] = max(wanted[item], end + heights[item] / 2)
        end = found[item] + heights[item] / 2
    shift = sum(found[item] - wanted[item] for item in found) / len(found)
    return {item: middle - shift for item, middle in found.items()}


def _placed(drawn: Any, middles: dict[Any, float], sizes: Sequence[tuple[float, float]]) -> _Part:
    """Place the layers from left to right, and the bends of the lines."""
    widths = [
        max((sizes[v.data][0] for v in layer if not drawn.grx[v].dummy), default=0) for layer in drawn.layers
    ]
    lefts = [0.0]
    for place, width in enumerate(widths[:-1]):
        crowd = len(drawn.layers[place]) + len(drawn.layers[place + 1])
        lefts.append(lefts[-1] + width + 2 * STUB + _CURVE + 4 * min(crowd, 20))
    top = min(middle - v.view.w / 2 for v, middle in middles.items())
    boxes: dict[int, Box] = {}
    for v in drawn.g.V():
        width, height = sizes[v.data]
        rank = drawn.grx[v].rank
        boxes[v.data] = Box(
            lefts[rank] + (widths[rank] - width) / 2, middles[v] - top - height / 2, width, height
        )
    lines = [_line(drawn, edge, middles, top, lefts, widths) for edge in drawn.g.E()]
    height = max(middle + v.view.w / 2 for v, middle in middles.items()) - top
    by_pair = {frozenset((line.left, line.right)): line for line in lines}
    return _Part(lefts[-1] + widths[-1], height, boxes, by_pair)


def _line(
    drawn: Any, edge: Any, middles: dict[Any, float], top: float, lefts: list[float], widths: list[float]
) -> Line:
    a, b = sorted(edge.v, key=lambda v: drawn.grx[v].rank)
    first, last = drawn.grx[a].rank, drawn.grx[b].rank
    ys = [0.0, *(middles[drawn.ctrls[edge][rank]] - top for rank in range(first + 1, last)), 0.0]
    return Line(
        *(a.data, b.data),
        tuple(
            (
                Point(lefts[rank] + widths[rank], ys[rank - first]),
                Point(lefts[rank + 1], ys[rank + 1 - first]),
            )
            for rank in range(first, last)
        ),
    )


def _packed(parts: list[_Part]) -> _Part:
    """Put parts side by side in rows: those with lines first, then by height."""
    area = sum((part.width + 2 * GAP) * (part.height + GAP) for part in parts)
    limit = max([part.width for part in parts] + [(area * _WIDE) ** 0.5])
    boxes: dict[int, Box] = {}
    lines: dict[frozenset[int], Line] = {}
    x = y = float(_MARGIN)
    row = right = 0.0
    for part in sorted(parts, key=lambda part: (len(part.boxes) == 1, -part.height)):
        if x > _MARGIN and x + part.width > limit + _MARGIN:
            x, y, row = float(_MARGIN), y + row + GAP / 2, 0.0
        boxes |= {number: box._replace(x=box.x + x, y=box.y + y) for number, box in part.boxes.items()}
        lines |= {pair: _moved(line, x, y) for pair, line in part.lines.items()}
        right, row = max(right, x + part.width), max(row, part.height)
        x += part.width + 2 * GAP
    return _Part(right + _MARGIN, y + row + _MARGIN, boxes, lines)


def _moved(line: Line, x: float, y: float) -> Line:
    ends = (((a.x + x, a.y + y), (b.x + x, b.y + y)) for a, b in line.channels)
    return line._replace(channels=tuple((Point(*a), Point(*b)) for a, b in ends))
