"""Which table holds the history of a database, by what the database has."""

from __future__ import annotations

from d1migrate.errors import HistoryError
from d1migrate.migrate import log
from d1migrate.migrate.other_tools import owner_of
from d1migrate.migrate.survey import problems_of_names
from d1migrate.migrate.table import LOG_TABLE, MigrationsTable, NameTable, VersionTable
from d1migrate.sql.batch import Query
from d1migrate.sql.names import fold, quote_literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from d1migrate.migrate.flows.leftovers import Problem
    from d1migrate.migrate.other_tools import Owner
    from d1migrate.migrate.survey import Column, Survey
    from d1migrate.migrate.table import Shape
    from d1migrate.migrate.table_choice import TableChoice

MOVES = "`d1migrate repair --move-history` moves the history"
NOT_VERSIONS = (
    "the table {table} is not d1migrate's: it has ({columns}), expected (version INTEGER PRIMARY KEY,"
    " name TEXT, applied_at INTEGER)"
)
NOT_NAMES = (
    "the table {table} is not wrangler's: it has ({columns}), expected (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " name TEXT UNIQUE, applied_at TIMESTAMP)"
)
NOT_A_LOG = f"the table {LOG_TABLE} is not d1migrate's: it has ({{columns}})"
ANOTHER_NAME = 'name another one in d1migrate.toml, such as table = "{free}"'
"""What to do about a table of the application that has the name of the migrations table."""
TAKES_OVER = "`d1migrate adopt` takes over from {owner}"
"""What to do about a table of another tool."""
MOVE_AWAY = f"ALTER TABLE {LOG_TABLE} RENAME TO old_{LOG_TABLE}"
"""What to do about a table that has the name of the log."""


def queries(choice: TableChoice) -> tuple[Query, Query]:
    """Return the queries for a Survey."""
    tables = map(fold, (choice.versions, choice.wrangler, LOG_TABLE, log.OLD_LOG))
    names = ", ".join(map(quote_literal, tables))
    source = f"FROM sqlite_schema t JOIN {{}} WHERE t.type = 'table' AND lower(t.name) IN ({names})"
    columns = (
        # The binding returns rows as objects: two columns called name would be one.
        # LIKE may have been made case-sensitive, which lasts for the connection.
        "SELECT t.name AS of_table, lower(t.sql) LIKE '%autoincrement%', lower(t.sql) LIKE '%without%rowid%',"
        ' c.name, c.type, c.pk, c."notnull", c.dflt_value ' + source.format("pragma_table_info(t.name) c")
    )
    unique = (
        "SELECT t.name " + source.format("pragma_index_list(t.name) i") + ' AND i."unique" AND NOT i.partial'
        " AND (SELECT group_concat(name) FROM pragma_index_info(i.name)) = 'name'"
    )
    return Query(columns), Query(unique)


def given(choice: TableChoice, survey: Survey) -> TableChoice:
    """Return the choice for a database: a table called VERSIONS that is not ours is left alone.

    Raises:
        HistoryError: the table that is needed is not ours.
    """
    if owner := blocker(choice, survey):
        columns = _listed(survey.columns(choice.versions))
        raise HistoryError(
            NOT_VERSIONS.format(table=choice.versions, columns=columns),
            hint=ANOTHER_NAME.format(free=choice.wrangler)
            if owner == "application"
            else TAKES_OVER.format(owner=owner),
        )
    is_free = not survey.columns(choice.versions) or survey.is_versions(choice.versions)
    return choice if is_free or choice.configured else choice._replace(configured=choice.wrangler)


def blocker(choice: TableChoice, survey: Survey) -> Owner | None:
    """Return whose a table is that has the name of the migrations table to use; None if it is free."""
    columns = survey.columns(choice.versions)
    owner = owner_of(columns)
    if not columns or owner == "d1migrate":
        return None
    if choice.configured:
        is_it = fold(choice.configured) == fold(choice.versions)
        return owner if is_it and not survey.is_names(choice.versions) else None
    if choice.files.recording:  # the files would insert into it
        return owner
    uses_names = owner == "application" or choice.files.shape == "names" or survey.is_names(choice.wrangler)
    return None if uses_names else owner


def history_tables(choice: TableChoice, survey: Survey) -> set[str]:
    """Return the names of the history tables that exist, in lower case."""
    shapes = {
        choice.versions: survey.is_versions(choice.versions) or survey.is_names(choice.versions),
        choice.wrangler: survey.is_names(choice.wrangler),
        LOG_TABLE: True,  # any other is refused
        log.OLD_LOG: survey.is_log(log.OLD_LOG),
    }
    return {fold(name) for name, is_ours in shapes.items() if is_ours}


