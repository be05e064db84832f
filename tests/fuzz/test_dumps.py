"""Random dumps: our own and other tools', cut and changed."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from tests.fuzz import project, values
from tests.fuzz.harness import run as run_command
from tests.fuzz.test_sql import changed

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence
    from pathlib import Path

    from tests.fuzz.conftest import Run

_KEPT: list[str] = []
_EXPORT = """\
PRAGMA defer_foreign_keys=TRUE;
CREATE TABLE posts (id INTEGER PRIMARY KEY, owner INTEGER REFERENCES users(id));
INSERT INTO "posts" VALUES(1,1);
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);
INSERT INTO "users" VALUES(1,'a');
DELETE FROM sqlite_sequence;
INSERT INTO "sqlite_sequence" VALUES('users',7);
"""
_COMMANDS = (
    "restore --file d.sql",
    "restore --file d.sql --json",
    "rehearse --rows 3 --data d.sql",
    "restore --file d.sql --yes",
)


def dumps(generator: random.Random, folder: Path) -> Sequence[Sequence[str]]:
    """A dump that was right once, and an empty database; now and then one that is not empty."""
    if not _KEPT:
        project.write(folder)
        run_command(["backup", "--output", "d.sql"])
        shell = "\n".join(sqlite3.connect("app.db").iterdump())
        _KEPT.extend([(folder / "d.sql").read_text(), shell, _EXPORT])
    project.write(folder, database=generator.random() < 0.1)
    if not (folder / "app.db").exists() or generator.random() < 0.9:
        (folder / "app.db").unlink(missing_ok=True)
    text = generator.choice(_KEPT)
    data = (
        values.mutated(generator, text.encode())
        if generator.random() < 0.6
        else changed(generator, text).encode("utf-8", "surrogatepass")
    )
    (folder / "d.sql").write_bytes(data)
    return [generator.choice(_COMMANDS).split(), ["status"]]


def test_dumps(run: Run) -> None:
    """No dump makes `restore` or `rehearse` stumble, and one that is refused leaves nothing."""
    run("dumps", dumps)
