"""Where the sample's database is: the local D1, which wrangler uses, and the real D1 behind Cloudflare's API."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import create_engine, event

from tests.models.sqlalchemy.sample import AUDIT, MODELS, fill, inserts, load, read_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Engine

    from tests.runtime.cloudflare import Cloudflare
    from tests.runtime.local import Project


class Place(Protocol):
    """A database, past d1migrate."""

    url: str
    """What d1migrate is given."""

    def read(self, query: str) -> Sequence[Sequence[Any]]:
        """The rows of a query."""

    def fill(self) -> None:
        """Write 1,000 rows into each table of the first models, with the ORM, and into the table outside them."""

    def engine(self) -> Engine:
        """An engine of SQLAlchemy."""


class Local:
    """The file of wrangler's local D1, and SQLAlchemy's own dialect."""

    url = "wrangler:DB"

    def __init__(self, project: Project) -> None:
        self._project = project

    def read(self, query: str) -> Sequence[Sequence[Any]]:
        """The rows of a query."""
        rows: list[Any] = self._project.read(query)
        return rows

    def fill(self) -> None:
        """Write the rows into the file."""
        with opened(self.engine()) as engine:
            fill(load(MODELS), engine)
        self._project.change(AUDIT)

    def engine(self) -> Engine:
        """An engine on the file."""
        (file,) = self._project.databases()
        return sqlite(file)


class Remote:
    """The real D1, behind what stands in for Cloudflare's API, and the dialect for D1 from PyPI."""

    def __init__(self, server: Cloudflare, scratch: Path) -> None:
        self._server, self._scratch = server, scratch
        self._id = server.create("shop")
        self.url = "d1:shop"

    def read(self, query: str) -> Sequence[Sequence[Any]]:
        """The rows of a query."""
        return self._server.sql(self._id, query)[0]

    def fill(self) -> None:
        """Write the rows with the ORM into a file, and copy them: the dialect would send a request for each."""
        models = load(MODELS)
        with opened(sqlite(self._scratch)) as engine:
            models.Base.metadata.create_all(engine)
            fill(models, engine)
            with engine.connect() as connection:
                read = lambda query: [tuple(row) for row in connection.exec_driver_sql(query)]  # noqa: E731
                rows = read_rows(read, [table.name for table in models.Base.metadata.sorted_tables])
        for statement in (*inserts(models, rows), AUDIT):
            self._server.sql(self._id, statement)

    def engine(self) -> Engine:
        """An engine on the API."""
        return d1(self._server, self._id)


def sqlite(file: Path) -> Engine:
    """An engine on a SQLite file, with foreign keys on as in D1."""
    engine = create_engine(f"sqlite:///{file}")
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = ON"))
    return engine


def d1(server: Cloudflare, database: str) -> Engine:
    """An engine of `sqlalchemy-cloudflare-d1`, for tables with triggers."""
    account = server.account
    base = f"{server.base_url}/accounts/{account}/d1/database/{database}"
    url = f"cloudflare_d1://{account}:{server.token}@{database}"
    engine = create_engine(url, connect_args={"base_url": base})
    engine.dialect.supports_sane_rowcount = False  # D1 counts the rows that triggers write, too
    return engine


@contextmanager
def opened(engine: Engine) -> Iterator[Engine]:
    """Close an engine's connections at the end."""
    try:
        yield engine
    finally:
        engine.dispose()
