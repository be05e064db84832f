"""Draw the frames of a terminal as one animated SVG: no script, no font and no image from elsewhere.

Rows that appear and disappear together are a group, which a CSS animation shows in its time. Without
animations (`prefers-reduced-motion`, or a viewer that has none), the last frame is shown.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from docs.recording.terminal import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from docs.recording.terminal import Frame, Row

_WIDTH, _HEIGHT = 8.4, 19  # pixels of a character
_LEFT, _TOP = 16, 46
_FILLS = {"red": "#ff7b72", "green": "#7ee787", "brown": "#e3b341", "blue": "#79c0ff"}
_STYLE = """\
svg{fill:#e6edf3;font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
g{visibility:hidden;animation:%.1fs step-end infinite}
.last{visibility:visible}
@media (prefers-reduced-motion:reduce){g{animation:none!important}}
"""

Group = tuple[float, float]
"""When rows appear, and when they disappear."""


def draw(frames: Sequence[Frame], end: float, *, title: str, description: str) -> str:
    """Return the SVG.

    Args:
        frames: what the terminal shows.
        end: when the last frame ends, and the animation begins again.
        title: a few words, for people who do not see it.
        description: a sentence for them.
    """
    groups = _groups(frames, end)
    rows = max(len(frame.rows) for frame in frames)
    width, height = COLUMNS * _WIDTH + 2 * _LEFT, rows * _HEIGHT + _TOP
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" {_ATTRIBUTES}>',
        f'<title id="title">{escape(title)}</title><desc id="description">{escape(description)}</desc>',
        f"<style>\n{_STYLE % end}{''.join(_keyframes(groups, end))}</style>",
        f'<rect width="{width:g}" height="{height:g}" rx="8" fill="#0d1117" stroke="#6e7681"/>',
        *(f'<circle cx="{20 + 18 * n}" cy="18" r="5" fill="{fill}"/>' for n, fill in enumerate(_DOTS)),
    ]
    for number, ((_, until), shown) in enumerate(groups.items()):
        name = ' class="last"' if until == end else ""
        lines += [f'<g{name} id="g{number}">', *(span for at, row in shown for span in _row(at, row)), "</g>"]
    return "\n".join([*lines, "</svg>", ""])


_ATTRIBUTES = 'role="img" aria-labelledby="title description" xml:space="preserve"'
_DOTS = ("#ff5f57", "#febc2e", "#28c840")


def _groups(frames: Sequence[Frame], end: float) -> dict[Group, list[tuple[int, Row]]]:
    """Return {when: the rows that are shown from then to then}, in the order of their appearance."""
    found: dict[Group, list[tuple[int, Row]]] = {}
    shown: dict[int, tuple[float, Row]] = {}
    for frame, until in [*pairwise(frames), (frames[-1], None)]:
        now = dict(enumerate(frame.rows))
        later = dict(enumerate(until.rows)) if until else {}
        for at, row in now.items():
            since = shown.setdefault(at, (frame.at, row))[0]
            if until is None or later.get(at) != row:
                found.setdefault((since, until.at if until else end), []).append((at, row))
                del shown[at]
    return dict(sorted((when, [one for one in rows if one[1]]) for when, rows in found.items()))


def _keyframes(groups: Iterable[Group], end: float) -> Iterator[str]:
    for number, (since, until) in enumerate(groups):
        start, stop = (f"{100 * at / end:.2f}%" for at in (since, until))
        hidden = [part for part, is_it in (("0%", since > 0), (stop, until < end)) if is_it]
        rules = f"{','.join(hidden)}{{visibility:hidden}}" if hidden else ""
        yield f"#g{number}{{animation-name:k{number}}}\n"
        yield f"@keyframes k{number}{{{rules}{start}{'' if until < end else ',to'}{{visibility:visible}}}}\n"


def _row(at: int, row: Row) -> Iterator[str]:
    """Yield each span of a row at its place; its length keeps columns aligned in every font."""
    column = 0
    for span in row:
        x, length = _LEFT + column * _WIDTH, len(span.text) * _WIDTH
        fill = f' fill="{_FILLS[span.color]}"' if span.color in _FILLS else ""
        weight = ' font-weight="bold"' if span.bold else ""
        if span.text.strip():
            place = f'x="{x:.5g}" y="{_TOP + at * _HEIGHT}" textLength="{length:.5g}"'
            yield f"<text {place}{fill}{weight}>{escape(span.text)}</text>"
        column += len(span.text)
