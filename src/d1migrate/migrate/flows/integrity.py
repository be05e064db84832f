"""Whether a database is whole: what files and history do not show. Everything here is read-only.

The live schema alone shows the helpers of an interrupted rebuild, foreign keys to missing tables, and, if
there is an engine, views and triggers that no longer compile. Reading rows shows rows without their parent,
and full-text tables out of step with the table they index. For these, rowids are compared and not the words:
FTS5's own `integrity-check` is a write.
"""

from __future__ import annotations

import re

from d1migrate.errors import Error, QueryError
from d1migrate.migrate.flows.leftovers import Problem, hold_tables, leftovers
from d1migrate.migrate.flows.read import read_job
from d1migrate.migrate.history import tables as history_tables
from d1migrate.migrate.jobs.objects import has_job, without, without_job
from d1migrate.migrate.table import USUAL_TABLE
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema import digest, introspect
from d1migrate.schema.model import Schema
from d1migrate.schema.queries import fts5_options
from d1migrate.sql.batch import Batch, Query, Result, count_rows
from d1migrate.sql.names import fold, is_helper, quote_identifier, quote_literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from d1migrate.migrate.plan import Step
    from d1migrate.migrate.table import MigrationsTable
    from d1migrate.sql.batch import Flow

    FindBroken = Callable[[Schema, MigrationsTable], Iterable[tuple[str, str, str]]]

ORPHANS = Query(
    'SELECT "table" AS child, parent, count(*) AS rows, min(rowid) AS first FROM pragma_foreign_key_check'
    " GROUP BY 1, 2 ORDER BY 1, 2"
)
NO_SCHEMA = Schema()
_CAN_BREAK_ROWS = re.compile(r"\b(?:PRAGMA|DROP)\b", re.IGNORECASE)


class Inspection(NamedTuple):
    """What was read of a database.

    Attributes:
        schema: the live schema.
        problems: what is wrong with the database.
        changed: whether the history has changed since it was read.
    """

    schema: Schema
    problems: tuple[Problem, ...]
    changed: bool = False


class _FullText(NamedTuple):
    """A full-text table, the table it indexes, and the column of that table that is the rowid."""

    name: str
    content: str
    rowid: str

    @property
    def query(self) -> Query:
        """Count the rows that the index has in excess, and those it lacks."""
        name, content = quote_literal(self.name), quote_identifier(self.content)
        sizes, rowid = quote_identifier(f"{self.name}_docsize"), quote_identifier(self.rowid)
        return Query(
            f"SELECT {name} AS name, (SELECT count(*) FROM {sizes} s WHERE NOT EXISTS"
            f" (SELECT 1 FROM {content} c WHERE c.{rowid} = s.id)) AS extra,"
            f" (SELECT count(*) FROM {content} c WHERE NOT EXISTS"
            f" (SELECT 1 FROM {sizes} s WHERE s.id = c.{rowid})) AS missing"
        )


def can_break_rows(steps: Iterable[Step]) -> bool:
    """Whether SQL may leave rows without their parent, or a full-text table out of step.

    D1 refuses this for every statement except DROP, what a PRAGMA permits, and an import. Rows are read only
    after these.
    """
    return any(
        step.size or any(_CAN_BREAK_ROWS.search(statement.sql) for statement in step.script.statements())
        for step in steps
    )


def inspect(
    find_broken: FindBroken | None,
    *,
    table: MigrationsTable = USUAL_TABLE,
    rows: bool,
    full_text: Schema | None = None,
    expected: Schema | None = None,
    unchanged: Query | None = None,
) -> Flow[Inspection]:
    """Read the live schema and report what is wrong; one request, unless something is.

    Args:
        find_broken: returns (kind, name, error) of the views and triggers that do not compile.
        table: the migrations table, which is in no schema.
        rows: whether to read rows too.
        full_text: a schema that shows which full-text tables exist; without it, one more request does.
        expected: the schema that should exist, to report missing tables.
        unchanged: asks whether the history is still the one that was read (`assertions.is_same_state`).
    """
    read = yield from _read(rows=rows, full_text=full_text, unchanged=unchanged)
    out_of_step = read.out_of_step
    if rows and read.unread is None and full_text is None and (tables := list(_full_text(read.schema))):
        out_of_step = yield from _compare(tables)
    held = (yield from _count_held(read.schema)) if hold_tables(read.schema) else {}
    clean = without(read.schema, is_helper)
    problems = [
        *leftovers(read.schema, held, expected),
        *_without_parent_table(clean, table),
        *(_unread(read.unread) if read.unread else ()),
        *(_orphans(read.orphans, clean, table) if read.orphans else ()),
        *out_of_step,
        *(_broken(clean, table, find_broken) if find_broken else ()),
    ]
    return Inspection(read.schema, tuple(problems), read.changed)


class _Read(NamedTuple):
    """The answers to one request: `unread` is why rows could not be read, `orphans` is None without them."""

    schema: Schema
    changed: bool
    unread: str | None
    orphans: Result | None
    out_of_step: Sequence[Problem]


def _read(*, rows: bool, full_text: Schema | None, unchanged: Query | None) -> Flow[_Read]:
    """Read the schema without an open job, and rows if asked for and if the database can check its rows."""
    read, job = (yield from _read_once(rows=rows, full_text=full_text, unchanged=unchanged)), None
    while has_job(read.schema) and not (job := (yield from read_job())):  # it has ended meanwhile
        read = yield from _read_once(rows=rows, full_text=full_text, unchanged=unchanged)
    return read._replace(schema=without_job(read.schema, job))


