"""The whole of it: a large table of a remote D1, an application that writes all the time, and everything that fails.

A column is added, filled in chunks, and gets a CHECK by an online rebuild that drops another column. Every third answer
of the API is lost, and the command is killed three times. At the end every acknowledged write is there, and the table
is equal to a control that got the same writes, the fill as one statement and the rebuild as one batch.

A run has 20,000 rows; `python -m tests tests/crash/test_big_table.py -s --times 50` has 1,000,000, and prints the
durations.
"""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

from tests import inputs
from tests.application.jobs import guarded, online
from tests.inputs import generator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tests.runtime.cloudflare import Cloudflare

ROWS = max(round(20_000 * inputs.TIMES), 12_000)
AT_ONCE = 100_000
BEFORE = """\
CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT NOT NULL UNIQUE, name TEXT, legacy TEXT, note TEXT);
CREATE INDEX users_name ON users (name);
"""
EXPAND = """\
ALTER TABLE users ADD COLUMN normal TEXT;
CREATE TRIGGER users_normal_insert AFTER INSERT ON users BEGIN
  UPDATE users SET normal = lower(email) WHERE id = NEW.id;
END;
CREATE TRIGGER users_normal_update AFTER UPDATE ON users WHEN NEW.normal IS NOT lower(NEW.email) BEGIN
  UPDATE users SET normal = lower(email) WHERE id = NEW.id;
END;
"""
FILL = "UPDATE users SET normal = lower(email) WHERE normal IS NULL;\n"
CONTRACT = "DROP TRIGGER users_normal_insert;\nDROP TRIGGER users_normal_update;\n"
FILLED = BEFORE.replace("note TEXT", "note TEXT, normal TEXT")
AFTER = FILLED.replace("legacy TEXT, ", "").replace(
    "normal TEXT", "normal TEXT CHECK (normal IS lower(email))"
)
INSERT = (
    "WITH RECURSIVE n (i) AS (SELECT {0} UNION ALL SELECT i + 1 FROM n WHERE i < {1})"
    " INSERT INTO users (id, email, name, legacy, note)"
    " SELECT i, 'User' || i || '@Example.com', 'name' || i % 1000, 'l' || i, printf('%060d', i * 7919) FROM n"
)
LONGEST = 1 / 20
"""Of the guarded rebuild, that a batch of the jobs may take."""
LARGE = 200_000
"""Rows; of fewer, the guarded rebuild does not take longer than a batch should."""
MOST_RUNS = 20
"""Of the command: it is killed, or could not find out whether a small migration was applied."""
STATES = ("running", "filled", "copy", "drain", "verify", "verified", "indexes")


