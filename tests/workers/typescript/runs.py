"""What the tests of the TypeScript runtime run, and what runs leave behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from d1migrate.migrate.table import NameTable, VersionTable
from tests.runtime.typescript import compiled
from tests.workers.inside.sql_files import MANY, THREE

if TYPE_CHECKING:
    from d1migrate.migrate.table import MigrationsTable, Shape
    from tests.runtime.typescript import TypeScriptWorkerd

NAMES = ["001_notes", "002_first_note", "003_tags"]
TABLES: dict[Shape, MigrationsTable] = {"versions": VersionTable(), "names": NameTable()}
INDEXES = {shape: compiled(THREE, table) for shape, table in TABLES.items()}
INDEXES_OF_200 = {shape: compiled(MANY, table) for shape, table in TABLES.items()}

_SCHEMA = r"SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE '\_cf\_%' ESCAPE '\' ORDER BY 1, 2"
_LOG = """SELECT event, action, version, name, checksum, who, tool, restore_point, detail, rollback_digest,
rollback_sql, format, file_digest FROM d1migrate_log ORDER BY id"""


def state(workerd: TypeScriptWorkerd, place: str, shape: Shape = "versions") -> Any:
    """All that runs leave behind, without tokens and times.

    The schema, the rows of the migrations table and of the log, and what THREE writes.
    """
    name = TABLES[shape].sql
    columns = "version, name" if shape == "versions" else "id, name"
    return workerd.sql(
        place, _SCHEMA, f"SELECT {columns} FROM {name} ORDER BY 1", _LOG, "SELECT id, text FROM notes"
    )


def exactly_once(workerd: TypeScriptWorkerd, place: str) -> bool:
    """Whether each of THREE was applied once: no row twice, and each token begun and done."""
    notes, events = workerd.sql(
        place,
        "SELECT text FROM notes",
        "SELECT name, group_concat(event) FROM (SELECT * FROM d1migrate_log ORDER BY id) GROUP BY token ORDER BY name",
    )
    return notes == [["first"]] and events == [[name, "begun,done"] for name in NAMES]
