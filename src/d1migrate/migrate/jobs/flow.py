"""Run a job: begin it, send one chunk after the other, and end it, whoever else does the same.

A chunk is whichever is the next one. It asserts the token of the job, the checksum of the file, its state,
and that the migration is not recorded. So a chunk that arrives late or twice, or that another runner sent
first, is refused or is the next one, and no row is done twice or skipped. After a lost answer the next chunk
is sent, and nothing is looked up.
"""

from __future__ import annotations

from d1migrate.errors import (
    AmbiguousError,
    DriverError,
    HistoryError,
    OverloadedError,
    QueryError,
    UnavailableError,
)
from d1migrate.migrate.apply_error import chunk_error
from d1migrate.migrate.assertions import ALREADY_APPLIED, CHANGED_MEANWHILE, HistoryState
from d1migrate.migrate.flows.read import read_history, read_schema
from d1migrate.migrate.jobs import batches
from d1migrate.migrate.jobs import job as row
from d1migrate.migrate.jobs.job import Job
from d1migrate.migrate.jobs.kinds import removal_of, work_of, work_of_job
from d1migrate.migrate.jobs.report import JobReport
from d1migrate.migrate.jobs.work import Ending
from d1migrate.migrate.log import RACES
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.refusals import refuse_edited
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.batch import Pause

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from d1migrate.migrate import history as h
    from d1migrate.migrate.flows.steps import NewStamp
    from d1migrate.migrate.jobs.pace import Pace
    from d1migrate.migrate.jobs.report import End
    from d1migrate.migrate.jobs.work import Work
    from d1migrate.migrate.plan import Plan
    from d1migrate.migrate.table import MigrationsTable
    from d1migrate.migrate.table_choice import TableChoice
    from d1migrate.sql.batch import Batch, Flow, PacedFlow, Query


def run_job(
    settings: JobSettings,
    *,
    may_continue: Callable[[int], bool] | None = None,
    watch: Callable[[Job], None] | None = None,
) -> PacedFlow[JobReport]:
    """Continue the open job, or begin the next pending one, until it has ended.

    Args:
        settings: what to run, and how.
        may_continue: asked before every chunk with the number of batches sent; False stops between two
            chunks, and an error that it raises, such as a Gate, ends the run.
        watch: gets the row when it was read, and after every chunk.

    Raises:
        ApplyError: a chunk was refused, for example because of a constraint; the job stays open.
        AmbiguousError: the database did not respond for too long; the job stays open.
        ChecksumMismatch: the file was edited since the job began.
        HistoryError, SourceError: as `plan_up`.
    """
    return _Runner(settings, may_continue or (lambda _: True), watch or (lambda _: None)).run()


class JobSettings(NamedTuple):
    """What a run of a job needs to know.

    Attributes:
        migrations: the files.
        choice: how to choose the migrations table.
        plan: plans an `up` from a history.
        new_stamp: makes the token, time and user of what is logged.
        first_stamp: the same for the batch that begins a job, for example after a restore point was taken.
        pace: the limits of a chunk.
        again: whether to begin a job that was cancelled.
        notes: what to log at its start, such as the reasons for overridden gates.
    """

    migrations: Sequence[Migration]
    choice: TableChoice
    plan: Callable[[h.History], Plan]
    new_stamp: NewStamp
    first_stamp: NewStamp
    pace: Pace
    again: bool = True
    notes: Mapping[str, object] = {}


_RACES = (ALREADY_APPLIED, CHANGED_MEANWHILE, row.EXISTS, row.CHANGED_SINCE, *RACES)
"""What a batch that begins a job is refused with if another runner, or another writer, was faster."""
_MOVED = (ALREADY_APPLIED, row.MISSING, row.MOVED)
"""What a batch of an open job is refused with if the job has ended, or is in another state."""
_MOST_REFUSALS = 3
"""How often a chunk may be refused like that although the row did not change: it was paused and resumed."""


