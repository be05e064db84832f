"""Which paths below a migrations folder a pattern matches, as wrangler's `migrations_pattern` does.

Wrangler uses minimatch 5 with `dot: false`. Of 3,000 patterns, wcmatch reads every fifth differently: it has
other rules for hidden files, a leading `!` or `#`, braces and unusual brackets. This module is compared with
wrangler in tests/runtime/test_wrangler_files.py. A pattern has no escapes: backslashes are slashes.
"""

from __future__ import annotations

import re
from itertools import accumulate

from d1migrate.errors import UsageError
from d1migrate.migrate.order import code_units
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Part = str | re.Pattern[str] | None
    """A segment of a pattern: a name, or what matches names; None for `**`."""

_NEVER = "(?!)"
_VISIBLE = r"(?!\.)"
_NOT_EMPTY = "(?=[^\n\r\u2028\u2029])"  # JavaScript's `(?=.)`
_NUMBERS = re.compile(r"(-?[0-9]+)\.\.(-?[0-9]+)(?:\.\.(-?[0-9]+))?")
_LETTERS = re.compile(r"([a-zA-Z])\.\.([a-zA-Z])(?:\.\.(-?[0-9]+))?")
_END = r"\Z"
_WILDCARDS = {"*": "[^/]*?", "?": "[^/]"}
_KINDS = {"?": "?", "*": "*", "+": "+", "@": "", "!": ""}
_OPEN, _CLOSE = "\0", "\1"  # braces that are text
_MAX_EXPANSIONS = 10_000


class Pattern:
    """A pattern for paths with `/` between their segments.

    Args:
        text: the pattern, relative to the folder.

    Raises:
        UsageError: a bracket is not closed, or the pattern is one that minimatch misreads.
    """

    def __init__(self, text: str) -> None:
        self._is_comment = text.startswith("#")
        body = text.replace("\\", "/").lstrip("!")
        self._is_negated = (len(text) - len(body)) % 2 == 1
        try:
            self._alternatives = [
                tuple(_segment(code_units(segment)) for segment in re.split("/+", alternative))
                for alternative in _expand(body)
            ]
        except ValueError as error:
            raise UsageError(f"cannot read the pattern {text!r}: {error}") from None

    def matches(self, path: str) -> bool:
        """Whether it matches the path of a file."""
        return self._match(path, partial=False)

    def may_match_in(self, folder: str) -> bool:
        """Whether wrangler looks into this folder for files that match."""
        return self._match(folder, partial=True)

    def _match(self, path: str, *, partial: bool) -> bool:
        file = code_units(path).split("/")  # `?` matches a code unit
        found = any(_matches(file, pattern, partial) for pattern in self._alternatives)
        return not self._is_comment and found != self._is_negated


# --- braces ---


def _expand(text: str) -> list[str]:
    """Return the alternatives of a text: `{a,b}`, `{1..3}` and `{a..c}`, nested and multiplied."""
    if not re.search(r"\{[^{]*\}", text):
        return [text]
    if text.startswith("{}"):
        text = _OPEN + _CLOSE + text[2:]
    return [one.replace(_OPEN, "{").replace(_CLOSE, "}") for one in _product(text)]


def _product(text: str) -> list[str]:
    found = [""]
    while pair := _first_pair(text):
        start, end = pair
        before, body, after = text[:start], text[start + 1 : end], text[end + 1 :]
        if before.endswith("$"):
            values = [f"{{{body}}}"]
        elif not (values := _values(body)):
            # Braces without a choice are text. minimatch looks for others only if a comma and a brace follow.
            if not re.search(",(?!,).*}", after):
                break
            text = before + _OPEN + body + _CLOSE + after
            continue
        found = [one + before + value for one in found for value in values]
        _refuse_many(len(found))
        text = after
    return [one + text for one in found]


def _first_pair(text: str) -> tuple[int, int] | None:
    """Return where the first pair of braces is."""
    depth, start = 0, -1
    for at, character in enumerate(text):
        if character == "{":
            start = at if depth == 0 else start
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                return start, at
        if depth < 0:
            break
    if depth:
        raise ValueError("a brace without its partner")
    return None


