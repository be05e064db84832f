"""A database in memory with a fixed clock and repeatable random numbers."""

from __future__ import annotations

from hashlib import shake_256
from itertools import count

import apsw

from d1migrate.drivers.engine import Engine
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.d1 import PRODUCTION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_FLAGS = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_MEMORY
_UNIX_EPOCH = 210_866_760_000_000  # in SQLite's milliseconds, which count Julian days
_names = count()


class Moment(NamedTuple):
    """A time in milliseconds since 1970, and the seed of the random numbers."""

    time: int
    seed: int


class Draws:
    """The random numbers of a seed: number k is the same in every run.

    Args:
        seed: any integer.
        order: the numbers to return first; then, and without it, 0, 1, 2 …

    Attributes:
        sizes: the size of each draw so far, in bytes; None for an integer.
    """

    def __init__(self, seed: int, order: Iterable[int] = ()) -> None:
        self._seed, self._order = seed, iter(order)
        self._following = count()
        self.sizes: list[int | None] = []

    def begin_at(self, number: int) -> None:
        """Continue with draw `number`; clear `sizes`."""
        self._following, self.sizes = count(number), []

    def integer(self, *_: object) -> int:
        """`random()`."""
        self.sizes.append(None)
        return int.from_bytes(self._bytes(8), signed=True)

    def blob(self, *size: object) -> bytes:
        """`randomblob(size)`; a size that is not a positive integer counts as 1."""
        wanted = max(1, size[0]) if isinstance(size[0], int) else 1
        self.sizes.append(wanted)
        return self._bytes(wanted)

    def _bytes(self, size: int) -> bytes:
        number = next(self._order, None)
        if number is None:
            number = next(self._following)
        return shake_256(f"{self._seed} {number}".encode()).digest(size)


class _Clock(apsw.VFS):
    """SQLite's own file system, with a fixed clock."""

    def __init__(self, time: int) -> None:
        self.label = f"d1migrate-{next(_names)}"
        self._time = time + _UNIX_EPOCH
        super().__init__(self.label, "")

    def xCurrentTime(self) -> float:  # noqa: N802 - SQLite's name
        """Return the time as a Julian day."""
        return self._time / 86_400_000

    def xCurrentTimeInt64(self) -> int:  # noqa: N802
        """Return the time in milliseconds."""
        return self._time


class PinnedEngine(Engine):
    """A private database in memory at one moment.

    Args:
        moment: the moment.
        order: as for `Draws`.

    Attributes:
        draws: the random numbers.
    """

    def __init__(self, moment: Moment, order: Iterable[int] = ()) -> None:
        self.draws = Draws(moment.seed, order)
        self._clock = _Clock(moment.time)
        super().__init__(":memory:", _FLAGS, PRODUCTION, vfs=self._clock.label)
        # Innocuous, as SQLite's own are: a DEFAULT or a trigger may use them.
        define, flags = self._connection.create_scalar_function, apsw.SQLITE_INNOCUOUS
        define("random", self.draws.integer, 0, flags=flags)
        define("randomblob", self.draws.blob, 1, flags=flags)

    def close(self) -> None:
        """Close the database."""
        super().close()
        self._clock.unregister()


class PinnedDriver(SqliteDriver):
    """A driver of such a database; arguments and `draws` as for `PinnedEngine`."""

    def __init__(self, moment: Moment, order: Iterable[int] = ()) -> None:
        super().__init__(":memory:", url="sqlite::memory:")
        self._writer = engine = PinnedEngine(moment, order)
        self.draws = engine.draws
