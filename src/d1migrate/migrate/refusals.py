"""What stops a run: files and database that disagree, and histories that are only read.

Each refusal is an error that names every migration concerned, and the next step.
"""

from __future__ import annotations

import re

from d1migrate.errors import ChecksumMismatch, HistoryError, MissingMigration, PartiallyApplied, SourceError
from d1migrate.hints import listed
from d1migrate.migrate.other_tools import OTHER_TOOLS
from d1migrate.migrate.status import one_sided, unmoved
from d1migrate.migrate.table import LOG_TABLE, MAX_VERSION, SUFFIX, WRANGLER, VersionTable
from d1migrate.migrate.table_decision import MOVES
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from d1migrate.migrate import history as h
    from d1migrate.migrate.flows.leftovers import Problem
    from d1migrate.migrate.jobs.job import Job
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.status import Entry
    from d1migrate.migrate.table import Identified, Key, MigrationsTable


class Message(NamedTuple):
    """What is wrong with migrations, and what to do about one; a compiled index carries it, too.

    `{name}` is the name of the migration, `{was}` what is recorded, `{pending}` the first pending one,
    `{table}` and `{other}` the tables.
    """

    problem: str
    hint: str

    def filled(self, words: Mapping[str, str]) -> Message:
        """Return the message with words in their places; a place without a word stays."""
        return Message(*(re.sub(r"\{(\w+)\}", lambda at: words.get(at[1], at[0]), text) for text in self))


PARTIAL = Message(
    "began and did not finish",
    "look at the database (`d1migrate verify`) and finish or undo it by hand; then record the result:"
    " `d1migrate repair --accept {name} --reason …` or `--forget {name} --reason …`",
)
RENAMED = Message(
    "renamed after being applied",
    "rename the file back;"
    " if the new name is right, `d1migrate repair --rename {was} {name} --reason …` records it",
)
SQUASHED = Message(
    "the files that it replaces are already applied", "`d1migrate adopt` records it in their place"
)
CHANGED = Message(
    "edited after being applied",
    "restore the file and write a new migration;"
    " if the edit is right, `d1migrate repair --accept {name} --reason …` records it",
)
_RESTORE = "restore the file, update an old checkout, or deploy newer code; "
_REMOVED = "if it was removed on purpose, `d1migrate repair --forget {name} --reason …` removes its record"
MISSING = Message("applied, but the file is missing", f"{_RESTORE}{_REMOVED}")
MISSING_OR_PENDING = MISSING._replace(
    hint=f"{_RESTORE}if it is {{pending}} now, `d1migrate repair --rename {{name}} {{pending}} --reason …`;"
    f" {_REMOVED}"
)
LATE = Message(
    "{name} {is} pending, but {was}, which comes later, is already applied",
    "`d1migrate renumber` gives it a newer number; --allow-out-of-order applies it late, as"
    " `wrangler d1 migrations apply` would",
)
UNMOVED = Message(
    "only {other} records {name}, and the history is in {table}",
    "`d1migrate repair --move-history --reason …` shows what it would record, and moves it",
)
ONE_SIDED = Message(
    "only {table} records {name}",
    "`d1migrate repair --sync-tables --reason …` shows what it would record, and records it",
)
ONLY_READ = Message(
    f"{{table}}: it is empty, and {{other}} is not: {MOVES}",
    "until this is corrected, d1migrate only reads the table",
)
MENDABLE = Message("{table}: ", f"`d1migrate status` shows the SQL that mends it; {ONLY_READ.hint}")


def unmanaged(names: Sequence[str]) -> Message:
    """Return the message about a database with objects of its own, given the names of the files."""
    return Message(
        "this database was not created by d1migrate: no migrations are recorded, but it contains ",
        "`d1migrate adopt` finds out which of your files the database has, and records them;"
        f" `d1migrate baseline --to NAME` (e.g. --to {names[-1]}) records the files up to NAME"
        if names
        else "`d1migrate baseline DESCRIPTION` writes the schema into a first file, and records that file",
    )


def log_alone(table: MigrationsTable) -> Message:
    """Return the message about a migrations table that is missing although the log has migrations."""
    return Message(
        f"the table {table.name} is missing, but {LOG_TABLE} is not empty",
        "if the table has another name, give that name; else restore it from a backup, or create it without"
        f" rows, `{' '.join(table.create.split())}`, and `d1migrate adopt` records what the database has",
    )


def refuse_unmanaged(entries: Sequence[Entry], history: h.History) -> None:
    """Raise HistoryError for a database with objects of its own and no recorded migration."""
    if not history.unmanaged or history.applied or history.partial:
        return
    tools = [f"{table} is the history of {OTHER_TOOLS[fold(table)]}" for table in history.other_tools]
    text = unmanaged(names(entries))
    raise HistoryError("; ".join([text.problem + listed(history.unmanaged, 5), *tools]), hint=text.hint)


