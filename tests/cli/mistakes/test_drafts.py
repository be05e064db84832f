"""Mistyped or useless arguments of `diff`, `rebuild` and `verify --fix`: an error with the next step, and no file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.project import Outcome, Project

FIRST = """\
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, name TEXT);
CREATE TABLE posts (id INTEGER PRIMARY KEY, title TEXT);
"""


@pytest.fixture
def begun(project: Project) -> Project:
    """A project with two tables, applied."""
    project.write("001_first.sql", FIRST)
    project.run("up", "--no-lint")
    return project


def refused(project: Project, *arguments: str, code: int = 2) -> Outcome:
    """Run a command that has to fail, and check that it wrote no file."""
    found = project.run(*arguments, code=code)
    assert [path.name for path in project.migrations.iterdir()] == ["001_first.sql"]
    return found


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["user", "--set", "email TEXT"], "no such table: user", "did you mean users?"),
        (["zzz", "--drop", "email"], "no such table: zzz", "tables: posts, users"),
        (["users", "--set", "emial TEXT"], "users has no column emial", "did you mean email?"),
        (["users", "--set", "age INT"], "users has no column age", '--add "age INT" adds it'),
        (["users", "--add", "Email TEXT"], "users already has a column email", '--set "Email TEXT" changes it'),
        (["users", "--drop", "nam"], "users has no column nam", "did you mean name?"),
        (["users", "--drop", "zzz"], "users has no column zzz", "columns: id, email, name"),
        (["users", "--add", "a INT", "--add", "A TEXT"], "several flags name the column A", "--add"),
        (["users", "--set", "name INT", "--drop", "name"], "several flags name the column name", "--drop"),
        (["users"], "rebuild changes nothing without a flag", "--set"),
        (["users", "--set", "email"], "--set 'email' is only a name", "for example: --set 'email TEXT NOT NULL'"),
        (
            ["users", "--set", "email TEXT NOT NUL"],
            'D1 refuses the new table users: near "NUL": syntax error\n',
            "correct the definition of the column",
        ),
    ],
)  # fmt: skip
def test_rebuild(begun: Project, arguments: list[str], message: str, hint: str) -> None:
    """A table or a column that does not exist is named, with the nearest one; --add is for new columns only."""
    err = refused(begun, "rebuild", *arguments).err
    assert err.startswith(f"error: {message}")
    assert hint in err.partition("\nhint: ")[2]


WANTED = """\
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, full_name TEXT, role TEXT NOT NULL);
"""
DECLARED = (
    *("--rename", "users.name=full_name", "--backfill", "users.role=lower(email)", "--allow-drop", "posts"),
)


def with_flag(flag: str, value: str) -> list[str]:
    """The flags of a draft that works, one of them changed."""
    flags = list(DECLARED)
    flags[flags.index(flag) + 1] = value
    return flags


@pytest.mark.parametrize(
    ("flags", "message", "hint"),
    [
        (with_flag("--rename", "user.name=full_name"), "no such table: user", "did you mean users?"),
        (with_flag("--rename", "users.nam=full_name"), "users has no column nam", "did you mean name?"),
        (with_flag("--rename", "users.name=fulname"), "the desired schema has no fulname", "did you mean full_name?"),
        (with_flag("--rename", "zzz=people"), "no such table: zzz", "tables: posts, users"),
        (with_flag("--backfill", "user.role=''"), "no such table: user", "did you mean users?"),
        (with_flag("--backfill", "users.rol=''"), "users has no column rol", "did you mean role?"),
        (with_flag("--backfill", "users.zzz=''"), "users has no column zzz", "columns: "),
        (with_flag("--allow-drop", "post"), "no such table: post", "did you mean posts?"),
        (with_flag("--allow-drop", "posts.titel"), "posts has no column titel", "did you mean title?"),
        ([*DECLARED, "--rename", "users.x=email"], "has no effect: email exists, and x does not", "leave the flag out"),
        ([*DECLARED, "--backfill", "users.role=''"], "two --backfill are for users.role", "keep one"),
        ([*DECLARED, "--backfill", "posts.title=''"], "has no effect: the migration does not write title", "leave the flag out"),
        ([*DECLARED, "--allow-drop", "users"], "has no effect: the migration does not drop it", "leave the flag out"),
    ],
)  # fmt: skip
def test_diff(begun: Project, flags: list[str], message: str, hint: str) -> None:
    """A flag that names what does not exist, or that has no effect, is an error; the nearest name is the hint."""
    (begun.folder / "schema.sql").write_text(WANTED)
    begun.run("diff", *DECLARED, "--dry-run")
    for arguments in (["diff", *flags], ["diff", *flags, "--check"]):
        err = refused(begun, *arguments).err
        assert message in err.partition("\nhint: ")[0]
        assert hint in err.partition("\nhint: ")[2]


def test_the_same_diff_again(begun: Project) -> None:
    """Once the migration is written nothing differs, so a rename that is done and a value are no mistake."""
    (begun.folder / "schema.sql").write_text(WANTED)
    begun.run("diff", *DECLARED[:4], "--allow-drop", "all")
    assert begun.run("diff", *DECLARED[:4], "--allow-drop", "all").err == "no difference\n"


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        ("uper(email)", "no such function: uper\n  uper(email)\n  ^\n"),
        ("lower(emial)", "no such column: emial\n  lower(emial)\n        ^\nhint: did you mean email?\n"),
        ("viewer", "no such column: viewer\n  viewer\n  ^\nhint: text needs quotes: --backfill \"users.role='viewer'\"\n"),
        ("select 'a'", "a SELECT needs parentheses\n  select 'a'\n  ^\nhint: --backfill \"users.role=(select 'a')\"\n"),
        ("'a' ||", 'near ")": syntax error\n  \'a\' ||\n'),
        ("1) FROM users --", "not one SQL expression: check its parentheses\n  1) FROM users\n"),
        ("lower('a)", "unclosed quote or comment\n  lower('a)\n        ^\n"),
        ("max(email)", "misuse of aggregate function max()\n  max(email)\n  ^\nhint: write a subquery: (SELECT … FROM users)\n"),
        ("nobody.email", "no such column: nobody.email\n  nobody.email\n  ^\n"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("role", ["role TEXT", "role TEXT NOT NULL"])
def test_a_value_that_is_not_sql(begun: Project, role: str, value: str, answer: str) -> None:
    """The error has the flag and its SQL with a caret, whether the table is rebuilt or not."""
    wanted = WANTED.replace("role TEXT NOT NULL", role)
    (begun.folder / "schema.sql").write_text(wanted)
    err = refused(begun, "diff", *with_flag("--backfill", f"users.role={value}")).err
    assert err.startswith(f"error: --backfill users.role: {answer}")
    assert "_d1m_" not in err


def test_a_column_is_added(begun: Project) -> None:
    """By --add, with or without a type."""
    assert "ADD COLUMN age" in begun.run("rebuild", "users", "--add", "age", "--dry-run").out


def test_diff_without_a_schema_file(begun: Project) -> None:
    """The hint is the command that writes one, never over a folder; a mistyped name has the usual one as a hint."""
    err = refused(begun, "diff").err
    assert err == (
        "error: cannot read schema.sql: No such file or directory\n"
        "hint: `d1migrate schema --at latest --output schema.sql` writes one\n"
    )
    err = refused(begun, "diff", "--to", "migrations").err
    assert err.startswith(
        "error: migrations is the migrations folder of the project, and --to takes the desired schema\n"
    )
    assert "hint: `d1migrate schema --at latest --output schema.sql` writes what the migrations build" in err
    begun.run("schema", "--at", "latest", "--output", "schema.sql")
    assert begun.run("diff").err == "no difference\n"
    assert "`d1migrate schema --at latest --output schema.sql`" in refused(begun, "diff", "--to", "3").err
    assert "hint: did you mean schema.sql?" in refused(begun, "diff", "--to", "schma.sql").err
    assert "did you mean users?" in refused(begun, "schema", "user").err
    assert "did you mean users?" in refused(begun, "rehearse", "--scale", "user=5").err


def test_values_that_a_rebuild_would_lose(begun: Project) -> None:
    """The hint is a command that exists."""
    err = refused(begun, "rebuild", "users", "--set", "name AS (lower(email))", code=1).err
    assert "error: users.name would be dropped, with all values\n" in err
    assert "hint: drop it in a migration of its own: `d1migrate rebuild users --drop name`\n" in err


@pytest.mark.parametrize(
    ("flags", "message", "hint"),
    [
        (["--rename", "user.x=role"], "no such table: user", "did you mean users?"),
        (["--backfill", "user.role=''"], "no such table: user", "did you mean users?"),
        (["--allow-drop", "users.rol"], "users has no column rol", "did you mean role?"),
        (
            ["--allow-drop", "users.email"],
            "has no effect: the migration does not drop it",
            "leave the flag out",
        ),
    ],
)
@pytest.mark.parametrize("side", ["files", "live"])
def test_verify(begun: Project, side: str, flags: list[str], message: str, hint: str) -> None:
    """The same holds for --fix; without it, the flags have no use."""
    begun.sql("ALTER TABLE users ADD COLUMN role TEXT")
    drop = ["--allow-drop", "users.role"] if side == "files" else []
    err = refused(begun, "verify", "--fix", side, *drop, *flags).err
    assert message in err.partition("\nhint: ")[0]
    assert hint in err.partition("\nhint: ")[2]
    err = refused(begun, "verify", *flags).err
    assert "--rename, --backfill and --allow-drop are for --fix\nhint: `--fix files` prints SQL" in err


def test_what_diff_needs_to_know(begun: Project) -> None:
    """The hints are the flags to add."""
    (begun.folder / "schema.sql").write_text(WANTED)
    err = refused(begun, "diff", code=1).err
    assert (
        "hint: to rename: --rename users.name=full_name or --rename users.name=role; to drop: --allow-drop"
        in err
    )
    err = refused(begun, "diff", *DECLARED[:2], *DECLARED[4:], code=1).err
    assert "error: users.role is new and NOT NULL: existing rows need a value\n" in err
    assert "hint: add --backfill \"users.role='…'\"\n" in err
