"""The whole recorded history of a database as one text.

A batch compares it, and a refusal carries it: its message is the text. So a run needs no request to read the
history of a tenant that is in a state which it knows. The text has the answers to all queries of a history,
as JSON, without times and tokens, so that it is equal for databases with equal histories. It has the ids of
the log's rows: after an `up` and a `down`, it is not what it was.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache

from d1migrate.migrate.history_queries import found_in, history_of, queries
from d1migrate.migrate.log import head
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.batch import Query, Result
from d1migrate.sql.d1 import ASSERTION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.migrate.history import History
    from d1migrate.migrate.history_queries import Layout
    from d1migrate.migrate.table_choice import TableChoice

_MARK = "state of the history: "
_REPEATED = "sent twice; "
_REFUSAL = re.compile(rf"{ASSERTION}: '({_REPEATED})?{_MARK}(.*)'", re.DOTALL)
_SURVEY, _UNIQUE, _LEFTOVERS, _OBJECTS = ("*" * count for count in (8, 1, 1, 2))
_ROWS = {"versions": "??-", "names": "??-*"}
_LATEST, _HEAD = "??*???t0?", "t"
"""What the text has of each query's columns: `*` the value, `?` also a blob, which JSON does not have, as an
object; `t` the same, but no text, only that it is one; `-` NULL in place of the value, `0` zero."""
_ANY = "iif(typeof({0}) = 'blob', json_object('blob', hex({0})), {0})"
_KEPT = {
    "*": "{0}",
    "?": _ANY,
    "t": f"iif(typeof({{0}}) = 'text', '', {_ANY})",  # a value of another type is damage
    "-": "NULL",
    "0": "0",
}


@lru_cache(maxsize=64)  # for each database of a fleet, the same
def text_sql(choice: TableChoice, layout: Layout) -> str:
    """Return SQL for the text, an expression.

    Args:
        choice: how to choose the migrations table.
        layout: the history tables that exist. If one of them does not, SQLite refuses the whole batch.
    """
    parts = (
        _rows(query.sql, columns)
        for query, columns in zip(queries(choice, layout), _columns(layout), strict=True)
    )
    return "'[' || " + " || ',' || ".join(parts) + " || ']'"


def _columns(layout: Layout) -> tuple[str, ...]:
    tables = (_ROWS[table.shape] for table in layout.tables)
    return (_SURVEY, _UNIQUE, _LEFTOVERS, *tables, _OBJECTS, *((_LATEST, _HEAD) if layout.log else ()))


def _rows(sql: str, columns: str) -> str:
    """Return SQL for the rows of a query as JSON, a list of lists."""
    names = [f"c{place}" for place in range(len(columns))]
    kept = (_KEPT[kind].format(name) for name, kind in zip(names, columns, strict=True))
    row = f"json_array({', '.join(kept)})"
    return f"(WITH a({', '.join(names)}) AS ({sql}) SELECT json_group_array({row}) FROM a)"


def select_text(expression: str, unless: str = "") -> Query:
    """Return the query for the text; its value is NULL if it is the one that is expected."""
    return Query(f"SELECT nullif({expression}, ?1) AS state", (unless,), whole=True, assertion=True)


def assert_text(choice: TableChoice, layout: Layout, expected: str, token: str) -> Query:
    """Abort the batch if the text is another one; the error has what `refusal_in` returns.

    Args:
        choice: as for `text_sql`.
        layout: as for `text_sql`.
        expected: the text.
        token: the token of the batch.
    """
    newest = f"({head(layout.log).sql})" if layout.log else "NULL"
    message = f"json_extract('{{}}', iif({newest} IS ?2, '{_REPEATED}', '') || '{_MARK}' || found)"
    found = text_sql(choice, layout)
    sql = f"WITH s(found) AS MATERIALIZED (SELECT {found}) SELECT {message} FROM s WHERE found <> ?1"
    return Query(sql, (expected, token), whole=True, assertion=True)


class Refusal(NamedTuple):
    """What the error of `assert_text` has.

    Attributes:
        text: the text.
        repeated: whether the log's newest row is of the same batch: its first copy was not refused.
    """

    text: str
    repeated: bool


def refusal_in(error: str) -> Refusal | None:
    """Return what the error of `assert_text` has; None for any other error."""
    match = _REFUSAL.search(error)
    return Refusal(match[2].replace("''", "'"), bool(match[1])) if match else None


class Reading(NamedTuple):
    """What a text contains.

    Attributes:
        layout: the history tables that exist. If it is not the one that the text was made for, the text
            lacks rows, and there is no history.
        history: the history; without the times, the head of the log, and what only a rollback needs.
    """

    layout: Layout
    history: History | None


def read_text(choice: TableChoice, layout: Layout, text: str) -> Reading:
    """Return what a text contains.

    Args:
        choice: as for `text_sql`.
        layout: as for `text_sql`.
        text: the text.

    Raises:
        ValueError: it is not such a text; a message may have been cut.
        HistoryError: a history table is damaged or another tool's.
    """
    answers = [Result([tuple(row) for row in rows]) for rows in json.loads(text, object_hook=_blob)]
    if len(answers) != len(_columns(layout)):
        raise ValueError("not the text of this layout")
    found = found_in(choice, answers)
    return Reading(found.layout, history_of(found, answers) if found.layout == layout else None)


def _blob(value: dict[str, str]) -> bytes:
    """Return the blob that an object is; errors show it as they do if a history was read."""
    return bytes.fromhex(value.get("blob", "none"))


def layout_in(choice: TableChoice, text: str) -> Layout:
    """Return the history tables of the database that a text is of; errors as `read_text`."""
    rows = json.loads(text)[:2]
    return found_in(choice, [Result([tuple(row) for row in part]) for part in rows]).layout
