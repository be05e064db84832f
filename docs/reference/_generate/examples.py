"""Real output for json.md: the commands run in a little project, at a fixed time."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import shlex
import sqlite3
import tempfile
import time
from typing import TYPE_CHECKING, Any
from unittest import mock

from d1migrate.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FILES = {
    "d1migrate.toml": '[env.local]\ndatabase = "sqlite:shop.db"\n'
    '[fleet.tenants]\ndatabases = "sqlite:tenants/*.db"\nwaves = ["2", "rest"]\ncreate = true\n',
    "tenants/anna.db": "",
    "tenants/ben.db": "",
    "migrations/001_customers.sql": "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n"
    "-- Rollback:\n--   DROP TABLE customers;\n",
    "schema.sql": "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT);\n"
    "CREATE TABLE orders (\n  id INTEGER PRIMARY KEY,\n"
    "  customer_id INTEGER NOT NULL REFERENCES customers(id)\n);\n",
    "migrations/002_orders.sql": "CREATE TABLE orders (\n  id INTEGER PRIMARY KEY,\n"
    "  customer_id INTEGER NOT NULL REFERENCES customers(id)\n);\n-- Rollback:\n--   DROP TABLE orders;\n",
    "big/010_users.sql": "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, norm TEXT);\n"
    "INSERT INTO users (email) VALUES ('Anna@x.org'), ('BEN@x.org'), ('Cleo@x.org'), ('Dan@x.org');\n",
    "big/011_fill_norm.sql": "-- d1migrate: batch users rows 1\n"
    "UPDATE users SET norm = lower(email) WHERE norm IS NULL;\n",
    "big/012_index.sql": "CREATE INDEX users_norm ON users (norm);\n",
}
_BIG = "--database sqlite:big.db --migrations big"
STEPS: tuple[tuple[str | None, str], ...] = (
    ("init", "init --dry-run"),
    ("plan", "plan --to 1"),
    ("up", "up --to 1"),
    ("status", "status"),
    ("current", "current"),
    ("list", "list"),
    ("env", "env"),
    ("gate", "gate --code-version 2"),
    ("rehearse", "rehearse --rows 3"),
    ("lint", "lint"),
    ("explain", "explain H101"),
    ("index", "index --output migrations_index.py"),
    ("renumber", "renumber"),
    (None, "up"),
    ("history", "history"),
    ("fleet plan", "fleet plan"),
    ("fleet up", "fleet up"),
    ("fleet jobs", "fleet jobs"),
    ("fleet status", "fleet status --failed --versions"),
    ("fleet list", "fleet list"),
    ("fleet verify", "fleet verify"),
    ("fleet retry", "fleet retry"),
    ("fleet pause", "fleet pause"),
    ("fleet resume", "fleet resume"),
    ("fleet stop", "fleet stop"),
    ("verify", "verify"),
    ("schema", "schema customers"),
    ("backup", "backup --output shop.sql --verify"),
    ("restore", "restore"),
    ("error", "up --to 7"),
    ("down", "down"),
    ("repair", "repair"),
    ("adopt", "adopt --dry-run"),
    ("squash", "squash --to 2 --dry-run"),
    ("new", "new invoices"),
    ("rebuild", "rebuild customers --add 'email TEXT' --dry-run"),
    ("diff", "diff --check"),
    ("baseline", "baseline 'as found' --dry-run --database sqlite:found.db --migrations new"),
    (None, f"up --to 10 {_BIG}"),
    ("job run", f"job run --max-chunks 2 --no-lint {_BIG}"),
    ("job status", f"job status {_BIG}"),
    ("job pause", f"job pause --reason 'peak hours' {_BIG}"),
    ("job resume", f"job resume {_BIG}"),
    ("job cancel", f"job cancel --yes {_BIG}"),
    ("version", "version"),
)
"""The document that shows an output, None for a step between, and the command."""

_NOW = 1_798_765_200  # 2027-01-01 01:00 UTC


def examples() -> dict[str, tuple[str, str]]:
    """Return {document: (command, its output)}."""
    found: dict[str, tuple[str, str]] = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), _fixed():
        for path, text in FILES.items():
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        for name in ("found.db", "tenants/cleo.db"):
            with contextlib.closing(sqlite3.connect(name)) as connection:
                connection.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
        for document, line in STEPS:
            out = _run(line)
            if document:
                found[document] = (f"d1migrate {line} --json", out)
    return found


def _run(line: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        main([*shlex.split(line), "--json"])
    return json.dumps(_settled(json.loads(out.getvalue())), indent=2, ensure_ascii=False)


def _settled(value: Any) -> Any:
    """Return an output without what differs from run to run: a journal has clock and dice of its own."""
    if isinstance(value, list):
        return [_settled(one) for one in value]
    if isinstance(value, str):
        return value.replace(os.path.realpath("."), "/srv/shop")
    if not isinstance(value, dict):
        return value
    found = {key: _settled(one) for key, one in value.items()}
    if "moved_at" in found:  # by SQLite's clock
        found["moved_at"] = _NOW + 1
    elif "began_at" in found:
        own = {"id": "5ab4d2a1e0c3f697", "began_at": _NOW, "ended_at": found["ended_at"] and _NOW + 1}
        found |= own
    if "ended" in found or "process_count" in found:
        found |= {key: 0.25 for key in ("seconds",) if key in found}
        found |= {key: 3.0 for key in ("rate",) if key in found}
    return found


def _gmtime(at: float | None = None, *, gmtime: Callable[[float], time.struct_time] = time.gmtime) -> Any:
    return gmtime(_NOW if at is None else at)


@contextlib.contextmanager
def _fixed() -> Iterator[None]:
    """Stop the clocks and the dice."""
    variables = {"D1MIGRATE_BY": "ada", "TZ": "UTC"}
    with (
        mock.patch.dict(os.environ, variables),
        mock.patch("time.time", return_value=_NOW),
        mock.patch("time.gmtime", side_effect=_gmtime),
        mock.patch("time.perf_counter", side_effect=itertools.count(1, 0.001)),
        mock.patch("os.urandom", lambda count: bytes(range(count))),
        mock.patch("sys.version", "3.13.1 (main)"),
        mock.patch("apsw.sqlite_lib_version", return_value="3.54.1"),
    ):
        yield
