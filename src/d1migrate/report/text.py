"""Plain text for people: times, sizes, colors, and names without terminal control characters."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from d1migrate.migrate.status import Entry

    Paint = Callable[[str, str | None], str]
    """Colors a text; the second argument is the name of a color, or None."""
    Rows = Sequence[Sequence[str]]

_CONTROL = {c: None for c in (*range(32), *range(127, 160)) if chr(c) not in "\n\t"}
# Characters that reverse the direction of text, end a line, or are invisible.
_CONTROL |= dict.fromkeys((0x061C, 0x200E, 0x200F, 0x2028, 0x2029, 0xFEFF))
_CONTROL |= dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
_COLORS = {"red": "31", "green": "32", "yellow": "33", "dim": "2", "bold": "1"}

_PAINT = tuple(f"[{code}m" for code in ("0", *_COLORS.values()))  # what follows an ESC of ours

_UNITS = ((31_536_000, "year"), (2_592_000, "month"), (86_400, "day"), (3_600, "hour"), (60, "minute"))


def clean(text: str) -> str:
    """Return text from a file or database without terminal control characters."""
    return text if text.isprintable() else text.translate(_CONTROL)


def clean_line(text: str, *, tabs: bool = False) -> str:
    """Return text from outside, such as a name, as part of one line."""
    if text.isprintable():
        return text
    text = clean(text).replace("\n", " ")
    return text if tabs else text.replace("\t", " ")


def printed(text: str, *, colored: bool) -> str:
    """Return lines for people in a form that is safe to print, whatever names and SQL they contain.

    Only d1migrate's own colors control the terminal, and no line is a workflow command for a GitHub runner,
    which obeys `::` after any white space at the beginning of a line.
    """
    if not text.replace("\n", "").isprintable():
        text = "".join(_painted(text)) if colored else clean(text)
    if "::" in text:
        text = "\n".join(map(_no_command, text.split("\n")))
    return text


def _painted(text: str) -> Iterator[str]:
    first, *others = text.split("\x1b")
    yield clean(first)
    for part in others:
        ours = part.startswith(_PAINT)
        yield "\x1b" * ours + clean(part)


def _no_command(line: str) -> str:
    start = len(line) - len(line.lstrip())
    return f"{line[:start]}\\x3a{line[start + 1 :]}" if line.startswith("::", start) else line


def json_text(value: object) -> str:
    """Return a value as JSON that is safe to print."""
    import json

    return escaped(json.dumps(value, indent=2, ensure_ascii=False))


def json_line(value: object) -> str:
    """Return a value as JSON in one line that is safe to print."""
    import json

    return escaped(json.dumps(value, ensure_ascii=False))


def escaped(json: str) -> str:
    """Return equivalent JSON, with terminal control characters and invalid Unicode escaped."""
    if json.replace("\n", "").isprintable():
        return json
    return "".join(c if c == "\n" or c.isprintable() else _escape(c) for c in json)


def _escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


def color(text: str, name: str | None, *, on: bool) -> str:
    """Return text in a color if colors are on."""
    return f"\x1b[{_COLORS[name]}m{text}\x1b[0m" if on and name else text


def number(of: int | None) -> str:
    """Return the number of a migration; `-` for none."""
    return "-" if of is None else str(of)


def moment(at: float) -> str:
    """Return a time as `2026-11-22 13:59:05 +0100`: local time with its offset, which `restore --to` reads.

    Every time is shown so, except in names of files (UTC, with a Z) and for maintenance windows, which have a
    zone of their own.
    """
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(at))
    except (OSError, OverflowError, ValueError):
        return str(at)  # not a time that the system can represent


def when(at: int | None, *, now: float | None) -> str:
    """Return a time as `2026-11-22 13:59:05 +0100 (2 minutes ago)`; the time alone if `now` is None."""
    if at is None:
        return ""
    return moment(at) if now is None else f"{moment(at)} ({ago(now - at)})"


def ago(seconds: float) -> str:
    """Return how long ago something was, in its largest unit."""
    for size, unit in _UNITS:
        count = int(seconds // size)
        if count >= 1:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def duration(seconds: float) -> str:
    """Return a duration: `3 ms`, `1.2 s`, `2 min 5 s`, `69 h 20 min`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 36_000:
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"


def size(count: int) -> str:
    """Return a number of bytes: `512 B`, `3.4 kB`, `120.0 MB`."""
    if count < 1000:
        return f"{count} B"
    unit, one = next(((u, n) for u, n in (("kB", 1e3), ("MB", 1e6)) if count < n * 1000), ("GB", 1e9))
    return f"{count / one:.1f} {unit}"


def state_of(entry: Entry) -> str:
    """Return the state of a migration as it is shown: a job that is paused does not run."""
    return "paused" if entry.state == "running" and entry.job and entry.job.paused else entry.state


def state_words(state: str) -> str:
    """Return the state of a migration in words: `out of order`."""
    return state.replace("_", " ")


def state_counts(states: Iterable[str]) -> str:
    """Return how many migrations are in each state: `3 applied, 1 out of order`; "" for none."""
    counts: dict[str, int] = {}
    for state in states:
        counts[state] = counts.get(state, 0) + 1
    return ", ".join(f"{count} {state_words(state)}" for state, count in counts.items())


def plural(count: int, noun: str) -> str:
    """Return `1 migration`, `3 migrations`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
