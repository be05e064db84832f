"""`squash`: one file replaces many, also in databases that ran the many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.backup.fingerprint import compare, read_fingerprint
from d1migrate.migrate.table import NameTable
from d1migrate.migrator import Migrator
from d1migrate.project.files import load_migrations
from d1migrate.sql.batch import Batch, Query
from tests.runtime.workerd import WorkerdDriver

if TYPE_CHECKING:
    from tests.cli.project import Project
    from tests.runtime.cloudflare import Cloudflare
    from tests.runtime.workerd import Workerd

SEED = "INSERT INTO users (id, email) VALUES (1, 'a;b');\nUPDATE users SET name = 'x';\n"


def names(project: Project) -> list[str]:
    """The names of the files."""
    return sorted(path.name for path in project.migrations.iterdir())


def test_an_existing_database_takes_the_one_for_the_many(project: Project) -> None:
    """`up` refuses and suggests `adopt`, which records it; later files are applied."""
    project.standard()
    project.run("up")
    assert project.run("squash", "--to", "3", "--yes").out == "migrations/003_squashed.sql\n"
    assert names(project) == ["003_squashed.sql"]
    project.write("004_more.sql", "CREATE TABLE more (x);")
    ended = project.run("up", code=1).err
    assert "003_squashed: the files that it replaces are already applied" in ended
    assert "`d1migrate adopt` records it in their place" in ended
    out = project.run("adopt", "--yes").out
    assert "003_squashed  squashed  it replaces 001_users, 002_teams, 003_names, which are recorded" in out
    assert project.states() == {3: "applied", 4: "pending"}
    project.run("up")
    assert project.run("verify", "--check").out == "files, history and schema agree\n"
    assert project.run("adopt", "--yes").out.splitlines()[-1] == "nothing to record"
    history = [(e["version"], e["action"]) for e in project.run("history", "--json").json["entries"]]
    assert history[3:] == [(1, "forget"), (2, "forget"), (3, "accept"), (4, "up")]
    assert "squashed" in project.run("down", "--to", "0", code=1).err


def test_a_new_database_comes_out_the_same(project: Project) -> None:
    """Object by object and row by row, with the files after it."""
    project.standard()
    project.write("004_seed.sql", SEED)
    project.write("005_more.sql", "CREATE TABLE more (x);")
    with Migrator("sqlite:many.db", "migrations") as many:
        many.up(lint=False)
        project.run("squash", "--to", "4", "--name", "until launch", "--yes")
        assert names(project) == ["004_until_launch.sql", "005_more.sql"]
        with Migrator("sqlite:few.db", "migrations") as few:
            few.up(lint=False)
            found = compare(read_fingerprint(many.driver), read_fingerprint(few.driver))
            assert [
                line for line in found if not line.startswith(("schema_migrations", "d1migrate_log"))
            ] == []


def test_a_rebuild_of_our_own(project: Project) -> None:
    """Its helper tables leave nothing, and the changed column exists."""
    project.standard()
    project.run("up")
    project.run("rebuild", "users", "--set", "email TEXT NOT NULL CHECK (length(email) < 99)")
    out = project.run("squash", "--to", "4", "--dry-run").out
    assert "CHECK (length(email) < 99)" in out
    assert "_d1m_" not in out
    assert out.count("INSERT INTO") == 1  # the one that records the file


def test_what_cannot_be_squashed_is_refused(project: Project) -> None:
    """With file, line and reason; nothing is changed."""
    project.standard()
    project.write("004_seed.sql", "SELECT 1;\nINSERT INTO users (id, email) SELECT 1, random();")
    project.write("005_later.sql", "UPDATE users SET email = abs(email);")
    ended = project.run("squash", "--to", "5", code=1).err
    assert "migrations/004_seed.sql:2: users.email depends on the time or on random numbers" in ended
    assert len(names(project)) == 5


def test_files_that_do_not_run_on_an_empty_database(project: Project) -> None:
    """The error names the files, not steps of an internal run."""
    project.standard()
    project.write("004_seed.sql", "SELECT 1;\nINSERT INTO no_table VALUES (1);")
    ended = project.run("squash", "--to", "4", code=1).err
    assert ended.startswith("error: migrations/004_seed.sql:2: no such table: no_table")
    assert "pending" not in ended


def test_the_index_is_kept_in_step(project: Project) -> None:
    """The Worker embeds the squashed file; its schema digests equal those of the files."""
    project.standard()
    (project.folder / "d1migrate.toml").write_text('index = "worker/index.py"\n')
    project.run("index")
    project.run("squash", "--to", "3", "--yes")
    text = (project.folder / "worker" / "index.py").read_text()
    assert "003_squashed.sql" in text
    assert "001_users.sql" not in text
    project.run("index", "--check")


def test_a_large_squashed_file_is_known_again(project: Project) -> None:
    """A file over 1 MiB is read in chunks; the list of files it replaces is at its start."""
    project.write("001_a.sql", "CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT);")
    rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)"
    project.write("002_b.sql", f"{rows} INSERT INTO a SELECT i, 'some words for row ' || i FROM n;")
    project.run("up")
    project.run("squash", "--to", "2", "--yes")
    assert (project.migrations / "002_squashed.sql").stat().st_size > 1 << 20
    assert "the files that it replaces are already applied" in project.run("up", code=1).err
    project.run("adopt", "--yes")
    assert project.states() == {2: "applied"}


def test_a_phase_can_be_told_of_what_is_squashed(project: Project) -> None:
    """For a new database all of it is new, whatever the phases of the files were."""
    project.write("001_a.sql", "CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, x TEXT);")
    project.write("002_b.sql", "INSERT INTO a (x) VALUES ('a'), ('b');\nDELETE FROM a WHERE id = 2;")
    project.write("003_c.sql", "-- d1migrate: phase=after\nALTER TABLE a RENAME COLUMN x TO y;")
    project.run("squash", "--to", "3", "--yes")
    project.run("up", "--phase", "before")
    assert project.versions() == [3]
    assert project.sql("SELECT seq FROM sqlite_sequence") == [(2,)]


@pytest.mark.parametrize(
    ("came_at", "named"),
    [
        (0, "001_users, 002_teams, 003_names, 004_d, 005_e, 006_f"),
        (1, "003_squashed, 004_d, 005_e, 006_f"),
        (2, "005_squashed, 006_f"),
    ],
)
def test_a_squash_of_squashed_files(project: Project, came_at: int, named: str) -> None:
    """A database adopts it in place of the files it ran, before or between two squashes."""
    project.standard()
    for name in ("004_d", "005_e", "006_f"):
        project.write(f"{name}.sql", f"CREATE TABLE {name[4:]} (x);\n")
    for at, version in enumerate(("3", "5", "6")):
        if at == came_at:
            project.run("up")
        project.run("squash", "--to", version, "--yes")
    assert names(project) == ["006_squashed.sql"]
    assert (
        f"006_squashed  squashed  it replaces {named}, which are recorded"
        in project.run("adopt", "--yes").out
    )
    assert project.states() == {6: "applied"}
    assert project.run("verify", "--check").out == "files, history and schema agree\n"


def test_a_squash_of_a_squash_that_a_database_has_half_of(project: Project) -> None:
    """Neither rows of the original files nor another squashed file replace a missing one."""
    project.standard()
    project.write("004_d.sql", "CREATE TABLE d (x);\n")
    project.run("up")
    project.run("squash", "--to", "3", "--yes")
    project.run("squash", "--to", "4", "--yes")
    project.sql("DELETE FROM schema_migrations WHERE version = 2")
    assert "002_teams is not applied" in project.run("adopt", "--yes", code=1).err
    project.sql("UPDATE schema_migrations SET name = '003_squashed' WHERE version = 3")
    assert "002_teams is not applied" in project.run("adopt", "--yes", code=1).err


def test_a_database_that_has_not_all_of_it(project: Project) -> None:
    """A database without some of it is recognized: nothing is recorded, whatever is assumed."""
    project.standard()
    project.run("up", "--to", "2")
    project.run("squash", "--to", "3", "--yes")
    ended = project.run("adopt", "--yes", "--assume", "3", code=1).err
    assert "003_squashed replaces 001_users, 002_teams, 003_names, but 003_names is not applied" in ended
    assert project.versions() == [1, 2]


def test_a_database_that_wrangler_ran_the_files_in(project: Project) -> None:
    """Its table has the names of the files, which the squashed file lists."""
    project.write("0001_a.sql", "CREATE TABLE a (x);\nINSERT INTO a VALUES (1);")
    project.write("0002_b.sql", "ALTER TABLE a ADD COLUMN y;")
    project.sql("CREATE TABLE a (x);\nINSERT INTO a VALUES (1);\nALTER TABLE a ADD COLUMN y")
    project.sql(
        "CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP);\n"
        "INSERT INTO d1_migrations (name) VALUES ('0001_a.sql'), ('0002_b.sql')"
    )
    project.run("squash", "--to", "2", "--yes")
    ended = project.run("adopt", "--yes")
    assert "0002_squashed  squashed  it replaces 0001_a, 0002_b, which are recorded" in ended.out
    assert project.sql("SELECT name FROM d1_migrations") == [("0002_squashed.sql",)]
    assert project.states() == {2: "applied"}
    assert project.sql("SELECT x FROM a") == [(1,)]


@pytest.mark.parametrize("came_at", [0, 1])
def test_a_squash_of_a_squash_where_wrangler_ran_the_files(project: Project, came_at: int) -> None:
    """Its table has the original files, or the first squashed file."""
    for number in (1, 2, 3):
        project.write(f"000{number}_t{number}.sql", f"CREATE TABLE t{number} (x);")
    ran = ["0001_t1", "0002_t2", "0003_t3"] if came_at == 0 else ["0002_squashed", "0003_t3"]
    project.sql(
        "CREATE TABLE t1 (x);\nCREATE TABLE t2 (x);\nCREATE TABLE t3 (x);\n"
        "CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP);\n"
        "INSERT INTO d1_migrations (name) VALUES " + ", ".join(f"('{name}.sql')" for name in ran)
    )
    project.run("squash", "--to", "2", "--yes")
    project.run("squash", "--to", "3", "--yes")
    ended = project.run("adopt", "--yes")
    assert f"0003_squashed  squashed  it replaces {', '.join(ran)}, which are recorded" in ended.out
    assert project.sql("SELECT name FROM d1_migrations") == [("0003_squashed.sql",)]
    assert project.states() == {3: "applied"}


def test_wranglers_row_of_a_first_squash_is_no_row_of_the_second(project: Project) -> None:
    """Both are called `squashed`; the second contains a file that wrangler did not run."""
    project.write("0001_a.sql", "CREATE TABLE a (x);")
    project.write("0002_b.sql", "CREATE TABLE b (x);")
    project.write("0003_c.sql", "INSERT INTO a VALUES (1);")
    project.sql(
        "CREATE TABLE a (x);\nCREATE TABLE b (x);\n"
        "CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP);\n"
        "INSERT INTO d1_migrations (name) VALUES ('0002_squashed.sql')"
    )
    project.run("squash", "--to", "2", "--yes")
    project.run("squash", "--to", "3", "--yes")
    ended = project.run("adopt", "--dry-run", code=1)
    assert "0003_squashed replaces 0002_squashed, 0003_c, but 0003_c is not applied" in ended.err


def test_a_database_that_ran_other_content(project: Project) -> None:
    """The checksums that the file lists are those of the squashed files."""
    project.standard()
    project.run("up")
    project.write("002_teams.sql", (project.migrations / "002_teams.sql").read_text().replace("NOT NULL", ""))
    project.run("squash", "--to", "3", "--yes")
    assert "002_teams was applied with different content" in project.run("adopt", "--yes", code=1).err


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("1", "nothing to squash: 001_users is the first file"),
        ("4", "there is no migration 4\nhint: known: 001_users to 003_names"),
        ("00", "there is no migration 00"),
    ],
)
def test_what_cannot_be_squashed(project: Project, to: str, why: str) -> None:
    """A single file, or none, or one that is unclear."""
    project.standard()
    assert why in project.run("squash", "--to", to, code=2).err


def test_a_dry_run_and_json(project: Project) -> None:
    """A dry run prints the text; JSON lists the files."""
    project.standard()
    text = project.run("squash", "--to", "3", "--dry-run").out
    assert "-- Squashes: 002_teams v1:" in text
    assert len(names(project)) == 3
    found = project.run("squash", "--to", "3", "--json", "--yes").json
    assert found == {
        "file": "migrations/003_squashed.sql",
        "sql": None,
        "squashed": ["001_users", "002_teams", "003_names"],
    }


def test_on_real_d1_the_rows_come_out_the_same(project: Project, workerd: Workerd) -> None:
    """Full text, triggers, counters, exact values, foreign keys in a circle; new random keys."""
    project.write("001_tables.sql", TABLES)
    project.write("002_rows.sql", ROWS)
    found = []
    for folder in ("many", "one"):
        driver = WorkerdDriver(workerd, workerd.database())
        if folder == "one":
            project.run("squash", "--to", "2", "--yes")
        Migrator(driver, load_migrations("migrations")).up()
        found.append([driver.batch(Batch([Query(sql)], reads=True))[0].rows for sql in ASKED])
    assert found[0] == found[1]


TABLES = """\
CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, b INTEGER REFERENCES b(id), v);
CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a(id));
CREATE TABLE k (id TEXT PRIMARY KEY DEFAULT (lower(hex(randomblob(16)))), at TEXT DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE u (k TEXT REFERENCES k(id));
CREATE VIRTUAL TABLE f USING fts5(v, content='a', content_rowid='id');
CREATE TRIGGER fill AFTER INSERT ON a BEGIN INSERT INTO f (rowid, v) VALUES (new.id, new.v); END;
"""
ROWS = """\
PRAGMA defer_foreign_keys = ON;
INSERT INTO a VALUES (1, 1, 'some words'), (2, NULL, 9007199254740993), (3, NULL, 'x' || char(0) || 'y'), (9, NULL, 1.0);
INSERT INTO b VALUES (1, 1);
DELETE FROM a WHERE id = 9;
INSERT INTO f (f, rowid, v) VALUES ('delete', 9, 1.0);
INSERT INTO k DEFAULT VALUES;
INSERT INTO k DEFAULT VALUES;
INSERT INTO u SELECT id FROM k ORDER BY rowid;
"""
ASKED = (
    "SELECT id, b, quote(v) || hex(v) || typeof(v) AS q FROM a ORDER BY id",
    "SELECT rowid AS r FROM f WHERE f MATCH 'words' OR f MATCH '9007199254740993'",
    "SELECT seq FROM sqlite_sequence WHERE name = 'a'",
    "SELECT count(*) AS n, count(DISTINCT id) AS k, min(length(id)) AS l, max(at >= '2026') AS d FROM k JOIN u ON k = id",
    "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite%' AND name NOT LIKE 'schema%' AND name NOT LIKE 'd1migrate%' ORDER BY name",
)


def test_on_real_d1_with_wranglers_table_in_step(project: Project, workerd: Workerd) -> None:
    """The files ran one by one; the squashed file is adopted, and wrangler's table has its name."""
    project.standard()
    driver = WorkerdDriver(workerd, workerd.database())
    migrator = Migrator(driver, load_migrations("migrations"))
    migrator.up(to=1)
    table, first = NameTable(), migrator.migrations[0]
    driver.batch(Batch([Query(table.create), Query(table.insert_sql(first))]))
    migrator.up()
    project.run("squash", "--to", "3", "--yes")
    migrator = Migrator(driver, load_migrations("migrations"))
    migrator.adopt(migrator.plan_adopt())
    assert [(e.version, e.name, e.state) for e in migrator.status()] == [(3, "003_squashed", "applied")]
    assert migrator.verify().ok
    (names,) = driver.batch(Batch([Query("SELECT name FROM d1_migrations")], reads=True))
    assert list(names.rows) == [("003_squashed.sql",)]


def names_history(project: Project, *files: str) -> None:
    """Run files and record them, as `wrangler d1 migrations apply` does."""
    project.sql(NameTable().create)
    for file in files:
        project.sql((project.migrations / file).read_text().rstrip().removesuffix(";"))
        project.sql(f"INSERT INTO d1_migrations (name) VALUES ('{file}')")


def test_in_wranglers_table(project: Project) -> None:
    """Doubles are two files; the squashed file takes the last row, and what came after it can be rolled back."""
    for name in ("0000_a", "0001_b", "0001_c"):
        project.write(f"{name}.sql", f"CREATE TABLE {name[-1]} (x);")
    names_history(project, "0000_a.sql", "0001_b.sql", "0001_c.sql")
    project.write("0002_d.sql", "CREATE TABLE d (x);\n-- Rollback: DROP TABLE d;")
    project.run("up")
    made = project.run("squash", "--to", "0001_c", "--yes")
    assert made.out == "migrations/0001_squashed.sql\n"
    assert "schema_migrations" not in (project.migrations / "0001_squashed.sql").read_text()
    ended = project.run("up", code=1).err
    assert "0001_squashed: the files that it replaces are already applied" in ended
    assert "`d1migrate adopt` records it in their place" in ended
    out = project.run("adopt", "--yes").out
    assert "0001_squashed  squashed  it replaces 0000_a, 0001_b, 0001_c, which are recorded" in out
    assert project.sql("SELECT id, name FROM d1_migrations ORDER BY id") == [
        *((3, "0001_squashed.sql"), (4, "0002_d.sql")),
    ]
    assert project.run("up").out == "nothing to do\n"
    assert project.run("verify", "--check").out == "files, history and schema agree\n"
    assert project.run("adopt", "--yes").out.splitlines()[-1] == "nothing to record"
    project.run("down")
    assert project.tables() & set("abcd") == set("abc")


def test_a_squash_of_doubles_by_wrangler(project: Project) -> None:
    """A database that wrangler built from the first squashed file adopts the second."""
    for name in ("0001_a", "0001_b", "0002_c"):
        project.write(f"{name}.sql", f"CREATE TABLE {name[-1]} (x);")
    project.run("squash", "--to", "0001_b", "--name", "first", "--yes")
    names_history(project, "0001_first.sql", "0002_c.sql")
    project.run("squash", "--to", "2", "--yes")
    out = project.run("adopt", "--yes").out
    assert "0002_squashed  squashed  it replaces 0001_first, 0002_c, which are recorded" in out
    assert project.sql("SELECT name FROM d1_migrations") == [("0002_squashed.sql",)]


def test_wrangler_ran_the_squashed_file_too(project: Project) -> None:
    """Before `adopt`, which leaves one row."""
    project.write("0001_a.sql", "CREATE TABLE IF NOT EXISTS a (x);")
    project.write("0002_b.sql", "CREATE TABLE IF NOT EXISTS b (x);")
    names_history(project, "0001_a.sql", "0002_b.sql")
    project.run("squash", "--to", "2", "--yes")
    project.sql("INSERT INTO d1_migrations (name) VALUES ('0002_squashed.sql')")
    project.run("adopt", "--yes")
    assert project.sql("SELECT name FROM d1_migrations") == [("0002_squashed.sql",)]
    assert project.run("verify", "--check").out == "files, history and schema agree\n"


def test_files_in_folders(project: Project) -> None:
    """The squashed file has a folder, too; empty folders are removed, and a generator's files stay."""
    (project.folder / "d1migrate.toml").write_text('pattern = "*/migration.sql"\n')
    paths = [
        "20240101000000_a/migration.sql",
        "20240102000000_b/migration.sql",
        "20240103000000_c/migration.sql",
    ]
    for path in paths:
        (project.migrations / path).parent.mkdir()
        project.write(path, f"CREATE TABLE {path[15]} (x);")
    project.write("20240101000000_a/snapshot.json", "{}")
    names_history(project, *paths)
    made = project.run("squash", "--to", "20240102000000_b/migration", "--json", "--yes").json
    one = "20240102000000_squashed/migration"
    assert made == {
        "file": f"migrations/{one}.sql",
        "sql": None,
        "squashed": ["20240101000000_a/migration", "20240102000000_b/migration"],
    }
    assert (project.migrations / f"{one}.sql").read_text().startswith(f"-- Migration: {one}\n")
    assert names(project) == ["20240101000000_a", "20240102000000_squashed", "20240103000000_c"]
    out = project.run("adopt", "--yes").out
    assert "no checksum" not in out
    assert project.sql("SELECT name FROM d1_migrations ORDER BY id") == [(f"{one}.sql",), (paths[2],)]
    assert project.run("adopt", "--yes").out.splitlines()[-1] == "nothing to record"
    project.write(paths[2], "CREATE TABLE other (x);")
    assert "20240103000000_c/migration: edited after being applied" in project.run("up", code=1).err
    project.write(paths[2], "CREATE TABLE c (x);")
    assert project.run("verify", "--check").out == "files, history and schema agree\n"


def test_a_squashed_file_that_would_be_late(project: Project) -> None:
    """Of two files with one number, the one that is not squashed would run before it."""
    for name in ("0001_a", "0002_b", "0002_c"):
        project.write(f"{name}.sql", f"CREATE TABLE {name[-1]} (x);")
    ended = project.run("squash", "--to", "0002_b", code=2).err
    assert "0002_squashed.sql would be after 0002_c in wrangler's order" in ended
    assert len(names(project)) == 3
    assert (
        project.run("squash", "--to", "0002_b", "--name", "base", "--yes").out == "migrations/0002_base.sql\n"
    )


def test_wrangler_ran_the_squashed_file_beside_a_table_of_versions(project: Project) -> None:
    """Each table has it once, after `adopt`."""
    project.standard()
    project.run("up", "--to", "1")
    project.sql(f"{NameTable().create};\nINSERT INTO d1_migrations (name) VALUES ('001_users.sql')")
    project.run("up")
    project.run("squash", "--to", "3", "--yes")
    project.sql("INSERT INTO d1_migrations (name) VALUES ('003_squashed.sql')")
    project.run("adopt", "--yes")
    assert project.sql("SELECT version, name FROM schema_migrations") == [(3, "003_squashed")]
    assert project.sql("SELECT name FROM d1_migrations") == [("003_squashed.sql",)]
    assert project.run("verify", "--check").out == "files, history and schema agree\n"


def test_the_file_of_a_job_that_is_open_on_the_named_d1(
    project: Project, cloudflare: Cloudflare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked if it is named, and only then: a squash needs no network."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    for name, value in cloudflare.environment.items():
        monkeypatch.setenv(name, value)
    database = cloudflare.create("squash")
    (project.folder / "d1migrate.toml").write_text(f'[env.production]\ndatabase = "d1:{database}"\n')
    project.write("001_a.sql", "CREATE TABLE a (id INTEGER PRIMARY KEY, x, y);\n")
    project.run("up", "--env", "production")
    cloudflare.sql(database, "INSERT INTO a (x) VALUES (1), (2), (3)")
    fill = '-- d1migrate: batch a rows 2\n-- d1migrate: allow=W105 reason="no writes"\n'
    project.write("002_fill.sql", f"{fill}UPDATE a SET y = x WHERE y IS NULL;\n")
    project.run("job", "run", "--max-chunks", "1", "--env", "production")
    assert "a job is open: 002_fill" in project.run("squash", "--to", "2", "--env", "production", code=1).err
    assert project.run("squash", "--to", "2", "--yes").out == "migrations/002_squashed.sql\n"
