"""What else than the usual a column might hold to satisfy a CHECK, going by the literals in it."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from d1migrate.rehearse.fill.values import ValueFactory, clock, moment, spread
from d1migrate.sql.affinity import affinity
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.tokens import significant

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    from d1migrate.sql.batch import Value
    from d1migrate.sql.tokens import Token

_DIGITS, _LOWER, _UPPER = "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def candidates(declared: str, expressions: Iterable[str], columns: Container[str]) -> list[ValueFactory]:
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
    """What the literals of expressions say; `lengths` are the numbers of those that speak of a length.

    `paths` are those into JSON; `json` says that it is spoken of at all.
    """

    def __init__(self, expressions: Iterable[str], columns: Container[str]) -> None:
        self.numbers: list[int | float] = []
        self.strings: list[str] = []
        self.patterns: list[tuple[str, ...]] = []
        self.lengths: list[int] = []
        self.paths: list[str] = []
        self.json = False
        for expression in expressions:
            seen = len(self.numbers)
            words = self._read(significant(expression), columns)
            if words & {"LENGTH", "OCTET_LENGTH"}:
                self.lengths += [n for n in self.numbers[seen:] if isinstance(n, int) and 0 < n < 5000]
            self.json |= any(word.startswith("JSON") for word in words)

    def _read(self, tokens: Iterable[Token], columns: Container[str]) -> set[str]:
        before, like, sign, words = "", "", 1, set[str]()
        for token in tokens:
            text = unquote(token.text)
            if token.kind == "number":
                self.numbers.append(sign * _number(text))
            elif token.kind == "string" or (token.kind == "quoted" and fold(text) not in columns):
                if before == "GLOB":
                    self.patterns.append(_glob(text))
                elif before == "LIKE":
                    like = text
                    self.patterns.append(_like(like))
                elif before == "ESCAPE" and like:
                    self.patterns[-1] = _like(like, text)
                elif before in ("->", "->>") or text.startswith("$."):
                    self.paths.append(text.removeprefix("$."))
                    self.json = True
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


def _numbers(literals: Sequence[int | float], *, whole: bool) -> Iterator[ValueFactory]:
    finite = dict.fromkeys(n for n in literals if abs(n) < 2**62)
    known = [int(n) for n in finite] if whole else list(finite)
    ordered = sorted(set(known))
    for low, high in [*pairwise(ordered)][:8]:
        yield _between(low, high, whole=whole)
    if known:
        yield _cycle(known)
    for n in (*ordered[-1:], *ordered[:-1]):  # past the largest, all lower bounds are kept
        yield from _near(n)
    yield lambda q: q + 1
    yield from (_constant(m) for n in known for m in (n, n + 1, n - 1))
    yield from (_constant(n) for n in (0, 1, -1, 2, 10, 100, 1000))
    yield lambda q: moment(q, 0)
    if not whole:
        yield _between(0, 1, whole=False)


def _near(n: float) -> Iterator[ValueFactory]:
    yield lambda q: n + 1 + spread(q)
    if n > 1:
        yield lambda q: q % n
        yield lambda q: n * (q + 1)
    yield lambda q: n - 1 - spread(q)


def _texts(literals: _Literals) -> Iterator[ValueFactory]:
    strings = list(dict.fromkeys(literals.strings))
    if strings:
        yield _cycle(strings)
    yield from (
        _nested(literals.paths, value) for value in (*strings, *literals.numbers, None) if literals.paths
    )
    yield from (*_TYPICAL_JSON, *_TYPICAL) if literals.json else (*_TYPICAL, *_TYPICAL_JSON)
    yield from (_matching(pattern) for pattern in literals.patterns)
    for pattern in (*literals.patterns, *((*text, "") for text in strings)):
        yield from (_matching(_stretched(pattern, size)) for size in literals.lengths)
    for size in dict.fromkeys(size for n in literals.lengths for size in (n, n - 1, n + 1) if size):
        yield from (_matching((letters,) * size) for letters in (_DIGITS, _LOWER, _UPPER))
    for text in strings:
        yield from _with(text)
    yield from (_constant(text) for text in ("a", "A", "", "en", "USD", "true", "07:08", "{}"))


def _with(text: str) -> Iterator[ValueFactory]:
    yield _constant(text)
    yield lambda q: f"{text}{q}"
    yield lambda q: f"{q}{text}"


def _blobs(lengths: Sequence[int]) -> Iterator[ValueFactory]:
    yield from (_sized(n) for n in (*lengths, 8))
    yield _constant(b"")


def _sized(n: int) -> ValueFactory:
    return lambda q: q.to_bytes(max(n, 8), "big")[-n:]


def _constant(value: Value) -> ValueFactory:
    return lambda _: value


def _cycle(values: Sequence[Value]) -> ValueFactory:
    return lambda q: values[q % len(values)]


def _between(low: float, high: float, *, whole: bool) -> ValueFactory:
    if whole:
        return lambda q: low + q % (int(high) - int(low) + 1)
    return lambda q: low + (high - low) * (q % 97 + 1) / 98


def _as_text(make: ValueFactory) -> ValueFactory:
    return lambda q: str(make(q))


def _nested(paths: Sequence[str], value: Value) -> ValueFactory:
    """Return a maker of JSON objects that hold a value at every path; for None, numbers that go up."""

    def make(q: int) -> Value:
        root: dict[str, Any] = {}
        for i, path in enumerate(paths):
            *outer, last = path.split(".")
            inside = root
            for key in outer:
                if not isinstance(inside.get(key), dict):
                    inside[key] = {}
                inside = inside[key]
            inside[last] = q + i if value is None else value
        return json.dumps(root)

    return make


def _like(text: str, escape: str = "") -> tuple[str, ...]:
    """Return what a pattern asks for: a character, the characters of which one will do, or "" for a run."""
    parts = re.findall(f"{re.escape(escape)}.|." if escape else ".", text, re.DOTALL)
    return tuple(part[1:] or {"%": "", "_": _LOWER}.get(part, part) for part in parts)


def _glob(text: str) -> tuple[str, ...]:
    """Return what a pattern asks for, as _like does."""
    return tuple(
        _members(part) if part[0] == "[" and len(part) > 2 else {"*": "", "?": _LOWER}.get(part, part)
        for part in re.findall(r"\[\^?\]?[^\]]*\]|.", text, re.DOTALL)
    )


def _stretched(pattern: tuple[str, ...], size: int) -> tuple[str, ...]:
    """Return a pattern whose first run is as long as its texts need to be of a size."""
    if "" not in pattern:
        return pattern
    at, fixed = pattern.index(""), sum(map(bool, pattern))
    return (*pattern[:at], *(_DIGITS,) * (size - fixed), *filter(None, pattern[at:]))


def _members(part: str) -> str:
    """Return the characters that `[a-f0-9]` or `[^a-f]` means, of the usual ones for the latter."""
    negated, inside = part[1] == "^", part[1:-1].removeprefix("^")
    found = "".join(
        "".join(chr(c) for c in range(ord(one[0]), min(ord(one[2]), ord(one[0]) + 99) + 1))
        if len(one) == 3
        else one
        for one in re.findall(r".-.|.", inside, re.DOTALL)
    )
    return "".join(c for c in _LOWER + _DIGITS + _UPPER if c not in found) if negated else found


def _matching(pattern: Sequence[str]) -> ValueFactory:
    """Return a maker of texts that fit a pattern, each place counting on when the one after it is through."""

    def make(q: int) -> Value:
        rest, text = q, list[str]()
        for part in reversed(pattern):
            text.append(part[rest % len(part)] if part else f"x{q}")
            rest //= len(part) or 1
        return "".join(reversed(text))

    return make


_TYPICAL: tuple[ValueFactory, ...] = (
    lambda q: f"a{q}",
    lambda q: f"A{q}",
    lambda q: clock("%Y-%m-%d", moment(q, 0)),
    lambda q: clock("%Y-%m-%d %H:%M:%S", moment(q, 0)),
    lambda q: clock("%Y-%m-%dT%H:%M:%SZ", moment(q, 0)),
    lambda q: clock("%H:%M:%S", moment(q, 0)),
    lambda q: f"user{q}@example.com",
    lambda q: f"https://example.com/{q}",
    lambda q: f"{q:08x}-0000-4000-8000-{q:012x}",
    lambda q: f"#{q % 2**24:06x}",
    lambda q: f"+1555{q:07}",
    lambda q: f"10.{q // 65536 % 256}.{q // 256 % 256}.{q % 256}",
    str,
)
_TYPICAL_JSON: tuple[ValueFactory, ...] = (lambda q: json.dumps({"id": q}), lambda q: json.dumps([q]))
