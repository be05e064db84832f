"""What D1 refuses, and its limits, as plain values and pure functions.

Measured on workerd 1.20261117.1 (SQLite 3.54.1), the engine of local D1, statement by statement;
`tests/conformance` measures them again on every run. PRODUCTION adds the limits of Cloudflare's documentation
that local D1 does not enforce.
"""

from __future__ import annotations

import re

from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Limits(NamedTuple):
    """D1's limits, by SQLite's names for them. The defaults are the exact limits of local D1."""

    length: int = 8_388_642
    """Bytes of a string, of a blob and of a row."""
    sql_length: int = 100_000
    """Bytes of one text given to the engine, all its statements together."""
    column: int = 100
    expr_depth: int = 100
    compound_select: int = 5
    function_arg: int = 127
    like_pattern_length: int = 50
    """Bytes of a LIKE or GLOB pattern."""
    variable_number: int = 100
    trigger_depth: int = 10
    attached: int = 0
    worker_threads: int = 0


WORKERD = Limits()
PRODUCTION = WORKERD._replace(length=2_000_000)  # D1's "maximum string, BLOB or table row size"

SHORT_SQL = WORKERD.sql_length // 4
"""A text of at most this many characters is not too long for D1: each of them has at most four bytes."""

QUERY_SECONDS = 30
"""How long a query may run, D1's documentation."""

TRANSACTION_REFUSED = (
    "To execute a transaction, please use the state.storage.transaction() or "
    "state.storage.transactionSync() APIs instead of the SQL BEGIN TRANSACTION or SAVEPOINT statements. The "
    "JavaScript API is safer because it will automatically roll back on exceptions, and because it interacts "
    "correctly with Durable Objects' automatic atomic write coalescing."
)
TOO_LONG = "statement too long: SQLITE_TOOBIG"
NOT_AUTHORIZED = "not authorized: SQLITE_AUTH"
NO_STATEMENT = "SQL code did not contain a statement."
NO_STATEMENTS = "No SQL statements detected."
EARLY_PARAMETERS = (
    "When executing multiple SQL statements in a single call, only the last statement can have parameters."
)
WRONG_PARAMETERS = "Wrong number of parameter bindings for SQL query."

OVERLOADED_CODE = 7429
"""The code of an error of Cloudflare's API with HTTP 429 that concerns one database: not a rate limit."""

_REFUSALS = (TRANSACTION_REFUSED, NO_STATEMENT, NO_STATEMENTS, EARLY_PARAMETERS, WRONG_PARAMETERS)
_REFUSAL_CODE = (
    r": SQLITE_(?:ABORT|AUTH|CONSTRAINT|ERROR|MISMATCH|MISUSE|RANGE|TOOBIG)(?: \(extended: \w+\))?$"
)


_PREFIX = 24  # characters with which no other message of D1 begins


def refusal_pattern() -> str:
    """Return `is_refusal` as a regular expression that JavaScript reads alike, by the texts' beginnings."""
    texts = "|".join(re.sub(r"[.()/]", r"\\\g<0>", text[:_PREFIX]) for text in _REFUSALS)
    return f"^(?:{texts})|{_REFUSAL_CODE}"


def is_refusal(text: str) -> bool:
    """Whether an error text is D1's refusal of the SQL, so that the batch was certainly rolled back.

    With any other text (`Network connection lost.`, `internal error; reference = …`, `D1 DB is overloaded …`)
    the batch may have been committed (d1-facts §9).
    """
    return text.startswith(_REFUSALS) or re.search(_REFUSAL_CODE, text) is not None


_ERROR = r"(.*?)(?: at offset ([0-9]+))?(?:: (SQLITE_\w+(?: \(extended: \w+\))?))?"


def error_parts(text: str) -> tuple[str, int | None, str]:
    """Return the parts of D1's error: the message, the byte offset in the SQL or None, the code or ""."""
    match = re.fullmatch(_ERROR, text, re.DOTALL)
    message, offset, code = match.groups() if match else (text, None, None)
    return message, int(offset) if offset else None, code or ""


ASSERTION = "bad JSON path"
"""What an error text has if an assertion failed: a SELECT that asks json_extract for a path, its message."""

