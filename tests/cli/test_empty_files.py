"""Files without a statement: applied and recorded like any other, as wrangler does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.project import Project


@pytest.mark.parametrize("table", ["schema_migrations", "d1_migrations"])
@pytest.mark.parametrize("lint", [(), ("--no-lint", "x")])
def test_they_are_recorded(project: Project, table: str, lint: tuple[str, ...]) -> None:
    """With an info of the linter, and a note of `up`; they can be rehearsed and rolled back."""
    (project.folder / "d1migrate.toml").write_text(f'table = "{table}"\n')
    project.write(
        "0001_a.sql",
        "CREATE TABLE IF NOT EXISTS a (id INTEGER PRIMARY KEY);\n-- Rollback: DROP TABLE IF EXISTS a;\n",
    )
    project.write("0002_custom.sql", "-- Custom SQL migration file, put your code below! --")
    project.write("0003_empty.sql", "")
    codes = [d["code"] for d in project.run("lint", "--json").json["diagnostics"]]
    assert codes == ["H113", "H113"]
    project.run("rehearse")
    planned = "0002_custom has no statement, and `up` would only record it: write its SQL first"
    assert planned in project.run("plan").err
    assert planned in project.run("up", "--dry-run").err
    err = project.run("up", *lint).err
    assert "0002_custom has no statement, and is only recorded" in err
    assert project.sql(f"SELECT count(*) FROM {table}") == [(3,)]
    project.run("status", "--check")
    project.run("verify", "--check")
    assert project.run("up", "--json").json["steps"] == []
    project.run("down", "--to", "0")
    assert project.sql(f"SELECT count(*) FROM {table}") == [(0,)]


def test_they_are_not_recognized_by_their_content(project: Project) -> None:
    """All of them have the same."""
    (project.folder / "d1migrate.toml").write_text('table = "d1_migrations"\n')
    project.write("0001_a.sql", "")
    project.run("up")
    (project.migrations / "0001_a.sql").rename(project.migrations / "0002_b.sql")
    states = {e["name"]: e["state"] for e in project.run("status", "--json").json["migrations"]}
    assert states == {"0001_a": "missing", "0002_b": "pending"}
    project.run("repair", "--rename", "0001_a", "0002_b", "--reason", "it is the same file", "--yes")
    project.run("status", "--check")