def found(choice: TableChoice, survey: Survey) -> MigrationsTable | None:
    """Return the tables that exist and have the right shape; None if there are none.

    If both exist, it is the VersionTable with wrangler's beside it.

    Raises:
        HistoryError: a table is another tool's.
    """
    _refuse_other_log(survey)
    beside = _names(choice.wrangler, survey)
    if choice.is_of_versions and survey.is_names(choice.versions):
        return _names(choice.versions, survey)
    if survey.is_versions(choice.versions):
        return VersionTable(
            choice.versions,
            beside or NameTable(choice.wrangler),
            exists=bool(beside),
            named_alike=bool(survey.columns(choice.wrangler)) and not beside,
        )
    return beside


def _names(table: str, survey: Survey) -> NameTable | None:
    if not survey.is_names(table):
        return None
    key = [(fold(c.name), c.type.upper()) for c in survey.columns(table) if c.pk]
    without_rowid = fold(table) in survey.without_rowid
    ids = "name" if without_rowid else "id" if key == [("id", "INTEGER")] else "rowid"
    return NameTable(table, counted=fold(table) in survey.counted, ids=ids)


def decide(
    choice: TableChoice,
    survey: Survey,
    found: MigrationsTable | None,
    *,
    own: bool,
    beside: bool,
    logged: bool,
) -> MigrationsTable:
    """Return the migrations table.

    Args:
        choice: how to choose it.
        survey: what exists.
        found: what `found` returned.
        own: whether it has rows.
        beside: whether wrangler's table beside it has rows.
        logged: whether the log has rows.
    """
    if found is None:
        guess = choice.guess
        alike = bool(survey.columns(choice.wrangler))
        return guess._replace(named_alike=alike) if isinstance(guess, VersionTable) else guess
    named = beside if isinstance(found, VersionTable) else own  # whether wrangler's table has rows
    if choice.configured is not None:
        is_it = fold(choice.configured) == fold(found.name)
        return _of_shape(choice, found, found.shape if is_it else choice.guess.shape, mirrored=named)
    if own and beside:
        return _of_shape(
            choice, found, "names" if choice.files.recording is False else "versions", mirrored=True
        )
    if own or (logged and not (isinstance(found, VersionTable) and found.exists)):
        return found
    return _of_shape(choice, found, "names" if beside else choice.files.shape, mirrored=named)


def _of_shape(
    choice: TableChoice, found: MigrationsTable, shape: Shape, *, mirrored: bool
) -> MigrationsTable:
    """Return the table of a shape, given those that exist."""
    if isinstance(found, NameTable):
        return found if shape == "names" else VersionTable(choice.versions, found, True, mirrored)
    if shape == "versions":
        return found._replace(mirrored=mirrored)
    return found.beside if found.exists else choice.empty("names")


def problems(
    choice: TableChoice,
    survey: Survey,
    table: MigrationsTable,
    rows: Sequence[tuple[Any, ...]],
    others: Sequence[tuple[Any, ...]],
) -> tuple[Problem, ...]:
    """Return why d1migrate does not write to a table.

    Args:
        choice: how it was chosen.
        survey: what exists.
        table: the table.
        rows: its rows.
        others: the rows of the other table.
    """
    found: list[tuple[str, Sequence[str]]] = []
    if others and not rows:
        other = choice.versions if table.shape == "names" else choice.wrangler
        found.append((f"it is empty, and {other} is not: {MOVES}", ()))
    if isinstance(table, NameTable) and survey.columns(table.name):
        found += problems_of_names(survey, table, rows)
    if not found:
        return ()
    from d1migrate.migrate.flows.leftovers import Problem

    name = table.name
    return tuple(
        Problem("history", name, f"{name}: {why}", tuple(f"{sql};" for sql in fix)) for why, fix in found
    )


def _refuse_other_log(survey: Survey) -> None:
    columns = survey.columns(LOG_TABLE)
    if columns and not survey.is_log(LOG_TABLE):
        names = ", ".join(column.name for column in columns)
        raise HistoryError(NOT_A_LOG.format(columns=names), hint=MOVE_AWAY)


def refuse_other_shape(survey: Survey, table: MigrationsTable) -> None:
    """Raise HistoryError for a table of names that has only the name of one."""
    columns = survey.columns(table.name)
    if table.shape == "names" and columns and not survey.is_names(table.name):
        raise HistoryError(
            NOT_NAMES.format(table=table.name, columns=_listed(columns)),
            hint=ANOTHER_NAME.format(free="migrations"),
        )


def _listed(columns: Iterable[Column]) -> str:
    return ", ".join(f"{column.name} {column.type}".strip() for column in columns)