CROWDED = "D1 DB is overloaded"
"""What an error text has if other requests kept a batch waiting."""
OVERLOADED = (
    rf"{CROWDED}|exceeded its (?:CPU time|memory) limit|exceeded timeout which caused object to be reset"
    rf"|\[code: {OVERLOADED_CODE}\]"
)
"""A regular expression, as JavaScript reads it too, of what is in an error text if D1 was overloaded."""


def is_overloaded(text: str) -> bool:
    """Whether an error text means that a batch was too much for D1, or that D1 was too busy already.

    The batch may still have been committed: that was observed (d1-facts §11). Sent again, it would cost as
    much, and keep others waiting.
    """
    return re.search(OVERLOADED, text) is not None


FUNCTIONS = frozenset(
    # core
    "abs changes char coalesce concat concat_ws format glob hex ifnull iif instr last_insert_rowid length "
    "like likelihood likely lower ltrim nullif octet_length printf quote random randomblob replace round "
    "rtrim sign substr substring total_changes trim typeof unhex unicode unlikely upper zeroblob "
    # date and time
    "current_date current_time current_timestamp date datetime julianday strftime time timediff unixepoch "
    # aggregate and window
    "avg count group_concat max min string_agg sum total cume_dist dense_rank first_value lag last_value "
    "lead nth_value ntile percent_rank rank row_number "
    # mathematics; not the aliases ceiling, log10 and power
    "acos acosh asin asinh atan atan2 atanh ceil cos cosh degrees exp floor ln log log2 mod pi pow radians "
    "sin sinh sqrt tan tanh trunc "
    # JSON; not json_pretty, json_error_position, json_array_insert and jsonb_array_insert
    "-> ->> json json_array json_array_length json_each json_extract json_group_array json_group_object "
    "json_insert json_object json_patch json_quote json_remove json_replace json_set json_tree json_type "
    "json_valid jsonb jsonb_array jsonb_extract jsonb_group_array jsonb_group_object jsonb_insert "
    "jsonb_object jsonb_patch jsonb_remove jsonb_replace jsonb_set "
    # full text search and R*Tree
    "bm25 highlight match rtreecheck snippet "
    # allowed, but always fails
    "load_extension "
    # called by ALTER TABLE RENAME and DROP COLUMN; SET NOT NULL and ADD CONSTRAINT call others
    "sqlite_drop_column sqlite_rename_column sqlite_rename_quotefix sqlite_rename_table "
    "sqlite_rename_test".split()
)
"""Functions a query may call."""

ABSENT_FUNCTIONS = frozenset(
    "fts3_tokenizer geopoly_area geopoly_bbox geopoly_blob geopoly_ccw geopoly_contains_point geopoly_debug "
    "geopoly_group_bbox geopoly_json geopoly_overlap geopoly_regular geopoly_svg geopoly_within "
    "geopoly_xform matchinfo median offsets optimize percentile percentile_cont percentile_disc".split()
)
"""Functions of other builds of SQLite, for which D1 reports `no such function`."""

MODULES = frozenset(("fts5", "fts5vocab", "rtree", "rtree_i32"))
"""Modules a virtual table may use."""


def allows_name(name: str | None) -> bool:
    """Whether a table, index, view or trigger may have this name; `_cf_…` in any case is Cloudflare's."""
    return name is None or name[:4].lower() != "_cf_"


# --- the arguments a PRAGMA may have; None is no argument ---


def _none(value: str | None) -> bool:
    return value is None


def _any(_: str | None) -> bool:
    return True


def _boolean(value: str | None) -> bool:
    if value is None:
        return True
    if len(value) >= 2 and value[0] in "'\"" and value[-1] == value[0]:
        value = value[1:-1]
    # D1 compares beginnings: `10` and `onwards` pass as well.
    return value.lower().startswith(("true", "false", "yes", "no", "on", "off", "1", "0"))


def _name(value: str | None) -> bool:
    return value is not None and allows_name(value)


def _integer(value: str | None) -> bool:
    if value is None:
        return True
    try:
        number = int(value, 16 if value.lower().lstrip("+-").startswith("0x") else 10)
    except ValueError:
        return False
    return -(2**31) <= number < 2**31


