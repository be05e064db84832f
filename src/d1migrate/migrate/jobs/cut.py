"""Whether the statement of a batch migration can be cut into chunks, and where.

A statement that can be cut has the same effect page by page as at once, for any pages; and it can be
repeated: wrangler runs the same file whole, also after some of its chunks.
"""

from __future__ import annotations

from itertools import chain

from d1migrate.migrate.history_guard import is_record
from d1migrate.migrate.jobs.cut_parts import Uncuttable, parse
from d1migrate.migrate.jobs.cut_problems import problems
from d1migrate.migrate.jobs.pages import MOST_COLUMNS, is_rowid
from d1migrate.migrate.jobs.repeatable import keys_needed, unrepeatable
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.names import quote_identifier, unquote
from d1migrate.sql.split import LinePrefix
from d1migrate.sql.token_groups import text_at
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d1migrate.errors import ParseError
    from d1migrate.migrate.jobs.cut_parts import Parts
    from d1migrate.migrate.migration import Migration
    from d1migrate.sql.split import Statement
    from d1migrate.sql.tokens import Token


class Cut(NamedTuple):
    """A statement that can be restricted to a page.

    Attributes:
        before, after: its SQL before and after the condition for the page.
        prefix: what qualifies the columns of the key in it, such as `"u".`.
        changes: the table that it changes, folded.
        sets: the columns of the directive's table that it sets, folded.
        inserts: the columns that an INSERT names, folded, one of whose unique keys makes a second run insert
            nothing; none if it names none. None if it needs no such key.
    """

    before: str
    after: str
    prefix: str
    changes: str
    sets: frozenset[str] = frozenset()
    inserts: tuple[str, ...] | None = None

    def where(self, condition: str) -> str:
        """Return the statement for the rows that meet a condition."""
        return f"{self.before}{condition}{self.after}"


def cut_of_file(migration: Migration, table: str, key: Sequence[str] = ("rowid",)) -> Cut:
    """Return how to cut the only statement of a file, apart from the one that records it.

    Args:
        migration: the file.
        table: the table that the directive names.
        key: the columns by which its rows are read.

    Raises:
        ParseError: it cannot be cut; the error has the place and the reason.
        SourceError: the file cannot be read.
    """
    found = cut_of_statements(migration.statements(), table, key)
    if isinstance(found, Uncuttable):
        raise _error(found, migration)
    return found


def cut_of_statements(
    statements: Iterable[Statement], table: str, key: Sequence[str] = ("rowid",)
) -> Cut | Uncuttable:
    """Return how to cut the only statement that does not record the migration, or why it cannot be cut."""
    own = [statement for statement in statements if not is_record(statement.sql)]
    if not own:
        return Uncuttable("a batch migration needs a statement", None)
    if len(own) > 1:
        first = significant(own[1].sql)[0]
        hint = "move it to a migration of its own"
        return Uncuttable(
            "a batch migration has one statement, and this is a second one", first, hint, own[1]
        )
    found = cut_of(own[0].sql, table, key)
    return found._replace(statement=own[0]) if isinstance(found, Uncuttable) else found


def cut_of(sql: str, table: str, key: Sequence[str] = ("rowid",)) -> Cut | Uncuttable:
    """Return how a statement is cut, or why it cannot be.

    Args:
        sql: one statement.
        table: the table whose pages it is run for.
        key: the columns by which its rows are read.
    """
    if len(key) > MOST_COLUMNS:
        return Uncuttable(f"a key may have {MOST_COLUMNS} columns, and this one has {len(key)}", None)
    statement = parse(sql, table)
    if isinstance(statement, Uncuttable):
        return statement
    found = next(chain(problems(statement, key), unrepeatable(statement)), None)
    return found or _cut(sql, statement, key)


def _error(found: Uncuttable, migration: Migration) -> ParseError:
    """Return the error at the place in the file; without a token, at its start."""
    at, line = 0, 1
    if found.statement and found.token:
        at = found.statement.start + found.statement.body + found.token.start
        line = found.statement.line + found.statement.sql.count("\n", 0, found.token.start)
    error = LinePrefix().error(found.reason, migration.text, at, line, migration.file)
    error.hint = found.hint
    return error


def _cut(sql: str, statement: Parts, key: Sequence[str]) -> Cut:
    """Put the condition into WHERE.

    The conditions of the statement must not choose an index. One of a column that is filled finds all rows
    that are left, so that each chunk would read all of them (measured: quadratic). NOT INDEXED still allows a
    search by rowid. It does not apply to a table without rowids, so there IS TRUE hides the conditions, but
    not if they join tables, which needs their indexes.
    """
    by_rowid = is_rowid(key)
    begin, end = _end(statement.name), _end(statement.main[-1])
    is_hinted = text_at(statement.after_name, 0).upper() == "NOT"
    before = sql[:begin] + (" NOT INDEXED" if by_rowid and not is_hinted else "")
    if statement.where:
        start = statement.where[0].start
        hides = " IS TRUE" if statement.alone and not by_rowid else ""
        before += f"{sql[begin:start]}({sql[start:end]}){hides} AND "
    else:
        before += f"{sql[begin:end]} WHERE "
    sets = frozenset(statement.sets if statement.verb == "update" else ())
    prefix = f"{quote_identifier(unquote(statement.name.text))}."
    return Cut(before, sql[end:], prefix, statement.changes, sets, keys_needed(statement))


def _end(token: Token) -> int:
    return token.start + len(token.text)