class _Disagreement(NamedTuple):
    """Migrations on which files and history disagree in one way.

    Attributes:
        entries: which.
        kind: the error that stops a run.
        problem: what is wrong with them.
        hint: what to do about one, whose `{name}` is the name and `{was}` what is recorded.
        explains_others: whether the kinds after it may be a consequence.
    """

    entries: Sequence[Entry]
    kind: type[HistoryError]
    problem: str
    hint: str
    explains_others: bool = False

    def error(self, entries: Sequence[Entry]) -> HistoryError:
        """Return the error for some of the entries; the hint is for the first."""
        named = ", ".join(e.name if e.was is None else f"{e.name} (applied as {e.was})" for e in entries)
        words = {"name": entries[0].name, "was": entries[0].was or ""}
        problem, hint = Message(self.problem, self.hint).filled(words)
        return self.kind(f"{named}: {problem}", names=names(entries), hint=hint)

    def refuse(self) -> None:
        """Raise the error, if there are any entries."""
        if self.entries:
            raise self.error(self.entries)


def _disagreements(entries: Sequence[Entry]) -> Iterator[_Disagreement]:
    """Yield all kinds, in the order in which to deal with them; a kind may have no entries."""
    yield _partial(entries)
    yield _renamed(entries)
    yield _Disagreement(_squashed(entries), MissingMigration, *SQUASHED, explains_others=True)
    changed = [entry for entry in entries if entry.state == "changed"]
    yield _Disagreement(changed, ChecksumMismatch, *CHANGED)
    pending = next((entry.name for entry in entries if entry.is_pending), None)
    missing = [entry for entry in entries if entry.state == "missing"]
    text = MISSING_OR_PENDING.filled({"pending": pending}) if pending else MISSING
    yield _Disagreement(missing, MissingMigration, *text)


def _renamed(entries: Iterable[Entry]) -> _Disagreement:
    renamed = [entry for entry in entries if entry.state == "renamed"]
    return _Disagreement(renamed, MissingMigration, *RENAMED)


def _partial(entries: Iterable[Entry]) -> _Disagreement:
    partial = [entry for entry in entries if entry.state == "partial"]
    return _Disagreement(partial, PartiallyApplied, *PARTIAL)


def refuse_disagreement(entries: Sequence[Entry]) -> None:
    """Raise a HistoryError that names every migration on which files and history disagree."""
    for found in _disagreements(entries):
        found.refuse()


def refuse_renamed(entries: Sequence[Entry]) -> None:
    """Raise MissingMigration for files that are applied under another name."""
    _renamed(entries).refuse()


def refuse_partial(entries: Sequence[Entry]) -> None:
    """Raise PartiallyApplied for migrations that began and did not finish."""
    _partial(entries).refuse()


def next_step(entries: Sequence[Entry]) -> str | None:
    """Return what to do first about files and history that disagree; None if they do not."""
    try:
        refuse_disagreement(entries)
    except HistoryError as error:
        return error.hint
    return None


def repairable(history: h.History, entries: Sequence[Entry]) -> Iterator[HistoryError]:
    """Yield what is wrong with the recorded history, one error per migration; each hint has a command."""
    if error := unwritable(history, entries):
        yield error
    elif history.other:
        yield _other_table(history)
    for found in _disagreements(entries):
        yield from (found.error([entry]) for entry in found.entries)
        if found.entries and found.explains_others:
            return
    for entry in entries:
        if entry.is_renamed and entry.state == "applied":
            yield HistoryError(
                f"{entry.name}: recorded as {entry.was}",
                names=(entry.name,),
                hint=f"`d1migrate repair --rename {entry.was} {entry.name} --reason …` corrects the record",
            )


def refuse_unwritable(history: h.History, entries: Sequence[Entry]) -> None:
    """Raise HistoryError for a history that is only read."""
    if error := unwritable(history, entries):
        raise error


def unwritable(history: h.History, entries: Sequence[Entry]) -> HistoryError | None:
    """Return why a history is only read; None if it can be written."""
    if history.problems:
        return _only_read(history.problems)
    table = history.table
    if history.other and (lost := unmoved(history.other, entries)):
        other = history.other.table.name
        words = {"other": other, "name": ", ".join(names(lost)), "table": table.name}
        return HistoryError(UNMOVED.filled(words).problem, names=names(lost), hint=UNMOVED.hint)
    here, there = one_sided(history, entries)
    if not here and not there:
        return None
    beside = table.beside.name if isinstance(table, VersionTable) else ""
    sides = ((table.name, here), (beside, there))
    parts = (ONE_SIDED.filled({"table": one, "name": ", ".join(only)}) for one, only in sides if only)
    text = "; ".join(part.problem for part in parts)
    return HistoryError(text, names=(*here, *there), hint=ONE_SIDED.hint)


def refuse_other_table(history: h.History) -> None:
    """Raise HistoryError if a record that is to be removed may stay in a table that is not kept in step."""
    if history.other:
        raise _other_table(history)


