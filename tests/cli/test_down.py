"""`down`: rollbacks, refused before anything runs if they would lose rows without permission."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import ApplyError
from d1migrate.migrator import Migrator
from tests.cli.project import ONE, THREE, TWO, Project

if TYPE_CHECKING:
    from collections.abc import Mapping

    from d1migrate.migrate.plan import Plan


@pytest.fixture
def applied(project: Project) -> Project:
    """Three migrations, applied."""
    project.standard()
    project.run("up")
    return project


def test_takes_the_newest_back(applied: Project) -> None:
    """One step without arguments, more with --steps, and `up` brings the same schema again."""
    before = applied.run("schema", "--json").out
    applied.run("down")
    assert applied.versions() == [1, 2]
    applied.run("down", "--steps", "2")
    assert applied.versions() == []
    assert applied.tables() == set()
    applied.run("up")
    assert applied.run("schema", "--json").out == before


def test_down_to_a_version(applied: Project) -> None:
    """`--to V` rolls back all above V, 0 is everything, and an unknown V is a usage error."""
    assert "there is no migration 9, among those applied" in applied.run("down", "--to", "9", code=2).err
    assert "cannot be used together" in applied.run("down", "--to", "1", "--steps", "1", code=2).err
    assert "at least one is required" in applied.run("down", "--steps", "0", code=2).err
    applied.run("down", "--to", "1")
    assert applied.versions() == [1]
    applied.run("down", "--to", "none")
    assert applied.run("down", "--to", "0").out == "nothing to do\n"
    assert [e["action"] for e in applied.run("history", "--json").json["entries"]] == ["up"] * 3 + [
        "down"
    ] * 3


def test_rows_are_not_lost_unless_allowed(applied: Project) -> None:
    """A table that holds rows is refused with its count; --allow-loss lets it go and the log keeps the count."""
    applied.sql("INSERT INTO users (id, email) VALUES (1, 'a'), (2, 'b')")
    applied.sql("INSERT INTO teams VALUES (1, 1)")
    err = applied.run("down", "--to", "0", code=1).err
    assert "the rollback would delete rows: teams holds 1, users holds 2\n" in err
    assert "--allow-loss teams --allow-loss users" in err
    assert applied.versions() == [1, 2, 3]
    applied.run("down", "--to", "0", "--allow-loss", "teams", code=1)
    out = applied.run("down", "--to", "0", "--allow-loss", "teams", "--allow-loss", "users").out
    assert out.endswith("\ndeleted rows: teams 1, users 2\n")
    details = applied.sql("SELECT detail FROM d1migrate_log WHERE action = 'down' AND event = 'done'")
    assert [json.loads(d[0] or "null") for d in details] == [
        None,
        {"rows": {"teams": 1}},
        {"rows": {"users": 2}},
    ]


def test_a_rebuild_after_a_dropped_column(project: Project) -> None:
    """The rollback of a rebuild has nothing to say about a column that the rollback before it has dropped."""
    project.write(
        "1_t.sql", "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, 'x');"
    )
    for schema in ("a TEXT NOT NULL", "a TEXT NOT NULL, b TEXT"):
        (project.folder / "schema.sql").write_text(f"CREATE TABLE t (id INTEGER PRIMARY KEY, {schema});")
        project.run("diff", "--to", "schema.sql", *(("--backfill", "t.a=''") if "b" not in schema else ()))
    project.run("up")
    project.run("down", "--steps", "2")
    assert project.sql("SELECT id, a FROM t") == [(1, "x")]


def test_values_are_not_lost_unless_allowed(applied: Project) -> None:
    """If only a column is dropped, its values count: a column without any needs no permission."""
    applied.sql("INSERT INTO users (id, email, name) VALUES (1, 'a', 'A'), (2, 'b', 'B'), (3, 'c', NULL)")
    err = applied.run("down", code=1).err
    assert "error: the rollback would delete values of users.name (2 rows)\n" in err
    assert "hint: back them up, then allow the loss: --allow-loss users.name\n" in err
    assert applied.run("down", "--json", code=1).json["error"]["rows"] == {"users.name": 2}
    whole = applied.run("down", "--to", "0", code=1).err
    assert "would delete rows: users holds 3; and values of users.name (2 rows)\n" in whole
    plan = ("plan", "--down", "--allow-loss", "Users.NAME")
    assert "    deletes values of users.name (2 rows)\n" in applied.run(*plan).out
    (step,) = applied.run(*plan, "--json").json["steps"]
    assert (step["deletes_rows"], step["deletes_values"]) == ({}, {"users.name": 2})
    assert applied.run("down", "--allow-loss", "users").out.endswith(
        "\ndeleted values of users.name (2 rows)\n"
    )
    details = applied.sql("SELECT detail FROM d1migrate_log WHERE action = 'down' AND event = 'done'")
    assert [json.loads(d[0]) for d in details] == [{"values": {"users.name": 2}}]
    applied.run("up")
    (step,) = applied.run("down", "--json").json["steps"]  # no row has a name now
    assert (step["deleted_rows"], step["deleted_values"]) == ({}, {})


def test_a_value_that_appears_after_the_plan(applied: Project) -> None:
    """The batch finds a value in a column that was counted as empty, and is rolled back."""
    applied.sql("INSERT INTO users (id, email) VALUES (1, 'a')")
    with Migrator("sqlite:app.db", "migrations") as migrator:

        def meanwhile(_: Plan) -> Mapping[str, object]:
            applied.sql("UPDATE users SET name = 'A'")
            return {}

        with pytest.raises(ApplyError, match=r"values appeared meanwhile in users\.name"):
            migrator.down(check=meanwhile)
    assert applied.sql("SELECT name FROM users") == [("A",)]


def test_rows_of_a_table_that_was_rebuilt_first(project: Project) -> None:
    """A rollback that rebuilds a table keeps its rows; the next one that drops it needs permission."""
    project.write(
        "001_users.sql",
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);\n-- Rollback: DROP TABLE users;\n",
    )
    project.run("rebuild", "users", "--set", "email TEXT DEFAULT 'x'", "--add", "role TEXT UNIQUE")
    project.run("up", "--no-lint")
    project.sql("INSERT INTO users VALUES (1, 'a', 'admin')")
    assert (
        "error: the rollback would delete values of users.role (1 row)\n" in project.run("down", code=1).err
    )
    err = project.run("down", "--to", "none", "--allow-loss", "users.role", code=1).err
    assert "error: the rollback would delete rows: users holds 1\n" in err
    project.run("down", "--allow-loss", "users.role")
    assert project.sql("SELECT * FROM users") == [(1, "a")]


def test_all_losses_can_be_allowed(applied: Project) -> None:
    """`--allow-loss all` is for every table."""
    applied.sql("INSERT INTO users (id, email) VALUES (1, 'a')")
    applied.run("down", "--to", "0", "--allow-loss", "all")
    assert applied.versions() == []


def test_rows_that_a_foreign_key_would_take_count_too(project: Project) -> None:
    """Dropping a parent counts the children that its cascade would delete."""
    project.write("001_users.sql", ONE)
    project.write("002_teams.sql", TWO.split("-- Rollback")[0])
    project.write("003_drop.sql", "SELECT 1;\n-- Rollback: DELETE FROM users;\n")
    project.run("up")
    project.sql("INSERT INTO users VALUES (1, 'a')")
    project.sql("INSERT INTO teams VALUES (1, 1), (2, 1)")
    assert "teams holds 2, users holds 1" in project.run("down", code=1).err


def test_every_irreversible_step_is_named(project: Project) -> None:
    """Missing and declined rollbacks are all named, and nothing runs."""
    project.standard()
    project.write("002_teams.sql", TWO.split("-- Rollback")[0])
    project.write("004_merge.sql", "SELECT 1;\n-- Rollback: none, the rows are merged\n")
    project.run("up")
    err = project.run("down", "--to", "0", code=1).err
    assert "004_merge is declared irreversible: the rows are merged" in err
    assert "002_teams has no rollback block" in err
    assert project.versions() == [1, 2, 3, 4]
    found = {e["version"]: e["reversible"] for e in project.run("status", "--json").json["migrations"]}
    assert found == {1: True, 2: False, 3: True, 4: False}


def test_the_log_takes_a_gone_file_back(applied: Project) -> None:
    """An older checkout, without the file, rolls back by the SQL that history kept."""
    (applied.migrations / "003_names.sql").unlink()
    (applied.migrations / "002_teams.sql").unlink()
    applied.run("down", "--steps", "2")
    assert applied.versions() == [1]
    assert applied.tables() == {"users"}


def test_two_different_rollbacks_need_a_choice(applied: Project) -> None:
    """If the file's block differs from the recorded one, the user chooses."""
    applied.write("003_names.sql", THREE + "-- CREATE TABLE left_behind (x);\n")
    err = applied.run("down", code=1).err
    assert "differ: 003_names" in err
    assert "--rollback-from file" in err
    applied.run("down", "--rollback-from", "history")
    assert "left_behind" not in applied.tables()
    applied.run("up")
    applied.write("003_names.sql", THREE)
    applied.run("down", "--rollback-from", "history")
    assert "left_behind" in applied.tables()