class _Runner:
    """One run of one job, whose row is read again whenever somebody else may have changed it."""

    def __init__(
        self, settings: JobSettings, may_continue: Callable[[int], bool], watch: Callable[[Job], None]
    ) -> None:
        self._settings, self._may_continue, self._watch = settings, may_continue, watch
        self._pace, self._sent = settings.pace, 0
        self._target: Migration | None = None
        """The migration whose job this run begins."""
        self._head = ""
        """The head of the log before that."""
        self._job: Job | None = None
        """The job of this run, as it was last read."""
        self._overloaded_by: OverloadedError | None = None
        """Why the last batch, which cannot be smaller, had no answer."""
        self._refused: tuple[object, int] = None, 0
        """What the last refused batch was made from, and how often in a row that was the same."""

    def run(self) -> PacedFlow[JobReport]:
        while True:
            history = yield from self._read()
            if end := self._end(history):
                return self._report(end)
            if history.job is None:
                migration = self._target or self._next(history)
                if migration is None:
                    return self._report("none")
                self._target, self._head = migration, history.head
                is_cancelled = history.table.key_of(migration) in history.cancelled
                if is_cancelled and not self._settings.again:
                    return self._report("cancelled")
                if not self._may_continue(self._sent):
                    return self._report("stopped")
                yield from self._begin(migration, history)
            elif (end := (yield from self._continue(history, history.job))) is not None:
                return self._report(end)

    def _read(self) -> PacedFlow[h.History]:
        self._sent += 1
        return (yield from read_history(self._settings.choice))

    def _end(self, history: h.History) -> End | None:
        """Return how the job of this run has ended, by this run or another one; None if it has not."""
        ours, key_of = self._job or self._target, history.table.key_of
        if history.job and (self._job is None or history.job.token == self._job.token):
            self._job = history.job if history.job.paused else self._job
            return "paused" if history.job.paused else None
        if ours is not None and key_of(ours) in history.keys:
            return "done"
        # If a batch that begins is lost, the log may still end with a cancel of before this run.
        if self._job or (ours and key_of(ours) in history.cancelled and history.head != self._head):
            return "cancelled"
        return None

    def _next(self, history: h.History) -> Migration | None:
        """Return the migration whose job may begin: the next pending one."""
        todo = self._settings.plan(history).steps
        found = todo[0].script if todo and todo[0].job else None
        return found if isinstance(found, Migration) else None

    def _begin(self, migration: Migration, history: h.History) -> PacedFlow[None]:
        """Open the job, unless another runner is faster."""
        if self._overloaded_by:
            raise self._overloaded_by
        directive, schema = migration.job, None
        if directive is None:
            raise ValueError(f"{migration.name} declares no job")
        if directive.kind == "online":
            self._sent += 1
            schema = yield from read_schema(self._settings.choice)
        work, stamp = work_of(migration, schema), self._settings.first_stamp()
        notes = self._settings.notes
        batch = batches.begin(migration, directive, history, work, stamp=stamp, pace=self._pace, notes=notes)
        self._sent += 1
        try:
            yield batch
        except QueryError as error:
            is_race = any(race in str(error) for race in _RACES)
            # A replica that lags shows the same history again.
            if not is_race or self._is_same_again(HistoryState.of(history), most=1):
                raise chunk_error(error, migration.name, migration, is_open=False) from error
        except (AmbiguousError, UnavailableError) as error:
            self._overloaded_by = error if isinstance(error, OverloadedError) else None
            yield from self._wait_after(error)

    def _is_same_again(self, made_from: object, *, most: int) -> bool:
        """Whether a batch made from the same input was refused more than `most` times in a row."""
        before, times = self._refused
        self._refused = made_from, times + 1 if made_from == before else 1
        return self._refused[1] > most

    def _continue(self, history: h.History, job: Job) -> PacedFlow[End | None]:
        """Send chunks until the job has ended; None if the row has to be read again."""
        before, self._job = self._job, job
        if self._overloaded_by and before and before.state == job.state:
            raise self._overloaded_by
        migration = next((m for m in self._settings.migrations if m.name == job.name), None)
        refuse_edited(migration, job)
        work = work_of_job(migration, job)
        if not job.is_recorded and history.table.key_of(job) in history.keys:
            return (yield from self._close(job, work))
        ratio = migration.job.pause if migration and migration.job else self._pace.ratio
        self._pace = self._pace._replace(size=self._pace.size or job.size, most=job.most, ratio=ratio)
        self._watch(job)
        return (yield from self._chunks(job, work, migration, history.table))

    def _chunks(
        self, job: Job, work: Work, migration: Migration | None, table: MigrationsTable
    ) -> PacedFlow[End | None]:
        instead: Sequence[Query] | None = None
        while self._may_continue(self._sent):
            ending = Ending() if instead else work.ending(job)
            batch = batches.chunk(
                job,
                table,
                work.chunk(job) if instead is None else instead,
                ending,
                backlog=work.backlog,
                migration=migration,
                stamp=self._settings.new_stamp(),
                size=self._pace.size,
            )
            self._sent += 1
            try:
                (answer,) = yield batch
            except QueryError as error:
                text = str(error)
                if _has_moved(error) and not self._is_same_again(job, most=_MOST_REFUSALS):
                    return None
                if instead is None and self._pace.size > 1 and work.may_be_one_row(job, text):
                    self._pace = self._pace.after_refusal()
                    continue
                instead = None if instead else work.refused(job, text)
                if instead is None:
                    raise chunk_error(error, job.name, migration) from error
                continue
            except (AmbiguousError, UnavailableError) as error:
                yield from self._wait_after(error)
                if ending.is_whole and isinstance(error, OverloadedError):
                    self._overloaded_by = error
                    return None
                continue
            instead = None
            if ending.closes:
                return "done"
            job = self._job = Job.of(answer.rows[0])
            self._watch(job)
            self._pace = self._pace.after(answer.seconds)
            if pause := self._pace.pause(answer.seconds):
                yield Pause(pause)
        return "stopped"

    def _close(self, job: Job, work: Work) -> PacedFlow[End | None]:
        """End a job whose migration wrangler recorded meanwhile."""
        self._sent += 1
        try:
            yield batches.close(job, work.cancel(job), stamp=self._settings.new_stamp())
        except QueryError as error:
            if not _has_moved(error):
                raise
        return "elsewhere"

    def _wait_after(self, error: DriverError) -> PacedFlow[None]:
        overloaded = isinstance(error, OverloadedError)
        self._pace = self._pace.after_failure(overloaded=overloaded)
        if self._pace.gives_up:
            raise error
        yield Pause(self._pace.pause(None), overloaded)

    def _report(self, end: End) -> JobReport:
        name = self._job.name if self._job else self._target.name if self._target else ""
        return JobReport(name, end, self._job, self._sent)


