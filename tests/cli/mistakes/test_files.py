"""Mistakes in migration files: none is silent, and each says what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.project import Project

USERS = (
    "CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, email TEXT);\n-- Rollback: DROP TABLE users;\n"
)
ADD = "ALTER TABLE users ADD COLUMN role TEXT NOT NULL;\n-- Rollback: ALTER TABLE users DROP COLUMN role;\n"
F101 = (
    "warning[F101] migrations/002_x.sql:1:1: users.role is NOT NULL without a default:"
    " give it one, or D1 refuses this if users has rows\n"
)


@pytest.fixture(autouse=True)
def users(project: Project) -> None:
    """A database with an empty table."""
    project.write("001_users.sql", USERS)
    project.run("up")


# --- a rollback that is not one ---


@pytest.mark.parametrize(
    "marker",
    [
        *("-- Rollback:", "-- rollback:", "--Rollback", "-- Roll back:", "-- Rolback:", "/* Rollback */"),
        *(
            "-- migrate:down",
            "-- +migrate Down",
            "-- +goose Down",
            "-- Down",
            "-- //@UNDO",
            "-- rambler down",
        ),
        *(
            "---- create above / drop below ----",
            "-- -- down.sql --",
            "-- Undo",
            "-- To revert this migration:",
        ),
    ],
)
@pytest.mark.parametrize("command", ["up", "up --no-lint", "plan", "lint", "rehearse"])
def test_rollback_sql_that_is_not_commented_out(project: Project, marker: str, command: str) -> None:
    """It would run with the rest: refused, whichever tool's marker is above it."""
    project.write("002_x.sql", f"CREATE TABLE IF NOT EXISTS x (id INTEGER);\n{marker}\nDROP TABLE users;\n")
    found = project.run(*command.split(), code=3 if command == "lint" else 1)
    said = found.out + found.err
    assert f"the SQL after `{marker}` would run as part of the migration" in said
    assert "comment it out as a `-- Rollback:` block, with `--` before each line" in said
    assert project.tables() == {"users"}


@pytest.mark.parametrize(
    "heading", ["-- Roll back:", "--Rollback", "/* Rollback */", "-- Rolback:", "-- Down"]
)
def test_a_rollback_block_with_another_heading(project: Project, heading: str) -> None:
    """It is no rollback block, and `up`, `plan` and `lint` ask whether one is meant."""
    project.write("002_x.sql", f"CREATE TABLE x (id INTEGER PRIMARY KEY);\n{heading}\n-- DROP TABLE x;\n")
    asked = f"`{heading}` does not start a rollback block: did you mean `-- Rollback:`?"
    assert f"warning[H114] misspelled-rollback: {asked}" in project.run("lint").out
    for command in ("plan", "up"):
        assert f"warning[H114] migrations/002_x.sql:2:1: {asked}\n" in project.run(command).err
    assert f"002_x has no rollback block ({asked})" in project.run("down", code=1).err


# --- warnings are shown where they matter ---


def test_not_null_without_a_default_on_an_empty_table(project: Project) -> None:
    """It passes here and fails in production, which has rows: `plan` and `up` say so."""
    project.write("002_x.sql", ADD)
    assert F101 in project.run("plan").err
    applied = project.run("up")
    assert applied.err.index(F101) < applied.err.index("  002_x  ")
    assert F101 not in project.run("up").err


def test_warnings_of_a_new_database(project: Project) -> None:
    """All files are pending there, and a table that another file creates may have rows in production."""
    project.write("002_x.sql", ADD)
    assert F101 in project.run("--database", "sqlite:new.db", "up").err


def test_a_warning_that_is_allowed_or_not_wanted(project: Project) -> None:
    """A reason in the file, --quiet and --no-lint silence it."""
    project.write("002_x.sql", ADD)
    assert not project.run("up", "--quiet", "--to", "2").err
    allow = '-- d1migrate: allow=F101 reason="no rows yet"\n'
    project.write("003_y.sql", allow + ADD.replace("role", "rank"))
    assert "F101" not in project.run("up").err
    project.write("004_z.sql", ADD.replace("role", "team"))
    assert "F101" not in project.run("up", "--no-lint").err


def test_many_warnings(project: Project) -> None:
    """The newest are shown, and the way to see all."""
    for number in range(2, 12):
        project.write(f"{number:03}_x.sql", ADD.replace("role", f"c{number}"))
    said = project.run("plan").err.splitlines()
    shown = [line.split(":")[0].removeprefix("warning[F101] migrations/") for line in said]
    assert shown[-6:-1] == [f"{number:03}_x.sql" for number in range(7, 12)]
    assert said[-1] == "5 more warnings; `d1migrate lint --all` shows all"
    assert project.run("up", "--verbose").err.count("warning[F101]") == 10