def test_a_failing_rollback_leaves_everything(applied: Project) -> None:
    """A step that fails is undone whole; the error names the line of the rollback block."""
    applied.write("003_names.sql", THREE.replace("DROP COLUMN name", "DROP COLUMN nowhere"))
    err = applied.run("down", "--rollback-from", "file", code=1).err
    assert 'migrations/003_names.sql:3: no such column: "nowhere"' in err
    assert "no part of 003_names was rolled back" in err
    assert applied.versions() == [1, 2, 3]


def test_rows_that_appear_after_the_count_abort(applied: Project) -> None:
    """A table counted as empty must still be empty when the rollback runs."""
    from d1migrate import connect
    from d1migrate.drivers.run import run
    from d1migrate.migrate.flows import down

    migrator = Migrator(connect("sqlite:app.db"), "migrations")
    plan = migrator.plan_down(to=1)
    applied.sql("INSERT INTO users (id, email) VALUES (1, 'a')")
    applied.sql("INSERT INTO teams VALUES (1, 1)")
    with pytest.raises(ApplyError, match="rows appeared meanwhile in"):
        run(down.down(plan, migrator._new_stamp), migrator.driver)
    migrator.close()
    assert applied.sql("SELECT count(*) FROM teams") == [(1,)]


def test_plan_down_shows_and_changes_nothing(applied: Project) -> None:
    """`plan --down` prints the rollback as text, SQL and JSON."""
    assert "down 003_names: 1 statement" in applied.run("plan", "--down").out
    sql = applied.run("plan", "--down", "--sql", "--to", "1").out
    assert sql.splitlines() == [
        "-- down 003_names",
        "ALTER TABLE users DROP COLUMN name;",
        "DELETE FROM schema_migrations WHERE version = 3;",
        "-- down 002_teams",
        "DROP INDEX idx_teams_owner;",
        "DROP TABLE teams;",
        "DELETE FROM schema_migrations WHERE version = 2;",
    ]
    steps = applied.run("plan", "--down", "--json").json["steps"]
    assert [(s["version"], s["direction"], s["statement_count"]) for s in steps] == [(3, "down", 1)]
    applied.run("plan", "--steps", "1", code=2)
    assert applied.versions() == [1, 2, 3]


