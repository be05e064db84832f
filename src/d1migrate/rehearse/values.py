"""Made-up values: what a column might hold in life, and what else a CHECK might want there.

A value is a function of the row's number alone, a *maker*: so the keys of a row are known before it is
there, whatever order tables are filled in, and two runs make the same rows.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zlib import crc32

from d1migrate.batch import Value
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.tokens import significant

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    from d1migrate.schema.model import Column
    from d1migrate.sql.tokens import Token

Maker = Callable[[int], Value]

_JSON = frozenset(("json", "payload", "meta", "metadata", "data", "config", "settings"))
# What careless SQL stumbles over: quotes, letters beyond ASCII, what looks like SQL.
_TAILS = ("", "it's", "naïve", 'a "b"', "日本", "x; -- y")
_LOWER, _UPPER = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def affinity(declared: str) -> str:
    """Return the affinity SQLite gives a declared type: INTEGER, TEXT, BLOB, REAL or NUMERIC."""
    upper = declared.upper()
    for name, parts in (
        ("INTEGER", ("INT",)),
        ("TEXT", ("CHAR", "CLOB", "TEXT")),
        ("BLOB", ("BLOB",)),
        ("REAL", ("REAL", "FLOA", "DOUB")),
    ):
        if any(part in upper for part in parts):
            return name
    return "NUMERIC" if upper else "BLOB"


def usual(table: str, column: Column, position: int) -> Maker:
    """Return what makes a column's values where no rule says otherwise; text and numbers differ by row.

    Columns further right hold later times and larger numbers, as `starts_at, ends_at` and `low, high` want.
    """
    kind, declared, name = affinity(column.type), column.type.upper(), fold(column.name)
    last = name.rpartition("_")[2]
    if kind in ("INTEGER", "NUMERIC") and (name.startswith(("is_", "has_")) or "BOOL" in declared):
        return _flag
    if kind == "BLOB" and declared:
        return lambda q: b"\x00\xff" + q.to_bytes(6, "big")
    if name.endswith(("_at", "_on")) or "DATE" in declared or "TIME" in declared:
        if kind in ("INTEGER", "REAL"):
            return lambda q: _moment(q, position)
        form = "%Y-%m-%d" if declared == "DATE" else "%Y-%m-%d %H:%M:%S"
        return lambda q: _clock(form, _moment(q, position))
    if kind == "INTEGER":
        if column.primary_key:
            start = crc32(table.encode()) % 7 + 1
            return lambda q: start + _spread(q)
        return lambda q: 10 * position + q + 1
    if kind == "REAL" or (kind == "NUMERIC" and any(part in declared for part in ("DEC", "NUM", "MONEY"))):
        return lambda q: 10 * position + q + 0.25 * (1 + q % 3)
    if last in _JSON or "JSON" in declared:
        return lambda q: json.dumps({"id": q, "name": f"{name} {q}", "tags": ["a", "b"][: q % 3]})
    if "email" in name:
        return lambda q: f"user{q}@example.com"
    if column.primary_key or last == "id":
        return lambda q: f"{table}-{q:04}"
    return lambda q: f"{column.name} {q} {_TAILS[q % len(_TAILS)]}".rstrip()


def candidates(declared: str, expressions: Iterable[str], columns: Container[str]) -> list[Maker]:
    """Return makers of what might satisfy some expressions, likely ones and such that differ by row first.

    Args:
        declared: the column's type.
        expressions: the texts that speak of it: CHECKs, and others a value may fail in.
        columns: the names, folded, that stand for columns in them.
    """
    literals = _Literals(expressions, columns)
    kind = affinity(declared)
    numbers, texts = list(_numbers(literals.numbers, whole=kind == "INTEGER")), list(_texts(literals))
    if kind == "INTEGER":
        return numbers
    if kind == "TEXT":
        return texts + [_as_text(make) for make in numbers]
    if kind == "BLOB" and declared:
        return [*_blobs(literals.lengths), *texts, *numbers]
    return numbers + texts if kind in ("REAL", "NUMERIC") else [*texts, *numbers, *_blobs(literals.lengths)]


class _Literals:
    """What the literals of expressions say; `lengths` are the numbers of those that speak of a length."""

    def __init__(self, expressions: Iterable[str], columns: Container[str]) -> None:
        self.numbers: list[int | float] = []
        self.strings: list[str] = []
        self.patterns: list[tuple[str, ...]] = []
        self.lengths: list[int] = []
        self.paths: list[str] = []
        for expression in expressions:
            seen = len(self.numbers)
            words = self._read(significant(expression), columns)
            if words & {"LENGTH", "OCTET_LENGTH"}:
                self.lengths += [n for n in self.numbers[seen:] if isinstance(n, int) and 0 < n < 5000]

    def _read(self, tokens: Iterable[Token], columns: Container[str]) -> set[str]:
        before, sign, words = "", 1, set[str]()
        for token in tokens:
            text = unquote(token.text)
            if token.kind == "number":
                self.numbers.append(sign * _number(text))
            elif token.kind == "string" or (token.kind == "quoted" and fold(text) not in columns):
                if before in ("LIKE", "GLOB"):
                    self.patterns.append(_pattern(text, like=before == "LIKE"))
                elif before in ("->", "->>") or text.startswith("$."):
                    self.paths.append(text.removeprefix("$."))
                else:
                    self.strings.append(text)
            words.add(token.keyword)
            sign, before = (-1 if token.text == "-" else 1), token.keyword or token.text
        return words


def _number(text: str) -> int | float:
    plain = text.replace("_", "").lower()
    try:
        return int(plain, 16 if plain.startswith("0x") else 10)
    except ValueError:
        return float(plain)


def _numbers(literals: Sequence[int | float], *, whole: bool) -> Iterator[Maker]:
    finite = dict.fromkeys(n for n in literals if abs(n) < 2**62)
    known = [int(n) for n in finite] if whole else list(finite)
    ordered = sorted(set(known))
    for low, high in dict.fromkeys([*pairwise(ordered), *zip(ordered[:1], ordered[-1:], strict=True)]):
        if low < high:
            yield _between(low, high, whole=whole)
    if known:
        yield _cycle(known)
    for n in known:
        yield from _near(n)
    yield lambda q: q + 1
    yield from (_constant(m) for n in known for m in (n, n + 1, n - 1))
    yield from (_constant(n) for n in (0, 1, -1, 2, 10, 100, 1000))
    yield lambda q: _moment(q, 0)
    if not whole:
        yield _between(0, 1, whole=False)


def _near(n: float) -> Iterator[Maker]:
    yield lambda q: n + 1 + _spread(q)
    if n > 1:
        yield lambda q: q % n
        yield lambda q: n * (q + 1)
    yield lambda q: n - 1 - _spread(q)


def _texts(literals: _Literals) -> Iterator[Maker]:
    strings = list(dict.fromkeys(literals.strings))
    if strings:
        yield _cycle(strings)
    yield from (_matching(pattern) for pattern in literals.patterns)
    for size in dict.fromkeys(size for n in literals.lengths for size in (n, n - 1, n + 1) if size):
        yield from (_matching((letters,) * size) for letters in ("0123456789", _LOWER, _UPPER))
    if literals.paths:
        yield from (_nested(literals.paths, value) for value in (*strings, *literals.numbers, None))
    for text in strings:
        yield from _with(text)
    yield from _TYPICAL
    yield from (_constant(text) for text in ("a", "A", "", "en", "USD", "true", "07:08", "{}"))


def _with(text: str) -> Iterator[Maker]:
    yield _constant(text)
    yield lambda q: f"{text}{q}"
    yield lambda q: f"{q}{text}"


def _blobs(lengths: Sequence[int]) -> Iterator[Maker]:
    yield from (_sized(n) for n in (*lengths, 8))
    yield _constant(b"")


def _sized(n: int) -> Maker:
    return lambda q: q.to_bytes(max(n, 8), "big")[-n:]


def _spread(q: int) -> int:
    """Numbers with gaps, so that a migration which counts rows anew does not find the same ones."""
    return q + q // 3


def _flag(q: int) -> Value:
    return (q + q // 2) % 2


def _moment(q: int, position: int) -> int:
    """Return epoch seconds a day and some from row to row, and from column to column of a row."""
    return 1_700_000_000 + q * 90_061 + position * 129_600


def _clock(form: str, moment: int) -> str:
    return time.strftime(form, time.gmtime(moment))


def _constant(value: Value) -> Maker:
    return lambda _: value


def _cycle(values: Sequence[Value]) -> Maker:
    return lambda q: values[q % len(values)]


def _between(low: float, high: float, *, whole: bool) -> Maker:
    if whole:
        return lambda q: low + q % (int(high) - int(low) + 1)
    return lambda q: low + (high - low) * (q % 97 + 1) / 98


def _as_text(make: Maker) -> Maker:
    return lambda q: str(make(q))


def _nested(paths: Sequence[str], value: Value) -> Maker:
    """Return a maker of JSON objects that hold a value at every path; for None, the row's number."""

    def make(q: int) -> Value:
        root: dict[str, Any] = {}
        for path in paths:
            *outer, last = path.split(".")
            inside = root
            for key in outer:
                if not isinstance(inside.get(key), dict):
                    inside[key] = {}
                inside = inside[key]
            inside[last] = q if value is None else value
        return json.dumps(root)

    return make


