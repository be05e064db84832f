"""HUMMBL's files record themselves in `schema_migrations`; the real wrangler also records them in its own table."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtime.hummbl import NAMES, copy_of_hummbl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.runtime.conftest import Run
    from tests.runtime.wrangler import Wrangler

FOURTH = "004_more"


@pytest.fixture
def hummbl(tmp_path: Path) -> Path:
    """HUMMBL's project, without a database."""
    copy_of_hummbl(tmp_path)
    return tmp_path


@pytest.fixture
def migrations(hummbl: Path, wrangler: Wrangler) -> Callable[[str], list[str]]:
    """`wrangler d1 migrations list` or `apply`, as somebody runs it in workers/."""

    def run(action: str) -> list[str]:
        ended = wrangler.run(hummbl / "workers", "d1", "migrations", action, "hummbl-workflows", "--local")
        assert not ended.failed, ended.output
        return [name.removesuffix(".sql") for name in ended.names]

    return run


def recorded(project: Path, table: str) -> list[str]:
    """The names in a table, in its order."""
    (file,) = (f for f in project.rglob("miniflare-D1DatabaseObject/*.sqlite") if f.name != "metadata.sqlite")
    key = "version" if table == "schema_migrations" else "id"
    with closing(sqlite3.connect(file)) as connection:
        rows: list[Any] = connection.execute(f"SELECT name FROM {table} ORDER BY {key}").fetchall()
    return [name.removesuffix(".sql") for (name,) in rows]


def check_clean(project: Path, run: Run) -> None:
    """Nothing is pending, changed or missing."""
    run(project, "status", "--check")
    assert run(project, "up").out == "nothing to do\n"
    assert run(project, "verify", "--check").out == "files, history and schema agree\n"


def test_after_wrangler_applied_the_folder(
    hummbl: Path, migrations: Callable[[str], list[str]], run: Run
) -> None:
    """Both tables have every migration; from then on d1migrate keeps them equal, and wrangler agrees."""
    assert migrations("apply") == NAMES
    check_clean(hummbl, run)
    assert FOURTH in run(hummbl, "new", "more").out
    with (hummbl / "workers" / "migrations" / f"{FOURTH}.sql").open("a") as file:
        file.write("\nCREATE TABLE more (id INTEGER PRIMARY KEY);\n\n-- Rollback:\n--   DROP TABLE more;\n")
    run(hummbl, "up")
    for table in ("schema_migrations", "d1_migrations"):
        assert recorded(hummbl, table) == [*NAMES, FOURTH]
    assert migrations("list") == []
    run(hummbl, "down")
    for table in ("schema_migrations", "d1_migrations"):
        assert recorded(hummbl, table) == NAMES
    assert migrations("apply") == [FOURTH]
    check_clean(hummbl, run)


def test_wrangler_runs_what_up_has_applied(
    hummbl: Path, migrations: Callable[[str], list[str]], run: Run
) -> None:
    """Its empty table decides nothing; it applies the files again, which can be, and then both tables are equal."""
    config = hummbl / "workers" / "wrangler.jsonc"
    named = '"migrations_dir": "migrations", "migrations_table": "done by wrangler"'
    config.write_text(config.read_text().replace('"migrations_dir": "migrations"', named))
    run(hummbl, "up")
    assert migrations("list") == NAMES
    check_clean(hummbl, run)
    assert recorded(hummbl, '"done by wrangler"') == []
    assert migrations("apply") == NAMES
    check_clean(hummbl, run)
    assert recorded(hummbl, "schema_migrations") == recorded(hummbl, '"done by wrangler"') == NAMES
