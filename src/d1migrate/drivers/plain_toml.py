"""Plain TOML: sections, and keys with strings without escapes, lists of them, numbers, true or false.

Each is on a line of its own.

Nearly every d1migrate.toml is no more than that. tomli gives the same values, but loading it takes 17 million
instructions, more than a tenth of a `status` (ADR 0009).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SPACE = " \t"
_IN_KEYS = dict.fromkeys(map(ord, "_-"))  # besides letters and digits
_QUOTES = {"'": {"'"}, '"': {'"', "\\"}}
"""{a quote: what is not plain within such quotes}."""
_DIGITS = 9
_BOOLEANS = {"true": True, "false": False}


def read(text: str) -> dict[str, Any] | None:
    """Return the content of a file, as tomli would; None if it is not plain, or wrong."""
    content: dict[str, Any] = {}
    section = content
    for line in (line.strip(_SPACE) for line in text.split("\n")):
        found: dict[str, Any] | None = section
        if line[:1] == "[":
            found = _section(line, content)
        elif line and line[0] != "#":
            found = _setting(line, section)
        if found is None or not line.isprintable():
            return None
        section = found
    return content


def _section(line: str, content: dict[str, Any]) -> dict[str, Any] | None:
    """Add the section that a line begins, and return it; None if it is not plain, or not new."""
    *above, last = line[1:-1].split(".")
    section = content
    for name in above:
        section = section.setdefault(name, {})
        if not isinstance(section, dict):
            return None
    is_plain = line[-1] == "]" and last not in section and all(map(_is_bare, (*above, last)))
    return section.setdefault(last, {}) if is_plain else None


def _setting(line: str, section: dict[str, Any]) -> dict[str, Any] | None:
    """Add a key and its value to a section, and return it; None if they are not plain, or the key not new."""
    key, _, value = line.partition("=")
    key, value = key.rstrip(_SPACE), value.lstrip(_SPACE)
    if key in section or not _is_bare(key):
        return None
    found = _list(value[1:-1]) if value[:1] == "[" and value[-1] == "]" else _plain(value)
    if found is None:
        return None
    section[key] = found
    return section


def _list(inner: str) -> list[Any] | None:
    """Return the strings of a list; None if one of them is not plain, or has a comma."""
    found = [_plain(part.strip(_SPACE)) for part in inner.split(",")]
    return found if all(isinstance(one, str) for one in found) else None


def _plain(value: str) -> str | bool | int | None:
    """Return a string, a boolean or a number; None for another value, or one that is not plain."""
    quote, inner = value[:1], value[1:-1]
    if quote in _QUOTES and len(value) > 1 and value[-1] == quote and _QUOTES[quote].isdisjoint(inner):
        return inner
    if value.isascii() and value.isdigit() and (value[0] != "0" or value == "0"):
        return int(value) if len(value) <= _DIGITS else None
    return _BOOLEANS.get(value)


def _is_bare(key: str) -> bool:
    return key.isascii() and key.translate(_IN_KEYS).isalnum()
