"""The histories of other tools, read into rows of one shape."""

from __future__ import annotations

import re
from collections import Counter

from d1migrate.migrate.table import VERSIONS
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.batch import Query
from d1migrate.sql.names import fold, quote_identifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from typing import Any, Literal

    from d1migrate.migrate.other_tools import Owner

_MILLISECONDS = 10**11  # as seconds, that is the year 5138
_EXTENSION = re.compile(r"\.(sql|[cm]?[jt]s)$")


class Row(NamedTuple):
    """What another tool recorded of one migration.

    Attributes:
        entry: the tool's name for it.
        name: the name of its file or folder, without the extension, if the tool records one.
        number: its number, if the tool records only that.
        digest: the hexadecimal checksum of its file, if the tool records one.
        at: when it was applied, in epoch seconds, or None.
        state: whether it is applied, failed half-way, or was rolled back.
        and_before: whether the record covers all files before it, too.
        other_name: another name that its file may have.
    """

    entry: str
    name: str | None = None
    number: int | None = None
    digest: str | None = None
    at: int | None = None
    state: Literal["applied", "failed", "rolled back"] = "applied"
    and_before: bool = False
    other_name: str | None = None


class Tool(NamedTuple):
    """A tool, and how to read its history.

    Attributes:
        name: its name.
        table: the table of its history.
        columns: columns that the table must have, folded.
        select: the SQL that reads it, with {} for the table.
        read: makes Rows of the result.
        digest: the algorithm of its checksums of file bytes, a name in hashlib.
    """

    name: str
    table: str
    columns: frozenset[str]
    select: str
    read: Callable[[Iterable[Sequence[Any]]], Iterator[Row]]
    digest: Literal["sha256", "sha384"] | None = None

    def query(self) -> Query:
        """Return the query for its rows."""
        return Query(self.select.format(quote_identifier(self.table)))


def _named(rows: Iterable[Sequence[Any]]) -> Iterator[Row]:
    return (Row(str(name), stem(str(name)), at=_seconds(at)) for name, at in rows)


def _drizzle(rows: Iterable[Sequence[Any]]) -> Iterator[Row]:
    # `created_at` is when the migration was written; drizzle before 1.0 does not record when it was applied.
    for digest, created, name, at in rows:
        row = Row(str(created), digest=str(digest), at=_seconds(at))
        yield row if name is None else row._replace(entry=str(name), name=str(name))


def _prisma(rows: Iterable[Sequence[Any]]) -> Iterator[Row]:
    newest: dict[str, Row] = {}
    for name, digest, finished, rolled_back in rows:
        row = Row(str(name), str(name), digest=str(digest), at=_seconds(finished))
        if rolled_back is not None:  # it may have been applied before, or again
            newest.setdefault(row.entry, row._replace(state="rolled back"))
        else:
            newest[row.entry] = row if finished is not None else row._replace(state="failed")
    return iter(newest.values())


def _numbered(rows: Iterable[Sequence[Any]]) -> Iterator[Row]:
    return (Row(str(version), number=_integer(version)) for (version,) in rows)


def _pointed(rows: Iterable[Sequence[Any]]) -> Iterator[Row]:
    for version, dirty in rows:  # one row: the newest version
        state: Literal["applied", "failed"] = "failed" if dirty else "applied"
        yield Row(f"version {version}", number=_integer(version), state=state, and_before=True)


def _goose(rows: Iterable[Sequence[Any]]) -> Iterator[Row]:
    # goose starts with a row for version 0
    newest = {version: (applied, at) for version, applied, at in rows if version}
    for version, (applied, at) in newest.items():
        row = Row(f"version {version}", number=_integer(version), at=_seconds(at))
        yield row if applied else row._replace(state="rolled back")


def _sqlx(rows: Iterable[Sequence[Any]]) -> Iterator[Row]:
    for version, description, at, success, digest in rows:
        name = f"{version}_{str(description).replace(' ', '_')}"
        row = Row(name, name, digest=str(digest).lower(), at=_seconds(at))
        yield row if success else row._replace(state="failed")


def _alembic(rows: Iterable[Sequence[Any]]) -> Iterator[Row]:
    return (Row(f"revision {revision}", str(revision), and_before=True) for (revision,) in rows)


def _django(rows: Iterable[Sequence[Any]]) -> Iterator[Row]:
    # Every app has a 0001_initial: the name alone is clear only if no other app has a migration of that name.
    found = [(str(app), str(name), at) for app, name, at in rows]
    apps = Counter(name for _, name, _ in found)
    for app, name, at in found:
        alone = name if apps[name] == 1 else None
        yield Row(f"{app}.{name}", f"{app}_{name}", at=_seconds(at), other_name=alone)


def _time(column: str) -> str:
    return f"iif(typeof({column}) = 'text', unixepoch({column}), {column})"