def test_the_gate_counts_warnings(project: Project) -> None:
    """No errors is not the whole result."""
    project.write("002_x.sql", ADD)
    (project.folder / "d1migrate.toml").write_text(
        '[env.production]\ndatabase = "sqlite:app.db"\nlint = "error"\n'
    )
    planned = project.run("plan", "--env", "production")
    assert "passed      lint  no errors, 1 warning\n" in planned.out
    assert F101 in planned.err


def test_a_plan_of_what_up_refuses(project: Project) -> None:
    """The plan is printed, and so is what stands in the way of it."""
    project.write("002_x.sql", "CREATE TABLE x (id INTEGER PRIMARY KEY);\nVACUUM;\n")
    assert "error[R105] migrations/002_x.sql:2:1: D1 refuses VACUUM: remove it\n" in project.run("plan").err


# --- the next step ---


def test_a_syntax_error_is_to_be_corrected(project: Project) -> None:
    """No override is recommended: the file cannot run."""
    project.write("002_x.sql", "CREAT TABLE x (id INTEGER);\n")
    refused = project.run("up", code=1).err
    assert 'migrations/002_x.sql:1:1: R106 D1 refuses it: near "CREAT": syntax error' in refused
    assert "  CREAT TABLE x (id INTEGER);\n  ^\n" in refused
    assert "hint: D1 cannot run this: correct the file; `d1migrate lint` explains" in refused
    assert "--no-lint" not in refused


def test_what_lint_can_fix(project: Project) -> None:
    """`lint` names the command per finding and at the end, `up` in its hint; the command works as printed."""
    project.write(
        "002_x.sql",
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, user INTEGER REFERENCES users(id) ON DELETE CASCADE);\n",
    )
    project.run("up")
    project.write(
        "003_y.sql",
        "CREATE TABLE users_new (id INTEGER PRIMARY KEY, email TEXT, name TEXT);\n"
        "INSERT INTO users_new (id, email) SELECT id, email FROM users;\n"
        "DROP TABLE users;\nALTER TABLE users_new RENAME TO users",
    )
    command = "d1migrate lint --fix migrations/003_y.sql"
    linted = project.run("lint", code=3).out
    assert linted.count(f"  or run: `{command}`\n") == 2
    assert f"\nfix 2: `{command}`\nexplain one: `d1migrate explain D101`\n" in linted
    assert f"hint: `{command}` rewrites the file; " in project.run("up", code=1).err
    project.run(*command.split()[1:], "--yes")
    project.run("up")


def test_no_final_semicolon(project: Project) -> None:
    """It runs, and the warning has the reason and the command."""
    project.write("002_x.sql", "CREATE TABLE x (id INTEGER PRIMARY KEY)\n-- Rollback: DROP TABLE x;\n")
    linted = project.run("lint").out
    assert "no `;` after the last statement: wrangler fails on this file" in linted
    assert "`wrangler d1 migrations apply` appends its own INSERT to the file" in linted
    assert "fix 1: `d1migrate lint --fix migrations/002_x.sql`\n" in linted
    assert "wrangler fails on this file; `lint --fix` adds it\n" in project.run("up").err
    project.run("lint", "--fix", "--yes")


MYSQL_AND_POSTGRES = {
    "CREATE TABLE x (id INT PRIMARY KEY AUTO_INCREMENT)": "write INTEGER PRIMARY KEY",
    "CREATE TABLE x (id INTEGER PRIMARY KEY, at TEXT DEFAULT now())": "write DEFAULT (unixepoch())",
    "CREATE TABLE x (id INTEGER PRIMARY KEY, at TEXT DEFAULT (NOW()))": "use unixepoch()",
    "ALTER TABLE users ALTER COLUMN email SET NOT NULL": '`d1migrate rebuild users --set "email …"`',
    "ALTER TABLE users MODIFY COLUMN email VARCHAR(255)": '`d1migrate rebuild users --set "email …"`',
    "CREAT TABLE x (id INTEGER)": "did you mean CREATE?",
    "UPDATE user SET email = lower(email) WHERE id > 0": "did you mean users?",
    "UPDATE users SET email = lower(emial) WHERE id > 0": "did you mean email?",
    "UPDATE users SET email = coalese(email, 'x') WHERE id > 0": "did you mean coalesce?",
    "INSERT INTO users (email) VALUES ('it\\'s')": "a quote inside a string is written twice: 'it''s'",
    "CREATE TABLE x (id INTEGER PRIMARY KEY); /* not closed": "close it with `*/`",
    "BEGIN; SELECT 1; COMMIT": "remove it, the whole file already runs as one transaction",
    "VACUUM": "remove it",
    "ATTACH 'other.db' AS other": "it has one database; remove it",
    "CREATE TABLE users (id INTEGER PRIMARY KEY)": "`d1migrate adopt` proves that and records it",
}


