"""The first file of a database that began without files: it builds what the database holds."""

from __future__ import annotations

from d1migrate.errors import HistoryError, SourceError
from d1migrate.migrate.file_suggestion import choose_table
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.order import number_of
from d1migrate.migrate.template import header, record
from d1migrate.schema.compare import compare
from d1migrate.schema.render import HEADER, document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.schema.model import Schema


def first_migration(schema: Schema, name: str, description: str, *, date: str, records: bool) -> Migration:
    """Return the migration that builds a schema; it holds no rows.

    Args:
        schema: what the database holds.
        name: the name of the file, with .sql.
        description: a few words.
        date: today's, as YYYY-MM-DD.
        records: whether the file is to record itself, for a table of versions.

    Raises:
        SourceError: the schema is empty, or has something that no migration may contain.
    """
    if not (schema.tables or schema.views):
        raise SourceError(
            "the database has no tables and no views", hint="`d1migrate new` creates a first file"
        )
    text = "\n".join(
        (
            header(name, description, date=date),
            document(schema).removeprefix(HEADER).lstrip(),
            *([record(name)] if records else []),
            "-- Rollback: none, the database existed before\n",
        )
    )
    migration = Migration(number_of(name), name.removesuffix(".sql"), text)
    migration.check(choose_table([migration]).guess)
    return migration


def refuse_differences(live: Schema, built: Schema) -> None:
    """Raise HistoryError if the file does not build what the database holds."""
    found = compare(live, built)
    if found:
        shown = "; ".join(f"{d.kind} {d.name} is {d.problem}" for d in found)
        raise HistoryError(
            f"a database built from it would differ from this one: {shown}",
            hint="this is a bug in d1migrate: please report it",
        )