def _values(body: str) -> list[str]:
    """Return the alternatives that the text between two braces stands for, or nothing."""
    if match := _NUMBERS.fullmatch(body):
        return _numbers(*match.groups("1"))
    if match := _LETTERS.fullmatch(body):
        first, last, step = match.groups("1")
        return [chr(code) for code in _range(ord(first), ord(last), int(step))]
    parts = _split(body)
    if len(parts) == 1:
        parts = [f"{{{part}}}" for part in _product(body)] if "," in body else []
        if len(parts) == 1:
            return parts
    return [value for part in parts for value in _product(part)]


def _numbers(first: str, last: str, step: str) -> list[str]:
    width = max(len(first), len(last)) if any(re.match("-?0[0-9]", end) for end in (first, last, step)) else 0
    return [f"{number:0{width}}" for number in _range(int(first), int(last), int(step))]


def _range(first: int, last: int, step: int) -> range:
    step = max(abs(step), 1)
    _refuse_many(abs(last - first) // step)
    return range(first, last + 1, step) if first <= last else range(first, last - 1, -step)


def _refuse_many(count: int) -> None:
    if count > _MAX_EXPANSIONS:
        raise ValueError(f"its braces mean more than {_MAX_EXPANSIONS} patterns")


def _split(body: str) -> list[str]:
    """Return the parts between the commas that no inner braces enclose."""
    depths = accumulate({"{": 1, "}": -1}.get(character, 0) for character in body)
    commas = [at for at, depth in enumerate(depths) if body[at] == "," and depth == 0]
    return [body[start + 1 : end] for start, end in zip([-1, *commas], [*commas, len(body)], strict=True)]


# --- segments ---


def _segment(text: str) -> Part:
    """Return what matches a name, or None for `**`."""
    if text == "**":
        return None
    translation = _Translation(text)
    return re.compile(translation.regex()) if translation.is_magic else text


class _Translation:
    """A segment as a regular expression, read from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.is_magic = False
        # "!" and what a negated list excludes, or "" and any other expression.
        self._pieces: list[tuple[str, str]] = []
        self._open: list[_List] = []
        self._starts_with_list = False
        at = 0
        while at < len(text):
            at = self._read(at)
        if self._open:
            raise ValueError(f"`{self._open[-1].kind}(` is not closed")

    def regex(self) -> str:
        """Return the expression for a whole name."""
        found = ""
        for kind, piece in reversed(self._pieces):
            # Excluded is what the list names if the rest of the segment follows, not any name that begins so.
            found = f"(?:(?!(?:{piece}){found or _END}){_WILDCARDS['*']}){found}" if kind else piece + found
        is_text = found[0] not in "[("  # a bracket that is text has a backslash
        return f"{'' if is_text or self._starts_with_list else _VISIBLE}{_NOT_EMPTY}{found}{_END}"

    def _read(self, at: int) -> int:
        """Read what is at a place, and return where the next is."""
        text, character = self._text, self._text[at]
        if character == "[":
            end = text.find("]", at + 2)  # right after `[` it is text
            if end < 0:
                raise ValueError("`[` is not closed")
            self.is_magic = True
            self._add(_class(text[at + 1 : end]))
            return end + 1
        while text.startswith("**", at):
            at += 1
        character = text[at]
        is_list = character in _KINDS and text.startswith("(", at + 1)
        if character == "*" or (is_list and character == "+"):
            self._refuse_within_repeat(character)
        if is_list:
            self._open_list(character, at)
            return at + 2
        if character == ")" and self._open:
            self._close_list()
        elif character == "|" and self._open:
            self._add("|" + self._visible(self._open[-1], at + 1))
        else:
            self.is_magic |= character in _WILDCARDS
            self._add(_WILDCARDS.get(character) or re.escape(character))
        return at + 1

    def _refuse_within_repeat(self, character: str) -> None:
        """Refuse a repeat within a repeat: a regular expression tries every way to split a name."""
        if any(opened.kind in "*+" for opened in self._open):
            raise ValueError(f"`{character}` inside `*(` or `+(` can match in too many ways")

    def _add(self, regex: str) -> None:
        if self._open:
            self._open[-1].parts.append(regex)
        else:
            self._pieces.append(("", regex))

    def _open_list(self, kind: str, at: int) -> None:
        if kind == "!":
            before = "".join(piece for _, piece in self._pieces)
            if self._open or before.count("(") > before.count(")"):
                raise ValueError("`!(` inside other parentheses has no clear meaning")
        opened = _List(kind, at, [])
        self._open.append(opened)
        self._add(self._visible(opened, at + 2))
        self._starts_with_list |= kind != "!" and at == 0

    def _close_list(self) -> None:
        self.is_magic = True
        closed = self._open.pop()
        regex = "".join(closed.parts)
        if closed.kind == "!":
            self._pieces.append(("!", regex))
        else:
            self._add(f"(?:{regex}){_KINDS[closed.kind]}")

    def _visible(self, opened: _List, at: int) -> str:
        """Return what keeps an alternative at the start of a name from hidden files."""
        begins_name = opened.start == 0 and opened.kind != "!"
        return _VISIBLE if begins_name and not self._text.startswith(".", at) else ""


class _List(NamedTuple):
    kind: str
    start: int
    parts: list[str]


def _class(body: str) -> str:
    """Return the expression of a class such as `[a-z]` or `[!0-9]`, without its brackets."""
    is_negated = body[0] in "!^"
    characters = body[1:] if is_negated else body
    if not characters:
        return "(?s:.)"
    found, at = "", 0
    while at < len(characters):
        width = 3 if characters[at + 1 : at + 2] == "-" and at + 2 < len(characters) else 1
        first, last = characters[at], characters[at + width - 1]
        if first > last:
            return _NEVER
        found += re.escape(first) + (f"-{re.escape(last)}" if width == 3 else "")
        at += width
    return f"[{'^' if is_negated else ''}{found}]"


# --- paths ---


def _matches(file: Sequence[str], pattern: Sequence[Part], partial: bool) -> bool:
    """Whether a pattern matches a path, or with `partial` could match one in the folder of this path."""
    if None not in pattern:
        return _same(file, pattern, partial)
    first, last = pattern.index(None), len(pattern) - 1 - pattern[::-1].index(None)
    if not _same(file[:first], pattern[:first], partial):
        return False
    tail = () if partial else pattern[last + 1 :]
    end = len(file) - len(tail)
    if tail and (end < first or not _same(file[end:], tail, partial)):
        return False
    body = pattern[first + 1 : None if partial else last]
    if not body:
        return not _has_hidden(file[first:end]) and (partial or len(file) > first)
    return bool(_match_sections(file, _sections(body, end), first, partial, bool(tail)))


def _sections(body: Sequence[Part], end: int) -> list[tuple[Sequence[Part], int]]:
    """Return what is between each two `**`, and the last place in the path where minimatch looks for it."""
    stars = [at for at, part in enumerate(body) if part is None]
    parts = [body[start + 1 : stop] for start, stop in zip([-1, *stars], [*stars, len(body)], strict=True)]
    lengths = [len(part) for part in parts]
    # Not the length of what follows: minimatch has the sums in reverse, and misses some paths of three `**`.
    return [(part, end - sum(lengths[: len(parts) - 1 - at]) - len(part)) for at, part in enumerate(parts)]


def _match_sections(
    file: Sequence[str],
    sections: Sequence[tuple[Sequence[Part], int]],
    at: int,
    partial: bool,
    found_tail: bool,
) -> bool | None:
    """Whether sections match from a place on; None if they do not, and no later place can."""
    if not sections:
        return not _has_hidden(file[at:]) and (found_tail or at < len(file))
    (section, latest), *others = sections
    while at <= latest:
        if _same(file[at : at + len(section)], section, partial):
            found = _match_sections(file, others, at + len(section), partial, found_tail)
            if found is not False:
                return found
        if _has_hidden(file[at : at + 1]):
            return False
        at += 1
    return True if partial else None


def _same(names: Sequence[str], parts: Sequence[Part], partial: bool) -> bool:
    """Whether each name matches its part; with `partial`, names may be fewer."""
    if len(names) > len(parts) or (len(names) < len(parts) and not partial):
        return False
    return all(
        name == part if isinstance(part, str) else part is not None and part.match(name) is not None
        for name, part in zip(names, parts, strict=False)
    )


def _has_hidden(names: Iterable[str]) -> bool:
    return any(name.startswith(".") for name in names)
