"""Alembic's autogenerate, in batch mode, on the five changes of the sample: which rows are lost on the real D1."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import apsw
import pytest
from sqlalchemy.dialects import sqlite as dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from tests.docs.pages import ROOT
from tests.models.sqlalchemy.autogenerate import autogenerate, damage
from tests.models.sqlalchemy.places import opened, sqlite
from tests.models.sqlalchemy.sample import (
    AUDIT,
    BY_HAND,
    CHANGES,
    KEPT,
    MODELS,
    fill,
    inserts,
    load,
    read_rows,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.models.sqlalchemy.sample import Rows
    from tests.runtime.cloudflare import Cloudflare

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning"),
    pytest.mark.filterwarnings("ignore:Autogenerate rendered a drop_constraint"),
]

GUIDE = ROOT / "docs" / "guides" / "sqlalchemy.md"
VIEW = BY_HAND[BY_HAND.index("CREATE VIEW") :].partition(";")[0]
RENAMES = """
    op.rename_table("tags", "labels")
    op.drop_index("users_by_name", "users")
    with op.batch_alter_table("users") as batch_op:
        batch_op.alter_column("name", new_column_name="full_name")
    op.create_index("users_by_name", "users", ["full_name"])
"""


def _without_view(code: str, view: str = VIEW) -> str:
    """A view that reads a rebuilt table blocks its rename, so a person drops it before, and creates it again."""
    return f'    op.execute("DROP VIEW team_sizes")\n{code}\n    op.execute("{view}")\n'


CORRECTED: dict[str, Callable[[str], str]] = {
    "add a NOT NULL column": lambda code: code.replace("length=8)", "length=8), server_default='eu'"),
    "rename a column and a table": lambda _: _without_view(RENAMES, VIEW.replace("u.name", "u.full_name")),
    "change a type": str,  # there is no way: D1 never turns foreign keys off
    "drop a column and a table": _without_view,
    "add a relation": lambda code: _without_view(code.replace("_key(None", '_key("users_office"')),
}
"""What a person who sees the errors changes."""


class Shop:
    """The first models' tables with 1,000 rows each: on D1, and their schema in a file that Alembic reads."""

    def __init__(self, server: Cloudflare, folder: Path) -> None:
        self._server, self.file = server, folder / "schema.db"
        self._id = server.create("shop")
        self._copies = 0
        models = load(MODELS)
        tables = models.Base.metadata.sorted_tables
        made = [str(CreateTable(table).compile(dialect=dialect.dialect())) for table in tables]
        made += [
            str(CreateIndex(i).compile(dialect=dialect.dialect())) for table in tables for i in table.indexes
        ]
        script = ";\n".join((*made, BY_HAND))
        with closing(apsw.Connection(str(self.file))) as connection:
            connection.execute(script)
        with opened(sqlite(folder / "rows.db")) as engine:
            models.Base.metadata.create_all(engine)
            fill(models, engine)
        with closing(apsw.Connection(str(folder / "rows.db"))) as connection:
            rows = read_rows(lambda query: list(connection.execute(query)), [table.name for table in tables])
        for statement in (script, *inserts(models, rows), AUDIT):
            server.sql(self._id, statement)
        self.rows: Rows = read_rows(
            lambda query: server.sql(self._id, query)[0], [*(table.name for table in tables), "audit"]
        )

    def try_out(self, name: str, correct: Callable[[str], str] = str) -> tuple[str | None, str]:
        """Run what Alembic writes on a copy of the database: its error, and what was lost."""
        self._copies += 1
        (copy,) = self._server.copies(self._id, [f"copy-{self._copies}"])
        change = CHANGES[name]
        written = autogenerate(
            self.file, change.edit(MODELS), lambda sql: self._server.sql(copy, sql), correct
        )
        expected = self.rows if written.error else change.expected(self.rows)
        return written.error, damage(expected, KEPT, lambda query: self._server.sql(copy, query)[0]).text


def test_the_table_of_the_guide(cloudflare: Cloudflare, tmp_path: Path) -> None:
    """It has what happened here."""
    shop = Shop(cloudflare, tmp_path)
    lines = []
    for name in CHANGES:
        error, as_generated = shop.try_out(name)
        assert error, "each needs a correction"
        still, corrected = shop.try_out(name, CORRECTED[name])
        lines.append(f"| {name} | fails; {as_generated} | {'fails; ' if still else ''}{corrected} |")
    assert "\n".join(lines) in GUIDE.read_text()
