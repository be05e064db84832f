"""Batch and online migrations: whether they can run in chunks, and what old code writes meanwhile."""

from __future__ import annotations

from itertools import chain

from d1migrate.errors import ParseError, PlanError, SourceError
from d1migrate.lint.rule import Finding, rule
from d1migrate.migrate.jobs.cut_problems import positions_read
from d1migrate.migrate.jobs.directive import directive_line
from d1migrate.migrate.jobs.job import KEY_STAYS
from d1migrate.migrate.jobs.pages import is_rowid
from d1migrate.schema.companions import companions_of, missing_companions, sources_of
from d1migrate.schema.keys import rowid_alias, unique_keys
from d1migrate.schema.queries import row_key, rowid_of
from d1migrate.sql.implied import null_test
from d1migrate.sql.names import fold, quote_identifier, unquote
from d1migrate.sql.token_groups import outside, parted, span
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.lint.replay.model import ReplayedStatement
    from d1migrate.migrate.jobs.cut import Cut
    from d1migrate.migrate.jobs.directive import JobDirective
    from d1migrate.schema.catalog import Catalog
    from d1migrate.schema.companions import Companion
    from d1migrate.schema.model import Table
    from d1migrate.sql.tokens import Token


@rule("P112", "batch-not-possible", "error")
def batch_not_possible(replay: AnalyzedReplay) -> Iterator[Finding]:
    """The statement of a batch migration cannot be cut into chunks, or cannot be repeated.

    Why: each chunk runs the statement on some rows only, so it must not compare rows of different chunks. wrangler
        runs the same file at once, also after some of the chunks, so a second run must change nothing.

    In a Durable Object:
        each chunk runs the statement on some rows only, so it must not compare rows of different chunks. A small table
        is changed at once by the same file, so it must be repeatable.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, visits INTEGER);
        CREATE TABLE visitors (visits INTEGER PRIMARY KEY);
    Bad:
        -- d1migrate: batch users
        INSERT OR IGNORE INTO visitors SELECT DISTINCT visits FROM users;
    Good:
        -- d1migrate: batch users
        INSERT OR IGNORE INTO visitors SELECT visits FROM users;
    """
    job = _job(replay, "batch")
    if job is None:
        return
    from d1migrate.migrate.jobs.cut import cut_of_statements
    from d1migrate.migrate.jobs.cut_parts import Uncuttable

    found = cut_of_statements(replay.migration.statements(), job.table, job.by)
    if isinstance(found, Uncuttable):
        at = next((each for each in replay.statements if each.source == found.statement), None)
        offset = found.token.start if found.token else 0
        line = found.statement.line if found.statement else job.line
        yield Finding(_with_hint(found.reason, found.hint), at, offset, line)
        return
    table = replay.before.tables.get(fold(job.table))
    if table is None:
        if not replay.incomplete:
            yield Finding(f"there is no table {job.table}", line=job.line)
    elif wrong := _wrong_key(job, table):
        yield Finding(wrong, line=job.line, fix=directive_line("batch", table.name, row_key(table)))
    elif wrong := _wrong_columns(found, table, replay.before):
        yield Finding(wrong, line=job.line)
    else:
        yield from _views_read(replay, found.changes)


def _views_read(replay: AnalyzedReplay, changed: str) -> Iterator[Finding]:
    """Yield where the statement reads the table that it changes through a view."""
    names, views = {changed}, replay.before.views
    while more := {n for n in {*views} - names if any(_read(significant(views[n].sql), names))}:
        names |= more
    for statement in replay.statements:
        for at in _read(statement.tokens, names - {changed}):
            token = statement.tokens[at]
            message = (
                f"{unquote(token.text)} reads rows of {changed}, some of which earlier chunks have changed"
            )
            yield Finding(message, statement, token.start)


def _read(tokens: Sequence[Token], names: Iterable[str]) -> Iterator[int]:
    """Yield the positions at which one of some tables or views is read."""
    return chain.from_iterable(positions_read(tokens, name) for name in names)


