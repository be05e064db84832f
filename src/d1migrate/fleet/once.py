"""What many threads need, and one of them makes."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

from d1migrate.errors import Error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Once(Generic[T]):
    """A value that is made when it is first asked for. Meanwhile, other threads that ask wait.

    Attributes:
        made: the value, or the error that was raised instead; None before either.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.made: T | Error | None = None

    def get(self, make: Callable[[], T]) -> T:
        """Return the value; the error that making it raised is raised each time.

        Args:
            make: makes it.
        """
        with self._lock:
            if self.made is None:
                try:
                    self.made = make()
                except Error as error:
                    self.made = error
        if isinstance(self.made, Error):
            raise self.made.with_traceback(None)  # else it would grow with each thread that raises it
        return self.made
