"""An immutable mapping whose changed copies share nearly all entries with it."""

from __future__ import annotations

from collections.abc import Mapping
from math import isqrt
from typing import Any, Generic, TypeVar, overload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import ItemsView, Iterator, ValuesView

K = TypeVar("K")
T = TypeVar("T")
D = TypeVar("D")

_FEWEST = 64
"""How many changed entries a mapping holds before it is copied as a whole, if it is not very large.

A file of 4,000 CREATE TABLEs has 8,000 catalogs, all kept: whole copies take 500 MB.
"""


class Layered(Mapping[K, T], Generic[K, T]):
    """Shared entries, and the entries that differ from them; None marks a removed one."""

    __slots__ = ("_changes", "_shared")

    def __init__(self, shared: Mapping[K, T], changes: Mapping[K, T | None] | None = None) -> None:
        self._shared, self._changes = shared, changes or {}

    def __getitem__(self, key: K) -> T:
        value = self._changes[key] if key in self._changes else self._shared[key]
        if value is None:
            raise KeyError(key)
        return value

    def __contains__(self, key: object) -> bool:
        return self._changes[key] is not None if key in self._changes else key in self._shared  # type: ignore[index]

    @overload
    def get(self, key: K, /) -> T | None: ...
    @overload
    def get(self, key: K, /, default: T | D) -> T | D: ...
    def get(self, key: K, /, default: object = None) -> object:
        """Return the value of a key, or the default; Mapping's own `get` raises and catches a KeyError."""
        value = self._changes[key] if key in self._changes else self._shared.get(key)
        return default if value is None else value

    def __iter__(self) -> Iterator[K]:
        return iter(self._whole())

    def __len__(self) -> int:
        return len(self._whole())

    def items(self) -> ItemsView[K, T]:
        """Return all entries; one that was changed comes last."""
        return self._whole().items()

    def values(self) -> ValuesView[T]:
        """Return all values, in the same order."""
        return self._whole().values()

    def _whole(self) -> dict[K, T]:
        return _updated(self._shared, self._changes, keep_removed=False)

    def since(self, earlier: Layered[K, T]) -> Iterator[tuple[K, T]]:
        """Yield the entries that an earlier version does not have, or has with another value, in order."""
        same = earlier._shared is self._shared  # nearly always: then all that differs is among the changes
        for key, value in (self._changes if same else self._whole()).items():
            if value is not None and earlier.get(key) is not value:
                yield key, value

    def changed(self, changes: Mapping[K, T | None]) -> Layered[K, T]:
        """Return a mapping with entries set, or removed if they are None."""
        if not changes:
            return self
        new = Layered(self._shared, _updated(self._changes, changes, keep_removed=True))
        most = max(_FEWEST, isqrt(len(self._shared)))  # what both kinds of copies cost then grows slowly
        return Layered(new._whole()) if len(new._changes) > most else new


def _updated(entries: Mapping[K, Any], changes: Mapping[K, Any], *, keep_removed: bool) -> dict[K, Any]:
    """Return entries with others after them that replace those of the same key; None marks a removed one."""
    new = dict(entries)  # four times as fast as a comprehension
    for key, value in changes.items():
        new.pop(key, None)
        if value is not None or keep_removed:
            new[key] = value
    return new
