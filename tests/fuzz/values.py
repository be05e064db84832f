"""Random pieces of input: names and texts that harm, and changes to what is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import random

T = TypeVar("T")

TEXTS = (
    *(
        "",
        " ",
        "a",
        "users",
        "-",
        "--",
        "'",
        '"',
        "`",
        "]",
        ";",
        ")",
        "\\",
        "\t",
        "\n",
        "%",
        "%0A",
        "%s",
        "{}",
        "\x00",
    ),
    *(
        "0",
        "1",
        "-1",
        "2",
        "3",
        "007",
        "1.5",
        "1e999",
        "NaN",
        "Infinity",
        "9007199254740993",
        "9" * 5000,
        "\u0663",
    ),
    *(
        "\x1b[31m",
        "\x1b]0;owned\x07",
        "\x9b2J",
        "\u202e",
        "\u2028",
        "\u2066x",
        "\ufeff",
        "\x7f",
        "\x85::error::x",
    ),
    *(
        "\n::error::forged",
        "\r\n::warning file=x::forged",
        "a\u00a0b",
        "e\u0301",
        "\U0001f389",
        "\udcff",
        "\ud800",
    ),
    *("a/b", "../x", "./x", ".", "..", "nosuch/x", "x" * 300, "y" * 70_000, "*", "~", "C:\\x", "a\x00b"),
    *(
        "001_a.sql",
        "migrations",
        "app.db",
        "sqlite:app.db",
        "sqlite:",
        "sqlite::memory:",
        "wrangler:",
        "wrangler:DB",
    ),
    *(
        "wrangler:DB?env=dev",
        "wrangler:?x=1",
        "d1:",
        "d1:x",
        "nosuch:",
        "latest",
        "all",
        "none",
        "local",
        "before",
    ),
    *(
        "after",
        "true",
        "error",
        "off",
        "users.name=1",
        "users=people",
        "t=5",
        "t=-1",
        "=",
        "2026-11-22",
        "0001-01-01",
    ),
    *(
        "schema_migrations",
        "d1migrate_log",
        "d1_migrations",
        "_cf_KV",
        "sqlite_sequence",
        "id INTEGER",
    ),
)


def text(generator: random.Random) -> str:
    """Return a text, or two of them."""
    found = generator.choice(TEXTS)
    return found + generator.choice(TEXTS) if generator.random() < 0.15 else found


def printable(generator: random.Random, alphabet: str = "abcxyz_019 -.,:;'\"()[]=#/*\n") -> str:
    """Return some letters."""
    return "".join(generator.choice(alphabet) for _ in range(generator.randrange(30)))


def mutated(generator: random.Random, data: bytes, *, most: int = 4) -> bytes:
    """Return bytes of which some were changed, removed, repeated or cut off."""
    changed = bytearray(data)
    for _ in range(generator.randint(1, most)):
        at = generator.randrange(len(changed) + 1)
        end = min(len(changed), at + generator.choice((1, 1, 2, 8, 40, 400)))
        kind = generator.randrange(7)
        if kind == 0 and at < len(changed):
            changed[at] ^= 1 << generator.randrange(8)
        elif kind == 1:
            del changed[at:end]
        elif kind == 2:
            changed[at:at] = changed[at:end] * generator.choice((1, 2, 30))
        elif kind == 3:
            del changed[at:]
        elif kind == 4:
            changed[at:at] = text(generator).encode("utf-8", "surrogatepass")
        elif kind == 5:
            changed[at:end] = generator.randbytes(end - at)
        elif changed:
            start = generator.randrange(len(changed))
            changed[at:end] = changed[start : start + end - at]
    return bytes(changed)


def value(generator: random.Random, *, depth: int = 2) -> object:
    """Return a value as JSON has them."""
    kind = generator.randrange(8 if depth else 6)
    if kind < 3:
        return text(generator)
    if kind == 3:
        return generator.choice((0, 1, -1, 3, 2**31, 2**63, 2**64, 10**30))
    if kind == 4:
        return generator.choice((None, True, False))
    if kind == 5:
        return generator.choice((0.5, 1e300, -0.0))
    if kind == 6:
        return [value(generator, depth=depth - 1) for _ in range(generator.randrange(3))]
    return {text(generator): value(generator, depth=depth - 1) for _ in range(generator.randrange(3))}


def some(generator: random.Random, given: list[T] | tuple[T, ...], most: int) -> list[T]:
    """Return some of what is given, in any order; some of it twice."""
    return [generator.choice(given) for _ in range(generator.randint(1, most))]