def _tool(name: str, table: str, columns: str, select: str, read: Any, digest: Any = None) -> Tool:
    return Tool(name, table, frozenset(columns.split()), select, read, digest)


_WRANGLER = _tool(
    "wrangler",
    "d1_migrations",
    "name applied_at",
    f"SELECT name, {_time('applied_at')} FROM {{}} ORDER BY id",
    _named,
)
_TOOLS = (  # of two for one table, the first that fits
    _WRANGLER,
    _WRANGLER._replace(name="NuxtHub", table="_hub_migrations"),
    _tool(
        "Payload",
        "payload_migrations",
        "name batch created_at",
        # Its dev mode changes the schema without a migration, and records that as batch -1.
        f"SELECT name, {_time('created_at')} FROM {{}} WHERE batch IS NOT -1 ORDER BY id",
        _named,
    ),
    _tool(
        "Kysely",
        "kysely_migration",
        "name timestamp",
        f"SELECT name, {_time('timestamp')} FROM {{}} ORDER BY name",
        _named,
    ),
    _tool(
        "Knex",
        "knex_migrations",
        "name batch migration_time",
        f"SELECT name, {_time('migration_time')} FROM {{}} ORDER BY id",
        _named,
    ),
    _tool(
        "drizzle",  # since 1.0
        "__drizzle_migrations",
        "hash created_at name applied_at",
        f"SELECT hash, created_at, name, {_time('applied_at')} FROM {{}} ORDER BY created_at",
        _drizzle,
        "sha256",
    ),
    _tool(
        "drizzle",
        "__drizzle_migrations",
        "hash created_at",
        "SELECT hash, created_at, NULL, NULL FROM {} ORDER BY created_at",
        _drizzle,
        "sha256",
    ),
    _tool(
        "Prisma",
        "_prisma_migrations",
        "migration_name checksum started_at finished_at rolled_back_at",
        f"SELECT migration_name, checksum, {_time('finished_at')}, rolled_back_at"
        " FROM {} ORDER BY started_at",
        _prisma,
        "sha256",
    ),
    _tool(
        "goose",
        "goose_db_version",
        "id version_id is_applied tstamp",
        f"SELECT version_id, is_applied, {_time('tstamp')} FROM {{}} ORDER BY id",
        _goose,
    ),
    _tool(
        "sqlx",
        "_sqlx_migrations",
        "version description installed_on success checksum",
        f"SELECT version, description, {_time('installed_on')}, success, hex(checksum)"
        " FROM {} ORDER BY version",
        _sqlx,
        "sha384",
    ),
    _tool(
        "Django",
        "django_migrations",
        "app name applied",
        f"SELECT app, name, {_time('applied')} FROM {{}} ORDER BY id",
        _django,
    ),
    _tool("Alembic", "alembic_version", "version_num", "SELECT version_num FROM {}", _alembic),
)
_VERSIONS = "SELECT version FROM {} ORDER BY version"
_SAME_NAME = {  # their table has the name of ours
    "golang-migrate": _tool(
        "golang-migrate", VERSIONS, "version dirty", "SELECT version, dirty FROM {}", _pointed
    ),
    "dbmate": _tool("dbmate", VERSIONS, "version", _VERSIONS, _numbered),
    "Rails": _tool("Rails", VERSIONS, "version", _VERSIONS, _numbered),
}


def tools_in(
    tables: Mapping[str, Collection[str]], owner: Owner | None, *, wrangler: Iterable[str] = ()
) -> tuple[Tool, ...]:
    """Return the tools that have a history in a database.

    Args:
        tables: {table: its columns}, all folded.
        owner: whose the table with the name of our migrations table is; None if there is no such table.
        wrangler: names of wrangler's table besides the usual one.
    """
    known = [*_TOOLS, *(_WRANGLER._replace(table=name) for name in wrangler)]
    found: dict[str, Tool] = {}
    for tool in known:
        table = fold(tool.table)
        if tool.columns <= set(tables.get(table, ())):
            found.setdefault(table, tool)
    other = _SAME_NAME.get(owner or "")
    return (*found.values(), *([other] if other else []))


def with_journal(rows: Iterable[Row], journal: Mapping[str, str]) -> tuple[Row, ...]:
    """Name drizzle's rows after its journal: {when a migration was written: its name}."""
    return tuple(
        row._replace(entry=name, name=name) if (name := journal.get(row.entry)) else row for row in rows
    )


def stem(name: str) -> str:
    """Return the part of a path that names a migration: the folder of a `…/migration.sql`, or the file."""
    *folders, last = _EXTENSION.sub("", name).split("/")
    return folders[-1] if folders and last == "migration" else last


def _seconds(value: Any) -> int | None:
    try:
        seconds = int(float(value))
    except (TypeError, ValueError, OverflowError):
        return None
    return seconds // 1000 if seconds > _MILLISECONDS else seconds


def _integer(value: Any) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() else None
