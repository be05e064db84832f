"""How large the next chunk is, and how long to wait before it. Everybody else waits for one chunk."""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.cost import DEFAULT_BUDGET

SECONDS = 0.25
"""What a chunk should take in the database, because every other request may wait as long (ADR 0017)."""
MOST_ON_D1, MOST_IN_FILE = 5_000, 20_000
NO_BUDGET = 2**40
"""The budget of a file, which no governor of D1 watches."""
_AFTER_LOSS, _AFTER_OVERLOAD, _LONGEST_WAIT = 1.0, 30.0, 300.0  # seconds; doubled each time
_GIVE_UP = 6  # failures in a row


class Pace(NamedTuple):
    """The pace of a job, after its last chunk.

    Attributes:
        size: the rows of the next chunk; 0 until the size of the last one is read from the row.
        most: the most rows that a chunk may have.
        budget: the most entries that a batch may write.
        ratio: the pause after a chunk, as a multiple of its time.
        failures: how many chunks in a row had no answer.
        overloaded: whether the last of them overloaded the database.
    """

    size: int = 0
    most: int = MOST_ON_D1
    budget: int = DEFAULT_BUDGET
    ratio: float = 1.0
    failures: int = 0
    overloaded: bool = False

    @classmethod
    def of(cls, budget: int | None, *, is_file: bool) -> Pace:
        """Return the pace of a job before its first chunk.

        Args:
            budget: the most entries that a batch may write; None: the usual one.
            is_file: whether the database is a file, which has no governor.
        """
        if is_file:
            return cls(most=MOST_IN_FILE, budget=NO_BUDGET if budget is None else budget)
        return cls(budget=DEFAULT_BUDGET if budget is None else budget)

    def after(self, seconds: float | None) -> Pace:
        """Return the pace after a chunk that took this many seconds; None, if unknown, keeps the size."""
        if not seconds:
            return self._replace(failures=0)
        wanted = self.size * min(2.0, max(0.5, SECONDS / seconds))
        return self._replace(size=max(1, min(self.most, int(wanted))), failures=0)

    def after_failure(self, *, overloaded: bool) -> Pace:
        """Return the pace after a chunk without an answer."""
        size = max(1, self.size // 2) if overloaded else self.size
        return self._replace(size=size, failures=self.failures + 1, overloaded=overloaded)

    def after_refusal(self) -> Pace:
        """Return the pace after a chunk that was refused because of a row: smaller ones until it is found."""
        half = max(1, self.size // 2)
        return self._replace(size=half, most=half)

    @property
    def gives_up(self) -> bool:
        """Whether the database did not respond for too long."""
        return self.failures >= _GIVE_UP

    def pause(self, seconds: float | None) -> float:
        """Return the seconds to wait before the next chunk, after one that took this many seconds."""
        if self.failures:
            first = _AFTER_OVERLOAD if self.overloaded else _AFTER_LOSS
            return min(_LONGEST_WAIT, first * float(2 ** (self.failures - 1)))
        return min(_LONGEST_WAIT, (seconds or 0.0) * self.ratio)