@pytest.mark.parametrize("sql", MYSQL_AND_POSTGRES)
@pytest.mark.parametrize("command", ["up", "lint"])
def test_sql_that_sqlite_does_not_have(project: Project, sql: str, command: str) -> None:
    """The error says what to write, and where; nothing ran."""
    project.write("002_x.sql", f"{sql};\n")
    found = project.run(command, code=1 if command == "up" else 3)
    said = found.out + found.err
    assert MYSQL_AND_POSTGRES[sql] in said
    assert "migrations/002_x.sql:1:" in said
    assert "--no-lint" not in said
    assert project.tables() == {"users"}


def test_a_type_that_only_looks_as_if_it_numbers_rows(project: Project) -> None:
    """SQLite accepts SERIAL, and stores NULL: `up` warns."""
    project.write("002_x.sql", "CREATE TABLE x (id SERIAL PRIMARY KEY);\n-- Rollback: DROP TABLE x;\n")
    said = project.run("up").err
    assert "x.id: SERIAL numbers no rows, so an INSERT without a value stores NULL" in said
    assert "write INTEGER PRIMARY KEY" in said


# --- names of files ---


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("add_teams.sql", "rename it, e.g. to 002_add_teams.sql"),
        ("V3__teams.sql", "rename it, e.g. to 003_teams.sql"),
        ("002_teams.down.sql", "write the rollback as a `-- Rollback:` block"),
        ("001_z.sql", "`d1migrate renumber` gives the pending one a new number"),
    ],
)
def test_a_file_that_the_table_cannot_hold(project: Project, name: str, says: str) -> None:
    """It is refused before anything runs, with the name to give it."""
    project.use_versions()
    project.write(name, "CREATE TABLE teams (id INTEGER PRIMARY KEY);\n")
    refused = project.run("up", code=1).err
    assert name.removesuffix(".sql") in refused
    assert says in refused


def test_a_down_file_with_the_number_of_its_up_file(project: Project) -> None:
    """It is the down file that is wrong: a new number would make it a migration."""
    project.use_versions()
    project.write("002.up.sql", "CREATE TABLE teams (id INTEGER PRIMARY KEY);\n")
    project.write("002.down.sql", "DROP TABLE teams;\n")
    refused = project.run("up", code=1).err
    assert "migrations/002.down.sql: wrangler would run this down file as a forward migration" in refused
    assert "write the rollback as a `-- Rollback:` block" in refused
    assert "renumber" not in refused


def test_an_ending_in_capitals(project: Project) -> None:
    """Wrangler skips the file, and so does d1migrate, but not without a word."""
    project.write("002_x.SQL", "SELECT 1;\n")
    assert (
        "warning: not run: 002_x.SQL; wrangler skips them unless their ending is .sql: rename it to 002_x.sql"
        in project.run("up").err
    )


def test_the_name_of_a_new_file(project: Project) -> None:
    """Latin letters are kept as ASCII, and other scripts need a description in Latin letters."""
    assert project.run("new", "émigré ünï").out == "migrations/002_emigre_uni.sql\n"
    refused = project.run("new", "日本語", code=2).err
    assert "hint: write it in Latin letters: `d1migrate new add_teams`" in refused


def test_a_template_that_is_not_filled_in(project: Project) -> None:
    """It is refused, before it is recorded."""
    project.run("new", "teams")
    err = project.run("up", code=1).err
    assert "002_teams.sql:1:1: H115 the change is not written yet: write it, or delete the file" in err


@pytest.mark.parametrize("text", ["", "-- nothing yet\n"])
def test_a_file_without_a_statement(project: Project, text: str) -> None:
    """It is recorded, as wrangler records it; the warning says how to fill it in after all."""
    project.write("002_teams.sql", text)
    assert (
        "warning: 002_teams has no statement, and is only recorded;"
        " to fill it in later, roll it back first: `d1migrate down`\n"
    ) in project.run("up").err
    project.run("down")
    project.write("002_teams.sql", "CREATE TABLE teams (id INTEGER PRIMARY KEY);\n")
    project.run("up")
    assert project.tables() == {"users", "teams"}


# --- files and history ---


def test_a_late_number(project: Project) -> None:
    """`renumber` first, the override after it."""
    project.write("003_x.sql", "CREATE TABLE x (id INTEGER PRIMARY KEY);\n")
    project.run("up")
    project.write("002_y.sql", "CREATE TABLE y (id INTEGER PRIMARY KEY);\n")
    refused = project.run("up", code=1).err
    assert "002_y is pending, but 003_x, which comes later, is already applied" in refused
    assert "hint: `d1migrate renumber` gives it a newer number" in refused


