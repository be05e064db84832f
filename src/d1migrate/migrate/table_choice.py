"""Which table holds the history of a database, by the configuration, the files, and what the database has."""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 - of a NamedTuple's fields
from typing import TYPE_CHECKING, Any, NamedTuple

from d1migrate.errors import HistoryError, SourceError
from d1migrate.migrate import log
from d1migrate.migrate.history_guard import is_record
from d1migrate.migrate.table import (
    LOG_TABLE,
    MAX_VERSION,
    VERSIONS,
    WRANGLER,
    MigrationsTable,
    NameTable,
    Shape,
    VersionTable,
)
from d1migrate.sql.batch import Query
from d1migrate.sql.names import fold, quote_literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from d1migrate.migrate.flows.leftovers import Problem
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.other_tools import Owner
    from d1migrate.migrate.survey import Column, Survey


class TableChoice(NamedTuple):
    """How to choose the migrations table of a database.

    Attributes:
        configured: its name, if the configuration has it.
        wrangler: the name of wrangler's table.
        default: the shape for a database without a history.
        recording: whether the files record themselves: if not, and both tables have rows, wrangler's is the
            one. None if there are no files to ask.
    """

    configured: str | None = None
    wrangler: str = WRANGLER
    default: Shape = "versions"
    recording: bool | None = False

    @property
    def versions(self) -> str:
        """The name of the table of versions."""
        named = self.configured is not None and fold(self.configured) != fold(self.wrangler)
        return self.configured if named and self.configured else VERSIONS

    @property
    def guess(self) -> MigrationsTable:
        """The table that the database most likely has."""
        shape = self.default
        if self.configured is not None:
            shape = "names" if fold(self.configured) == fold(self.wrangler) else "versions"
        return self.empty(shape)

    def empty(self, shape: Shape) -> MigrationsTable:
        """Return the table of a shape in a database that has neither."""
        beside = NameTable(self.wrangler)
        return beside if shape == "names" else VersionTable(self.versions, beside)

    @property
    def tables(self) -> tuple[str, ...]:
        """The names of all tables that may belong to a history, in lower case."""
        return tuple(map(fold, (self.versions, self.wrangler, LOG_TABLE, log.OLD_LOG)))

    @property
    def survey(self) -> tuple[Query, Query]:
        """The queries for a Survey."""
        names = ", ".join(map(quote_literal, self.tables))
        tables = f"FROM sqlite_schema t JOIN {{}} WHERE t.type = 'table' AND lower(t.name) IN ({names})"
        columns = (
            # The binding returns rows as objects: two columns called name would be one.
            "SELECT t.name AS of_table, t.sql LIKE '%autoincrement%', t.sql LIKE '%without%rowid%', c.name,"
            ' c.type, c.pk, c."notnull", c.dflt_value ' + tables.format("pragma_table_info(t.name) c")
        )
        unique = (
            "SELECT t.name "
            + tables.format("pragma_index_list(t.name) i")
            + ' AND i."unique" AND NOT i.partial'
            " AND (SELECT group_concat(name) FROM pragma_index_info(i.name)) = 'name'"
        )
        return Query(columns), Query(unique)

    def given(self, survey: Survey) -> TableChoice:
        """Return the choice for a database: a table called VERSIONS that is not ours is left alone.

        Raises:
            HistoryError: the table that is needed is not ours.
        """
        if owner := self.blocker(survey):
            columns = _listed(survey.columns(self.versions))
            raise HistoryError(
                f"the table {self.versions} is not d1migrate's: it has ({columns}), expected"
                " (version INTEGER PRIMARY KEY, name TEXT, applied_at INTEGER)",
                hint=f'name another one in d1migrate.toml, such as table = "{self.wrangler}"'
                if owner == "application"
                else f"`d1migrate adopt` takes over from {owner}",
            )
        is_free = not survey.columns(self.versions) or survey.is_versions(self.versions)
        return self if is_free or self.configured else self._replace(configured=self.wrangler)

    def blocker(self, survey: Survey) -> Owner | None:
        """Return whose a table is that has the name of the migrations table to use; None if it is free."""
        from d1migrate.migrate.other_tools import owner_of  # never in a Worker with nothing to do

        columns = survey.columns(self.versions)
        owner = owner_of(columns)
        if not columns or owner == "d1migrate":
            return None
        if self.configured:
            is_it = fold(self.configured) == fold(self.versions)
            return owner if is_it and not survey.is_names(self.versions) else None
        if self.recording:  # the files would insert into it
            return owner
        uses_names = owner == "application" or self.default == "names" or survey.is_names(self.wrangler)
        return None if uses_names else owner

    def history_tables(self, survey: Survey) -> set[str]:
        """Return the names of the history tables that exist, in lower case."""
        shapes = {
            self.versions: survey.is_versions(self.versions) or survey.is_names(self.versions),
            self.wrangler: survey.is_names(self.wrangler),
        }
        logs = {LOG_TABLE, log.OLD_LOG}
        return {fold(name) for name, is_ours in shapes.items() if is_ours} | logs

    def found(self, survey: Survey) -> MigrationsTable | None:
        """Return the tables that exist and have the right shape; None if there are none.

        If both exist, it is the VersionTable with wrangler's beside it.

        Raises:
            HistoryError: a table is another tool's.
        """
        _refuse_other_log(survey)
        beside = self._names(self.wrangler, survey)
        if fold(self.versions) != fold(self.wrangler) and survey.is_names(self.versions):
            return self._names(self.versions, survey)
        if survey.is_versions(self.versions):
            return VersionTable(
                self.versions,
                beside or NameTable(self.wrangler),
                exists=bool(beside),
                named_alike=bool(survey.columns(self.wrangler)) and not beside,
            )
        return beside

    def _names(self, table: str, survey: Survey) -> NameTable | None:
        if not survey.is_names(table):
            return None
        key = [(fold(c.name), c.type.upper()) for c in survey.columns(table) if c.pk]
        without_rowid = fold(table) in survey.without_rowid
        ids = "name" if without_rowid else "id" if key == [("id", "INTEGER")] else "rowid"
        return NameTable(table, counted=fold(table) in survey.counted, ids=ids)

    def decide(
        self, survey: Survey, found: MigrationsTable | None, *, own: bool, beside: bool, logged: bool
    ) -> MigrationsTable:
        """Return the migrations table.

        Args:
            survey: what exists.
            found: what `found` returned.
            own: whether it has rows.
            beside: whether wrangler's table beside it has rows.
            logged: whether the log has rows.
        """
        if found is None:
            guess = self.guess
            alike = bool(survey.columns(self.wrangler))
            return guess._replace(named_alike=alike) if isinstance(guess, VersionTable) else guess
        named = beside if isinstance(found, VersionTable) else own  # whether wrangler's table has rows
        if self.configured is not None:
            is_it = fold(self.configured) == fold(found.name)
            return self._of_shape(found, found.shape if is_it else self.guess.shape, mirrored=named)
        if own and beside:
            return self._of_shape(found, "names" if self.recording is False else "versions", mirrored=True)
        if own or (logged and not (isinstance(found, VersionTable) and found.exists)):
            return found
        return self._of_shape(found, "names" if beside else self.default, mirrored=named)

    def _of_shape(self, found: MigrationsTable, shape: Shape, *, mirrored: bool) -> MigrationsTable:
        """Return the table of a shape, given those that exist."""
        if isinstance(found, NameTable):
            return found if shape == "names" else VersionTable(self.versions, found, True, mirrored)
        if shape == "versions":
            return found._replace(mirrored=mirrored)
        return found.beside if found.exists else self.empty("names")

    def problems(
        self,
        survey: Survey,
        table: MigrationsTable,
        rows: Sequence[tuple[Any, ...]],
        others: Sequence[tuple[Any, ...]],
    ) -> tuple[Problem, ...]:
        """Return why d1migrate does not write to a table.

        Args:
            survey: what exists.
            table: the table.
            rows: its rows.
            others: the rows of the other table.
        """
        found: list[tuple[str, Sequence[str]]] = []
        if others and not rows:
            other = self.versions if table.shape == "names" else self.wrangler
            moves = "`d1migrate repair --move-history` moves the history"
            found.append((f"it is empty, and {other} is not: {moves}", ()))
        if isinstance(table, NameTable) and survey.columns(table.name):
            from d1migrate.migrate.survey import problems_of_names

            found += problems_of_names(survey, table, rows)
        if not found:
            return ()
        from d1migrate.migrate.flows.leftovers import Problem  # rarely needed

        name = table.name
        return tuple(
            Problem("history", name, f"{name}: {why}", tuple(f"{sql};" for sql in fix)) for why, fix in found
        )