def _wrong_columns(cut: Cut, table: Table, catalog: Catalog) -> str | None:
    """Return which key the statement changes or lacks, which only the schema shows; or None."""
    alias, changed = rowid_alias(table), catalog.tables.get(cut.changes)
    if alias and fold(alias) in cut.sets:
        return f"it changes {alias}, by which its rows are found: {KEY_STAYS}"
    if cut.inserts is None or changed is None:
        return None
    keys = [key.columns for key in unique_keys(changed)]
    if any(key is None or not cut.inserts or key.keys() <= {*cut.inserts} for key in keys):
        return None
    return f"a second run would insert the same rows again: the INSERT sets no unique key of {changed.name}"


def _wrong_key(job: JobDirective, table: Table) -> str | None:
    """Return why the rows of a table cannot be read by the key of a directive, or None."""
    names = {fold(column.name): column for column in table.columns}
    by = [*map(fold, job.by)]
    if is_rowid(by):
        if by[0] in names and by[0] != fold(rowid_alias(table) or ""):
            return f"{table.name} has a column {by[0]}, which is not its rowid"
        if rowid_of(table) or table.is_virtual:
            return None
        return f"{table.name} is WITHOUT ROWID, so the directive needs its key"
    unknown = next((column for column in job.by if fold(column) not in names), None)
    if unknown is not None:
        return f"{table.name} has no column {unknown}"
    if by != [*map(fold, table.primary_key)]:
        return f"the rows of {table.name} are found by its rowid or its primary key"
    if any(not names[each].not_null for each in by) and rowid_of(table) and rowid_alias(table) is None:
        return f"the primary key of {table.name} may be NULL, so its rows are found by the rowid"
    return None


@rule("P113", "online-not-possible", "error")
def online_not_possible(replay: AnalyzedReplay) -> Iterator[Finding]:
    """The file of an online migration is not the guarded rebuild of its table, and nothing else.

    Why: `up` derives the online form from the rebuild in the file. Another statement would have no place in it.
        `d1migrate rebuild TABLE --online` writes such a file.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
    Bad:
        -- d1migrate: online users
        ALTER TABLE users ADD COLUMN role TEXT;
    Good:
        ALTER TABLE users ADD COLUMN role TEXT;
    """
    job = _job(replay, "online")
    if job is None:
        return
    from d1migrate.migrate.jobs.online.derive import derive

    try:
        derive(replay.migration, replay.before.schema)
    except ParseError as error:
        at = next((each for each in replay.statements if each.line == error.line), None)
        yield Finding(_with_hint(str(error.args[0]), error.hint), at, line=error.line)
    except (PlanError, SourceError) as error:
        yield Finding(_with_hint(error.headline, error.hint), line=job.line)


def _with_hint(message: str, hint: str | None) -> str:
    return f"{message}: {hint}" if hint else message