def test_one_line_rollbacks(project: Project) -> None:
    """SQL may follow `-- Rollback:` on the same line."""
    project.write("001_a.sql", "CREATE TABLE a (x);\n-- rollback: DROP TABLE a;\n")
    project.run("up")
    project.run("down")
    assert project.tables() == set()


@pytest.mark.parametrize(
    ("schema", "rollback", "rows", "at_stake"),
    [
        ("CREATE TABLE a (x);", "ALTER TABLE a RENAME TO b; DROP TABLE b;", "a", "a"),
        ("CREATE TABLE a (x); CREATE TABLE b (x);", "ALTER TABLE a RENAME TO c; ALTER TABLE b RENAME TO a; DROP TABLE c;", "a", "a"),
        ("CREATE TABLE a (id INTEGER PRIMARY KEY);", "UPDATE OR REPLACE a SET id = 1;", "a", "a"),
        ("CREATE TABLE a (x UNIQUE ON CONFLICT REPLACE);", "INSERT INTO a VALUES (1);", "a", "a"),
        ("CREATE TABLE a (x); CREATE TABLE log (x); CREATE TRIGGER t AFTER DELETE ON a BEGIN DELETE FROM log; END;", "DELETE FROM a;", "log", "log"),
        ("CREATE TABLE a (x); CREATE VIEW v AS SELECT * FROM a; CREATE TRIGGER t INSTEAD OF DELETE ON v BEGIN DELETE FROM a; END;", "DELETE FROM v;", "a", "a"),
        ("CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p ON DELETE SET NULL);", "ALTER TABLE p RENAME TO q; DROP TABLE q;", "c", "c.p"),
        ("CREATE TABLE a (x); CREATE TABLE log (x);", "CREATE TRIGGER t AFTER DELETE ON a BEGIN DELETE FROM log; END; DELETE FROM a;", "log", "log"),
        ("CREATE TABLE u (id INTEGER PRIMARY KEY); CREATE TABLE c (u REFERENCES u ON UPDATE CASCADE); CREATE TABLE d (x); CREATE TRIGGER t AFTER UPDATE ON c BEGIN DELETE FROM d; END;", "UPDATE u SET id = id + 1;", "d", "d"),
        ("CREATE TABLE a (id INTEGER PRIMARY KEY, v); CREATE TABLE log (x); CREATE TRIGGER t AFTER UPDATE ON a BEGIN DELETE FROM log; END;", "INSERT INTO a VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET v = 3;", "log", "log"),
        ("CREATE TABLE a (id INTEGER PRIMARY KEY, v); CREATE TABLE log (x); CREATE TRIGGER t AFTER UPDATE OF v, id ON a BEGIN DELETE FROM log; END;", "INSERT INTO a SELECT 1, 2 WHERE true ON CONFLICT DO NOTHING ON CONFLICT DO UPDATE SET v = 3;", "log", "log"),
        ("CREATE TABLE a (x); CREATE TABLE b (id INTEGER PRIMARY KEY, v); CREATE TABLE log (x); CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO b VALUES (1, 2) ON CONFLICT DO UPDATE SET v = 3; END; CREATE TRIGGER u AFTER UPDATE ON b BEGIN DELETE FROM log; END;", "INSERT INTO a VALUES (1);", "log", "log"),
        ("CREATE TABLE a (x); CREATE TABLE b (id INTEGER PRIMARY KEY); CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO b VALUES (1); END;", "INSERT OR REPLACE INTO a VALUES (1);", "b", "b"),
        ("CREATE TABLE p (id INTEGER PRIMARY KEY, v); CREATE TABLE c (p REFERENCES p ON UPDATE SET NULL);", "UPDATE p SET id = id + 1;", "c", "c.p"),
        ("CREATE TABLE p (id INTEGER PRIMARY KEY, v); CREATE TABLE c (p DEFAULT 0 REFERENCES p(id) ON UPDATE SET DEFAULT);", "UPDATE p SET _rowid_ = 9;", "c", "c.p"),
        ("CREATE TABLE p (id INTEGER PRIMARY KEY, v); CREATE TABLE c (p REFERENCES p ON UPDATE SET NULL);", "INSERT INTO p VALUES (1, 2) ON CONFLICT DO UPDATE SET ID = 3;", "c", "c.p"),
        ("CREATE TABLE p (a, b, PRIMARY KEY (a, b)); CREATE TABLE c (x, y, FOREIGN KEY (x, y) REFERENCES p ON UPDATE SET NULL);", "UPDATE p SET b = 2;", "c", "c.x"),
        ("CREATE TABLE p (code, k AS (lower(code)) STORED UNIQUE); CREATE TABLE c (k REFERENCES p(k) ON UPDATE SET NULL);", "UPDATE p SET code = 'b';", "c", "c.k"),
        ("CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE q (id PRIMARY KEY REFERENCES p ON UPDATE CASCADE); CREATE TABLE c (q REFERENCES q ON UPDATE SET NULL);", "UPDATE p SET id = 2;", "c", "c.q"),
        ("CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE q (p UNIQUE REFERENCES p ON UPDATE SET NULL); CREATE TABLE c (q REFERENCES q(p) ON UPDATE SET NULL);", "UPDATE p SET id = 2;", "c", "c.q"),
        ("CREATE TABLE p (id INTEGER PRIMARY KEY, v); CREATE TABLE c (p REFERENCES p ON UPDATE SET NULL);", "ALTER TABLE p RENAME COLUMN id TO v2; UPDATE p SET v2 = 9;", "c", "c.p"),
        ("CREATE TABLE a (x); CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p ON UPDATE SET NULL); CREATE TRIGGER t AFTER DELETE ON a BEGIN UPDATE p SET id = id + 1; END;", "DELETE FROM a;", "c", "c.p"),
        ("CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p ON DELETE SET NULL); CREATE TABLE log (x); CREATE TRIGGER t AFTER UPDATE ON c BEGIN DELETE FROM log; END;", "DELETE FROM p;", "log", "log"),
        ("CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE q (p UNIQUE REFERENCES p ON DELETE SET NULL); CREATE TABLE c (q REFERENCES q(p) ON UPDATE SET NULL);", "DROP TABLE p;", "c", "c.q"),
        ("CREATE TABLE note (v REFERENCES schema_migrations(version) ON DELETE CASCADE);", "SELECT 1;", "note", "note"),
    ],
)  # fmt: skip
def test_rows_at_stake_are_found(
    project: Project, schema: str, rollback: str, rows: str, at_stake: str
) -> None:
    """Through renames, OR REPLACE, constraints, triggers, views and foreign keys."""
    project.write("001_a.sql", f"{schema}\n-- Rollback: {rollback}\n")
    project.run("up")
    project.sql(f"INSERT INTO {rows} DEFAULT VALUES")
    lost = f"rows: {at_stake} holds 1"
    if "." in at_stake:  # a link, which a foreign key clears
        project.sql(f"UPDATE {rows} SET {at_stake.partition('.')[2]} = 1")
        lost = f"values of {at_stake} (1 row)"
    assert f"error: the rollback would delete {lost}\n" in project.run("down", code=1).err
    assert project.sql(f"SELECT count(*) FROM {rows}") == [(1,)]