USUAL = TableChoice()
"""The choice without a configuration or files."""


def _refuse_other_log(survey: Survey) -> None:
    columns = survey.columns(LOG_TABLE)
    if columns and not survey.is_log(LOG_TABLE):
        raise HistoryError(
            f"the table {LOG_TABLE} is not d1migrate's: it has ({', '.join(c.name for c in columns)})",
            hint=f"ALTER TABLE {LOG_TABLE} RENAME TO old_{LOG_TABLE}",
        )


def refuse_other_shape(survey: Survey, table: MigrationsTable) -> None:
    """Raise HistoryError for a table of names that has only the name of one."""
    columns = survey.columns(table.name)
    if table.shape == "names" and columns and not survey.is_names(table.name):
        raise HistoryError(
            f"the table {table.name} is not wrangler's: it has ({_listed(columns)}), expected"
            " (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP)",
            hint='name another one in d1migrate.toml, such as table = "migrations"',
        )


def _listed(columns: Iterable[Column]) -> str:
    return ", ".join(f"{column.name} {column.type}".strip() for column in columns)


def choose_table(
    migrations: Sequence[Migration],
    *,
    configured: str | None = None,
    wrangler: str | None = None,
) -> TableChoice:
    """Return how to choose the table for some files.

    Args:
        migrations: the files.
        configured: the name of the table, if the configuration of d1migrate has it.
        wrangler: the name of wrangler's table, if wrangler's configuration has the database.
    """
    recording = record_themselves(migrations)
    names = not recording and (
        wrangler is not None or not have_versions(migrations) or creates_another(migrations)
    )
    return TableChoice(configured, wrangler or WRANGLER, "names" if names else "versions", recording)


