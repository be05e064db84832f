"""A batch migration: its one statement, page by page."""

from __future__ import annotations

import json

from d1migrate.migrate.jobs.cut import cut_of_file
from d1migrate.migrate.jobs.job import CHANGES_KEY, INSERTS_AGAIN, NOT_THE_KEY, TOO_MANY
from d1migrate.migrate.jobs.pages import Pages, is_rowid
from d1migrate.migrate.jobs.work import Ending
from d1migrate.sql.batch import Query
from d1migrate.sql.names import JOB_TABLE, fold, quote_identifier, quote_literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.migrate.jobs.cut import Cut
    from d1migrate.migrate.jobs.directive import JobDirective
    from d1migrate.migrate.jobs.job import Job
    from d1migrate.migrate.migration import Migration

FITS = 5_000
"""Rows of a table up to which the file runs as an ordinary migration."""


def fits(directive: JobDirective) -> Query:
    """Return the statement that aborts a batch if the table has more rows than one chunk."""
    most = min(FITS, directive.rows or FITS)
    rows = f"SELECT count(*) FROM (SELECT 1 FROM {quote_identifier(directive.table)} LIMIT {most + 1})"
    return _abort(f"{TOO_MANY}{directive.table} has more than {most}", f"({rows}) > {most}")


_OF_SCHEMA = ("no such ", "syntax error", "has no column")
"""What SQLite reports if a statement does not fit the schema; then no row is the cause."""


