"""The wording that several errors share: what was meant, how to list, what excludes what.

The errors are in `errors`. A Worker with nothing to do loads those, and not these.
"""

from __future__ import annotations

from d1migrate.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def exclusive(one: str, other: str, *, hint: str = "leave one of them out") -> UsageError:
    """Return the error of two options that cannot be used together."""
    return UsageError(f"{one} and {other} cannot be used together", hint=hint)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that a mistyped one most likely means, whatever its case, or None.

    Either can be the beginning of the other, as `prod` of `production`; else one or two letters differ.
    """
    names = {name.casefold(): name for name in known}
    typed = word.casefold()
    if typed in names:
        return names[typed]
    starts = [
        name
        for name in names
        if len(typed) > 1 and name and (name.startswith(typed) or typed.startswith(name))
    ]
    if len(starts) == 1:
        return names[starts[0]]
    from difflib import get_close_matches

    close = get_close_matches(typed, names, n=1, cutoff=0.65)
    return names[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str], *, otherwise: str | None = None) -> str | None:
    """Return the hint for a mistyped name: the nearest known one, or else `otherwise`."""
    meant = nearest(word, known)
    return f"did you mean {meant}?" if meant else otherwise


def listed(parts: Sequence[str], most: int) -> str:
    """Return the first parts of a list, and the number of the others: `a, b and 3 more`."""
    more = f" and {len(parts) - most} more" if len(parts) > most else ""
    return ", ".join(parts[:most]) + more


def shell_quoted(text: str) -> str:
    """Return an argument of a command as a shell takes it; in double quotes if that is enough, for SQL."""
    from shlex import quote

    return quote(text) if any(character in text for character in '"$`\\!') else f'"{text}"'


def flags(flag: str, values: Iterable[str], between: str = " ") -> str:
    """Return a flag with each of some names, as a shell takes them."""
    from shlex import quote

    return between.join(f"{flag} {quote(value)}" for value in values)


def no_such_table(table: str, known: Iterable[str], *, flag: str = "") -> UsageError:
    """Return the error of a table that does not exist, and that the argument `flag` names."""
    names = sorted(known)
    hint = did_you_mean(table, names, otherwise=f"tables: {', '.join(names) or 'none'}")
    return UsageError(f"{flag and f'{flag}: '}no such table: {table}", hint=hint)


def how_to_create(folder: str) -> str:
    """Return the hint for a folder that a path names and that does not exist."""
    from shlex import quote

    return f"correct the path, or create the folder: mkdir -p {quote(folder)}"