def _read_once(*, rows: bool, full_text: Schema | None, unchanged: Query | None) -> Flow[_Read]:
    of_schema = (*introspect.QUERIES, *([unchanged] if unchanged else []))
    of_rows: tuple[Query, ...] = ()
    if rows:
        of_rows = (ORPHANS, *(table.query for table in _full_text(full_text or NO_SCHEMA)))
    unread = None
    try:
        results = yield Batch((*of_schema, *of_rows), reads=True)
    except QueryError as error:
        if not rows:
            raise
        unread = str(error)
        results = yield Batch(of_schema, reads=True)
    schema = introspect.read(results[: len(introspect.QUERIES)])
    changed = unchanged is not None and not results[len(introspect.QUERIES)].rows[0][0]
    answers = results[len(of_schema) :]
    out_of_step = [problem for answer in answers[1:] for problem in _out_of_step(answer)]
    return _Read(schema, changed, unread, answers[0] if answers else None, out_of_step)


def missing_objects(expected: Schema, after: Schema) -> Iterator[Problem]:
    """Yield the objects that the files create and that do not exist.

    Args:
        expected: what the files build, given the schema before them.
        after: the live schema now.
    """
    there = {(kind, fold(name)) for kind, name, _ in digest.objects(after)}
    for kind, name, sql in digest.objects(expected):
        if (kind, fold(name)) not in there:
            yield Problem("missing", name, f"{kind} {name} should exist, and does not", (f"{sql};",))


def _compare(tables: Sequence[_FullText]) -> Flow[list[Problem]]:
    """Compare full-text tables with what they index; a table that cannot be read is a problem."""
    try:
        results = yield Batch([table.query for table in tables], reads=True)
    except QueryError as error:
        if len(tables) == 1:
            (name, content, _) = tables[0]
            message = f"full-text table {name} cannot be compared with {content}: {error}"
            return [Problem("search", name, message)]
        found = list[Problem]()
        for table in tables:
            found += yield from _compare([table])
        return found
    return [problem for result in results for problem in _out_of_step(result)]


def _count_held(schema: Schema) -> Flow[dict[str, int]]:
    names = hold_tables(schema)
    results = yield Batch([count_rows(name) for name in names], reads=True)
    return {name: result.rows[0][0] for name, result in zip(names, results, strict=True)}


def _parents(schema: Schema, table: MigrationsTable) -> set[str]:
    """Return the tables that a foreign key may reference; history tables are in no schema."""
    return {*history_tables(table), *(fold(table.name) for table in schema.tables)}


def _without_parent_table(schema: Schema, migrations_table: MigrationsTable) -> Iterator[Problem]:
    there = _parents(schema, migrations_table)
    for table in schema.tables:
        for key in table.foreign_keys:
            if fold(key.table) not in there:
                columns = ", ".join(key.columns)
                yield Problem(
                    "parent",
                    table.name,
                    f"{table.name} ({columns}) references {key.table}, which does not exist: no row of"
                    f" {table.name} can be written",
                )


def _orphans(result: Result, schema: Schema, migrations_table: MigrationsTable) -> Iterator[Problem]:
    there = _parents(schema, migrations_table)
    for child, parent, rows, first in result.rows:
        if fold(parent) in there and not is_helper(child):  # the rows of a shadow are those of its table
            plural = "row references" if rows == 1 else "rows reference"
            where = f", the first with rowid {first}" if first is not None else ""
            message = f"{rows} {plural} a row of {parent} that does not exist{where}"
            check = f"PRAGMA foreign_key_check({quote_identifier(child)});"
            yield Problem("orphans", child, f"{child}: {message}", (check,))


def _unread(why: str) -> Iterator[Problem]:
    message = f"foreign keys and full-text tables cannot be checked: {why}"
    yield Problem("foreign keys", "foreign keys", message)


def _full_text(schema: Schema) -> Iterator[_FullText]:
    """Yield the FTS5 tables that index an existing table and keep the sizes that are compared."""
    tables = {fold(table.name) for table in schema.tables}
    for table in schema.tables:
        options = fts5_options(table)
        content = options.get("content", "")
        if fold(content) in tables and options.get("columnsize") != "0":
            yield _FullText(table.name, content, options.get("content_rowid", "rowid"))


def _out_of_step(result: Result) -> Iterator[Problem]:
    name, extra, missing = result.rows[0]
    if extra or missing:
        quoted = quote_identifier(name)
        message = f"full-text table {name} is out of sync: it lacks {missing} rows and has {extra} too many"
        yield Problem("search", name, message, (f"INSERT INTO {quoted}({quoted}) VALUES ('rebuild');",))


_NOT_OURS = ("no such function", "not authorized", "no such module", "no such collation")


def _broken(schema: Schema, table: MigrationsTable, find_broken: FindBroken) -> Iterator[Problem]:
    """Yield views and triggers that do not compile, except for what an application adds to SQLite."""
    if not (schema.views or any(one.triggers or one.is_virtual for one in schema.tables)):
        return  # nothing can fail, and to import the replay takes 40 ms of a run
    for kind, name, error in find_broken(schema, table):
        if not any(text in error for text in _NOT_OURS):
            yield Problem("broken", name, f"{kind} {name} fails when it is used: {error}")


def problems_after(
    before: Inspection | None, after: Inspection, expected: Schema | None
) -> tuple[Problem, ...]:
    """Return what is wrong after a run; problems found before it are marked as not new."""
    missing = tuple(missing_objects(expected, after.schema)) if expected else ()
    known = set(before.problems) if before else set()
    return tuple(
        problem._replace(is_new=problem not in known or problem.kind == "leftover")
        for problem in (*after.problems, *missing)
    )


def not_inspected(error: Error) -> Problem:
    """Return the problem that the database could not be inspected."""
    return Problem("unknown", "", f"the database could not be checked after the run: {error}")
