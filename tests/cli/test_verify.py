"""Whether a database is intact: what `verify`, `status` and the check after an `up` report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from d1migrate import Migrator, load_migrations
from d1migrate.errors import UnavailableError
from d1migrate.lint.replay.replayer import schema_of
from d1migrate.migrate.flows.integrity import missing_objects
from d1migrate.sql.batch import Batch

if TYPE_CHECKING:
    from tests.cli.project import Project

GUARD = "CREATE TRIGGER _d1m_guard_delete_teams BEFORE DELETE ON teams BEGIN SELECT RAISE(IGNORE); END"
DROP_GUARD = 'DROP TRIGGER "_d1m_guard_delete_teams";'
NOTES = """\
CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);
CREATE VIRTUAL TABLE notes_fts USING fts5(body, content='notes', content_rowid=id);
"""


@pytest.fixture
def applied(project: Project) -> Project:
    """All three standard migrations are applied, and the tables hold rows."""
    project.standard()
    project.run("up")
    project.sql("INSERT INTO users (id, email) VALUES (1, 'a'), (2, 'b');\nINSERT INTO teams VALUES (1, 1)")
    return project


def problems(project: Project, *command: str, code: int = 0) -> list[dict[str, Any]]:
    """Return the problems that a command finds."""
    found: list[dict[str, Any]] = project.run(*command, "--json", code=code).json["problems"]
    return found


# --- the summary, and what to do next ---


def test_all_agree(applied: Project) -> None:
    """One line, and nothing to do."""
    outcome = applied.run("verify")
    assert (outcome.out, outcome.err) == ("files, history and schema agree\n", "")


def test_pending_files_do_not_agree(applied: Project) -> None:
    """They are counted apart, and the next step is `up`; they are no reason for --check to fail."""
    applied.write("004_x.sql", "CREATE TABLE x (a);\n")
    outcome = applied.run("verify", "--check")
    assert outcome.out == "004_x: pending\n3 migrations agree, 1 pending; schema agrees\n"
    assert outcome.err == "hint: 1 pending: run `d1migrate up`\n"


def test_hints_name_the_database_that_was_named(project: Project) -> None:
    """Each can be pasted."""
    project.standard()
    assert (
        "run `d1migrate up --database sqlite:other.db`"
        in project.run("verify", "--database", "sqlite:other.db").err
    )


def test_differences_lead_to_fix(applied: Project) -> None:
    """Both directions are named; the other commands that compare are too."""
    applied.sql("ALTER TABLE users ADD COLUMN note TEXT")
    outcome = applied.run("verify")
    assert outcome.out.splitlines()[-1] == "3 migrations agree; schema: 1 difference"
    assert (
        "`d1migrate verify --fix files` prints SQL that makes the live schema match the files" in outcome.err
    )
    assert "`d1migrate verify --fix live` writes a migration" in outcome.err
    assert applied.run("verify", "--check", code=3).err == outcome.err


def test_differences_that_are_pending_files_lead_to_adopt(project: Project) -> None:
    """The live schema has what the files create: it is to be recorded, not changed."""
    project.standard()
    project.write("001_users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL);\n")
    project.sql("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL)")
    outcome = project.run("verify")
    assert outcome.out.splitlines()[-1] == "0 migrations agree, 3 pending; schema: 1 difference"
    assert "`d1migrate adopt` records which of the pending files this database already has" in outcome.err
    assert "--fix" not in outcome.err
    project.run("adopt", "--yes")
    assert project.run("verify").out.splitlines()[-1] == "1 migration agrees, 2 pending; schema agrees"


def test_differences_and_pending_files(applied: Project) -> None:
    """Drift is measured against applied files: they are applied first."""
    applied.write("004_x.sql", "CREATE TABLE x (a);\n")
    applied.sql("ALTER TABLE users ADD COLUMN note TEXT")
    outcome = applied.run("verify")
    assert outcome.out.splitlines()[-1] == "3 migrations agree, 1 pending; schema: 1 difference"
    up, fix = outcome.err.splitlines()
    assert up == "hint: 1 pending: run `d1migrate up`"
    assert fix.startswith("hint: then `d1migrate verify --fix files`")


def test_a_changed_file_comes_first(applied: Project) -> None:
    """The differences may be those of the edit."""
    applied.write("003_names.sql", "ALTER TABLE users ADD COLUMN name TEXT DEFAULT 'x';\n")
    outcome = applied.run("verify", "--check", code=3)
    assert outcome.out.splitlines()[-1] == "2 migrations agree, 1 changed; schema: 1 difference"
    assert outcome.err.startswith("hint: restore the file and write a new migration")
    assert "--fix" not in outcome.err


def test_a_file_out_of_order(applied: Project) -> None:
    """`up` would refuse it."""
    applied.write("002_late.sql", "CREATE TABLE late (a);\n")
    outcome = applied.run("verify")
    assert outcome.out.splitlines()[-1] == "3 migrations agree, 1 out of order; schema agrees"
    assert outcome.err.startswith("hint: 1 out of order: run `d1migrate renumber`")


def test_problems_are_counted(applied: Project) -> None:
    """They say themselves what to do."""
    applied.sql(GUARD)
    assert applied.run("verify").out.splitlines()[-1] == "3 migrations agree; schema agrees; 1 problem"


# --- leftovers of a rebuild ---


def test_a_leftover_guard(applied: Project) -> None:
    """Every command reports it as an error, with the SQL that removes it."""
    applied.sql(GUARD)
    for command, code in ((["status"], 0), (["verify"], 0), (["up"], 1)):
        outcome = applied.run(*command, code=code)
        said = outcome.err if command == ["up"] else outcome.out
        assert "DELETE and UPDATE on teams succeed and do nothing" in said, command
        assert f"    {DROP_GUARD}\n" in said
    for name in ("status", "verify"):
        applied.run(name, "--check", code=3)
    applied.sql(DROP_GUARD)
    for command in (["status", "--check"], ["verify", "--check"], ["up"]):
        assert "error" not in applied.run(*command).out


def test_a_guard_is_found_without_a_log(applied: Project) -> None:
    """If only wrangler has migrated."""
    applied.sql(f"{GUARD};\nDROP TABLE d1migrate_log")
    assert problems(applied, "status")[0]["name"] == "_d1m_guard_delete_teams"
    assert problems(applied, "verify")[0]["kind"] == "leftover"


def test_a_hold_table_whose_table_is_missing(applied: Project) -> None:
    """It may be the only copy of the rows: nothing suggests dropping it."""
    applied.sql("CREATE TABLE _d1m_hold_1 AS SELECT * FROM users;\nDROP TABLE users")
    (held, *_) = problems(applied, "verify")
    assert held["message"].endswith(
        "it holds 2 rows, maybe the only copy of users, which is missing: keep it"
    )
    assert held["fix"] is None
    for name in ("status", "verify"):
        assert "DROP TABLE" not in applied.run(name).out


def test_a_hold_table_whose_table_exists(applied: Project) -> None:
    """The report names the table of the rows, and how to drop the copy; `status` does not check it."""
    applied.sql("CREATE TABLE _d1m_hold_1 AS SELECT rowid AS _d1m_rowid, email FROM users")
    (held,) = problems(applied, "verify")
    assert "it holds 2 rows, probably of users; check that they are there, then drop it" in held["message"]
    assert held["fix"] == 'DROP TABLE "_d1m_hold_1";'
    (held,) = problems(applied, "status")
    assert "2 rows, maybe the only copy" in held["message"]
    assert held["fix"] is None


def test_other_leftovers(applied: Project) -> None:
    """An index, numbers of rows and an empty hold table can go; a counter cannot. They are no drift."""
    applied.sql(
        "CREATE INDEX _d1m_index_1_0 ON teams (id);\nCREATE TABLE _d1m_counts (name, rows);\n"
        "INSERT INTO _d1m_counts VALUES ('users', 2);\nCREATE TABLE _d1m_hold_1 (id);\n"
        "CREATE TABLE _d1m_sequence_1 (seq);\nINSERT INTO _d1m_sequence_1 VALUES (7)"
    )
    fixes = {problem["name"]: problem["fix"] for problem in problems(applied, "verify")}
    assert fixes == {
        "_d1m_index_1_0": 'DROP INDEX "_d1m_index_1_0";',
        "_d1m_counts": 'DROP TABLE "_d1m_counts";',
        "_d1m_hold_1": 'DROP TABLE "_d1m_hold_1";',
        "_d1m_sequence_1": None,
    }
    assert applied.run("verify", "--json").json["differences"] == []


# --- integrity ---


def test_rows_without_their_parent(applied: Project) -> None:
    """They are counted, and the first is named."""
    applied.sql("INSERT INTO teams VALUES (5, 77), (6, 78)")
    out = applied.run("verify", "--check", code=3).out
    assert (
        "error: teams: 2 rows reference a row of users that does not exist, the first with rowid 5\n" in out
    )


def test_a_foreign_key_to_no_table(applied: Project) -> None:
    """Without a row in it there is no orphan, and yet no row can be written."""
    applied.sql("CREATE TABLE cars (id INTEGER PRIMARY KEY, owner REFERENCES drivers(id))")
    (found,) = problems(applied, "verify")
    assert found["message"].startswith("cars (owner) references drivers, which does not exist")


def test_foreign_keys_that_cannot_be_checked(applied: Project) -> None:
    """One that refers to no key keeps SQLite from checking any."""
    applied.sql("CREATE TABLE cars (owner REFERENCES users(email))")
    (found,) = problems(applied, "verify")
    assert 'foreign key mismatch - "cars" referencing "users"' in found["message"]


def test_a_view_and_a_trigger_that_do_not_compile(applied: Project) -> None:
    """SQLite keeps them all the same; functions that an application adds are unknown here."""
    applied.sql(
        "CREATE VIEW v AS SELECT gone FROM users;\nCREATE VIEW own AS SELECT my_function(id) FROM users"
    )
    applied.sql("CREATE TRIGGER t AFTER INSERT ON users BEGIN DELETE FROM nowhere; END")
    assert [(p["kind"], p["name"]) for p in problems(applied, "verify")] == [("broken", "v"), ("broken", "t")]


def test_a_full_text_table_out_of_step(project: Project) -> None:
    """Rows that it lacks and rows that it should not have; 'rebuild' mends it."""
    project.write("001_notes.sql", NOTES)
    project.run("up")
    project.sql("INSERT INTO notes VALUES (1, 'milk'), (2, 'tea')")
    rebuild = 'INSERT INTO "notes_fts"("notes_fts") VALUES (\'rebuild\');'
    (found,) = problems(project, "verify")
    assert (found["kind"], found["fix"]) == ("search", rebuild)
    assert "it lacks 2 rows and has 0 too many" in found["message"]
    project.sql(rebuild)
    project.run("verify", "--check")
    project.sql("DELETE FROM notes WHERE id = 1")
    assert "has 1 too many" in problems(project, "verify")[0]["message"]


# --- after an `up` ---


def test_an_up_that_leaves_orphans(applied: Project) -> None:
    """The migration is applied, and the run fails and names them; for the next run they are old."""
    applied.write(
        "004_drop.sql",
        "PRAGMA defer_foreign_keys = ON;\nINSERT INTO teams VALUES (9, 99);\nPRAGMA defer_foreign_keys = OFF;\n",
    )
    outcome = applied.run("up", code=1)
    assert "applied 1 migration" in outcome.out
    assert (
        "error: teams: 1 row references a row of users that does not exist, the first with rowid 9"
        in outcome.err
    )
    applied.write("005_again.sql", "PRAGMA optimize;\n")
    assert "warning, as before: teams: 1 row references" in applied.run("up").err
    applied.write("006_rows.sql", "INSERT INTO users (email) VALUES ('c');\n")
    assert "teams" not in applied.run("up").err  # it can do no such thing, so rows are not looked at


def test_an_up_that_breaks_a_view(applied: Project) -> None:
    """The linter warns about it; after the run it is an error, whether the linter ran or not."""
    applied.write("004_view.sql", "CREATE VIEW v AS SELECT email FROM users;\n")
    applied.run("up")
    applied.write(
        "005_drop.sql",
        "ALTER TABLE users RENAME TO people;\nDROP VIEW v;\nCREATE VIEW v AS SELECT a FROM b;\n",
    )
    (found,) = problems(applied, "up", "--no-lint", "try", code=1)
    assert (found["kind"], found["name"], found["new"]) == ("broken", "v", True)


def test_what_a_run_should_have_left(project: Project) -> None:
    """An index that is not there is named, with the SQL that makes it."""
    project.standard()
    migrations = load_migrations(str(project.migrations))
    after = schema_of(migrations)
    bare = after._replace(tables=tuple(table._replace(indexes=()) for table in after.tables))
    (found,) = missing_objects(after, bare)
    assert found.fix == ("CREATE INDEX idx_teams_owner ON teams(owner_id);",)


def test_no_response_after_a_run(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The output still says what was applied."""
    project.standard()
    migrator = Migrator("sqlite:app.db", str(project.migrations))
    asked, batch = list[Batch](), migrator.driver.batch

    def failing(sent: Batch) -> Any:
        asked.append(sent)
        if len([one for one in asked if not one.reads]) == 3 and sent.reads:
            raise UnavailableError("the line is dead")
        return batch(sent)

    monkeypatch.setattr(migrator.driver, "batch", failing)
    report = migrator.up()
    assert len(report.steps) == 3
    assert not report.ok
    assert [problem.kind for problem in report.problems] == ["unknown"]
    assert "the line is dead" in report.problems[0].message


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        (("CREATE VIRTUAL TABLE a USING fts5(x, content=b);\nCREATE VIRTUAL TABLE b USING fts5(x, content=a);\n"
          "INSERT INTO a (x) VALUES ('abc');"), "recursively defined fts5 content table"),
        ("CREATE VIRTUAL TABLE a USING fts5(x, content=A);", "recursively defined fts5 content table"),
        ("CREATE VIRTUAL TABLE a USING fts5vocab(gone, row);", "no such fts5 table: main.gone"),
        ("CREATE VIRTUAL TABLE a USING fts5vocab(a, row);", "no such fts5 table: main.a"),
    ],
)  # fmt: skip
def test_full_text_tables_that_cannot_be_read(project: Project, sql: str, error: str) -> None:
    """D1 creates them; each command names the problem, and none fails."""
    project.write("001_a.sql", sql)
    assert f"virtual table a does not work: {error}" in project.run("lint").out
    assert f"virtual table a does not work: {error}" in project.run("rehearse", "--all", code=3).out
    assert f"virtual table a fails when it is used: {error}" in project.run("up", code=1).err
    assert f"virtual table a fails when it is used: {error}" in project.run("verify").out
    assert project.versions() == [1]


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE VIRTUAL TABLE a USING fts5(x, content=gone); INSERT INTO a (rowid, x) VALUES (1, 'abc');",
        "CREATE VIRTUAL TABLE a USING fts5(x, content='', contentless_delete=1); INSERT INTO a (x) VALUES ('abc');",
        "CREATE VIRTUAL TABLE a USING fts5(x); CREATE VIRTUAL TABLE v USING fts5vocab(a, instance);",
        "CREATE VIRTUAL TABLE a USING fts5(x); CREATE VIRTUAL TABLE b USING fts5(x, content=a);",
        (
            "CREATE TABLE t (x); CREATE VIEW w AS SELECT rowid AS id, x FROM t;"
            "CREATE VIRTUAL TABLE a USING fts5(x, content=w, content_rowid=id);"
        ),
        "CREATE VIRTUAL TABLE r USING rtree(id, low, high); CREATE VIRTUAL TABLE a USING fts5(low, content=r);",
    ],
)
def test_full_text_tables_that_can_be_searched(project: Project, sql: str) -> None:
    """Also without the table they index, or with another virtual one."""
    project.write("001_a.sql", sql)
    assert "does not work" not in project.run("lint").out
    project.run("rehearse", "--all")
    project.run("up")
    project.run("verify", "--check")


