"""Databases and their schemas, built from SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apsw

from d1migrate.schema import introspect
from d1migrate.schema.catalog import Catalog
from d1migrate.sql.batch import Result

if TYPE_CHECKING:
    from d1migrate.schema.model import Schema, Table


def database(sql: str) -> apsw.Connection:
    """A database in which some SQL ran; foreign keys are enforced, as on D1."""
    connection = apsw.Connection(":memory:")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(sql)
    return connection


def read(connection: apsw.Connection) -> Schema:
    """Its schema."""
    return introspect.read([Result(tuple(connection.execute(query.sql))) for query in introspect.QUERIES])


def schema(sql: str) -> Schema:
    """The schema that some SQL builds."""
    return read(database(sql))


def table(sql: str) -> Table:
    """The only table that some SQL builds."""
    (found,) = schema(sql).tables
    return found


def catalog(sql: str) -> Catalog:
    """The catalog of the schema that some SQL builds."""
    return Catalog.of(schema(sql))
