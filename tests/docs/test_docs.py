"""Every command in the README and the guides is run, and prints what is written there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.runtime.test_generators import CONFIG, SCHEMA
from tests.runtime.workerd import node

ROOT = Path(__file__).parent.parent.parent
PAGES = [
    *("README.md", "workers/migrations/README.md"),
    *("docs/guides/coming-from-wrangler.md", "docs/guides/know-before-you-apply.md"),
    *("docs/guides/deploying-to-production.md", "docs/guides/maintenance-windows.md"),
    "docs/guides/deploy-order.md",
    "docs/guides/schema-in-git.md",
    "docs/guides/rolling-back.md",
    "docs/guides/adopting.md",
    *("docs/guides/changing-tables.md", "docs/guides/drizzle.md"),
]
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
PRODUCTION = """[env.local]
database = "wrangler:DB"

[env.staging]
database = "sqlite:staging.db"

[env.production]
database = "sqlite:production.db"
after = "staging"
protected = true
require_rollback = true
"""
WINDOW = """[env.local]
database = "sqlite:local.db"

[env.production]
database = "sqlite:production.db"
window = "Mon-Fri 22:00-06:00 Europe/Berlin; Sun 02:00-04:00 UTC"
"""
ROLLING_BACK = {
    "d1migrate.toml": '[env.local]\ndatabase = "sqlite:shop.db"\n',
    "migrations/0001_shop.sql": ORDERS.replace(
        "-- Rollback", "INSERT INTO customers VALUES (1, 'Ada'), (2, 'Bob');\n"
        "INSERT INTO orders VALUES (1, 1, 10), (2, 1, 20), (3, 2, 30);\n-- Rollback"
    ),
    "migrations/0002_vip.sql": "ALTER TABLE customers ADD COLUMN vip INTEGER NOT NULL DEFAULT 0;\n"
    "-- Rollback:\n--   ALTER TABLE customers DROP COLUMN vip;\n",
    "migrations/0003_cleanup.sql": "DROP TABLE orders;\n-- Rollback: none, the orders are gone\n",
}  # fmt: skip
CLINIC = {
    "d1migrate.toml": '[env.local]\ndatabase = "sqlite:clinic.db"\n',
    "migrations/001_patients.sql": "CREATE TABLE patients (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n"
    "CREATE INDEX idx_patients_name ON patients(name);\n",
    "migrations/002_rooms.sql": "CREATE TABLE rooms (id INTEGER PRIMARY KEY, floor INTEGER NOT NULL);\n",
    "migrations/003_seed_rooms.sql": "INSERT INTO rooms VALUES (1, 0), (2, 0), (3, 1);\n",
    "migrations/004_visits.sql": "CREATE TABLE visits (id INTEGER PRIMARY KEY,"
    " patient_id INTEGER NOT NULL REFERENCES patients(id), room_id INTEGER REFERENCES rooms(id));\n"
    "CREATE INDEX idx_visits_patient ON visits(patient_id);\n",
    "migrations/005_notes.sql": "ALTER TABLE visits ADD COLUMN note TEXT;\n",
}
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
PROJECTS = {
    "drizzle": DRIZZLE,
    "adopting": CLINIC,
    "rolling-back": ROLLING_BACK,
    "deploying-to-production": {
        "wrangler.jsonc": SHOP["wrangler.jsonc"],
        "migrations/0001_shop.sql": ORDERS,
        "d1migrate.toml": PRODUCTION,
    },
    "maintenance-windows": {"migrations/0001_shop.sql": ORDERS, "d1migrate.toml": WINDOW},
    "coming-from-wrangler": SHOP,
    "know-before-you-apply": {"wrangler.jsonc": SHOP["wrangler.jsonc"], "migrations/0001_shop.sql": ORDERS},
}
# What differs from run to run.
VOLATILE = [
    (re.compile(r"\d{8}T\d{6}\.\d{3}Z"), "MOMENT"),
    (re.compile(r"\b\d+ ms\b|\b\d+\.\d s\b"), "TIME"),
    (re.compile(r'"duration":\d+'), "DURATION"),  # wrangler's, in whole milliseconds
    (re.compile(r"(?<=\S) {2,}"), "  "),  # a column is as wide as its widest time
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d \([^)]*\)"), "WHEN"),
]


class Command(NamedTuple):
    """A command line of a page, what is typed into it, and the output written under it."""

    line: str
    typed: str
    output: list[str]


def commands(page: Path) -> list[Command]:
    """The `$` lines of a page's console blocks, in order."""
    found: list[Command] = []
    for indent, block in re.findall(
        r"^( *)```console\n(.*?)^ *```", page.read_text(), re.MULTILINE | re.DOTALL
    ):
        for raw in block.rstrip("\n").split("\n"):
            line = raw.removeprefix(indent)
            if line.startswith("$ "):
                found.append(Command(line[2:], "", []))
            elif line == ">" or line.startswith("> "):
                found[-1] = found[-1]._replace(typed=found[-1].typed + line[2:] + "\n")
            else:
                found[-1].output.append(line)
    return found


