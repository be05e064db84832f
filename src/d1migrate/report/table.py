"""Tables for people: aligned columns, and what becomes of them on a narrow terminal."""

from __future__ import annotations

from d1migrate.report.text import clean_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from d1migrate.report.text import Paint, Rows

GAP = 2  # blanks between columns


def table(
    headers: Sequence[str],
    rows: Rows,
    *,
    right: Collection[int] = (),
    shades: Mapping[int, Sequence[str | None]] | None = None,
    paint: Paint = lambda text, _: text,
    width: int | None = None,
    below: Mapping[int, Sequence[str]] | None = None,
) -> list[str]:
    """Return lines with aligned columns; no line has trailing spaces.

    Args:
        headers: the names of the columns; if the last one has no values, it is left out.
        rows: the values.
        right: the columns that are right-aligned.
        shades: {column: the color of its value in each row}.
        paint: colors these, and the headers.
        width: of the terminal: values are wrapped if a line is longer.
        below: {row: lines to print below it}.
    """
    grid, widths = _aligned(headers, rows)
    lines: list[list[Sequence[str]]] = [[row] for row in grid]
    if width is not None and _width(widths) > width:
        from d1migrate.report.narrow_table import narrowed

        widths, lines = narrowed(grid, widths, width - GAP * (len(widths) - 1))

    def line(cells: Sequence[str], colors: Mapping[int, str | None]) -> str:
        shown = []
        for column, (text, size) in enumerate(zip(cells, widths, strict=True)):
            padding, painted = " " * (size - len(text)), paint(text, colors.get(column)) if text else ""
            shown.append(padding + painted if column in right else painted + padding)
        return (" " * GAP).join(shown).rstrip()

    head, *body = lines
    found = [paint(line(cells, {}), "dim") for cells in head]
    for row, parts in enumerate(body):
        colors = {column: of[row] for column, of in (shades or {}).items()}
        found += [line(cells, colors) for cells in parts]
        found += (below or {}).get(row, ())
    return found


def records(
    headers: Sequence[str], rows: Rows, *, right: Collection[int], paint: Paint, width: int | None
) -> list[str]:
    """Return a table, or a paragraph for each row if that is too wide; arguments as `table`."""
    if fits(headers, rows, width):
        return table(headers, rows, right=right, paint=paint)
    from d1migrate.report.narrow_table import paragraphs

    return list(paragraphs(headers, rows, width=width or 0, paint=paint))


def fits(headers: Sequence[str], rows: Rows, width: int | None) -> bool:
    """Whether a table is not wider than a terminal; None is no terminal."""
    return width is None or _width(_aligned(headers, rows)[1]) <= width


def _aligned(headers: Sequence[str], rows: Rows) -> tuple[list[list[str]], list[int]]:
    """Return the headers and rows of a table, safe to print, and the widths of its columns."""
    columns = len(headers) - (bool(rows) and not any(row[-1] for row in rows))
    grid = [list(headers[:columns]), *([clean_line(cell) for cell in row[:columns]] for row in rows)]
    return grid, [max(map(len, column)) for column in zip(*grid, strict=True)]


def _width(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)
