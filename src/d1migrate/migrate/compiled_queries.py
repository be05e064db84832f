"""How a runtime without a planner reads the history: the database itself compares and joins.

`verdict` is what `survey` and `table_decision` find out, as one query; `applied` is `history.read_rows`.
"""

from __future__ import annotations

import json
import re

from d1migrate.migrate import log, refusals, survey, table_decision
from d1migrate.migrate.history import LATEST, objects
from d1migrate.migrate.other_tools import COMPANIONS, OTHER_TOOLS
from d1migrate.migrate.table import LOG_TABLE, SUFFIX, NameTable
from d1migrate.migrate.up_to_date import joined_log, newest_logged
from d1migrate.sql.names import JOB_TABLE, fold, quote_identifier, quote_literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from d1migrate.migrate.table import MigrationsTable

_SHOWN = 5


def verdict(table: MigrationsTable, other: str) -> str:
    """Return the query that finds out which history tables there are.

    Its one row has the columns `state`, the name of a layout and a digit each for the migrations table, the
    other one and the log, 1 if it exists and has the right shape; `error` and `hint`, why the history cannot
    be read, or NULL; `problem`, why it can only be read, or NULL; `unmanaged`, a list of the objects that the
    application has, or NULL; `job`, whether a job is open.

    Args:
        table: the migrations table that the index is for.
        other: the name of the table that would hold the history otherwise.
    """
    by_name = isinstance(table, NameTable)
    own_shape, other_shape = ("names", "versions") if by_name else ("versions", "names")
    state = (
        "iif(own.there AND NOT own.counted, 'uncounted', 'counted')"
        if by_name
        else "iif(other.names, 'beside', iif(other.there, 'alike', 'alone'))"
    )
    refused = [*_refused_logs(), (f"own.there AND NOT own.{own_shape}", *_not_ours(table, other))]
    if by_name:
        why = quote_literal(f"{table.name}: {survey.NO_ID}")
        refused.append(("own.there AND NOT own.id", why, quote_literal(refusals.MENDABLE.hint)))
    else:
        refused.append(
            (
                "other.names AND NOT (other.counted AND other.id)",
                quote_literal(f"the table {other} was not created by wrangler"),
                quote_literal("`d1migrate up` writes to such a table, too; a Worker does not"),
            )
        )
    return (
        f"WITH {_tables(table.name, other)}"
        f" SELECT {state} || ' ' || own.there || other.{other_shape} || log.there AS state,"
        f" {_case((condition, message) for condition, message, _ in refused)} AS error,"
        f" {_case((condition, hint) for condition, _, hint in refused)} AS hint,"
        f" {_problem(table) if by_name else 'NULL'} AS problem,"
        f" {_unmanaged(table, other)} AS unmanaged,"
        f" EXISTS (SELECT 1 FROM sqlite_schema WHERE lower(name) = {quote_literal(JOB_TABLE)}) AS job"
        " FROM own, other, log, older"
    )


def state(table: MigrationsTable) -> str:
    """Return the query that shows in one row whether anything is to be done, as `up_to_date.state_query`.

    Its columns: JSON, {key: [checksum, digest]} of what is applied, "" for what is unknown; the number of
    rows; and how many migrations are partial.
    """
    join, applies = joined_log(table)
    known = (f"iif({applies}, coalesce(l.{column}, ''), '')" for column in ("checksum", "file_digest"))
    key = f"CAST(m.{table.column} AS TEXT)"
    return (
        f"WITH {newest_logged(table)}"
        f" SELECT json_group_object({key}, json_array({', '.join(known)})) AS applied,"
        " count(*) AS rows, (SELECT count(*) FROM l WHERE event = 'begun') AS partial"
        f" FROM {table.sql} m {join} WHERE m.{table.column} IS NOT NULL"
    )


def applied(table: MigrationsTable, *, logged: bool) -> str:
    """Return the query for what a table records, in the order of its keys, or of wrangler's ids.

    Its columns: the version or the id; the name; checksum and digest of the file, NULL if they are unknown;
    and the counter of a table of names, which an empty one has, too, in a row without an id.

    Args:
        table: the table.
        logged: whether to read checksums and digests from the log, which must exist then.
    """
    join, applies = joined_log(table) if logged else ("", "")
    known = (f"iif({applies}, l.{column})" if logged else "NULL" for column in ("checksum", "file_digest"))
    checksum, digest = known
    log_rows = f"WITH {newest_logged(table)} " if logged else ""
    if isinstance(table, NameTable):
        counter = table.counter if table.counted else "NULL"
        key, name = f"m.{table.ids}", "m.name"
        source = f"(SELECT {counter} AS counter) LEFT JOIN {table.sql} m"
    else:
        key, name, source = "m.version", "coalesce(m.name, '')", f"{table.sql} m"
    return (
        f"{log_rows}SELECT {key} AS id, {name} AS name, {checksum} AS checksum, {digest} AS digest,"
        f" {'counter' if isinstance(table, NameTable) else 'NULL'} AS counter FROM {source} {join} ORDER BY 1"
    )