PRAGMAS: dict[str, Callable[[str | None], bool]] = {
    "table_list": _any,
    "data_version": _none,
    "page_size": _none,
    "table_info": _name,
    "table_xinfo": _name,
    "index_list": _name,
    "index_info": _name,
    "index_xinfo": _name,
    "foreign_key_list": _name,
    "foreign_key_check": allows_name,
    "quick_check": allows_name,
    "optimize": _integer,
    "foreign_keys": _boolean,
    "defer_foreign_keys": _boolean,
    "ignore_check_constraints": _boolean,
    "legacy_alter_table": _boolean,
    "recursive_triggers": _boolean,
    "reverse_unordered_selects": _boolean,
    "case_sensitive_like": _boolean,
}
"""The PRAGMAs that a query may use, and whether each accepts a value."""


# --- SQLite's authorizer: one rule per action; an action without a rule is never allowed ---


def _first(arg1: str | None, _: str | None) -> bool:
    return allows_name(arg1)


def _both(arg1: str | None, arg2: str | None) -> bool:
    return allows_name(arg1) and allows_name(arg2)


def _always(_: str | None, __: str | None) -> bool:
    return True


def _pragma(name: str | None, value: str | None) -> bool:
    rule = PRAGMAS.get((name or "").lower())
    return rule is not None and rule(value)


def _function(_: str | None, name: str | None) -> bool:
    return (name or "").lower() in FUNCTIONS


def _module(table: str | None, module: str | None) -> bool:
    return (module or "").lower() in MODULES and allows_name(table)


# SQLite's authorizer action codes: apsw has them, too, but the core does not import it.
CREATE_INDEX, CREATE_TABLE, CREATE_TRIGGER, CREATE_VIEW = 1, 2, 7, 8
DELETE, DROP_INDEX, DROP_TABLE, DROP_TRIGGER, DROP_VIEW = 9, 10, 11, 16, 17
INSERT, PRAGMA, READ, SELECT, TRANSACTION, UPDATE = 18, 19, 20, 21, 22, 23
ALTER_TABLE, REINDEX, ANALYZE, CREATE_VTABLE, DROP_VTABLE = 26, 27, 28, 29, 30
FUNCTION, SAVEPOINT, RECURSIVE = 31, 32, 33

SCHEMA_ACTIONS = frozenset(
    (
        *(CREATE_INDEX, CREATE_TABLE, CREATE_TRIGGER, CREATE_VIEW, CREATE_VTABLE, ALTER_TABLE),
        *(DROP_INDEX, DROP_TABLE, DROP_TRIGGER, DROP_VIEW, DROP_VTABLE),
    )
)
"""The actions that change the schema; their arguments name the object, and its table if it has one."""

_RULES: dict[int, Callable[[str | None, str | None], bool]] = {
    SELECT: _always,
    RECURSIVE: _always,
    ANALYZE: _always,  # also of `_cf_` tables: without a name it visits every table
    READ: _first,
    UPDATE: _first,
    INSERT: _first,
    DELETE: _first,
    CREATE_TABLE: _first,
    DROP_TABLE: _first,
    ALTER_TABLE: _first,
    CREATE_VIEW: _first,
    DROP_VIEW: _first,
    REINDEX: _first,
    CREATE_INDEX: _both,
    DROP_INDEX: _both,
    CREATE_TRIGGER: _both,
    DROP_TRIGGER: _both,
    PRAGMA: _pragma,
    FUNCTION: _function,
    CREATE_VTABLE: _module,
    DROP_VTABLE: _module,
}


def authorize(action: int, arg1: str | None, arg2: str | None, database: str | None) -> bool:
    """Whether D1 allows an action of a statement, as SQLite's authorizer is asked.

    Args:
        action: an authorizer action code of SQLite.
        arg1: the first argument of the authorizer: a name or None, depending on the action.
        arg2: the second argument.
        database: `main`, `temp` or None. The trigger or view that acts makes no difference to D1.
    """
    if action == ALTER_TABLE:  # the only action with the database as its first argument
        arg1, arg2, database = arg2, None, arg1
    if database is None or database == "main":
        rule = _RULES.get(action)
        return rule is not None and rule(arg1, arg2)
    # In a second database, D1 only allows reading sqlite_temp_schema.
    return database == "temp" and action in (READ, UPDATE) and allows_name(arg1)