def test_a_full_text_table_that_cannot_be_compared(project: Project) -> None:
    """The report names it, and compares the rest."""
    project.write(
        "001_a.sql",
        f"{NOTES}CREATE VIRTUAL TABLE other USING fts5(body, content=notes, content_rowid=absent);\n"
        "INSERT INTO notes VALUES (1, 'a');",
    )
    project.run("up")
    found = {p["name"]: p["message"] for p in problems(project, "verify")}
    assert found["other"].startswith("full-text table other cannot be compared with notes: no such column")
    assert "lacks 1 rows" in found["notes_fts"]


def test_triggers_on_views_that_work(project: Project) -> None:
    """Each is tried by a statement that fires it; the view that it is on has columns of its own."""
    project.write(
        "001_notes.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);\n"
        "CREATE VIEW shown(id, [the text]) AS SELECT id, body FROM notes;\n"
        + "".join(
            f"CREATE TRIGGER shown_{verb[:6]} INSTEAD OF {verb} ON shown BEGIN {body}; END;\n"
            for verb, body in (
                ("INSERT", "INSERT INTO notes VALUES (new.id, new.[the text])"),
                ("UPDATE OF [the text]", "UPDATE notes SET body = new.[the text] WHERE id = old.id"),
                ("DELETE", "DELETE FROM notes WHERE id = old.id"),
            )
        ),
    )
    assert "S107" not in project.run("lint").out
    assert "X105" not in project.run("rehearse", "--all").out
    assert "error" not in project.run("up").err
    project.run("verify", "--check")
    project.sql("INSERT INTO shown VALUES (1, 'a'), (2, 'b')")
    project.sql("UPDATE shown SET [the text] = 'c' WHERE id = 1")
    project.sql("DELETE FROM shown WHERE id = 2")
    assert project.sql("SELECT * FROM notes") == [(1, "c")]
