"""Which migration a person means: by number, by name, or by the beginning of a name."""

from __future__ import annotations

from d1migrate.errors import UsageError
from d1migrate.hints import listed, nearest
from d1migrate.migrate.order import number_of
from d1migrate.migrate.table import SUFFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TypeVar

    from d1migrate.migrate.table import Identified

    T = TypeVar("T", bound=Identified)

Selector = int | str
"""A number, if it is unique; a name, with or without `.sql`; or the beginning of one, if it is unique.

A few digits are a number only: as a beginning, 1 would mean 10_x. 2026 is the beginning of a date.
"""

NO_SUCH = "there is no migration {to}"
SEVERAL = "{to} can be {names}", "give the name of one"
"""What is wrong, and what to do, if a selector means several migrations."""

NONE = "none"
"""What means no migration, where one may be named."""

_LAST = ("head", "latest", "last")  # what other tools call it
_DATE = 4  # digits
_SHOWN = 10


def find(migrations: Iterable[T], wanted: Selector) -> T:
    """Return the migration that is meant.

    Raises:
        UsageError: there is none, or several; the error has their names.
    """
    known = list(migrations)
    found = _named(known, str(wanted)) or _numbered(known, wanted) or _beginning(known, str(wanted))
    if len(found) == 1:
        return found[0]
    if found:
        problem, hint = SEVERAL
        names = listed([one.name for one in found], _SHOWN)
        raise UsageError(problem.format(to=wanted, names=names), hint=hint)
    raise UsageError(NO_SUCH.format(to=wanted), hint=suggestion(known, wanted) or all_known(known))


def suggestion(known: Iterable[Identified], wanted: Selector) -> str | None:
    """Return the hint for a mistyped name, whether it has its number or not; None for a number."""
    typed = str(wanted)
    if _is_number(typed):
        return None
    names = {_words(one.name): one.name for one in known}
    if typed in _LAST and names:
        return f"did you mean the last one, {list(names.values())[-1]}?"
    names |= {name: name for name in names.values()}
    base = typed.rpartition("/")[2].removesuffix(SUFFIX)  # it may be the path of a file
    found = nearest(typed, names) or nearest(base, names)
    return f"did you mean {names[found]}?" if found else None


def _words(name: str) -> str:
    return name.lstrip("0123456789").lstrip("_-")


def is_none(known: Iterable[Identified], wanted: Selector) -> bool:
    """Whether the state without any migration is meant: NONE, or 0 unless a migration has that number."""
    return wanted == NONE or (str(wanted) == "0" and not any(one.version == 0 for one in known))


def meant(names: Iterable[str], wanted: str) -> set[str]:
    """Return the names that a selector can mean, the best kind of match only."""
    known = [Named(name) for name in names]
    found = _named(known, wanted) or _numbered(known, wanted) or _beginning(known, wanted)
    return {one.name for one in found}


class Named:
    """A migration of which only the name is known."""

    def __init__(self, name: str) -> None:
        self.name, self.version = name, number_of(name)


def up_to(migrations: Sequence[T], wanted: Selector | None) -> Sequence[T]:
    """Return migrations in order up to the one that is meant; all of them for None.

    Raises:
        UsageError: as `find`.
    """
    if wanted is None:
        return migrations
    last = find(migrations, wanted)
    return migrations[: next(i for i, one in enumerate(migrations) if one is last) + 1]


def _named(known: Sequence[T], wanted: str) -> list[T]:
    return [one for one in known if wanted in (one.name, one.name + SUFFIX)]


def _numbered(known: Sequence[T], wanted: Selector) -> list[T]:
    return [one for one in known if _is_number(str(wanted)) and one.version == int(wanted)]


def _is_number(wanted: str) -> bool:
    return wanted.isascii() and wanted.lstrip("-").isdecimal()


def _beginning(known: Sequence[T], wanted: str) -> list[T]:
    if not wanted or (_is_number(wanted) and len(wanted) < _DATE):
        return []
    return [one for one in known if one.name.startswith(wanted)]


def all_known(known: Sequence[Identified]) -> str:
    """Return the hint for a selector that means no migration: the first and the last one."""
    if not known:
        return "known: none"
    return f"known: {known[0].name} to {known[-1].name}" if len(known) > 1 else f"known: {known[0].name}"