def test_an_applied_file_that_was_edited_or_removed(project: Project) -> None:
    """Restore it, or record the new state with a reason."""
    project.write("001_users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY);\n")
    edited = project.run("up", code=1).err
    assert "001_users: edited after being applied" in edited
    assert "restore the file and write a new migration" in edited
    (project.migrations / "001_users.sql").unlink()
    project.write("002_x.sql", "SELECT 1;\n")
    removed = project.run("up", code=1).err
    assert "001_users: applied, but the file is missing" in removed
    assert "restore the file" in removed
    assert "`d1migrate repair --forget 001_users --reason" in removed


def test_a_file_that_is_not_utf8(project: Project) -> None:
    """The byte and its place, and what to do."""
    project.write("002_x.sql", b"SELECT 'caf\xe9';\n")
    refused = project.run("up", code=1).err
    assert (
        "migrations/002_x.sql:1: not UTF-8: byte 0xe9 at offset 11\nhint: save the file as UTF-8\n" in refused
    )


def test_a_foreign_key_that_the_rows_violate(project: Project) -> None:
    """The statement, and that nothing of the file was applied."""
    project.write(
        "002_x.sql",
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, user INTEGER REFERENCES users(id));\n"
        "CREATE INDEX idx_posts_user ON posts(user);\nINSERT INTO posts VALUES (1, 99);\n",
    )
    failed = project.run("up", code=1).err
    assert "migrations/002_x.sql:3: FOREIGN KEY constraint failed" in failed
    assert (
        "hint: a row references one that does not exist: insert that one first, or correct the row" in failed
    )
    assert "    3 | INSERT INTO posts VALUES (1, 99)\nno part of 002_x was applied" in failed


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        (
            "INSERT INTO schema_migrations (version, name, applied_at) VALUES (7, 'x', 1)",
            "let it insert version 2",
        ),
        ("DROP TABLE schema_migrations", "a migration records only its own version"),
    ],
)
def test_a_file_that_writes_the_history(project: Project, sql: str, says: str) -> None:
    """Only its own record is allowed."""
    project.use_versions()
    project.write("002_x.sql", f"{sql};\n")
    assert says in project.run("up", code=1).err


def test_commands_are_for_the_same_database(project: Project) -> None:
    """A hint that is pasted does not lint or change another one."""
    (project.folder / "d1migrate.toml").write_text('[env.staging]\ndatabase = "sqlite:app.db"\n')
    project.write("002_x.sql", "REPLACE INTO users (id) VALUES (1);\nSELECT 1")
    project.write(
        "003_y.sql", "CREATE TABLE p (id INTEGER PRIMARY KEY REFERENCES users(id) ON DELETE CASCADE);\n"
    )
    project.run("up", "--env", "staging")
    project.write("004_z.sql", "REPLACE INTO users (id) VALUES (1);\nSELECT 1")
    refused = project.run("up", "--env", "staging", code=1).err
    assert "hint: `d1migrate lint --env staging` explains why; to override: " in refused
    assert "`d1migrate up --no-lint REASON --env staging`\n" in refused
    linted = project.run("lint", "--env", "staging", code=3).out
    assert "\nfix 1: `d1migrate lint --fix migrations/004_z.sql --env staging`\n" in linted


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("ALTER TABLE users ADD COLUMN role TEXT NOT NULL", "existing rows need a value: give the column a DEFAULT"),
        ("CREATE UNIQUE INDEX i ON users(email)", "two rows have one value: change or delete rows first"),
        ("CREATE TABLE t (a TEXT NOT NULL); INSERT INTO t SELECT NULL", "a row has no value"),
        ("CREATE TABLE t (a INT CHECK (a > 0)); INSERT INTO t VALUES (0)", "a row does not meet the CHECK"),
    ],
)  # fmt: skip
def test_rows_that_a_statement_refuses(project: Project, sql: str, hint: str) -> None:
    """The rows, and not the SQL, are to be corrected first."""
    project.sql("INSERT INTO users VALUES (1, 'a'), (2, 'a')")
    project.write("002_x.sql", f"{sql};\n")
    assert f"\nhint: {hint}" in project.run("up", code=1).err


@pytest.mark.parametrize("name", ["teams.sql", "003_teams", "V3__teams.sql", "migrations/003_teams.sql"])
def test_a_file_name_instead_of_a_description(project: Project, name: str) -> None:
    """It would become 003_003_teams_sql.sql."""
    refused = project.run("new", name, code=2).err
    assert f"error: '{name}' is the name of a file, and `new` takes a description\n" in refused
    assert "hint: `new` adds the number and .sql: `d1migrate new teams`\n" in refused
    assert project.run("new", "2 teams per user").out == "migrations/002_2_teams_per_user.sql\n"