class BatchWork:
    """The work of a batch migration; a chunk is made from the file, and asserts its checksum.

    Args:
        pages: those of its table.
        cut: its statement.
    """

    first_state = "running"
    plan: str | None = None
    backlog = "NULL"

    def __init__(self, pages: Pages, cut: Cut) -> None:
        self._pages, self._cut = pages, cut

    @classmethod
    def of(cls, migration: Migration) -> BatchWork:
        """Return the work of a file.

        Raises:
            ParseError: its statement cannot be cut.
        """
        directive = migration.job
        if directive is None:
            raise ValueError(f"{migration.name} declares no job")
        pages = Pages(directive.table, directive.by, directive.endless)
        return cls(pages, cut_of_file(migration, directive.table, directive.by))

    def start(self, _most: int, budget: int) -> Sequence[Query]:
        """Return the statements that check the key, mark the end and limit the size."""
        checks = [self._assert_key()]
        if is_rowid(self._pages.key) and self._cut.sets:
            checks.append(self._assert_rowid_stays())
        if self._cut.inserts is not None:
            checks.append(self._assert_inserts_once(self._cut.inserts))
        return (*checks, self._pages.mark(), self._limit(budget))

    def chunk(self, job: Job) -> Sequence[Query]:
        """Return the statements of the next chunk; after the last row there is only the record."""
        if job.state != self.first_state:
            return ()
        count = Query(
            f"UPDATE {JOB_TABLE} SET rows = rows + changes(), chunks = chunks + 1, moved_at = unixepoch(),"
            f" state = iif({self._pages.more()}, state, 'filled')",
            whole=True,
        )
        statement = Query(self._cut.where(self._pages.within(self._cut.prefix)), whole=True)
        return (self._pages.move(), statement, count)

    def ending(self, job: Job) -> Ending:
        """Return what the next chunk also does."""
        is_filled = job.state != self.first_state
        return Ending(records=is_filled, closes=is_filled)

    def cancel(self, _job: Job) -> Sequence[Query]:
        """Return nothing: it created nothing."""
        return ()

    def may_be_one_row(self, job: Job, text: str) -> bool:
        """Whether a row, and not the schema, may be why a chunk was refused."""
        return job.state == self.first_state and not any(reason in text for reason in _OF_SCHEMA)

    def refused(self, job: Job, text: str) -> Sequence[Query] | None:
        """Return a batch that names the row and always aborts, after a chunk of one row was refused."""
        if not self.may_be_one_row(job, text):
            return None
        key = " || ', ' || ".join(f"quote({column})" for column in self._pages.first)
        message = f"{quote_literal(f'{self._pages.table} row ')} || {key} || {quote_literal(f': {text}')}"
        abort = Query(f"SELECT json_extract('{{}}', {message}) FROM {JOB_TABLE}", whole=True, assertion=True)
        return (self._pages.move(), abort)

    def _assert_key(self) -> Query:
        """Abort the batch if a row may have no key, or two rows the same."""
        table, key = quote_literal(self._pages.table), [fold(column) for column in self._pages.key]
        columns = f"pragma_table_info({table})"
        if is_rowid(self._pages.key):  # a view has no rowid, and a column may be called `rowid`
            exists = f"SELECT 1 FROM sqlite_schema WHERE type = 'table' AND lower(name) = lower({table})"
            named = f"lower(name) = {quote_literal(key[0])}"
            column = f"SELECT 1 FROM {columns} WHERE {named} AND NOT ({_alias_in(columns)})"
            wrong = f"NOT EXISTS ({exists}) OR EXISTS ({column})"
        else:  # only in a table WITHOUT ROWID is a primary key never NULL
            own = quote_literal(json.dumps(key, ensure_ascii=False))
            found = f"SELECT lower(name) AS name FROM {columns} WHERE pk ORDER BY pk"
            nullable = f'SELECT 1 FROM {columns} WHERE pk AND NOT "notnull" AND NOT ({_alias_in(columns)})'
            wrong = f"(SELECT json_group_array(name) FROM ({found})) <> json({own}) OR EXISTS ({nullable})"
        return _abort(f"{NOT_THE_KEY}{self._pages.table} by {', '.join(self._pages.key)}", wrong)

    def _assert_rowid_stays(self) -> Query:
        """Abort the batch if the statement sets the rowid, which may have any name."""
        columns = f"pragma_table_info({quote_literal(self._pages.table)})"
        sets = ", ".join(map(quote_literal, sorted(self._cut.sets)))
        changed = f"SELECT 1 FROM {columns} WHERE lower(name) IN ({sets}) AND {_alias_in(columns)}"
        return _abort(f"{CHANGES_KEY}{self._pages.table}", f"EXISTS ({changed})")

    def _assert_inserts_once(self, columns: Sequence[str]) -> Query:
        """Abort the batch if no unique key of the table is among the columns, so that no row would conflict.

        An expression of an index counts as one of them. No columns are all.
        """
        table = quote_literal(self._cut.changes)
        named = ", ".join(map(quote_literal, columns))
        is_inserted = f"lower(name) IN ({named})" if columns else "true"
        info = f"pragma_table_info({table})"
        lacking = f"SELECT 1 FROM pragma_index_info(i.name) WHERE name IS NOT NULL AND NOT ({is_inserted})"
        index = f'SELECT 1 FROM pragma_index_list({table}) i WHERE i."unique" AND NOT EXISTS ({lacking})'
        rowid = f"SELECT 1 FROM {info} WHERE {is_inserted} AND {_alias_in(info)}"
        return _abort(f"{INSERTS_AGAIN}{self._cut.changes}", f"NOT EXISTS ({index} UNION ALL {rowid})")

    def _limit(self, budget: int) -> Query:
        """Return the statement that limits a chunk to what a batch may write."""
        indexes = f"SELECT count(*) FROM pragma_index_list({quote_literal(self._cut.changes)})"
        # D1 binds a number from JavaScript as REAL.
        most = f"max(1, min(most, CAST(?1 AS INTEGER) / (2 + ({indexes}))))"
        return Query(f"UPDATE {JOB_TABLE} SET most = {most}, size = min(size, {most})", (budget,), whole=True)


def _alias_in(columns: str) -> str:
    """Return the condition that a column of a table is its rowid."""
    return f"pk AND upper(type) = 'INTEGER' AND (SELECT count(*) FROM {columns} WHERE pk) = 1"


def _abort(message: str, condition: str) -> Query:
    return Query(
        f"SELECT json_extract('{{}}', {quote_literal(message)}) WHERE {condition}", whole=True, assertion=True
    )