def set_paused(
    choice: TableChoice, new_stamp: NewStamp, *, paused: bool, reason: str | None = None
) -> Flow[Job]:
    """Pause the open job, or let it continue; return it as it was.

    Raises:
        HistoryError: no job is open.
    """
    job = _open_job((yield from read_history(choice)))
    if job.paused != paused:
        yield from _change(choice, batches.set_paused(job, paused=paused, stamp=new_stamp(), reason=reason))
    return job._replace(paused=paused)


def cancel_job(choice: TableChoice, new_stamp: NewStamp, *, reason: str | None = None) -> Flow[Job]:
    """Cancel the open job; return it as it was.

    What a batch has done stays; an online rebuild leaves its table as it was.

    Raises:
        HistoryError: no job is open, or an online rebuild has replaced the table already.
    """
    job = _open_job((yield from read_history(choice)))
    _refuse_replaced(job)
    batch = batches.cancel(job, removal_of(job), stamp=new_stamp(), reason=reason)
    yield from _change(choice, batch, _refuse_replaced)
    return job


def settle_restored(choice: TableChoice, new_stamp: NewStamp) -> Flow[Job | None]:
    """Let the job of a restored database continue under another token, or cancel it.

    A batch continues at its cursor. An online rebuild is cancelled, unless it has replaced its table already.

    Returns:
        The job as it was restored; None if none was open.
    """
    job = (yield from read_history(choice)).job
    if job is not None:
        statements = () if job.is_portable else removal_of(job)
        try:
            yield batches.restored(job, statements, stamp=new_stamp())
        except QueryError as error:  # another runner has ended it meanwhile
            if not _has_moved(error):
                raise
    return job


def _has_moved(error: QueryError) -> bool:
    """Whether a batch was refused because the job has ended, or is in another state."""
    return any(moved in str(error) for moved in _MOVED)


def _change(choice: TableChoice, batch: Batch, refuse: Callable[[Job], None] = lambda _: None) -> Flow[None]:
    """Send a batch that changes the open job; if a runner was faster, read the job again.

    Raises:
        HistoryError: the job has ended meanwhile, or `refuse` refuses it as it is now.
    """
    try:
        yield batch
    except QueryError as error:
        if _has_moved(error):
            refuse(_open_job((yield from read_history(choice))))
        raise


def _refuse_replaced(job: Job) -> None:
    if job.is_recorded:
        raise HistoryError(
            f"{job.name} is applied already: its table is replaced, and the job builds indexes",
            names=(job.name,),
            hint="`d1migrate up` ends the job; then `d1migrate down` rolls it back",
        )


def _open_job(history: h.History) -> Job:
    if history.job is None:
        raise HistoryError("no job is open", hint="`d1migrate status` shows what is pending")
    return history.job
