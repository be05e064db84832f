"""Migrations that drizzle-kit and Prisma generate: lint, rehearse and apply them in place, in the generator's own folder."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.runtime.local import Project
from tests.runtime.workerd import MODULES, ROOT, node

if TYPE_CHECKING:
    from tests.runtime.conftest import Run
    from tests.runtime.wrangler import Wrangler

RECORDED = Path(__file__).with_name("generated")
SCHEMA = """\
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

export const users = sqliteTable("users", {
  id: integer().primaryKey(),
  email: text().notNull().unique(),
  name: text(),
});

export const posts = sqliteTable("posts", {
  id: integer().primaryKey(),
  authorId: integer("author_id").notNull().references(() => users.id, { onDelete: "cascade" }),
  title: text().notNull(),
});
"""
CONFIG = """\
import { defineConfig } from "drizzle-kit";

export default defineConfig({ dialect: "sqlite", schema: "./schema.ts", out: "./drizzle" });
"""
DATABASE = {"binding": "DB", "database_name": "shop", "database_id": "0a1b", "migrations_dir": "drizzle"}
ROWS = "INSERT INTO users (id, email) VALUES (1, 'a@x'); INSERT INTO posts VALUES (1, 1, 'first'), (2, 1, 'second');"


@pytest.fixture
def drizzle(tmp_path: Path, wrangler: Wrangler, run: Run) -> Project:
    """A project with a schema, and drizzle-kit."""
    project = Project(tmp_path, wrangler, run)
    (tmp_path / "node_modules").symlink_to(MODULES)
    project.write({"schema.ts": SCHEMA, "drizzle.config.ts": CONFIG})
    project.configure({"d1_databases": [DATABASE]})
    return project


def drizzle_kit(project: Project, *arguments: str) -> str:
    """Run drizzle-kit; what it printed."""
    done = subprocess.run(
        [node(), MODULES / "drizzle-kit" / "bin.cjs", *arguments],
        cwd=project.path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def change_model(project: Project, old: str, new: str) -> None:
    """Edit the schema in TypeScript."""
    schema = project.path / "schema.ts"
    assert old in schema.read_text()
    schema.write_text(schema.read_text().replace(old, new))


def apply_safe(project: Project) -> None:
    """Lint, rehearse and apply what needs no change."""
    for command in ("lint", "rehearse", "up"):
        project.d1migrate(command)
    assert project.wrangler("list") == []


def apply_rebuild(project: Project) -> None:
    """The rebuild would delete posts: it is refused as generated, and keeps them as rewritten."""
    project.change(ROWS)
    assert "D101" in project.d1migrate("lint", code=3).out
    assert "posts lost" in project.d1migrate("rehearse", code=3).out
    project.d1migrate("up", code=1)
    project.d1migrate("lint", "--fix", "--yes")
    apply_safe(project)
    assert project.read("SELECT * FROM posts") == [(1, 1, "first"), (2, 1, "second")]
    project.d1migrate("verify", "--check")


def test_drizzle_kit(drizzle: Project) -> None:
    """Its files are applied under the names it gives them; it and wrangler take the rewritten file as their own."""
    drizzle_kit(drizzle, "generate", "--name", "shop")
    apply_safe(drizzle)
    change_model(drizzle, "name: text()", 'name: text().default("")')
    drizzle_kit(drizzle, "generate", "--name", "names")
    before = journal(drizzle)
    apply_rebuild(drizzle)
    assert [row.name for row in drizzle.rows()] == ["0000_shop.sql", "0001_names.sql"]

    assert journal(drizzle) == before
    assert "Everything's fine" in drizzle_kit(drizzle, "check")
    assert "No schema changes" in drizzle_kit(drizzle, "generate")
    change_model(drizzle, "title: text().notNull(),", "title: text().notNull(),\n  body: text(),")
    drizzle_kit(drizzle, "generate", "--name", "body")
    assert drizzle.wrangler("apply") == ["0002_body.sql"]
    assert drizzle.d1migrate("up").out == "nothing to do\n"


def journal(project: Project) -> dict[str, object]:
    """What drizzle keeps beside the SQL."""
    return {path.name: json.loads(path.read_text()) for path in (project.path / "drizzle" / "meta").iterdir()}


def test_drizzle_orm_runs_the_rewritten_file(drizzle: Project) -> None:
    """Its own migrator sends statement by statement, cut at its breakpoints."""
    drizzle_kit(drizzle, "generate", "--name", "shop")
    change_model(drizzle, "name: text()", 'name: text().default("")')
    drizzle_kit(drizzle, "generate", "--name", "names")
    drizzle.d1migrate("lint", "--fix", "--yes")
    subprocess.run(
        [node(), ROOT / "tests" / "runtime" / "drizzle_migrate.mjs", "test.db", "drizzle"],
        cwd=drizzle.path,
        check=True,
    )


@pytest.mark.parametrize("tool", ["wrangler", "d1migrate"])
def test_drizzle_kit_up_renames_applied_files(drizzle: Project, tool: str) -> None:
    """Version 1.0 moves each file of 0.31 into a folder; wrangler would run it again until the new name is recorded."""
    drizzle_kit(drizzle, "generate", "--name", "shop")
    drizzle.wrangler("apply") if tool == "wrangler" else drizzle.d1migrate("up")
    new = "20261112090000_shop/migration.sql"
    (drizzle.path / "drizzle" / new).parent.mkdir()
    (drizzle.path / "drizzle" / "0000_shop.sql").rename(drizzle.path / "drizzle" / new)
    drizzle.configure({"d1_databases": [DATABASE | {"migrations_pattern": "drizzle/*/migration.sql"}]})
    assert drizzle.wrangler("list") == [new]
    expected = "missing" if tool == "wrangler" else "renamed (was 0000_shop)"
    assert expected in drizzle.d1migrate("status").out
    drizzle.d1migrate("up", code=1)
    drizzle.d1migrate(
        "repair", "--rename", "0000_shop", "20261112090000_shop", "--reason", "drizzle-kit up", "--yes"
    )
    drizzle.d1migrate("status", "--check")
    assert drizzle.d1migrate("up").out == "nothing to do\n"
    assert drizzle.wrangler("list") == []


@pytest.mark.parametrize("generator", ["drizzle_1.0", "prisma"])
def test_a_folder_for_each_migration(generator: str, tmp_path: Path, wrangler: Wrangler, run: Run) -> None:
    """The recorded output of generators that write NAME/migration.sql, with the pattern in wrangler's configuration."""
    project = Project(tmp_path / "project", wrangler, run)
    shutil.copytree(RECORDED / generator, project.path)
    (second,) = project.path.rglob("*_names")
    second.rename(tmp_path / second.name)
    apply_safe(project)
    (tmp_path / second.name).rename(second)
    apply_rebuild(project)
    assert [row.name for row in project.rows()] == [
        *("20261112090000_shop/migration.sql", "20261113090000_names/migration.sql"),
    ]
