"""The name of a new or moved file: it continues the style of its folder, and is last in wrangler's order.

Wrangler runs any name, so folders have every style: `0001_users.sql`, `2024-01-13-users.sql`,
`1694623723-users.sql`, `20240113101500_users/migration.sql`. A file in another style would run too, but its
place in the order would be an accident. What the order is belongs in `order`.
"""

from __future__ import annotations

import re
from itertools import pairwise

from d1migrate.errors import UsageError
from d1migrate.migrate.order import number_of, order_key
from d1migrate.migrate.table import SUFFIX
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_DATE = r"(?P<Y>(?:19|20)\d\d)(?P<s>[-_.]?)(?P<m>0[1-9]|1[0-2])(?P=s)(?P<d>0[1-9]|[12]\d|3[01])"
_TIME = r"(?P<t>[-_.T]?)(?P<H>[01]\d|2[0-3])(?P<u>[-_.]?)(?P<M>[0-5]\d)(?:(?P=u)(?P<S>[0-5]\d))?"
_STAMP = re.compile(rf"{_DATE}(?:{_TIME})?(?!\d)", re.ASCII)
_SEQUENCE = re.compile(r"[0-9]{1,309}(?![0-9])")
_LETTER = re.compile(r"[A-Za-z][0-9]{1,309}(?=[-_.])")  # V001__users.sql, as Flyway names files
_SEPARATOR = re.compile(r"[-_. ]+")
_LETTERS = str.maketrans(
    {
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
    }
)
"""Latin letters that Unicode does not decompose."""
_SECONDS, _MILLISECONDS = 10, 13  # digits of the time since 1970
_NESTED = "migration"
"""The only file of a folder in the layout of drizzle and Prisma."""


class Now(NamedTuple):
    """The time, which the core does not know by itself.

    Attributes:
        epoch: in seconds since 1970.
        utc: as YYYYMMDDHHMMSS.
    """

    epoch: int
    utc: str


class NewName(NamedTuple):
    """The name of a new file.

    Attributes:
        path: the path below the migrations folder.
        later: the files that are after it all the same, since they have no number.
    """

    path: str
    later: tuple[str, ...] = ()


class _Parts(NamedTuple):
    """A path: `2024/` `0001` `_` `add_users` `/migration.sql`."""

    folder: str
    head: str
    separator: str
    words: str
    tail: str

    def __str__(self) -> str:
        return "".join(self)

    def with_words(self, words: str) -> _Parts:
        """Return the parts with other words, in the same spelling."""
        between = self.separator if self.separator in ("-", "_") else "_"
        if "-" in self.words or "_" in self.words:
            between = "-" if "_" not in self.words else "_"
        separator = self.separator or "_" if self.head else ""
        return self._replace(separator=separator, words=_slug(words, between))


def new_name(names: Sequence[str], description: str, *, now: Now) -> NewName:
    """Return the name of the next file in a folder that has some.

    Args:
        names: the paths of its files, in wrangler's order, with `.sql`; at least one.
        description: a few words, `add teams table`.
        now: the time, for folders that are numbered by time.

    Raises:
        UsageError: the description has no letter or digit, or no name in the style of the folder would be
            last.
    """
    numbered = [name for name in names if _has_sequel(name)]
    newest = _parse((numbered or names)[-1])
    if not numbered and number_of(names[-1]) is not None:  # all numbers are negative
        newest = _Parts("", "0000", "_", "", SUFFIX)
    new = newest._replace(head=_next(newest.head, now)).with_words(description)
    path = str(new._replace(tail=_tail(newest, names, new.words)))
    later = [name for name in names if order_key(name) >= order_key(path)]
    if any(number_of(name) is not None or not numbered for name in later):
        raise UsageError(
            f"{path} would be before {later[-1]} in wrangler's order, and the new file has to be the last",
            hint="choose a description that is later in the alphabet, or write the file by hand",
        )
    return NewName(path, tuple(later))


def _has_sequel(name: str) -> bool:
    number = number_of(name)
    return number is not None and number >= 0


def first_name(description: str, *, digits: int, now: Now, matches: Callable[[str], bool]) -> str:
    """Return the name of the first file in a folder.

    Args:
        description: a few words.
        digits: how many digits its number gets.
        now: the time.
        matches: whether a path below the folder would be a migration.

    Raises:
        UsageError: the description has no letter or digit, or neither layout would be a migration.
    """
    slug = _slug(description)
    flat = f"{1:0{digits}}_{slug}{SUFFIX}"
    nested = f"{now.utc}_{slug}/{_NESTED}{SUFFIX}"
    for path in (flat, nested):
        if matches(path):
            return path
    raise UsageError(
        f"the pattern for migrations matches neither {flat} nor {nested}",
        hint="write the first file by hand: the next ones continue its style",
    )