@pytest.fixture
def place(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A folder to run in, and its environment."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder, environment(tmp_path)


def environment(home: Path) -> dict[str, str]:
    """An environment with d1migrate, pip and npx on the PATH."""
    tools = home / "bin"
    tools.mkdir(exist_ok=True)
    _script(tools / "d1migrate", f'exec {sys.executable} -m d1migrate "$@"')
    _script(tools / "pip", f'exec {sys.executable} -m pip "$@"')
    kit, wrangler = "drizzle-kit/bin.cjs", "wrangler/bin/wrangler.js"
    run = f'shift; exec {node()} {ROOT}/node_modules/$script "$@"'
    _script(tools / "npx", f'script={wrangler}; [ "$1" = drizzle-kit ] && script={kit}; {run}')
    variables = {name: value for name, value in os.environ.items() if not name.startswith("D1MIGRATE")}
    return variables | {
        "PATH": f"{tools}:{os.path.dirname(node())}:{os.environ['PATH']}",
        "CI": "1",
        "WRANGLER_SEND_METRICS": "false",
        "CLOUDFLARE_CF_FETCH_ENABLED": "false",
        "HOME": str(home),
        "COLUMNS": "80",
    }


def _script(path: Path, command: str) -> None:
    path.write_text(f"#!/bin/sh\n{command}\n")
    path.chmod(0o755)


def settle(text: str) -> list[str]:
    """The lines of an output, with what differs from run to run made equal."""
    for pattern, name in VOLATILE:
        text = pattern.sub(name, text)
    return [line.rstrip() for line in text.rstrip("\n").split("\n")] if text.strip() else []


def matches(written: list[str], printed: list[str]) -> bool:
    """Whether an output is what is written; a line `…` stands for any lines."""
    if not written:
        return not printed
    if written[0].strip() == "…":
        return any(matches(written[1:], printed[skipped:]) for skipped in range(len(printed) + 1))
    return printed[:1] == written[:1] and matches(written[1:], printed[1:])


@pytest.mark.parametrize("page", PAGES)
def test_commands_print_what_is_written(page: str, place: tuple[Path, dict[str, str]]) -> None:
    """The commands of a page, run one after the other in a fresh copy of the project it speaks of."""
    folder, variables = place
    if files := PROJECTS.get(Path(page).stem):
        for name, text in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
        (folder / "node_modules").symlink_to(ROOT / "node_modules")
    else:
        copy_of_hummbl(folder)
    check_commands(ROOT / page, folder, variables)


def copy_of_hummbl(folder: Path) -> None:
    """Put HUMMBL's project into a folder, without a database."""
    shutil.copytree(ROOT / "workers", folder / "workers", ignore=shutil.ignore_patterns(".wrangler"))
    shutil.copy(ROOT / "d1migrate.toml", folder)


def check_commands(page: Path, folder: Path, variables: dict[str, str]) -> None:
    """Run the commands of a page, and compare what they print."""
    found = commands(page)
    assert found
    for command in found:
        ran = subprocess.run(
            ["sh", "-c", command.line], cwd=folder, env=variables, input=command.typed,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
        )  # fmt: skip
        fails = any(line.startswith(("error:", "error[")) for line in command.output)
        assert (ran.returncode != 0) == fails, f"{command.line}\n{ran.stdout}"
        printed = settle(ran.stdout)
        assert matches(settle("\n".join(command.output)), printed), f"{command.line}\n" + "\n".join(printed)


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