def test_a_table_renamed_by_a_later_migration(project: Project) -> None:
    """Taking both back is refused for the rows the table has under its present name."""
    project.write("001_a.sql", "CREATE TABLE a (x);\n-- Rollback: DROP TABLE a;\n")
    project.write("002_b.sql", "ALTER TABLE a RENAME TO b;\n-- Rollback: ALTER TABLE b RENAME TO a;\n")
    project.run("up")
    project.run("down", "--to", "0")
    project.run("up")
    project.sql("INSERT INTO b VALUES (1)")
    assert "b holds 1" in project.run("down", "--to", "0", code=1).err
    project.run("down", "--to", "0", "--allow-loss", "b")


def test_rows_a_rollback_itself_writes_are_its_own(project: Project) -> None:
    """Rows that an earlier step writes into an empty table do not stop a later one."""
    project.write("001_a.sql", "CREATE TABLE a (x);\n-- Rollback: DROP TABLE a;\n")
    project.write("002_b.sql", "SELECT 1;\n-- Rollback: INSERT INTO a VALUES (1);\n")
    project.run("up")
    project.run("down", "--to", "0")
    assert project.tables() == set()


def test_allowing_a_loss_that_is_not_at_stake_is_a_mistake(applied: Project) -> None:
    """A misspelled table is a usage error, not an unused flag."""
    err = applied.run("down", "--allow-loss", "user", code=2).err
    assert "--allow-loss user: the rollback deletes nothing from it\nhint: did you mean users.name?\n" in err
    assert "hint: it deletes only: users.name\n" in applied.run("down", "--allow-loss", "zzz", code=2).err