class Application:
    """A client that writes one statement after the other, in a thread of its own.

    Args:
        write: runs SQL; an error is the database's refusal.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write, self._chance = write, generator("application")
        self.fills = False
        """Whether it is the new code, which fills the column itself."""
        self.acknowledged, self.refused = list[str](), list[str]()
        self.longest = 0.0
        self._new, self._stop = ROWS, threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Application:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._error:
            raise self._error

    def _run(self) -> None:
        try:
            while not self._stop.wait(0.002):
                self._one()
        except BaseException as error:
            self._error = error

    def _one(self) -> None:
        sql, began = self._statement(), time.perf_counter()
        try:
            self._write(sql)
            self.longest = max(self.longest, time.perf_counter() - began)
        except ValueError as error:
            self.refused.append(f"{sql}: {error}")
        else:
            self.acknowledged.append(sql)

    def _statement(self) -> str:
        chance = self._chance
        self._new += 1
        old, mail = chance.randint(1, self._new), f"New{self._new}@Example.com"
        columns, values = ("email, name, note", f"'{mail}', 'new', 'n{self._new}'")
        email = f"email = '{mail}'"
        if self.fills:
            columns, values, email = (
                f"{columns}, normal",
                f"{values}, lower('{mail}')",
                f"{email}, normal = lower('{mail}')",
            )
        return chance.choice(
            [
                f"INSERT INTO users ({columns}) VALUES ({values})",
                f"UPDATE users SET note = 'changed {self._new}' WHERE id = {old}",
                f"UPDATE users SET {email} WHERE id = {old}",
                f"UPDATE users SET name = 'renamed' WHERE name = 'name{old % 1000}' AND id % 97 = {old % 97}",
                f"INSERT INTO users (id, {columns}) VALUES ({old}, {values}) ON CONFLICT (id) DO UPDATE SET note = excluded.note",
                f"INSERT OR REPLACE INTO users (id, {columns}) VALUES ({old}, {values})",
                f"UPDATE OR REPLACE users SET id = {chance.randint(1, self._new)} WHERE id = {old}",
                f"DELETE FROM users WHERE id = {old}",
            ]
        )


class Jobs:
    """The command line on the remote database."""

    def __init__(self, server: Cloudflare, database: str, folder: Path) -> None:
        self._server, self._database, self._folder = server, database, folder
        self.killed = list[str]()

    def write(self, *files: str) -> None:
        """Write more migrations."""
        for text in files:
            number = len(list(self._folder.glob("*.sql"))) + 1
            self._folder.joinpath(f"{number:03}_users.sql").write_text(text, encoding="utf-8")

    def up(self, *kill_at: str) -> None:
        """Run `up` until it succeeds, and kill it when the job is in these states, after some chunks."""
        left = list(kill_at)
        for _ in range(MOST_RUNS):
            process = self._start("up", "--no-lint", "tested", "--no-restore-point", "tested")
            if left and self._wait_for(left[0], process):
                process.kill()
                self.killed.append(left.pop(0))
            output = process.communicate()[0]
            if process.returncode != -signal.SIGKILL and "run the command again" not in output:
                break
        assert process.returncode == 0, output
        assert not left, f"no job was seen in {left}: {output}"

    def run(self, *arguments: str) -> str:
        """Run a command, and return its output."""
        process = self._start(*arguments)
        output = process.communicate()[0]
        assert process.returncode == 0, output
        return output

    def _start(self, *arguments: str) -> subprocess.Popen[str]:
        where = ("--database", f"d1:{self._database}", "--migrations", str(self._folder))
        return subprocess.Popen(
            [sys.executable, "-m", "d1migrate", *arguments, *where],
            cwd=self._folder.parent,
            env={**os.environ, **self._server.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _wait_for(self, state: str, process: subprocess.Popen[str]) -> bool:
        """Wait until a job is in a state, and two chunks are done; whether it was."""
        wanted = f"SELECT 1 FROM _d1m_job WHERE state = '{state}' AND chunks > 1"
        exists = "SELECT 1 FROM sqlite_schema WHERE name = '_d1m_job'"
        while process.poll() is None:
            try:
                if (
                    self._server.sql(self._database, exists)[0]
                    and self._server.sql(self._database, wanted)[0]
                ):
                    return True
            except ValueError:  # the job ended between the two
                pass
            time.sleep(0.002)
        return False


class Request(NamedTuple):
    """A batch of the jobs: the state that it asserts, and how long D1 worked on it."""

    state: str
    seconds: float


def test_a_large_table_under_continuous_writes(cloudflare: Cloudflare, tmp_path: Path) -> None:
    """Every acknowledged write is there, in a table that is rebuilt by batches that are all short."""
    database = cloudflare.create("users")
    folder = tmp_path / "migrations"
    folder.mkdir()
    jobs = Jobs(cloudflare, database, folder)
    cloudflare.settings(quota=1_000_000, keep_past=False)  # it would copy the file at every write
    jobs.write(BEFORE)
    jobs.up()
    for sql in rows():
        cloudflare.sql(database, sql)
    cloudflare.faults({"match": {"path": "/client/v4/", "every": 3}, "do": "lose reply"})
    with Application(lambda sql: cloudflare.sql(database, sql)) as application:
        jobs.write(EXPAND, f"-- d1migrate: batch users\n{FILL}")
        jobs.up("running")
        application.fills = True
        time.sleep(0.1)  # the last write of the old code
        old = len(application.acknowledged)
        jobs.write(CONTRACT, online(FILLED, AFTER, "users"))
        jobs.up("copy", "verify")
    cloudflare.faults()
    assert jobs.killed == ["running", "copy", "verify"]
    assert "pending" not in jobs.run("status")
    assert not cloudflare.sql(
        database, "SELECT name FROM sqlite_schema WHERE name LIKE '\\_d1m\\_%' ESCAPE '\\'"
    )[0]
    requests = list(batches(cloudflare))
    control = cloudflare.create("control")
    writes = application.acknowledged
    seconds = replay(lambda sql: cloudflare.sql(control, sql), writes[:old], writes[old:])
    check_equal(cloudflare.file(control), cloudflare.file(database))
    report(application, requests, seconds)


def replay(run: Callable[[str], object], old: Sequence[str], new: Sequence[str]) -> float:
    """Make the control: the same writes, and each migration as one batch; return the seconds of the rebuild."""
    for sql in (BEFORE, *rows(), EXPAND, *together(old), FILL, CONTRACT, *together(new)):
        run(sql)
    began = time.perf_counter()
    run(guarded(online(FILLED, AFTER, "users")))
    return time.perf_counter() - began


def together(writes: Sequence[str]) -> Iterator[str]:
    """Many writes in one transaction each, which is faster."""
    for first in range(0, len(writes), 200):
        yield ";\n".join(writes[first : first + 200])


def check_equal(expected: Path, found: Path) -> None:
    """Check that two files have the same rows, the same counter and the same schema."""
    with closing(read_only(expected)) as one, closing(read_only(found)) as other:
        for query in (
            "SELECT * FROM users ORDER BY id",
            "SELECT seq FROM sqlite_sequence WHERE name = 'users'",
            "SELECT type, name, tbl_name FROM sqlite_schema WHERE tbl_name = 'users' ORDER BY 1, 2",
            "SELECT * FROM pragma_table_xinfo('users')",
            "PRAGMA integrity_check",
        ):
            for pair in zip_longest(one.execute(query), other.execute(query)):
                assert pair[0] == pair[1]


def read_only(path: Path) -> sqlite3.Connection:
    """Open a file that D1 has open, too."""
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)


def report(application: Application, requests: Sequence[Request], whole: float) -> None:
    """Print how long the batches took, and check the longest one."""
    print(
        f"\n{ROWS:,} rows; {len(application.acknowledged):,} writes, {len(application.refused):,} refused,"
        f" the longest in {application.longest:.3f} s; guarded rebuild {whole:.2f} s"
    )
    for state in STATES:
        seconds = [request.seconds for request in requests if request.state == state]
        if seconds:
            print(
                f"{state:8} {len(seconds):5} batches, {sum(seconds):7.2f} s, the longest {max(seconds):.3f} s"
            )
    longest = max(request.seconds for request in requests if request.state != "indexes")
    print(f"the longest batch takes 1/{whole / longest:.0f} of the guarded rebuild")
    if ROWS >= LARGE:
        assert longest <= whole * LONGEST


def rows() -> Iterator[str]:
    """The statements that insert the rows."""
    for first in range(1, ROWS + 1, AT_ONCE):
        yield INSERT.format(first, min(first + AT_ONCE - 1, ROWS))


def batches(server: Cloudflare) -> Iterator[Request]:
    """The chunks of the jobs that D1 worked on."""
    for request in server.requests():
        found = re.search(rf'"({"|".join(STATES)})"', request.get("body", ""))
        if found and "duration" in request:
            yield Request(found[1], request["duration"] / 1000)
