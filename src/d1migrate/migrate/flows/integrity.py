"""Whether a database is whole: what no file and no history tells. Everything here is read-only.

Known without a further request, from the live schema: helpers of a rebuild that was cut in half, foreign keys
to tables that are not there, and, where there is an engine, views and triggers that no longer compile. What
takes a look at rows: rows whose parent is gone, and full-text tables out of step with the table they index.
Of these the rowids are compared, not the words: FTS5's own `integrity-check` is a write.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from d1migrate.errors import QueryError
from d1migrate.migrate.flows.leftovers import Problem, count_held, held, leftovers
from d1migrate.migrate.history import TABLES
from d1migrate.schema import digest, introspect
from d1migrate.schema.model import Schema
from d1migrate.schema.queries import fts5_options
from d1migrate.sql.batch import Batch, Query, Result
from d1migrate.sql.names import HELPER, fold, quote_identifier, quote_literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from d1migrate.migrate.plan import Step
    from d1migrate.sql.batch import Flow

    Broken = Callable[[Schema], Iterable[tuple[str, str, str]]]

ORPHANS = Query(
    'SELECT "table" AS child, parent, count(*) AS rows, min(rowid) AS first FROM pragma_foreign_key_check'
    " GROUP BY 1, 2 ORDER BY 1, 2"
)
NO_SCHEMA = Schema()
_TELLING = re.compile(r"\b(?:PRAGMA|DROP)\b", re.IGNORECASE)


class Seen(NamedTuple):
    """What was read of a database, rows included.

    Attributes:
        schema: what it holds.
        problems: what is wrong with it.
        changed: whether the history is not the one that was read before.
    """

    schema: Schema
    problems: tuple[Problem, ...]
    changed: bool = False


class _Search(NamedTuple):
    """A full-text table, the table it indexes, and the column that is its rowid there."""

    name: str
    content: str
    rowid: str

    @property
    def query(self) -> Query:
        """Count the rows that the index has too many, and those it lacks."""
        name, content = quote_literal(self.name), quote_identifier(self.content)
        sizes, rowid = quote_identifier(f"{self.name}_docsize"), quote_identifier(self.rowid)
        return Query(
            f"SELECT {name} AS name, (SELECT count(*) FROM {sizes} s WHERE NOT EXISTS"
            f" (SELECT 1 FROM {content} c WHERE c.{rowid} = s.id)) AS extra,"
            f" (SELECT count(*) FROM {content} c WHERE NOT EXISTS"
            f" (SELECT 1 FROM {sizes} s WHERE s.id = c.{rowid})) AS missing"
        )


def can_hurt_rows(steps: Iterable[Step]) -> bool:
    """Whether SQL may leave rows without their parent, or a full-text table out of step.

    D1 refuses that of every statement, but for a DROP, what a PRAGMA lets pass, and an import. So it is only
    behind these that rows are looked at.
    """
    return any(
        step.size or any(_TELLING.search(statement.sql) for statement in step.script.statements())
        for step in steps
    )


def look(
    broken: Broken | None,
    *,
    rows: bool,
    searches: Schema | None = None,
    expected: Schema | None = None,
    unchanged: Query | None = None,
) -> Flow[Seen]:
    """Read the live schema and say what is wrong; one request, unless something is.

    Args:
        broken: returns (kind, name, error) of the views and triggers that do not compile.
        rows: whether to look at rows too.
        searches: a schema that tells which full-text tables there are; without it, one more request does.
        expected: what should be there, to tell which tables are missing.
        unchanged: asks whether the history is still the one that was read (`assertions.is_unchanged`).
    """
    why, found = None, list[_Search]()
    if rows and searches is not None:
        found = list(_searches(searches))
    asked = (*introspect.QUERIES, *([unchanged] if unchanged else []))
    try:
        of_rows = [ORPHANS, *(search.query for search in found)] if rows else []
        results = yield Batch((*asked, *of_rows), reads=True)
    except QueryError as error:
        if not rows:
            raise
        why = str(error)
        results = yield Batch(asked, reads=True)
    schema = introspect.read(results[: len(introspect.QUERIES)])
    changed = unchanged is not None and not results[len(introspect.QUERIES)].rows[0][0]
    answers = results[len(asked) :]
    compared = [problem for answer in answers[1:] for problem in _out_of_step(answer)]
    if rows and why is None and searches is None and (found := list(_searches(schema))):
        compared = yield from _compared(found)
    rows_held = (yield from _count_held(schema)) if held(schema) else {}
    clean = _without_helpers(schema)
    problems = [
        *leftovers(schema, rows_held, expected),
        *_parentless(clean),
        *(_unread(why) if why else ()),
        *(_orphans(answers[0], clean) if answers else ()),
        *compared,
        *(_broken(clean, broken) if broken else ()),
    ]
    return Seen(schema, tuple(problems), changed)


def lost(expected: Schema, after: Schema) -> Iterator[Problem]:
    """Yield the objects that files promise and that are not there.

    Args:
        expected: what the files build upon the schema that was there.
        after: the live schema now.
    """
    there = {(kind, fold(name)) for kind, name, _ in digest.objects(after)}
    for kind, name, sql in digest.objects(expected):
        if (kind, fold(name)) not in there:
            yield Problem("missing", name, f"{kind} {name} should be there, and is not", (f"{sql};",))


def _compared(searches: Sequence[_Search]) -> Flow[list[Problem]]:
    """Compare full-text tables with what they index; each that cannot be read is a problem of its own."""
    try:
        results = yield Batch([search.query for search in searches], reads=True)
    except QueryError as error:
        if len(searches) == 1:
            (name, content, _) = searches[0]
            message = f"full-text table {name} cannot be compared with {content}: {error}"
            return [Problem("search", name, message)]
        found = list[Problem]()
        for search in searches:
            found += yield from _compared([search])
        return found
    return [problem for result in results for problem in _out_of_step(result)]


def _count_held(schema: Schema) -> Flow[dict[str, int]]:
    names = held(schema)
    results = yield Batch([count_held(name) for name in names], reads=True)
    return {name: result.rows[0][0] for name, result in zip(names, results, strict=True)}


def _without_helpers(schema: Schema) -> Schema:
    tables = (
        table._replace(
            triggers=tuple(t for t in table.triggers if not _is_helper(t.name)),
            indexes=tuple(i for i in table.indexes if not _is_helper(i.name)),
        )
        for table in schema.tables
        if not _is_helper(table.name)
    )
    triggers = tuple(t for t in schema.triggers if not _is_helper(t.name))
    return schema._replace(tables=tuple(tables), triggers=triggers)


def _is_helper(name: str) -> bool:
    return fold(name).startswith(HELPER)


def _parents(schema: Schema) -> set[str]:
    """Return the tables that may be referred to; those of the history are in no schema."""
    return {*TABLES, *(fold(table.name) for table in schema.tables)}


def _parentless(schema: Schema) -> Iterator[Problem]:
    there = _parents(schema)
    for table in schema.tables:
        for key in table.foreign_keys:
            if fold(key.table) not in there:
                columns = ", ".join(key.columns)
                yield Problem(
                    "parent",
                    table.name,
                    f"{table.name} ({columns}) refers to {key.table}, which is not there: no row of it can be"
                    " written",
                )


def _orphans(result: Result, schema: Schema) -> Iterator[Problem]:
    there = _parents(schema)
    for child, parent, rows, first in result.rows:
        if fold(parent) in there:
            plural = "row refers" if rows == 1 else "rows refer"
            where = f", the first with rowid {first}" if first is not None else ""
            message = f"{rows} {plural} to a row of {parent} that is not there{where}"
            check = f"PRAGMA foreign_key_check({quote_identifier(child)});"
            yield Problem("orphans", child, f"{child}: {message}", (check,))


def _unread(why: str) -> Iterator[Problem]:
    message = f"foreign keys and full-text tables cannot be checked: {why}"
    yield Problem("foreign keys", "foreign keys", message)


def _searches(schema: Schema) -> Iterator[_Search]:
    """Yield the FTS5 tables that index another table which is there and keep what can be compared."""
    tables = {fold(table.name) for table in schema.tables}
    for table in schema.tables:
        options = fts5_options(table)
        content = options.get("content", "")
        if fold(content) in tables and options.get("columnsize") != "0":
            yield _Search(table.name, content, options.get("content_rowid", "rowid"))


def _out_of_step(result: Result) -> Iterator[Problem]:
    name, extra, missing = result.rows[0]
    if extra or missing:
        quoted = quote_identifier(name)
        message = f"full-text table {name} is out of step: it lacks {missing} rows and has {extra} too many"
        yield Problem("search", name, message, (f"INSERT INTO {quoted}({quoted}) VALUES ('rebuild');",))


_NOT_OURS = ("no such function", "not authorized", "no such module", "no such collation")


def _broken(schema: Schema, broken: Broken) -> Iterator[Problem]:
    """Yield views and triggers that do not compile; what an application adds to SQLite is not known here."""
    for kind, name, error in broken(schema):
        if not any(text in error for text in _NOT_OURS):
            yield Problem("broken", name, f"{kind} {name} fails when it is used: {error}")


def after(before: Seen | None, seen: Seen, expected: Schema | None) -> tuple[Problem, ...]:
    """Return what is wrong behind a run; what was so before is marked as not new, where that is known."""
    gone = tuple(lost(expected, seen.schema)) if expected else ()
    known = set(before.problems) if before else set()
    return tuple(
        problem._replace(is_new=problem not in known or problem.kind == "leftover")
        for problem in (*seen.problems, *gone)
    )


def unknown(error: Any) -> Problem:
    """Return what to say where the database could not be looked at."""
    return Problem("unknown", "", f"whether the database is whole is not known: {error}")
