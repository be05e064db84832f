"""A progress bar with a line of text, on stderr; lines that are printed meanwhile appear above it."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn


class ProgressBar:
    """A bar that leaves nothing when it is stopped.

    Args:
        text: its text until something is known.
    """

    def __init__(self, text: str) -> None:
        column = TextColumn("{task.description}", markup=False)
        self._progress = Progress(BarColumn(20), column, console=Console(file=sys.stderr), transient=True)
        self._task = self._progress.add_task(text, total=None)

    def start(self) -> None:
        """Draw it."""
        self._progress.start()

    def stop(self) -> None:
        """Remove it."""
        self._progress.stop()

    def show(self, text: str, done: float, total: float | None) -> None:
        """Show how much of the total is done; None: it is not known how much there is."""
        self._progress.update(self._task, description=text, completed=done, total=total)