def _pattern(text: str, *, like: bool) -> tuple[str, ...]:
    """Return what a pattern asks for: a character, the characters of which one will do, or "" for a run."""
    if like:
        return tuple({"%": "", "_": _LOWER}.get(c, c) for c in text)
    return tuple(
        _members(part) if part[0] == "[" and len(part) > 2 else {"*": "", "?": _LOWER}.get(part, part)
        for part in re.findall(r"\[\^?\]?[^\]]*\]|.", text, re.DOTALL)
    )


def _members(part: str) -> str:
    """Return the characters that `[a-f0-9]` or `[^a-f]` means, of the usual ones for the latter."""
    negated, inside = part[1] == "^", part[1:-1].removeprefix("^")
    found = "".join(
        "".join(chr(c) for c in range(ord(one[0]), min(ord(one[2]), ord(one[0]) + 99) + 1))
        if len(one) == 3
        else one
        for one in re.findall(r".-.|.", inside, re.DOTALL)
    )
    return "".join(c for c in _LOWER + "0123456789" + _UPPER if c not in found) if negated else found


def _matching(pattern: Sequence[str]) -> Maker:
    """Return a maker of texts that fit a pattern, each place counting on when the one after it is through."""

    def make(q: int) -> Value:
        rest, text = q, list[str]()
        for part in reversed(pattern):
            text.append(part[rest % len(part)] if part else f"x{q}")
            rest //= len(part) or 1
        return "".join(reversed(text))

    return make


_TYPICAL: tuple[Maker, ...] = (
    lambda q: f"a{q}",
    lambda q: f"A{q}",
    lambda q: _clock("%Y-%m-%d", _moment(q, 0)),
    lambda q: _clock("%Y-%m-%d %H:%M:%S", _moment(q, 0)),
    lambda q: _clock("%Y-%m-%dT%H:%M:%SZ", _moment(q, 0)),
    lambda q: f"user{q}@example.com",
    lambda q: f"https://example.com/{q}",
    lambda q: f"{q:08x}-0000-4000-8000-{q:012x}",
    lambda q: f"#{q % 2**24:06x}",
    lambda q: f"+1555{q:07}",
    lambda q: f"10.{q // 65536 % 256}.{q // 256 % 256}.{q % 256}",
    lambda q: json.dumps({"id": q}),
    lambda q: json.dumps([q]),
    str,
)
