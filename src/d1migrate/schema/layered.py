"""An immutable mapping whose changed copies share nearly all entries with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import ItemsView, Iterator, ValuesView

T = TypeVar("T")

_MOST = 64
"""How many changed entries a mapping holds before it is copied as a whole.

A file of 4,000 CREATE TABLEs has 8,000 catalogs, all kept: whole copies take 500 MB.
"""


class Layered(Mapping[str, T], Generic[T]):
    """Shared entries, and the entries that differ from them; None marks a removed one."""

    __slots__ = ("_changes", "_shared")

    def __init__(self, shared: Mapping[str, T], changes: Mapping[str, T | None] | None = None) -> None:
        self._shared, self._changes = shared, changes or {}

    def __getitem__(self, key: str) -> T:
        value = self._changes[key] if key in self._changes else self._shared[key]
        if value is None:
            raise KeyError(key)
        return value

    def __contains__(self, key: object) -> bool:
        return self._changes[key] is not None if key in self._changes else key in self._shared  # type: ignore[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole())

    def __len__(self) -> int:
        return len(self._whole())

    def items(self) -> ItemsView[str, T]:
        """Return all entries; one that was changed comes last."""
        return self._whole().items()

    def values(self) -> ValuesView[T]:
        """Return all values, in the same order."""
        return self._whole().values()

    def _whole(self) -> dict[str, T]:
        kept = {key: value for key, value in self._shared.items() if key not in self._changes}
        return kept | {key: value for key, value in self._changes.items() if value is not None}

    def changed(self, changes: Mapping[str, T | None]) -> Layered[T]:
        """Return a mapping with entries set, or removed if they are None."""
        if not changes:
            return self
        kept = {key: value for key, value in self._changes.items() if key not in changes}
        new = Layered(self._shared, {**kept, **changes})
        return Layered(new._whole()) if len(new._changes) > _MOST else new