def _other_table(history: h.History) -> HistoryError:
    other = history.other.table.name if history.other else ""
    return HistoryError(
        f"{other} has rows, too: they would still record what {history.table.name} no longer does",
        hint=f"`d1migrate repair --move-history --reason …` moves the history to {history.table.name}",
    )


def refuse_problems(problems: Sequence[Problem]) -> None:
    """Raise HistoryError for a migrations table that has problems."""
    if problems:
        raise _only_read(problems)


def _only_read(problems: Sequence[Problem]) -> HistoryError:
    return HistoryError(
        "; ".join(problem.message for problem in problems),
        hint=MENDABLE.hint if any(one.fix for one in problems) else ONLY_READ.hint,
    )


def refuse_without_key(todo: Sequence[Entry], entries: Iterable[Entry], table: MigrationsTable) -> None:
    """Raise SourceError for files to be applied that a table of versions cannot hold.

    Args:
        todo: the files.
        entries: all of them.
        table: the migrations table.

    Raises:
        SourceError: a file has no number from 0 to 2^53 - 1, or two have the same, as a file and its down
            file do.
    """
    entries = tuple(entries)
    known: dict[Key | None, Entry] = {table.key_of(entry): entry for entry in entries if entry.applied}
    for entry in todo:
        key = table.key_of(entry)
        file = entry.migration.file if entry.migration else entry.name
        if key is None:
            raise SourceError(
                f"{file}: {table.name} needs a number from 0 to {MAX_VERSION} at the beginning of the name",
                hint=f"rename it, e.g. to {_numbered(entry.name, entries)};"
                f' or let wrangler\'s table record names: table = "{WRANGLER}"',
            )
        if key in known:
            for migration in (known[key].migration, entry.migration):
                if migration and migration.is_down_file:
                    from d1migrate.migrate.contents import down_file

                    raise down_file(migration.file)
            raise SourceError(
                f"two files have version {key}: {known[key].name} and {entry.name}",
                hint="`d1migrate renumber` gives the pending one a new number",
            )
        known[key] = entry


def _numbered(name: str, entries: Iterable[Entry]) -> str:
    """Return a file name with a number: that of `V3__users`, as Flyway names files, or else the next one."""
    folder, slash, words = name.rpartition("/")
    number = max((entry.version for entry in entries if entry.version is not None), default=0) + 1
    if lettered := re.fullmatch("[A-Za-z]([0-9]{1,9})[-_.]+(.+)", words):
        number, words = int(lettered[1]), lettered[2]
    return f"{folder}{slash}{number:03}_{words}{SUFFIX}"


def _squashed(entries: Sequence[Entry]) -> list[Entry]:
    """Return the squashed files whose place in the history is still that of the files they replace."""
    missing = {entry.name for entry in entries if entry.state == "missing"}
    if not missing and not any(entry.state == "changed" for entry in entries):
        return []
    from d1migrate.migrate.squash import every_replaced

    found = []
    for entry in entries:
        names = {file.name for file in every_replaced(entry.migration)} if entry.migration else set()
        if (names and entry.state == "changed") or not names.isdisjoint(missing):
            found.append(entry._replace(was=None))
    return found


def names(migrations: Iterable[Identified]) -> tuple[str, ...]:
    """Return the names."""
    return tuple(migration.name for migration in migrations)


def refuse_open_job(history: h.History) -> None:
    """Refuse what cannot be done while a job is open, because it would change what the job works on.

    Raises:
        HistoryError: a job is open.
    """
    if job := history.job:
        share = f", {job.percent}" if job.percent else ""
        raise HistoryError(
            f"a job is open: {job.name}{share}",
            names=(job.name,),
            hint="`d1migrate up` continues it, `d1migrate job cancel` ends it",
        )


def refuse_edited(migration: Migration | None, job: Job) -> None:
    """Refuse a file that is not the one that its job began with.

    Raises:
        ChecksumMismatch: it was edited.
        MissingMigration: it is missing: the record of the migration needs its rollback.
    """
    if found := problem_of_file(migration, job):
        kind = ChecksumMismatch if found is JOB_EDITED else MissingMigration
        raise kind(f"{job.name}: {found.problem}", names=(job.name,), hint=found.hint)


def problem_of_file(migration: Migration | None, job: Job) -> Message | None:
    """Return why an open job cannot continue with the file that exists now; None if it can."""
    if migration is None:
        return None if job.is_recorded else JOB_MISSING
    try:
        directive = migration.job.text if migration.job else ""
    except SourceError:
        return JOB_EDITED
    return JOB_EDITED if migration.checksum != job.checksum or directive != job.directive else None


_RESTORE_FOR_JOB = "restore the file; or end the job with `d1migrate job cancel`, and run the new file"
JOB_MISSING = Message("its job is open, but the file is missing", _RESTORE_FOR_JOB)
JOB_EDITED = Message("edited while its job is open", _RESTORE_FOR_JOB)
