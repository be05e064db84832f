"""A project with SQLAlchemy's models goes through five changes of them, on the local D1 and on the real one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, event
from sqlalchemy.orm import Session

from tests.models.sqlalchemy.sample import AUDIT, BY_HAND, CHANGES, MODELS, ROWS, fill, load, read_rows
from tests.runtime.local import Project

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from tests.runtime.conftest import Run
    from tests.runtime.wrangler import Wrangler

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*does \\*not\\* support Decimal")]

SOURCE = '[schema]\nsource = "python:app.models:Base.metadata"\n'
WRANGLER = {"d1_databases": [{"binding": "DB", "database_name": "shop", "database_id": "0a1b"}]}


class Sample:
    """The project, and what its tables should have."""

    def __init__(self, project: Project) -> None:
        self.project, self.models = project, MODELS
        project.configure(WRANGLER)
        project.write({"app/models.py": MODELS, "d1migrate.toml": SOURCE})

    def tables(self) -> list[str]:
        """The tables of the models, and the one outside them."""
        return [*load(self.models).Base.metadata.tables, "audit"]

    def rows(self) -> Any:
        """All rows."""
        return read_rows(self.project.read, self.tables())

    @contextmanager
    def session(self) -> Iterator[tuple[Any, Session]]:
        """The models as they are now, and a session on the database."""
        (file,) = self.project.databases()
        engine = create_engine(f"sqlite:///{file}")
        event.listen(engine, "connect", _with_foreign_keys)
        with Session(engine) as session:
            yield load(self.models), session
        engine.dispose()

    def draft(self, *options: str) -> None:
        """Write the migration, and check it as CI does."""
        self.project.d1migrate("diff", *options)
        self.project.d1migrate("lint")
        self.project.d1migrate("rehearse")
        assert self.project.d1migrate("diff", "--check").err.endswith("no difference\n")


def _with_foreign_keys(connection: sqlite3.Connection, _: object) -> None:
    connection.execute("PRAGMA foreign_keys = ON")


@pytest.fixture
def sample(tmp_path: Path, wrangler: Wrangler, run: Run) -> Sample:
    """The project after its first migrations, with 1,000 rows in each table."""
    made = Sample(Project(tmp_path, wrangler, run))
    made.draft()
    name = made.project.d1migrate("new", "By hand").out.strip()
    made.project.write({name: BY_HAND})
    made.project.d1migrate("lint")
    made.project.d1migrate("up")
    with made.session() as (models, session):
        fill(models, session)
    made.project.change(AUDIT)
    return made


def test_five_changes(sample: Sample) -> None:
    """Each row stays, and so does what no model has."""
    expected = sample.rows()
    assert {len(rows) for rows in expected.values()} == {ROWS}
    for name, change in CHANGES.items():
        sample.models = change.edit(sample.models)
        sample.project.write({"app/models.py": sample.models})
        assert sample.project.d1migrate("diff", "--check", code=3), name
        sample.draft(*change.options)
        sample.project.d1migrate("up")
        expected = change.expected(expected)
        assert sample.rows() == expected, name