def one_sided(table: MigrationsTable, other: str) -> str:
    """Return the query for what only one of two migrations tables records: `status.one_sided` and `unmoved`.

    Its parameter is JSON, [[version, name]…] of the files. Its columns: a JSON list of what only the
    migrations table records, and one of what only the other does.

    Args:
        table: the migrations table.
        other: the other one; both exist.
    """
    files = "f AS (SELECT value ->> 0 AS version, value ->> 1 AS name FROM json_each(?1))"
    names, versions = (table.name, other) if isinstance(table, NameTable) else (other, table.name)
    suffix, length = quote_literal(SUFFIX), len(SUFFIX)
    stems = (
        f"n AS (SELECT substr(name, 1, length(name) - {length}) AS name FROM {quote_identifier(names)}"
        f" WHERE typeof(name) = 'text' AND substr(name, -{length}) = {suffix})"
    )
    if isinstance(table, NameTable):
        here = "'[]'"
        numbers = "SELECT CAST(name AS INTEGER) FROM n WHERE name GLOB '[0-9]*'"
        there = (
            f"SELECT coalesce(name, '') AS name FROM {quote_identifier(versions)} WHERE CASE"
            " WHEN name IN (SELECT name FROM f) THEN name NOT IN (SELECT name FROM n)"
            f" WHEN name IN (SELECT name FROM n) THEN 0 ELSE version NOT IN ({numbers}) END ORDER BY version"
        )
    else:
        files += (
            ", v AS (SELECT m.version, coalesce(m.name, '') AS was, coalesce(f.name, m.name, '') AS name"
            f" FROM {quote_identifier(versions)} m LEFT JOIN f ON f.version = m.version)"
        )
        known = "SELECT name FROM n"
        only = f"SELECT name FROM v WHERE name NOT IN ({known}) AND was NOT IN ({known}) ORDER BY version"
        here = f"(SELECT json_group_array(name) FROM ({only}))"
        own = "name NOT IN (SELECT name FROM v) AND name NOT IN (SELECT was FROM v)"
        there = f"SELECT name FROM n WHERE {own} ORDER BY name"
    return (
        f"WITH {stems}, {files} SELECT {here} AS here,"
        f" (SELECT json_group_array(name) FROM ({there})) AS there"
    )


def partial(table: MigrationsTable) -> str:
    """Return the query for name and version of migrations that began and did not finish."""
    own = "SELECT name, version, max(id), event"
    return (
        f"SELECT name, version FROM ({own} FROM {LOG_TABLE} WHERE name <> '' GROUP BY {table.column})"
        " WHERE event = 'begun'"
    )


def head() -> str:
    """Return the query for the token of the log's newest row, and why the log is damaged, or NULL.

    Damaged is what `history.validated` refuses, in the newest row of each migration.
    """
    kinds = {name: kinds for name, kinds in LATEST.items() if kinds != (int,)}  # such a column has no other
    of_row = _case((_is_other(name, kinds[name]), _damage(name, kinds[name])) for name in kinds)
    of_token = f"iif(typeof(token) <> 'text' OR token = '', {_damage('token', (str,))}, NULL)"
    every = f"SELECT {of_row} AS damage FROM ({log.latest().sql})"
    first = f"(SELECT damage FROM ({every}) WHERE damage IS NOT NULL LIMIT 1)"
    return f"SELECT token, coalesce({of_token}, {first}) AS damage FROM {LOG_TABLE} ORDER BY id DESC LIMIT 1"


def _is_other(column: str, kinds: Iterable[type]) -> str:
    """Return the condition that a value has none of the types."""
    names = {int: "integer", str: "text", type(None): "null"}
    return f"typeof({column}) NOT IN ({_listed(names[kind] for kind in kinds)})"