def test_a_rollback_that_d1_would_not_take_is_seen_first(project: Project) -> None:
    """A statement over D1's limit is refused before its migration is applied."""
    project.write("001_a.sql", f"CREATE TABLE a (x);\n-- Rollback: UPDATE a SET x = '{'x' * 100_000}';\n")
    err = project.run("up", code=1).err
    assert "001_a.sql:2: the statement has 100019 bytes" in err


def test_a_block_removed_from_the_file_needs_a_choice(applied: Project) -> None:
    """If only the log still has a rollback, the user chooses."""
    applied.write("003_names.sql", THREE.split("-- Rollback")[0])
    assert "differ: 003_names" in applied.run("down", code=1).err
    assert "has no rollback block" in applied.run("down", "--rollback-from", "file", code=1).err
    applied.run("down", "--rollback-from", "history")
    assert applied.versions() == [1, 2]


def test_plan_down_counts_its_requests(applied: Project) -> None:
    """History, schema, rows, and one a step."""
    assert applied.run("plan", "--down", "--json").json["requests"] == 4


@pytest.mark.parametrize(
    ("schema", "rollback"),
    [
        ("CREATE TABLE u (r); CREATE TABLE s (x); CREATE TRIGGER kick AFTER DELETE ON u BEGIN DELETE FROM s; END;", "UPDATE u SET r = NULL;"),
        ("CREATE TABLE u (r); CREATE TABLE s (x); CREATE TRIGGER kick AFTER UPDATE ON u BEGIN DELETE FROM s; END;", "DROP TRIGGER kick; UPDATE u SET r = NULL;"),
        ("CREATE TABLE s (x);", "ALTER TABLE s RENAME TO t; DROP TABLE IF EXISTS s; ALTER TABLE t RENAME TO s;"),
        ("CREATE TABLE p (id INTEGER PRIMARY KEY, v); CREATE TABLE s (p REFERENCES p(id) ON UPDATE SET NULL);", "UPDATE p SET v = 1; INSERT INTO p VALUES (1, 2) ON CONFLICT DO UPDATE SET v = 3;"),
        ("CREATE TABLE p (id INTEGER PRIMARY KEY, v); CREATE TABLE s (p REFERENCES p ON UPDATE SET NULL);", "UPDATE p SET v = 1;"),
        ("CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE s (p REFERENCES p ON UPDATE CASCADE);", "UPDATE p SET id = id + 1;"),
        ("CREATE TABLE a (id INTEGER PRIMARY KEY, v); CREATE TABLE s (x); CREATE TRIGGER t AFTER UPDATE OF id ON a BEGIN DELETE FROM s; END;", "UPDATE a SET v = 2;"),
        ("CREATE TABLE s (x); CREATE TABLE name (name);", "INSERT INTO name (name) VALUES (lower('A'));"),
        ("CREATE TABLE s (x); CREATE VIRTUAL TABLE f USING fts5(x, content='s'); CREATE TRIGGER i AFTER INSERT ON s BEGIN INSERT INTO f (rowid, x) VALUES (new.rowid, new.x); END; CREATE TRIGGER t AFTER UPDATE ON s BEGIN INSERT INTO f (f, rowid, x) VALUES ('delete', old.rowid, old.x); INSERT INTO f (rowid, x) VALUES (new.rowid, new.x); END;", "UPDATE s SET x = 2; INSERT INTO f (f) VALUES ('rebuild');"),
        ("CREATE TABLE s (x);", "INSERT INTO s SELECT x + 1 FROM s; UPDATE s SET x = replace(x, 1, 2);"),
    ],
)  # fmt: skip
def test_rows_that_stay_are_no_reason_to_refuse(project: Project, schema: str, rollback: str) -> None:
    """Triggers of another event or dropped before, and names that are gone, take nothing."""
    project.write("001_a.sql", f"{schema}\n-- Rollback: {rollback}\n")
    project.run("up")
    project.sql("INSERT INTO s VALUES (1)")
    project.run("down")
    assert project.sql("SELECT count(*) > 0 FROM s") == [(1,)]


