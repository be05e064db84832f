"""The table that is printed: rows of text, aligned, as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from benchmarks.measure import Missing, Timing

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEADER = ("figure", "d1migrate", "compared with", "takes", "ratio", "bar", "")
_SHORT = 1.0  # seconds; below, times are shown in milliseconds
_SMALL = 0.1  # a ratio; below, one digit is shown
_MEGA = 1_000_000


class Row(NamedTuple):
    """One line: a figure of d1migrate, and one thing it is compared with. `ok` is None without a bar."""

    figure: str
    ours: str
    other: str = "-"
    theirs: str = "-"
    ratio: str = "-"
    bar: str = "-"
    ok: bool | None = None


def compared(figure: str, ours: Timing, others: Sequence[Timing | Missing]) -> list[Row]:
    """Return a row for each comparison of one timing with others."""
    rows = []
    for other in others:
        if isinstance(other, Missing):
            rows.append(Row(figure, _used(ours), other.label, other.why))
            continue
        ratio, bar = ours.median / other.median, other.command.bar
        rows.append(
            Row(
                figure,
                _used(ours),
                other.command.label,
                _used(other),
                f"{ratio:.2f} x" if ratio >= _SMALL else f"{ratio:.1g} x",
                "-" if bar is None else f"≤ {bar:g} x",
                None if bar is None else ratio <= bar,
            )
        )
    return rows


def timed(figure: str, timing: Timing, bar: float | None) -> Row:
    """Return the row of a time with its bar in seconds, if it has one."""
    return limited(figure, timing.median, bar, "s")._replace(ours=_used(timing))


def limited(figure: str, value: float, bar: float | None, unit: str, *, at_least: bool = False) -> Row:
    """Return the row of an absolute figure with its bar, if it has one."""
    shown = f"{value:.2f} {unit}" if unit == "s" or value < 1 else f"{value:.0f} {unit}".strip()
    if bar is None:
        return Row(figure, shown)
    sign = "≥" if at_least else "≤"
    return Row(
        figure,
        shown,
        bar=f"{sign} {bar:g} {unit}".strip(),
        ok=value >= bar if at_least else value <= bar,
    )


def growth(figure: str, each: float, smaller: str, before: float, bar: float) -> Row:
    """Return the row of a time for each of many things, compared with half as many."""
    ratio, ours, theirs = each / before, f"{each * 1000:.1f} ms each", f"{before * 1000:.1f} ms each"
    return Row(figure, ours, smaller, theirs, f"{ratio:.2f} x", f"≤ {bar:g} x", ratio <= bar)


def megabytes(amount: float) -> float:
    """Return bytes as millions of bytes."""
    return amount / _MEGA


def render(rows: Sequence[Row], *, verdicts: bool, before: Sequence[Row] = ()) -> str:
    """Return the table; a figure and its value are written once.

    Args:
        rows: its lines.
        verdicts: whether the last column has them.
        before: the lines of an earlier run, for a column with its figures and ratios.
    """
    earlier = {(row.figure, row.other): row for row in before}
    lines = [(*_HEADER, "before") if before else _HEADER]
    previous: tuple[str, str] | None = None
    for row in rows:
        verdict = "" if row.ok is None or not verdicts else "ok" if row.ok else "OVER"
        first = ("", "") if (row.figure, row.ours) == previous else (row.figure, row.ours)
        line = (*first, *row[2:6], verdict)
        lines.append((*line, _short(earlier.get((row.figure, row.other)))) if before else line)
        previous = (row.figure, row.ours)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    ]
    return "\n".join([padded[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *padded[1:]])


def _short(row: Row | None) -> str:
    if row is None:
        return "-"
    return row.ours if row.ratio == "-" else f"{row.ours}, {row.ratio}"


def _used(timing: Timing) -> str:
    """Return the median with the fastest and the slowest repetition, and the peak of memory."""
    scale, digits, unit = (1000, 0, "ms") if timing.median < _SHORT else (1, 2, "s")
    low, middle, high = (
        f"{value * scale:.{digits}f}" for value in (min(timing.seconds), timing.median, max(timing.seconds))
    )
    extent = f" ({low}-{high})" if len(timing.seconds) > 1 else ""
    return f"{middle} {unit}{extent}, {megabytes(timing.peak):.0f} MB"