def _damage(column: str, kinds: Collection[type]) -> str:
    """Return SQL for the text about a value of another type."""
    expected = "an integer" if int in kinds else "text"
    start, end = (
        quote_literal(text) for text in (f"{LOG_TABLE} is damaged: {column} is ", f", expected {expected}")
    )
    return f"{start} || quote({column}) || {end}"


NOTHING = {
    "rows": "SELECT 1 AS id WHERE 0",
    "problem": "SELECT NULL AS problem",
    "sides": "SELECT '[]' AS here, '[]' AS there",
    "done": "SELECT 0 AS done",
}
"""The stand-in for a query of a table that does not exist: the same columns, and as many rows."""


def problem_of_rows(table: NameTable) -> str:
    """Return the query for why d1migrate only reads a table of names, by its rows: a text, or NULL."""
    suffix = quote_literal(SUFFIX)
    odd = (
        f"name IS NOT NULL AND NOT (typeof(name) = 'text' AND substr(name, -{len(SUFFIX)}) = {suffix})"
        f" AND NOT EXISTS (SELECT 1 FROM {table.sql} k WHERE k.name = m.name || {suffix})"
    )
    shown = "iif(typeof(first) = 'blob', lower(quote(first)), quote(first))"
    head = f"; {table.name}: "
    texts = (
        ("odd", _filled(head + survey.NO_FILE, rows="odd", first=shown)),
        ("nameless", _filled(head + survey.NO_NAME, rows="nameless")),
        ("twice IS NOT NULL", _filled(head + survey.TWICE, name="twice")),
    )
    first = f"SELECT name FROM {table.sql} m WHERE {odd} ORDER BY {table.ids} LIMIT 1"
    again = (
        f"SELECT name FROM {table.sql} GROUP BY name HAVING count(name) > 1 ORDER BY min({table.ids}) LIMIT 1"
    )
    parts = ", ".join(f"iif({condition}, {text}, '')" for condition, text in texts)
    return (
        f"SELECT nullif(substr(concat({parts}), 3), '') AS problem FROM (SELECT count(*) FILTER (WHERE {odd})"
        f" AS odd, ({first}) AS first, count(*) - count(name) AS nameless,"
        f" ({again}) AS twice FROM {table.sql} m)"
    )


def _tables(own: str, other: str) -> str:
    """Return the common table expressions `own`, `other`, `log` and `older`: one row each, with its shape."""
    names = [fold(own), fold(other), LOG_TABLE, log.OLD_LOG]
    columns = (
        'SELECT lower(t.name) AS of, t.sql AS ddl, i.name, i.type, i.pk, i."notnull" AS required,'
        " i.dflt_value AS fallback FROM sqlite_schema t JOIN pragma_table_info(t.name) i"
        f" WHERE t.type = 'table' AND lower(t.name) IN ({_listed(names)})"
    )
    ours = "lower(name) IN ('name', 'applied_at')"
    key = "pk AND lower(name) = '{}' AND upper(type) = 'INTEGER'"
    shape = {
        "shown": "group_concat(trim(name || ' ' || type), ', ')",
        # As `other_tools.owner_of` has it.
        "versions": _count("pk", 1, key.format("version"), 1, ours, 2)
        + f" AND {_count(f'required AND fallback IS NULL AND NOT pk AND NOT {ours}', 0)}",
        # As `Survey.is_names` has it.
        "names": _count("name IN ('name', 'applied_at')", 2, "name = 'version'", 0),
        "counted": "coalesce(max(lower(ddl) LIKE '%autoincrement%'), 0)",
        "id": _count("pk", 1, key.format("id"), 1),
        "tool": _tool(),
    }
    every = log.every_column()
    required = [column for column in every if column in log.REQUIRED]
    logs = {
        "shown": "group_concat(name, ', ')",
        "ours": _count(f"name IN ({_listed(required)})", len(required)),
        "whole": _count(f"name IN ({_listed(every)})", len(every)),
    }
    parts = (("own", own, shape), ("other", other, shape), ("log", LOG_TABLE, logs))
    ctes = [f"c AS ({columns})", *(_cte(*part) for part in (*parts, ("older", log.OLD_LOG, logs)))]
    return ", ".join(ctes)


def _tool() -> str:
    """Return SQL for the tool whose table it is by its columns, or NULL: `other_tools.owner_of`."""
    of_dirty = _count("lower(name) IN ('version', 'dirty')", 2)
    of_text = "count(*) = 1 AND max(lower(name)) = 'version' AND max(lower(type)) LIKE 'varchar%'"
    return _case(
        [
            (f"count(*) = 2 AND {of_dirty}", "'golang-migrate'"),
            (f"{of_text} AND max(required)", "'Rails'"),
            (f"{of_text} AND max(pk)", "'dbmate'"),
        ]
    )