def moved_after(name: str, last: str, *, now: Now) -> str | None:
    """Return the name that moves a file after another one; None if no number does.

    Args:
        name: its path, with `.sql`.
        last: the path of the other.
        now: the time.
    """
    old, other = _parse(name), _parse(last)
    if not (old.head and other.head):
        return None
    digits = len(re.sub("[^0-9]", "", old.head))
    path = str(old._replace(head=_next(other.head, now, digits)))
    return path if order_key(path) > order_key(last) else None


def with_words(name: str, description: str) -> str:
    """Return the path of a file with other words after its number.

    Raises:
        UsageError: the description has no letter or digit.
    """
    return str(_parse(name).with_words(description))


def _parse(path: str) -> _Parts:
    """Take a path apart at the last segment with a number; without one, at the last, or at its folder."""
    *folders, file = path.removesuffix(SUFFIX).split("/")
    segments = [*folders, file]
    heads = [_head(segment) for segment in segments]
    at = max((i for i, head in enumerate(heads) if head), default=len(folders))
    if not heads[at] and folders and file == _NESTED:
        at -= 1
    rest = segments[at].removeprefix(heads[at])
    separator = found[0] if heads[at] and (found := _SEPARATOR.match(rest)) else ""
    folder = "".join(f"{segment}/" for segment in segments[:at])
    tail = "".join(f"/{segment}" for segment in segments[at + 1 :])
    return _Parts(folder, heads[at], separator, rest.removeprefix(separator), tail + SUFFIX)


def _head(segment: str) -> str:
    """Return what a segment is numbered by: a date, a number, or a letter and a number; or nothing."""
    found = _STAMP.match(segment) or _SEQUENCE.match(segment) or _LETTER.match(segment)
    return found[0] if found else ""


def _next(head: str, now: Now, digits: int = 1) -> str:
    """Return what follows in numbering: one more, or the time if that is higher; nothing after nothing.

    Args:
        head: the last.
        now: the time.
        digits: how many it has at least, if the last has not more.
    """
    if not head:
        return ""
    letter, last = ("", head) if head[0].isdecimal() else (head[0], head[1:])
    stamp = _stamp(last, now)
    if not last.isdecimal():
        return stamp
    number = max(int(last) + 1, int(stamp or 0))
    return f"{letter}{number:0{max(digits, len(last))}}"


def _stamp(like: str, now: Now) -> str:
    """Return a time in the form of another one; nothing if that is not a time."""
    if len(like) == _SECONDS and like.isdecimal():
        return str(now.epoch)
    if len(like) == _MILLISECONDS and like.isdecimal():
        return str(now.epoch * 1000)
    found = _STAMP.fullmatch(like)
    if found is None:
        return ""
    between = found.groupdict("")
    year, month, day, hour, minute, second = (now.utc[a:b] for a, b in pairwise((0, 4, 6, 8, 10, 12, 14)))
    stamp = between["s"].join((year, month, day))
    if between["H"]:
        stamp += between["t"] + between["u"].join((hour, minute, *([second] if between["S"] else [])))
    return stamp


def _tail(newest: _Parts, names: Sequence[str], words: str) -> str:
    """Return what follows the words: the file in the new folder has the name of the others, or the words."""
    tails = {_parse(name).tail for name in names}
    is_same = len(tails) == 1 and newest.tail != f"/{newest.words}{SUFFIX}"
    return newest.tail if is_same or newest.tail == SUFFIX else f"/{words}{SUFFIX}"


def _slug(description: str, between: str = "_") -> str:
    """Return the words of a file name.

    Raises:
        UsageError: there is no letter or digit.
    """
    slug = re.sub(r"[^a-z0-9]+", between, _latin(description)).strip(between)
    if not slug:
        raise UsageError(
            f"the description {description!r} has no Latin letter or digit, which a file name needs",
            hint="write it in Latin letters: `d1migrate new add_teams`",
        )
    return slug


def _latin(text: str) -> str:
    """Return text in lower case with its Latin letters as ASCII: `é` is `e`, `ß` is `ss`."""
    from unicodedata import combining, normalize

    folded = text.casefold()
    if folded.isascii():
        return folded
    letters = normalize("NFKD", folded.translate(_LETTERS))
    return "".join(letter for letter in letters if not combining(letter))
