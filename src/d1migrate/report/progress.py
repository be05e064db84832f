"""Show the progress of a driver: one line for each migration with its time, a bar for a large one."""

from __future__ import annotations

import sys
import time

from d1migrate.drivers.protocol import unwatched
from d1migrate.errors import AmbiguousError
from d1migrate.report.text import clean_line, duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rich.progress import TaskID

    from d1migrate.drivers.protocol import Capabilities, Driver, Working
    from d1migrate.sql.batch import Batch, Query, Result

_BAR_FROM = 8_000_000  # bytes; smaller files finish before anyone could read a bar


class WatchedDriver:
    """A driver that reports its progress.

    Args:
        driver: the one that does the work.
        note: prints a line for people.
        note_sql: prints each statement that is sent, or None.
        bar: whether a progress bar may be drawn.
        working: takes what is being done, and returns the context to do it in.
    """

    def __init__(
        self,
        driver: Driver,
        note: Callable[[str], None],
        note_sql: Callable[[str], None] | None,
        *,
        bar: bool,
        working: Working = unwatched,
    ) -> None:
        self.url = driver.url
        self._driver, self._note, self._note_sql, self._bar = driver, note, note_sql, bar
        self._working = working

    @property
    def capabilities(self) -> Capabilities:
        """Those of the driver that does the work."""
        return self._driver.capabilities

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run it and print how long it took; after a lost response, that the history is read."""
        if self._note_sql:
            batch = batch._replace(queries=_Shown(batch.queries, self._note_sql))
        if not batch.label:
            with self._working("waiting for the database"):
                return self._driver.batch(batch)
        label, started = clean_line(batch.label), time.perf_counter()
        try:
            if self._bar and batch.size >= _BAR_FROM:
                results = self._with_bar(batch)
            else:
                with self._working(f"  {label}"):
                    results = self._driver.batch(batch)
        except AmbiguousError as error:
            self._note(f"  {label}  {_since(started)}, and {clean_line(str(error))}; asking the history")
            raise
        self._note(f"  {label}  {_since(started)}")
        return results

    def close(self) -> None:
        """Close the driver."""
        self._driver.close()

    def _with_bar(self, batch: Batch) -> Sequence[Result]:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        label_column = TextColumn("  {task.description}", markup=False)  # a file's name may have brackets
        columns = (label_column, BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(file=sys.stderr), transient=True) as progress:
            label = clean_line(batch.label)
            task = progress.add_task(label, total=batch.size)
            stages: dict[str, TaskID] = {}

            def show(stage: str, done: int, total: int) -> None:
                if stage not in stages:  # a bar for each stage, because the length of some is unknown
                    stages[stage] = progress.add_task(f"{label}: {stage}", total=total or None)
                progress.update(stages[stage], completed=done)

            if report_progress := self.capabilities.report_progress:
                report_progress(show)
            counted = _Counted(batch.queries, lambda n: progress.advance(task, n))
            return self._driver.batch(batch._replace(queries=counted))


def _since(started: float) -> str:
    return duration(time.perf_counter() - started)


class _Shown:
    """Queries that are shown one by one as the driver takes them."""

    def __init__(self, queries: Iterable[Query], show: Callable[[str], None]) -> None:
        self._queries, self._show = queries, show

    def __iter__(self) -> Iterator[Query]:
        for query in self._queries:
            for one in query.apart():
                self._show(one.sql)
                yield one


class _Counted:
    """Queries whose bytes are counted as the driver takes them, reported every 256 KiB."""

    def __init__(self, queries: Iterable[Query], advance: Callable[[int], None]) -> None:
        self._queries, self._advance = queries, advance

    def __iter__(self) -> Iterator[Query]:
        seen = 0
        for query in self._queries:
            yield query
            seen += len(query.sql) + 2  # and its `;` and line end
            if seen > 1 << 18:
                self._advance(seen)
                seen = 0
        self._advance(seen)
