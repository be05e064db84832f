"""Every command in the README and the guides is run, and prints what is written there.

tests/docs/pages.py describes how a page is written.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, TOOLS, check_commands, environment, is_prompted, required
from tests.runtime.test_generators import CONFIG, SCHEMA

GUIDES = sorted(f"docs/guides/{path.name}" for path in (ROOT / "docs" / "guides").glob("*.md"))
CHECKOUT = "workers/migrations/README.md"
"""The page that begins in a checkout of this repository, and says so."""
ELSEWHERE = {
    "docs/guides/github-actions.md": "tests/docs/test_github_actions.py runs the steps of its workflow",
    "docs/guides/python-worker.md": "tests/docs/test_worker_guide.py also runs its Worker, inside workerd",
}
"""The pages that are run by a test of their own."""
PAGES = ["README.md", CHECKOUT, *(guide for guide in GUIDES if guide not in ELSEWHERE)]
SHOP = {
    "wrangler.jsonc": """{
  // our shop
  "d1_databases": [
    { "binding": "DB", "database_name": "shop", "database_id": "0a1b2c3d-0000-4000-8000-000000000001" },
  ],
}
""",
    "migrations/0001_products.sql": "CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n",
    "migrations/0002_orders.sql": "CREATE TABLE orders (id INTEGER PRIMARY KEY,"
    " product_id INTEGER NOT NULL REFERENCES products(id));\n",
}
ORDERS = """CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE orders (
  id INTEGER PRIMARY KEY,
  customer_id INTEGER NOT NULL REFERENCES customers(id) ON DELETE CASCADE,
  total INTEGER NOT NULL
);
CREATE INDEX idx_orders_customer ON orders(customer_id);
-- Rollback:
--   DROP TABLE orders;
--   DROP TABLE customers;
"""
DRIZZLE = {
    "wrangler.jsonc": """{
  "d1_databases": [
    { "binding": "DB", "database_name": "shop", "database_id": "0a1b2c3d", "migrations_dir": "drizzle" },
  ],
}
""",
    "drizzle.config.ts": CONFIG,
    "schema.ts": SCHEMA,
}
# What pages begin with that are still to be converted to blocks that can be pasted; without an entry, with HUMMBL.
PROJECTS = {
    "drizzle": DRIZZLE,
    "coming-from-wrangler": SHOP,
    "know-before-you-apply": {"wrangler.jsonc": SHOP["wrangler.jsonc"], "migrations/0001_shop.sql": ORDERS},
}


@pytest.mark.parametrize("page", PAGES)
def test_a_reader_sees_what_is_shown(page: str, tmp_path: Path) -> None:
    """The blocks of a page, pasted into one shell in an empty folder, print what the page shows."""
    check_commands(ROOT / page, *begin(page, tmp_path))


def begin(page: str, home: Path) -> tuple[Path, dict[str, str]]:
    """Return the folder in which a page begins, and its environment."""
    folder, text = home / "folder", (ROOT / page).read_text()
    folder.mkdir()
    (home / "node_modules").symlink_to(ROOT / "node_modules")  # Node looks upward
    tools = required(text)
    if page == CHECKOUT or is_prompted(text):
        tools = set(TOOLS)
        _prepare(page, folder)
    return folder, environment(home, tools)


def _prepare(page: str, folder: Path) -> None:
    files = PROJECTS.get(Path(page).stem)
    if files is None:
        copy_of_hummbl(folder)
        return
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


def copy_of_hummbl(folder: Path) -> None:
    """Put HUMMBL's project into a folder, without a database."""
    shutil.copytree(ROOT / "workers", folder / "workers", ignore=shutil.ignore_patterns(".wrangler"))
    shutil.copy(ROOT / "d1migrate.toml", folder)


def test_the_librarys_lines_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The Python of the README applies HUMMBL's files."""
    shutil.copytree(ROOT / "workers" / "migrations", tmp_path / "workers" / "migrations")
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102 - it is our own README
    names["migrator"].close()  # type: ignore[attr-defined]
    assert capsys.readouterr().out.splitlines()[-1] == "now at 003_add_users_table"


@pytest.mark.parametrize(
    "page",
    sorted(
        str(p.relative_to(ROOT))
        for p in ROOT.glob("**/*.md")
        if "node_modules" not in p.parts and not p.relative_to(ROOT).parts[0].startswith(".")
    ),
)
def test_links_lead_somewhere(page: str) -> None:
    """Every relative link of every page names a file that is there."""
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (ROOT / page).parent.joinpath(target).exists(), target


def test_the_picture_is_what_the_code_draws() -> None:
    """hummbl.svg is up to date."""
    arguments = ["schema", "--at", "latest", "--format", "svg", "--check", "docs/guides/hummbl.svg"]
    subprocess.run([sys.executable, "-m", "d1migrate", *arguments], cwd=ROOT, check=True)


def test_the_reference_is_what_the_code_says() -> None:
    """commands.md and library.md are up to date."""
    subprocess.run(
        [sys.executable, ROOT / "docs" / "reference" / "generate.py", "--check"],
        env=os.environ | {"COLUMNS": "80"}, check=True,
    )  # fmt: skip