def test_files_that_swapped_numbers_are_not_taken_back_blindly(project: Project) -> None:
    """The rollback of one migration never runs in the name of another."""
    project.write("001_a.sql", "CREATE TABLE a (x);\n-- Rollback: DROP TABLE a;\n")
    project.write("002_b.sql", "CREATE TABLE b (x);\n")
    project.run("up")
    project.write("001_b.sql", "CREATE TABLE b (x);\n")
    project.write("002_a.sql", "CREATE TABLE a (x);\n-- Rollback: DROP TABLE a;\n")
    (project.migrations / "001_a.sql").unlink()
    (project.migrations / "002_b.sql").unlink()
    project.run("down", code=1)
    assert project.tables() == {"a", "b"}


def test_a_table_that_cannot_be_counted_can_be_let_go(project: Project) -> None:
    """A contentless FTS table has no rows to count; it is refused until it is allowed."""
    project.write(
        "001_f.sql",
        "CREATE VIRTUAL TABLE f USING fts5(t, content='', columnsize=0);\n-- Rollback: DROP TABLE f;\n",
    )
    project.run("up")
    assert "f cannot be counted" in project.run("down", code=1).err
    project.run("down", "--allow-loss", "f")
    assert project.tables() == set()


def test_a_negative_version_can_be_forgotten(project: Project) -> None:
    """`repair` can remove any row of the table."""
    project.standard()
    project.run("up")
    project.sql("INSERT INTO schema_migrations VALUES (-1, 'm', 1)")
    project.run("repair", "--forget", "-1", "--reason", "nonsense", "--yes")
    assert project.versions() == [1, 2, 3]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--json"],
        ["--to", "0", "--allow-loss", "all"],
        ["--to", "0"],
        ["--steps", "2", "--rollback-from", "file", "--no-restore-point", "a rehearsal"],
        ["--to", "1", "--steps", "1"],
        ["--confirm", "elsewhere"],
    ],
)
def test_dry_run_is_the_plan(applied: Project, arguments: list[str]) -> None:
    """Output and exit code are those of `plan`; whatever the flags, nothing is changed."""
    applied.sql("INSERT INTO users (email) VALUES ('a')")
    planned = applied.run("plan", "--down", *arguments, code=None)
    assert applied.run("down", "--dry-run", *arguments, code=None) == planned
    assert applied.versions() == [1, 2, 3]


