"""The real wrangler runs the file of an online rebuild: whole where it is small, and not at all while a job is open."""

from __future__ import annotations

import shutil
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers import cloudflare as client
from d1migrate.drivers.rest import RestDriver
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.table import WRANGLER
from d1migrate.migrator import Migrator
from d1migrate.project.files import load_migrations
from tests.runtime.local import Project
from tests.runtime.test_cloudflare_clients import ID
from tests.runtime.test_cloudflare_clients import Wrangler as RemoteWrangler
from tests.runtime.test_wrangler_local import DATABASE
from tests.unit.migrate.jobs.online.running import drafted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from d1migrate.migrate.jobs.report import JobReport
    from tests.runtime.cloudflare import Cloudflare
    from tests.runtime.conftest import Run
    from tests.runtime.wrangler import Wrangler

TABLE = """\
CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT UNIQUE, age INT, old TEXT);
CREATE INDEX users_age ON users (age);
CREATE VIEW adults AS SELECT * FROM users WHERE age > 17;
CREATE TABLE posts (id INTEGER PRIMARY KEY, author REFERENCES users ON DELETE CASCADE);
CREATE TRIGGER older AFTER UPDATE OF age ON users BEGIN DELETE FROM posts WHERE author = NEW.id AND NEW.age > 99; END;
"""
ROWS = """\
WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
INSERT INTO users (email, age) SELECT 'u' || i, i % 90 FROM n;
INSERT INTO posts (author) SELECT id FROM users; DELETE FROM users WHERE id = 2000;
"""
REBUILD = drafted(TABLE, TABLE.replace("age INT, old TEXT", "age INT CHECK (age >= 0)"), "users")
EVERYTHING = "SELECT type, name, sql FROM sqlite_schema; SELECT * FROM users; SELECT * FROM posts"
STATES = ("copy", "drain", "verify", "verified", "indexes")


@pytest.fixture
def made(tmp_path: Path, wrangler: Wrangler, run: Run) -> Project:
    """A project with a table, whose rebuild is pending; for wrangler it is small enough to be one transaction."""
    found = Project(tmp_path, wrangler, run)
    found.configure({"d1_databases": [{"binding": "DB", "database_name": "shop", "database_id": "0a1b"}]})
    found.write({"migrations/001_users.sql": TABLE + ROWS})
    found.wrangler("apply")
    found.write({"migrations/002_age.sql": REBUILD})
    return found


def job(made: Project, until: str | None = None) -> JobReport:
    """Run the job until it is in a state."""
    (path,) = made.databases()
    migrations = load_migrations(str(made.path / "migrations"))
    states = iter_states(made)
    with closing(SqliteDriver(str(path), url=f"sqlite:{path}")) as driver:
        migrator = Migrator(driver, migrations, table=WRANGLER)
        return migrator.run_job(may_continue=lambda _: next(states) != until, sleep=lambda _: None)


def iter_states(made: Project) -> Iterator[str]:
    """The state of the job before each of its chunks."""
    while True:
        exists = made.read("SELECT 1 FROM sqlite_master WHERE name = '_d1m_job'")
        yield made.read("SELECT state FROM _d1m_job")[0][0] if exists else ""


def test_wrangler_changes_nothing_while_the_job_is_open(made: Project, wrangler: Wrangler) -> None:
    """In any state, with `migrations apply` and `execute`; then the job ends as wrangler alone would have."""
    file = str(made.path / "migrations" / "002_age.sql")
    for number, state in enumerate(STATES):
        job(made, state)
        made.change(f"UPDATE users SET age = age + 1 WHERE id % 7 = {number}")
        before = made.state()
        for command in (["migrations", "apply", "shop"], ["execute", "shop", "--file", file]):
            if state == "indexes" and command[0] == "migrations":
                continue  # it is recorded
            ended = wrangler.run(made.path, "d1", *command, "--local")
            assert ended.failed
            assert "_d1m_hold_1" in ended.output
            assert "already exists" in ended.output
            assert made.state() == before
    assert job(made).end == "done"
    ages = [i % 90 + (1 if i % 7 < len(STATES) else 0) for i in range(1, 2000)]
    assert made.read("SELECT count(*), sum(age) FROM users") == [(len(ages), sum(ages))]
    assert made.read("SELECT count(*) FROM posts") == [(1999,)]
    assert [row.name for row in made.rows()] == ["001_users.sql", "002_age.sql"]
    assert made.read("SELECT seq FROM sqlite_sequence WHERE name = 'users'") == [(2000,)]
    assert made.read("SELECT name FROM sqlite_master WHERE name LIKE '\\_d1m%' ESCAPE '\\'") == []


def test_the_job_ends_as_wrangler_alone(
    made: Project, tmp_path_factory: pytest.TempPathFactory, wrangler: Wrangler, run: Run
) -> None:
    """The directive is a comment to it."""
    alone = Project(tmp_path_factory.mktemp("alone") / "project", wrangler, run)
    shutil.copytree(made.path, alone.path)
    assert alone.wrangler("apply") == ["002_age.sql"]
    assert job(made).end == "done"
    quoted, plain = (str(project.state()) for project in (made, alone))
    assert quoted.replace('"users"', "users") == plain  # as RENAME stores it


def test_a_remote_file_changes_nothing_while_the_job_is_open(cloudflare: Cloudflare, tmp_path: Path) -> None:
    """In any state; `execute --remote --file` imports it, which D1 does not document as a transaction."""
    cloudflare.create(DATABASE, uuid=ID)
    wrangler = RemoteWrangler(tmp_path, cloudflare)
    (wrangler.project.folder / "age.sql").write_text(REBUILD)
    migrations = [Migration(1, "001_users", TABLE + ROWS), Migration(2, "002_age", REBUILD)]
    api = client.Api(client.settings(cloudflare.environment), sleep=cloudflare.sleep, clock=cloudflare.now)

    def is_before(state: str, _: int) -> bool:
        is_open = cloudflare.sql(ID, "SELECT 1 FROM sqlite_schema WHERE name = '_d1m_job'")[0]
        return not is_open or cloudflare.sql(ID, "SELECT state FROM _d1m_job")[0] != [[state]]

    with closing(api), closing(RestDriver(DATABASE, url=f"d1:{DATABASE}", api=api, database_id=ID)) as driver:
        Migrator(driver, migrations[:1]).up(lint=False)
        migrator = Migrator(driver, migrations)
        for state in STATES:
            report = migrator.run_job(may_continue=partial(is_before, state), sleep=lambda _: None)
            assert report.end == "stopped"
            before = cloudflare.sql(ID, EVERYTHING)
            output = wrangler("execute", DATABASE, "--remote", "--file=age.sql", "--yes", code=1)
            assert "_d1m_hold_1" in output
            assert cloudflare.sql(ID, EVERYTHING) == before
        assert migrator.run_job(sleep=lambda _: None).end == "done"
    assert cloudflare.sql(ID, "SELECT count(*) FROM users") == [[[1999]]]
