"""What one migration sends to the database, character by character.

`python -m tests.unit.migrate.test_golden_batch` writes the golden files again; read the difference before you commit it.
"""

from __future__ import annotations

from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.run import run
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.migrate.flows.down import choose, down
from d1migrate.migrate.flows.up import up
from d1migrate.migrate.log import Stamp
from d1migrate.migrate.table_choice import USUAL
from d1migrate.project.files import load_migrations
from d1migrate.sql.names import quote_literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.sql.batch import Batch, Query, Result

GOLDEN = Path(__file__).with_name("golden")
MIGRATIONS = Path(__file__).parents[3] / "workers" / "migrations"


class Recorder:
    """A driver that keeps the batches that write."""

    url = "sqlite::memory:"

    def __init__(self, driver: SqliteDriver) -> None:
        self.capabilities, self._driver = driver.capabilities, driver
        self.written: list[Batch] = []

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run a batch."""
        if not batch.reads:
            self.written.append(batch)
        return self._driver.batch(batch)

    def close(self) -> None:
        """Close the database."""
        self._driver.close()


def stamp(token: str) -> Stamp:
    """A batch's token, time and user."""
    return Stamp(token, at=1_795_300_000, who="ada", tool="d1migrate")


@cache
def batches() -> dict[str, str]:
    """The batches that apply HUMMBL's first migration and roll it back: {name of the golden file: text}."""
    migrations = load_migrations(str(MIGRATIONS))[:1]
    with closing(Recorder(SqliteDriver(":memory:", url=Recorder.url))) as driver:
        run(up(migrations, USUAL, lambda: stamp("token-1")), driver)
        plan = run(choose(migrations, USUAL), driver)
        run(down(plan, lambda: stamp("token-2")), driver)
    names = ["001_initial_schema.up.sql", "001_initial_schema.down.sql"]
    return {name: text(batch) for name, batch in zip(names, driver.written, strict=True)}


def text(batch: Batch) -> str:
    """Every statement, with its parameters as comments above it."""
    return "\n".join([f"-- {batch.label}\n", *map(_query, batch.queries)])


def _query(query: Query) -> str:
    params = "".join(f"-- ?{number} = {_literal(value)}\n" for number, value in enumerate(query.params, 1))
    return f"{params}{query.sql};\n"


def _literal(value: object) -> str:
    if isinstance(value, str):
        return quote_literal(value).replace("\n", "\n--   ")
    return "NULL" if value is None else repr(value)


@pytest.mark.parametrize("name", ["001_initial_schema.up.sql", "001_initial_schema.down.sql"])
def test_golden(name: str) -> None:
    """Nothing is sent but what the golden file has."""
    assert batches()[name] == (GOLDEN / name).read_text(encoding="utf-8")


if __name__ == "__main__":
    for name, content in batches().items():
        (GOLDEN / name).write_text(content, encoding="utf-8")