def _cte(name: str, table: str, values: dict[str, str]) -> str:
    listed = ", ".join(f"{value} AS {column}" for column, value in values.items())
    return (
        f"{name} AS (SELECT count(*) > 0 AS there, {listed} FROM c WHERE of = {quote_literal(fold(table))})"
    )


def _count(*counted: str | int) -> str:
    """Return whether so many columns meet conditions, given in turns."""
    pairs = zip(counted[::2], counted[1::2], strict=True)
    return " AND ".join(f"count(*) FILTER (WHERE {condition}) = {n}" for condition, n in pairs)


def _refused_logs() -> list[tuple[str, str, str]]:
    """Return (condition, message, hint), as SQL, of logs that the runtime does not read."""
    return [
        (
            "log.there AND NOT log.ours",
            _filled(table_decision.NOT_A_LOG, columns="log.shown"),
            quote_literal(table_decision.MOVE_AWAY),
        ),
        (
            "older.ours OR (log.there AND NOT log.whole)",
            quote_literal("the log is that of an older d1migrate"),
            quote_literal("run `d1migrate up` once, which updates it"),
        ),
    ]


def _not_ours(table: MigrationsTable, other: str) -> tuple[str, str]:
    """Return message and hint, as SQL, about a table that has only the name of the right one."""
    by_name = isinstance(table, NameTable)
    message = table_decision.NOT_NAMES if by_name else table_decision.NOT_VERSIONS
    hint = quote_literal(table_decision.ANOTHER_NAME.format(free="migrations" if by_name else other))
    if not by_name:
        hint = f"iif(own.tool IS NULL, {hint}, {_filled(table_decision.TAKES_OVER, owner='own.tool')})"
    return _filled(message.replace("{table}", table.name), columns="own.shown"), hint


def _problem(table: MigrationsTable) -> str:
    """Return SQL for why a table of names can only be read, by its columns: `survey.problems_of_names`."""
    unique = (
        f'EXISTS (SELECT 1 FROM pragma_index_list({quote_literal(table.name)}) i WHERE i."unique"'
        " AND NOT i.partial AND (SELECT group_concat(name) FROM pragma_index_info(i.name)) = 'name')"
    )
    text = quote_literal(f"{table.name}: {survey.NOT_UNIQUE}")
    return _case([(f"own.there AND NOT {unique}", text)])


def _unmanaged(table: MigrationsTable, other: str) -> str:
    hidden = _listed([LOG_TABLE, *COMPANIONS])
    wranglers = "own" if isinstance(table, NameTable) else "other"
    ours = " OR ".join(
        # As `table_decision.history_tables` has it.
        f"lower(tbl_name) = {quote_literal(fold(name))}"
        + (f" AND {which}.names" if which == wranglers else f" AND ({which}.versions OR {which}.names)")
        for name, which in ((table.name, "own"), (other, "other"))
    )
    found = f"SELECT name FROM ({objects().sql}) WHERE lower(tbl_name) NOT IN ({hidden}) AND NOT ({ours})"
    more = f"iif(count(*) > {_SHOWN}, ' and ' || (count(*) - {_SHOWN}) || ' more', '')"
    # As JSON, the tools are one term: D1 allows five in a compound SELECT.
    tools = quote_literal(json.dumps(OTHER_TOOLS))
    whose = "group_concat('; ' || name || ' is the history of ' || value, '')"
    return (
        f"(WITH u AS ({found}) SELECT (SELECT group_concat(name, ', ')"
        f" FROM (SELECT name FROM u LIMIT {_SHOWN})) || (SELECT {more} FROM u)"
        f" || coalesce((SELECT {whose} FROM u JOIN json_each({tools}) ON key = lower(name)), ''))"
    )


def _filled(message: str, **values: str) -> str:
    """Return SQL for a message whose places have the values of SQL expressions."""
    parts = filter(None, re.split(rf"\{{({'|'.join(values)})\}}", message))
    return " || ".join(values[part] if part in values else quote_literal(part) for part in parts)


def _case(pairs: Iterable[tuple[str, str]]) -> str:
    return f"CASE {' '.join(f'WHEN {condition} THEN {value}' for condition, value in pairs)} END"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(quote_literal, names))
