"""Work on several tenants at the same time: in threads for requests, in the caller's thread for files.

Threads on SQLite files are slower than a single one, because of the interpreter's lock: 0.55 to 0.8 times.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, Protocol, TypeVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from d1migrate.project.fleet import FleetSettings

T = TypeVar("T")
R = TypeVar("R")


class Pool(Protocol[T, R]):
    """Items that are being worked on, or wait for it; `len` counts them.

    Attributes:
        size: how many are worked on at the same time.
    """

    size: int

    def __len__(self) -> int: ...

    def submit(self, item: T) -> None:
        """Add an item to work on."""
        ...

    def collect(self, seconds: float) -> list[tuple[T, R]]:
        """Remove and return the items that are done, with their results; wait this long for the first."""
        ...

    def cancel(self) -> None:
        """Remove the items on which no work has begun."""
        ...

    def close(self) -> None:
        """End the threads, as soon as they are idle."""
        ...


class Threads(Generic[T, R]):
    """A Pool with its own threads. They do not keep a process alive: a second Ctrl-C ends it at once.

    Args:
        work: takes an item and returns its result; must not raise.
        size: how many threads.
    """

    def __init__(self, work: Callable[[T], R], size: int) -> None:
        self.size, self._work, self._count = size, work, 0
        self._todo, self._done = SimpleQueue[T | None](), SimpleQueue[tuple[T, R]]()
        for number in range(size):
            Thread(target=self._run, name=f"tenant-{number}", daemon=True).start()

    def __len__(self) -> int:
        return self._count

    def submit(self, item: T) -> None:
        """Add an item to work on."""
        self._count += 1
        self._todo.put(item)

    def collect(self, seconds: float) -> list[tuple[T, R]]:
        """Remove and return the items that are done, with their results; wait this long for the first."""
        found: list[tuple[T, R]] = []
        try:
            found.append(self._done.get(timeout=seconds))
            while True:
                found.append(self._done.get_nowait())
        except Empty:
            self._count -= len(found)
        return found

    def cancel(self) -> None:
        """Remove the items on which no work has begun."""
        with suppress(Empty):
            while self._todo.get_nowait() is not None:
                self._count -= 1

    def close(self) -> None:
        """End the threads, as soon as they are idle."""
        for _ in range(self.size):
            self._todo.put(None)

    def _run(self) -> None:
        while (item := self._todo.get()) is not None:
            self._done.put((item, self._work(item)))


class Inline(Generic[T, R]):
    """A Pool without threads: `collect` works on one item.

    Args:
        work: takes an item and returns its result.
    """

    size = 1

    def __init__(self, work: Callable[[T], R]) -> None:
        self._work, self._items = work, deque[T]()

    def __len__(self) -> int:
        return len(self._items)

    def submit(self, item: T) -> None:
        """Add an item to work on."""
        self._items.append(item)

    def collect(self, seconds: float) -> list[tuple[T, R]]:  # noqa: ARG002 - it works instead
        """Work on the next item, and return it with its result."""
        if not self._items:
            return []
        item = self._items.popleft()
        return [(item, self._work(item))]

    def cancel(self) -> None:
        """Remove the items on which no work has begun."""
        self._items.clear()

    def close(self) -> None:
        """Do nothing: there are no threads."""


def pool_of(work: Callable[[T], R], fleet: FleetSettings) -> Pool[T, R]:
    """Return the pool for work on the tenants of a fleet."""
    return Inline(work) if fleet.at_once == 1 or fleet.paths else Threads(work, fleet.at_once)
