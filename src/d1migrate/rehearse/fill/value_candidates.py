"""Values that may satisfy a CHECK, guessed from the literals in it."""

from __future__ import annotations

import json
import re
from itertools import pairwise

from d1migrate.rehearse.fill.values import ValueFactory, clock, moment, spread
from d1migrate.sql.affinity import affinity
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence
    from typing import Any

    from d1migrate.sql.batch import Value
    from d1migrate.sql.tokens import Token

_DIGITS, _LOWER, _UPPER = "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def candidates(declared: str, expressions: Iterable[str], columns: Container[str]) -> list[ValueFactory]:
    """Return factories of values that may satisfy some expressions; likely ones that differ by row first.

    Args:
        declared: the column's type.
        expressions: the expressions that use the column: CHECKs, and others that a value may fail.
        columns: the names, folded, that are columns in them.
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
    """The literals of expressions.

    Attributes:
        numbers, strings: the plain ones.
        patterns: those of LIKE and GLOB, as `_like` returns them.
        lengths: the numbers in expressions that use a length.
        paths: paths into JSON.
        json: whether the expressions use JSON.
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
            self.json = self.json or any(word.startswith("JSON") for word in words)

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
    for n in (*ordered[-1:], *ordered[:-1]):  # above the largest, every lower bound is satisfied
        yield from _near(n)
    yield lambda i: i + 1
    yield from (_constant(m) for n in known for m in (n, n + 1, n - 1))
    yield from (_constant(n) for n in (0, 1, -1, 2, 10, 100, 1000))
    yield lambda i: moment(i, 0)
    if not whole:
        yield _between(0, 1, whole=False)


def _near(n: float) -> Iterator[ValueFactory]:
    yield lambda i: n + 1 + spread(i)
    if n > 1:
        yield lambda i: i % n
        yield lambda i: n * (i + 1)
    yield lambda i: n - 1 - spread(i)


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
    yield lambda i: f"{text}{i}"
    yield lambda i: f"{i}{text}"


def _blobs(lengths: Sequence[int]) -> Iterator[ValueFactory]:
    yield from (_sized(n) for n in (*lengths, 8))
    yield _constant(b"")


def _sized(n: int) -> ValueFactory:
    return lambda i: i.to_bytes(max(n, 8), "big")[-n:]


def _constant(value: Value) -> ValueFactory:
    return lambda _: value


def _cycle(values: Sequence[Value]) -> ValueFactory:
    return lambda i: values[i % len(values)]


def _between(low: float, high: float, *, whole: bool) -> ValueFactory:
    if whole:
        return lambda i: low + i % (int(high) - int(low) + 1)
    return lambda i: low + (high - low) * (i % 97 + 1) / 98


def _as_text(make: ValueFactory) -> ValueFactory:
    return lambda i: str(make(i))


def _nested(paths: Sequence[str], value: Value) -> ValueFactory:
    """Return a factory of JSON objects that hold a value at every path; for None, increasing numbers."""

    def make(i: int) -> Value:
        root: dict[str, Any] = {}
        for place, path in enumerate(paths):
            *outer, last = path.split(".")
            inside = root
            for key in outer:
                if not isinstance(inside.get(key), dict):
                    inside[key] = {}
                inside = inside[key]
            inside[last] = i + place if value is None else value
        return json.dumps(root)

    return make


def _like(text: str, escape: str = "") -> tuple[str, ...]:
    """Return the parts of a LIKE pattern: one character, several of which any fits, or "" for any run."""
    parts = re.findall(f"{re.escape(escape)}.|." if escape else ".", text, re.DOTALL)
    return tuple(part[1:] or {"%": "", "_": _LOWER}.get(part, part) for part in parts)


def _glob(text: str) -> tuple[str, ...]:
    """Return the parts of a GLOB pattern, as `_like` does."""
    return tuple(
        _members(part) if part[0] == "[" and len(part) > 2 else {"*": "", "?": _LOWER}.get(part, part)
        for part in re.findall(r"\[\^?\]?[^\]]*\]|.", text, re.DOTALL)
    )


def _stretched(pattern: tuple[str, ...], size: int) -> tuple[str, ...]:
    """Return a pattern whose first run is so long that its texts have a given length."""
    if "" not in pattern:
        return pattern
    at, fixed = pattern.index(""), sum(map(bool, pattern))
    return (*pattern[:at], *(_DIGITS,) * (size - fixed), *filter(None, pattern[at:]))


def _members(part: str) -> str:
    """Return the characters that `[a-f0-9]` matches; for `[^a-f]`, of letters and digits only."""
    negated, inside = part[1] == "^", part[1:-1].removeprefix("^")
    found = "".join(
        "".join(chr(c) for c in range(ord(one[0]), min(ord(one[2]), ord(one[0]) + 99) + 1))
        if len(one) == 3
        else one
        for one in re.findall(r".-.|.", inside, re.DOTALL)
    )
    return "".join(c for c in _LOWER + _DIGITS + _UPPER if c not in found) if negated else found


def _matching(pattern: Sequence[str]) -> ValueFactory:
    """Return a factory of texts that match a pattern; they count up like a number with one digit a place."""

    def make(i: int) -> Value:
        rest, text = i, list[str]()
        for part in reversed(pattern):
            text.append(part[rest % len(part)] if part else f"x{i}")
            rest //= len(part) or 1
        return "".join(reversed(text))

    return make


_TYPICAL: tuple[ValueFactory, ...] = (
    lambda i: f"a{i}",
    lambda i: f"A{i}",
    lambda i: clock("%Y-%m-%d", moment(i, 0)),
    lambda i: clock("%Y-%m-%d %H:%M:%S", moment(i, 0)),
    lambda i: clock("%Y-%m-%dT%H:%M:%SZ", moment(i, 0)),
    lambda i: clock("%H:%M:%S", moment(i, 0)),
    lambda i: f"user{i}@example.com",
    lambda i: f"https://example.com/{i}",
    lambda i: f"{i:08x}-0000-4000-8000-{i:012x}",
    lambda i: f"#{i % 2**24:06x}",
    lambda i: f"+1555{i:07}",
    lambda i: f"10.{i // 65536 % 256}.{i // 256 % 256}.{i % 256}",
    str,
)
_TYPICAL_JSON: tuple[ValueFactory, ...] = (lambda i: json.dumps({"id": i}), lambda i: json.dumps([i]))