def have_versions(migrations: Iterable[Migration]) -> bool:
    """Whether every file has a number of its own, which a table of versions can hold."""
    versions = [migration.version for migration in migrations]
    return len(set(versions)) == len(versions) and all(
        v is not None and 0 <= v <= MAX_VERSION for v in versions
    )


def record_themselves(migrations: Iterable[Migration]) -> bool:
    """Whether files insert into VERSIONS, and none creates another table of that name."""
    naming = [migration for migration in migrations if migration.mentions(VERSIONS)]
    return any(any(map(is_record, _texts(one))) for one in naming) and not creates_another(naming)


def creates_another(migrations: Iterable[Migration]) -> bool:
    """Whether files create a table that has the name of VERSIONS and another shape."""
    naming = (migration for migration in migrations if migration.mentions(VERSIONS))
    return any(any(map(_creates_another, _texts(migration))) for migration in naming)


def _texts(migration: Migration) -> Iterator[str]:
    """Yield its statements up to one that cannot be parsed: that is refused when it is to run."""
    try:
        yield from migration.texts()
    except SourceError:
        return


def _creates_another(sql: str) -> bool:
    lower = sql[:_HEAD].lower()
    if VERSIONS not in lower or "create" not in lower:
        return False
    from d1migrate.migrate.other_tools import owner_of  # few files create it
    from d1migrate.sql.create import parse_table

    table = parse_table(sql)
    if table is None or fold(table.name) != VERSIONS:
        return False
    primary = {fold(term.column or "") for key in table.keys if key.primary for term in key.terms}
    columns = [
        (c.name, c.type, fold(c.name) in primary or any(key.primary for key in c.keys), c.not_null, c.default)
        for c in table.columns
    ]
    # With one more column, ours, which is created first, would lack what the files index and insert.
    return owner_of(columns) != "d1migrate" or len(columns) > 3


_HEAD = 400  # characters: enough for the name of a table