@rule("W105", "no-companion-triggers", "warning", on=("update",))
def no_companion_triggers(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A batch migration fills a column from other columns, and no trigger fills it in rows that old code writes.

    Why: while the chunks run, and until the deploy is complete, old code inserts rows without the column, and changes
        the columns from which it is computed. No chunk returns to these rows. Let the migration that adds the column
        create triggers for them, and drop the triggers after the deploy; `d1migrate rebuild` and `diff` with
        `--expand` write all of it. If no running code writes the table, allow it with that reason.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, norm TEXT);
    Bad:
        -- d1migrate: batch users
        UPDATE users SET norm = lower(email) WHERE norm IS NULL;
    Good:
        -- d1migrate: batch users
        -- d1migrate: allow=W105 reason="only the import writes users, and it is stopped"
        UPDATE users SET norm = lower(email) WHERE norm IS NULL;
    """
    job = _job(replay, "batch")
    for statement in replay.of("update") if job else ():
        table = statement.before.tables.get(statement.target)
        if job is None or table is None or fold(table.name) != fold(job.table):
            continue
        for column, value in statement.sets().items():
            text = span(statement.sql, value)
            if not _is_new_code_only(table, column) or not sources_of(table, column, text):
                continue
            if missing := missing_companions(table, column, text):
                yield _missing(table, column, missing, statement)


def _is_new_code_only(table: Table, column: str) -> bool:
    """Whether a row that is inserted without a column has no value in it."""
    found = next((each for each in table.columns if fold(each.name) == column), None)
    return found is not None and not (found.not_null or found.default or found.primary_key or found.generated)


def _missing(
    table: Table, column: str, missing: Sequence[Companion], statement: ReplayedStatement
) -> Finding:
    writes = " and ".join(
        "inserts" if each.event == "INSERT" else f"changes {', '.join(sorted(each.sources))} of"
        for each in missing
    )
    sql = "\n".join(f"{each.trigger.sql};" for each in missing)
    at = next(token.start for token in statement.tokens if fold(token.text.strip('"`[]')) == column)
    return Finding(
        f"no trigger fills {table.name}.{column} in rows that old code {writes} while the chunks run",
        statement,
        at,
        fix=sql if _is_plain_fill(statement, column) else None,
    )


def _is_plain_fill(statement: ReplayedStatement, column: str) -> bool:
    """Whether an UPDATE fills every row that has no value, from the row: its value is that of a trigger."""
    tokens = statement.tokens[statement.shape.at :]
    places = [i for i in outside(tokens) if tokens[i].keyword in ("SET", "FROM", "WHERE")]
    words = [tokens[i].keyword for i in places]
    if "FROM" in words or places[0] != 2:
        return False
    terms = [*parted(tokens[places[-1] + 1 :], "AND")] if words[-1] == "WHERE" else []
    return all((test := null_test(term)) and fold(span(statement.sql, test[0])) == column for term in terms)


@rule("W106", "companion-triggers-left", "warning", on=("alter table", "create table", "drop trigger"))
def companion_triggers_left(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A migration after the deploy leaves a companion trigger of the column.

    Why: the triggers fill a column for old code, and no old code runs any more. Every write to the table still runs
        them. Drop them in this migration.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, norm TEXT);
        CREATE TRIGGER fill_users_norm_on_insert AFTER INSERT ON users WHEN new.norm IS NULL BEGIN
          UPDATE users SET norm = lower(email) WHERE id = new.id;
        END;
        CREATE TRIGGER fill_users_norm_on_update AFTER UPDATE OF email ON users WHEN new.norm IS old.norm BEGIN
          UPDATE users SET norm = lower(email) WHERE id = new.id;
        END;
    Bad:
        DROP TRIGGER IF EXISTS fill_users_norm_on_insert;
    Good:
        DROP TRIGGER IF EXISTS fill_users_norm_on_insert;
        DROP TRIGGER IF EXISTS fill_users_norm_on_update;
    """
    for after in replay.changed_tables:
        name = replay.before.name_of(replay.after.ids[fold(after.name)]) or fold(after.name)
        table = replay.before.tables.get(name)
        if table is None:
            continue
        drafted = [each for each in companions_of(table) if each.is_drafted]
        remaining = {trigger.name for trigger in after.triggers}
        for one in (each for each in drafted if each.trigger.name in remaining):
            pair = {each.trigger.name for each in drafted if each.column == one.column}
            if not pair <= remaining or _is_contracted(table, after, one.column):
                yield Finding(
                    f"trigger {one.trigger.name} still fills {table.name}.{one.column} for old code",
                    _last_about(replay, name),
                    fix=f"DROP TRIGGER {quote_identifier(one.trigger.name)};",
                )


def _is_contracted(before: Table, after: Table, column: str) -> bool:
    """Whether a column is renamed, or becomes NOT NULL."""
    was, now = (next((c for c in t.columns if fold(c.name) == column), None) for t in (before, after))
    return was is not None and (now is None or (now.not_null and not was.not_null))


def _last_about(replay: AnalyzedReplay, table: str) -> ReplayedStatement | None:
    """Return the last statement that changes a table or its triggers."""
    found = [
        each
        for each in replay.of("alter table", "create table", "drop trigger")
        if each.before.tables.get(table) != each.after.tables.get(table)
    ]
    return found[-1] if found else None


def _job(replay: AnalyzedReplay, kind: str) -> JobDirective | None:
    """Return the directive of a file, if it is of a kind; H111 is about malformed ones."""
    try:
        job = replay.migration.job
    except ParseError:
        return None
    return job if job and job.kind == kind else None
