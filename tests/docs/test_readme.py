"""The README: its three doors, typed as they are printed, on a terminal of 80 columns and 24 rows; its pictures; its links.

tests/docs/test_docs.py pastes its other blocks, in one folder.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree as ET

import pytest

from d1migrate.cli import main
from docs.recording.terminal import Terminal
from tests.docs.pages import ROOT, environment
from tests.docs.test_docs import GUIDES

if TYPE_CHECKING:
    from pathlib import Path

README = (ROOT / "README.md").read_text(encoding="utf-8")
LINES = 180
GENERATED = ROOT / "tests" / "runtime" / "generated"
SHOP = "CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n"
ORDERS = (
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, product_id INTEGER NOT NULL REFERENCES products(id));\n"
)
DRIZZLE = """\
import { defineConfig } from "drizzle-kit";

export default defineConfig({ dialect: "sqlite", driver: "d1-http", schema: "./schema.ts", out: "./drizzle" });
"""
PRISMA = 'generator client {\n  provider = "prisma-client"\n}\n\ndatasource db {\n  provider = "sqlite"\n}\n'


def wrangler(**database: str) -> dict[str, str]:
    """A wrangler configuration with one database."""
    binding = {"binding": "DB", "database_name": "shop", "database_id": "0a1b2c3d", **database}
    return {"wrangler.jsonc": "// our shop\n" + json.dumps({"name": "shop", "d1_databases": [binding]})}


def generated(tool: str, pattern: str) -> dict[str, str]:
    """The first migration that a tool generated."""
    first = min((GENERATED / tool).glob(pattern))
    return {str(first.relative_to(GENERATED / tool)): first.read_text()}


class Door(NamedTuple):
    """A project in which a reader types the lines under a sentence of the README.

    Attributes:
        sentence: what the paragraph before the lines begins with.
        files: what the project has.
        shows: what appears, among other lines.
        before: a command that was run there before.
    """

    sentence: str
    files: dict[str, str]
    shows: tuple[str, ...]
    before: str | None = None


DOORS = {
    "wrangler": Door(
        "I use wrangler.",
        {**wrangler(), "migrations/0001_products.sql": SHOP},
        (
            "already set up: nothing to write",
            "history        d1_migrations: 1 applied",
            "nothing to do",
        ),
        before="npx wrangler d1 migrations apply shop --local",
    ),
    "wrangler, with a new file": Door(
        "I use wrangler.",
        {**wrangler(), "migrations/0001_products.sql": SHOP, "migrations/0002_orders.sql": ORDERS},
        ("history        d1_migrations: 2 pending", "applied 2 migrations in "),
    ),
    "drizzle-kit": Door(
        "I use drizzle or Prisma.",
        {**wrangler(), "drizzle.config.ts": DRIZZLE, "drizzle/0000_shop.sql": SHOP},
        ("created d1migrate.toml", "migrations     drizzle/*.sql: 1 file", "applied 1 migration in "),
    ),
    "drizzle-kit 1.0": Door(
        "I use drizzle or Prisma.",
        {
            **wrangler(),
            "drizzle.config.ts": DRIZZLE.replace("./drizzle", "./migrations"),
            **generated("drizzle_1.0", "migrations/*/migration.sql"),
        },
        ("migrations     migrations/*/migration.sql: 1 file", "applied 1 migration in "),
    ),
    "Prisma": Door(
        "I use drizzle or Prisma.",
        {
            **wrangler(),
            "prisma/schema.prisma": PRISMA,
            **generated("prisma", "prisma/migrations/*/migration.sql"),
        },
        ("migrations     prisma/migrations/*/migration.sql: 1 file", "applied 1 migration in "),
    ),
    "nothing": Door(
        "I start from nothing.",
        {},
        ("created migrations/001_initial_schema.sql", "applied 1 migration in "),
    ),
}


def lines_of(sentence: str) -> list[str]:
    """The lines to type under a sentence of the README."""
    (block,) = re.findall(
        rf"^\*\*{re.escape(sentence)}\*\*.*?```sh\n(.*?)```", README, re.MULTILINE | re.DOTALL
    )
    found: list[str] = block.splitlines()
    return found


@pytest.mark.parametrize("name", DOORS)
def test_a_door(name: str, tmp_path: Path) -> None:
    """Three lines, typed one after the other in a project of that kind; each output fits on the screen."""
    door, folder = DOORS[name], tmp_path / "shop"
    for path, text in door.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    folder.mkdir(exist_ok=True)
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    variables = environment(tmp_path)
    if door.before:
        subprocess.run(shlex.split(door.before), cwd=folder, env=variables, check=True, capture_output=True)
    lines = lines_of(door.sentence)
    assert len(lines) == 3
    if lines[0] == "mkdir notes && cd notes":  # each line is typed into a shell of its own
        lines, folder = lines[1:], folder / "notes"
        folder.mkdir()
    terminal, seen = Terminal(folder), ""
    for line in lines:
        code = terminal.type(line)
        screen = terminal.frames[-1].lines
        assert code == 0, "\n".join(screen)
        assert f"$ {line}" in screen
        seen += "\n".join(screen)
    assert [text for text in door.shows if text not in seen] == []


def test_it_is_short() -> None:
    """A newcomer reads it to the end."""
    assert len(README.splitlines()) <= LINES


@pytest.mark.parametrize("guide", GUIDES)
def test_every_guide_is_linked(guide: str) -> None:
    """From the README; `test_paths` looks at the index of the documentation."""
    assert f"]({guide})" in README


def test_ci_runs_the_commands_that_set_it_up() -> None:
    """The first one creates an environment and does the main job; the second one passes the tests."""
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    first, second = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    assert first.endswith("/pip install -q . && .venv/bin/d1migrate up && .venv/bin/d1migrate status")
    assert re.search(r"/pip\" install --quiet \.\n(?:.*\n)*.*d1migrate up && \S+d1migrate status", ci)
    assert second in ci


def test_each_claim_about_wrangler_has_its_tests() -> None:
    """Each row of the table links to a test."""
    section = README.partition("## Why D1 needs it")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| [a-zA-Z].*\|$", section, re.MULTILINE)
    assert len(rows) > 5
    assert [row for row in rows if "](tests/" not in row] == []


STEPS = {
    "is the history still as it was read?": r"SELECT json_extract\('\{\}', iif\(EXISTS",
    "log: begun": r"INSERT INTO d1migrate_log",
    "the statements of your file": r"CREATE TABLE plans",
    "history: 0003_plans is applied": r"INSERT INTO schema_migrations",
    "is exactly this one new?": r"SELECT json_extract\('\{\}', 'history not as planned",
    "log: done, with checksum and rollback": r"INSERT INTO d1migrate_log .*rollback_sql",
}


def test_the_picture_shows_the_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its lines are the statements that `up` sends, in that order."""
    root = ET.parse(ROOT / "docs" / "one-up.svg").getroot()  # noqa: S314 - a file of this repository
    (group,) = (group for group in root.iter("{http://www.w3.org/2000/svg}g"))
    assert [text.text for text in group] == list(STEPS)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "migrations").mkdir()
    for name in ("0001_shop", "0002_trial", "0003_plans"):
        table = name.partition("_")[2]
        text = f"CREATE TABLE {table} (x);\n-- Rollback:\n--   DROP TABLE {table};\n"
        (tmp_path / "migrations" / f"{name}.sql").write_text(text)
    url = ("--database", "sqlite:app.db")
    assert main(["up", "--to", "2", *url]) == 0
    capfd.readouterr()
    assert main(["up", "--verbose", *url]) == 0
    assert re.search(r"\n(?:.*\n)*?".join(f"{step}.*" for step in STEPS.values()), capfd.readouterr().err)