@pytest.mark.parametrize(
    "flag",
    [["--phase", "before"], ["--single-transaction"], ["--skip-after", "x"], ["--output", "plan.json"]],
)
def test_the_plan_of_a_rollback_takes_no_flags_of_an_up(applied: Project, flag: list[str]) -> None:
    """A flag that does nothing is worse than none."""
    assert f"{flag[0]} is for `up`" in applied.run("plan", "--down", *flag, code=2).err
    applied.run("down", *flag, code=2)


@pytest.mark.parametrize(
    ("options", "rollback", "at_stake"),
    [
        (", content='notes'", "INSERT INTO found (found) VALUES ('delete-all');", True),
        (", content=''", "INSERT INTO found (found) VALUES ('DELETE-ALL');", True),
        (", content=''", 'INSERT INTO Found ("found") SELECT "delete-all";', True),
        (", content=''", "INSERT INTO found (found) VALUES (lower('DELETE-ALL'));", True),
        (", content=''", "INSERT INTO notes VALUES ('b') ON CONFLICT DO NOTHING; UPDATE notes SET body = 'c';", True),
        (", content=''", "INSERT INTO found (found, rowid, body) VALUES ('delete', 1, 'a');", True),
        (", content='notes'", "INSERT INTO found (found) VALUES ('rebuild'); INSERT INTO found (found) VALUES ('optimize');", False),
        ("", "INSERT INTO found (found, rank) VALUES ('rank', 'bm25()'); INSERT INTO found (body) VALUES ('delete-all');", False),
    ],
)  # fmt: skip
def test_commands_to_a_full_text_table(
    project: Project, options: str, rollback: str, *, at_stake: bool
) -> None:
    """Those that clear an index take its entries, whatever the way they are written; others take none."""
    project.write(
        "001_a.sql",
        "CREATE TABLE notes (body UNIQUE);\n"
        f"CREATE VIRTUAL TABLE found USING fts5(body{options});\n"
        "INSERT INTO notes (rowid, body) VALUES (1, 'a');\n"
        "INSERT INTO found (rowid, body) VALUES (1, 'a');\n"
        "CREATE TRIGGER changed AFTER UPDATE ON notes BEGIN"
        " INSERT INTO found (found, rowid, body) VALUES ('delete', old.rowid, old.body); END;\n"
        f"-- Rollback: {rollback}\n",
    )
    project.run("up")
    err = project.run("down", code=1 if at_stake else 0).err
    assert ("found holds 1" in err) == at_stake


def test_what_wrangler_would_run_again(project: Project) -> None:
    """Its own table no longer has what was rolled back, and neither has the copy of a history in it."""
    project.standard()
    project.run("up")
    again = "`wrangler d1 migrations apply` would apply it again"
    assert again not in project.run("down").err
    names = "('001_users.sql'), ('002_teams.sql')"
    project.sql(
        "CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at);\n"
        f"INSERT INTO d1_migrations (name) VALUES {names}"
    )
    assert again in project.run("down").err
