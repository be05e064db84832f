"""Commands that write files, killed at any system call or on a full disk: the next run finishes the change."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.migrate.table import NameTable
from d1migrate.project import disk
from tests.cli.project import ONE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.project import Project

CALLS = ("link", "unlink", "replace", "rename", "fsync")
TALLY = "CREATE TABLE tally (n INTEGER);"
JOURNAL = ".d1migrate-journal.json"


class Killed(BaseException):
    """Stands for the end of the process: no later code runs."""


def kill_at(patch: pytest.MonkeyPatch, number: int) -> None:
    """Let the process die at its n-th call that changes a folder, after every call before it was done."""
    seen = 0

    def dying(call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            nonlocal seen
            seen += 1
            if seen >= number:
                raise Killed
            return call(*arguments, **options)

        return run

    for name in CALLS:
        patch.setattr(os, name, dying(getattr(os, name)))


def killed(project: Project, number: int, *arguments: str) -> bool:
    """Run a command that is killed at its n-th call; whether it was."""
    with pytest.MonkeyPatch.context() as patch:
        kill_at(patch, number)
        try:
            project.run(*arguments)
        except Killed:
            return True
        return False


def contents(project: Project) -> dict[str, str]:
    """The migrations there are, and their rollback files."""
    paths = [*project.migrations.glob("[0-9]*"), *project.folder.glob("rollback/[0-9]*")]
    return {os.path.relpath(path, project.migrations): path.read_text() for path in sorted(paths)}


def colliding(project: Project) -> None:
    """Two files of version 2, and each file moves to the name that the next one has."""
    project.write("001_a.sql", TALLY)
    project.run("up")
    project.write("002_a.sql", "INSERT INTO tally VALUES (1);")
    project.write("002_b.sql", ONE.replace("001_users", "002_b").replace("VALUES (1", "VALUES (2"))
    project.write("003_b.sql", "INSERT INTO tally VALUES (2);")
    project.write("004_b.sql", "INSERT INTO tally VALUES (3);")
    (project.folder / "rollback").mkdir(exist_ok=True)
    for number in (3, 4):
        path = project.folder / f"rollback/00{number}_b.sql"
        path.write_text(f"DELETE FROM tally WHERE n = {number - 1};")


@pytest.mark.parametrize("number", range(1, 31))
def test_renumber(project: Project, number: int) -> None:
    """No statement runs twice, and the second `renumber` ends as a single one would."""
    colliding(project)
    project.run("renumber", "--yes")
    wanted = contents(project)
    moved = ["../rollback/004_b.sql", "../rollback/005_b.sql"]
    assert sorted(wanted) == [*moved, "001_a.sql", "002_a.sql", "003_b.sql", "004_b.sql", "005_b.sql"]
    assert wanted["../rollback/005_b.sql"] == "DELETE FROM tally WHERE n = 3;"
    for name in wanted:
        (project.migrations / name).unlink()
    colliding(project)
    was_killed = killed(project, number, "renumber", "--yes")
    if contents(project) != wanted:
        assert was_killed
        refused = project.run("up", code=1).err
        assert "hint: `d1migrate renumber`" in refused
        assert project.sql("SELECT * FROM tally") == []
        project.run("renumber", "--yes")
    assert contents(project) == wanted
    project.run("up", "--no-lint")
    assert project.sql("SELECT n FROM tally ORDER BY n") == [(1,), (2,), (3,)]
    assert project.run("renumber", "--yes").out == "nothing to do\n"
    assert not (project.migrations / JOURNAL).exists()


@pytest.mark.parametrize("number", range(1, 27))
def test_renumber_files_in_folders(project: Project, number: int) -> None:
    """Each file takes its folder along; what else is in the folder stays, as it is a generator's."""
    (project.folder / "d1migrate.toml").write_text('pattern = "*/up.sql"\n')
    paths = ["1-a/up.sql", "2-b/up.sql", "3-c/up.sql", "4-d/up.sql"]
    for n, path in enumerate(paths):
        (project.migrations / path).parent.mkdir()
        project.write(path, f"INSERT INTO tally VALUES ({n});" if n else TALLY)
    project.write("2-b/snapshot.json", "{}")
    (project.folder / "rollback/2-b").mkdir(parents=True)
    (project.folder / "rollback/2-b/up.sql").write_text("DELETE FROM tally WHERE n = 1;")
    project.sql(
        f"{TALLY}\n{NameTable().create};\nINSERT INTO d1_migrations (name) VALUES ('1-a/up.sql'), ('4-d/up.sql')"
    )
    was_killed = killed(project, number, "renumber", "--yes")
    left = sorted(str(path.relative_to(project.folder)) for path in project.folder.rglob("*.sql"))
    wanted = ["1-a/up.sql", "4-d/up.sql", "5-b/up.sql", "6-c/up.sql"]
    if left != [*(f"migrations/{path}" for path in wanted), "rollback/5-b/up.sql"]:
        assert was_killed
        project.run("renumber", "--yes")
    assert sorted(path.name for path in project.migrations.iterdir() if path.name[0] != ".") == [
        *("1-a", "2-b", "4-d", "5-b", "6-c"),
    ]
    assert list((project.migrations / "2-b").iterdir()) == [project.migrations / "2-b/snapshot.json"]
    project.run("up", "--no-lint")
    assert project.sql("SELECT n FROM tally ORDER BY n") == [(1,), (2,)]
    assert (project.folder / "rollback/5-b/up.sql").read_text() == "DELETE FROM tally WHERE n = 1;"


@pytest.mark.parametrize("number", range(1, 16))
def test_squash(project: Project, number: int) -> None:
    """The new file and those it replaces never both run."""
    project.standard()
    was_killed = killed(project, number, "squash", "--to", "3", "--yes")
    if sorted(contents(project)) != ["003_squashed.sql"]:
        assert was_killed
        if (project.migrations / JOURNAL).exists():
            assert "hint: `d1migrate squash --to 3` finishes it" in project.run("up", code=1).err
            assert "`d1migrate squash --to 3` finishes it" in project.run("renumber", code=1).err
        assert project.run("squash", "--to", "3", "--yes").out == "migrations/003_squashed.sql\n"
    assert sorted(contents(project)) == ["003_squashed.sql"]
    project.run("up")
    assert not (project.migrations / JOURNAL).exists()


def test_a_squash_up_to_a_name(project: Project) -> None:
    """The hint can be pasted into a shell, whatever the name is."""
    project.write("0001_a.sql", TALLY)
    project.write("0002_b c.sql", "INSERT INTO tally VALUES (1);")
    assert killed(project, 6, "squash", "--to", "0002_b c", "--yes")
    assert "`d1migrate squash --to '0002_b c'` finishes it" in project.run("up", code=1).err
    assert project.run("squash", "--to", "0002_b c", "--yes").out == "migrations/0002_squashed.sql\n"
    assert sorted(contents(project)) == ["0002_squashed.sql"]


def test_a_dry_run_finishes_nothing(project: Project) -> None:
    """It prints what remains to be done."""
    colliding(project)
    assert killed(project, 7, "renumber", "--yes")
    before = contents(project)
    out = project.run("renumber", "--dry-run").out
    assert out == "002_b → 003_b\n003_b → 004_b\n004_b → 005_b\n"
    assert contents(project) == before
    assert project.run("renumber", "--yes").out == out


def test_a_file_edited_since_is_kept(project: Project) -> None:
    """A file that would be removed keeps edits made after the kill."""
    project.use_versions()
    project.write("001_a.sql", TALLY)
    project.write("001_b.sql", "INSERT INTO tally VALUES (1);")
    assert killed(project, 8, "renumber", "--yes")
    assert sorted(contents(project)) == ["001_a.sql", "001_b.sql", "002_b.sql"]
    project.write("001_b.sql", "INSERT INTO tally VALUES (2);")
    ended = project.run("renumber", code=1).err
    assert "`d1migrate renumber` was interrupted, and 001_b.sql has been edited since" in ended
    assert "VALUES (2)" in contents(project)["001_b.sql"]


MOVED = f'["001_a.sql", "{sha256(TALLY.encode()).hexdigest()}", null]'
RENUMBER = '{"command": "renumber", "changes": [%s], "report": %s}'


@pytest.mark.parametrize(
    "value",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        '{"command": "renumber", "report": [], "changes": [["../../x.sql", "", null]]}',
        RENUMBER % ('["a/../../x.sql", null, ""]', "[]"),
        RENUMBER % ('["/x.sql", null, ""]', "[]"),
        RENUMBER % ('[".hidden/x.sql", null, ""]', "[]"),
        RENUMBER % (MOVED.replace("null", "5"), "[]"),
        RENUMBER % (f'{MOVED}, ["003_a.sql", null, 5]', "[]"),
        RENUMBER % (f'{MOVED}, ["003_a.sql", null, "\\ud800"]', "[]"),
        RENUMBER % (f'{MOVED}, ["003_a.sql", null, null]', "[]"),
        RENUMBER % ('["001_a.sql", "", null]', "[]"),
        RENUMBER % (MOVED, "5"),
        RENUMBER % (MOVED, "[{}]"),
        RENUMBER % (MOVED, '[{"from": 1, "to": "x", "version": 2}]'),
        RENUMBER.replace("renumber", "squash --to 2") % (MOVED, "null"),
        RENUMBER.replace("renumber", "squash --to 2") % (MOVED, '{"path": 5, "squashed": []}'),
        RENUMBER.replace("renumber", "squash --to 2") % (MOVED, '{"path": "x.sql", "squashed": 5}'),
        RENUMBER.replace("renumber", "up --no-lint") % (MOVED, "[]"),
    ],
)
@pytest.mark.parametrize("command", [("up",), ("renumber",), ("squash", "--to", "2")])
def test_a_journal_that_is_none(project: Project, value: str, command: tuple[str, ...]) -> None:
    """It is refused, whatever it names, and no file is touched."""
    project.write("001_a.sql", TALLY)
    (project.migrations / JOURNAL).write_text(value)
    ended = project.run(*command, code=1).err
    assert JOURNAL in ended
    assert "hint: delete it" in ended
    assert contents(project) == {"001_a.sql": TALLY}


def test_a_journal_that_leads_out_of_the_folder(project: Project) -> None:
    """By a link to another folder: nothing is written there."""
    project.write("001_a.sql", TALLY)
    (project.folder / "other").mkdir()
    (project.migrations / "link").symlink_to(project.folder / "other")
    change = f'["link/x.sql", null, "SELECT 1;"], {MOVED}'
    (project.migrations / JOURNAL).write_text(RENUMBER % (change, "[]"))
    assert "'link/x.sql' is reached by a link" in project.run("renumber", code=1).err
    assert list((project.folder / "other").iterdir()) == []


def test_a_journal_that_is_a_pipe(project: Project) -> None:
    """It is refused, and not waited for."""
    project.write("001_a.sql", TALLY)
    os.mkfifo(project.migrations / JOURNAL)
    assert "is not the journal of an interrupted command: not a regular file" in project.run("up", code=1).err


def test_what_took_the_name_of_a_new_file_stays_and_so_does_the_old_one(project: Project) -> None:
    """Another file got the name before the change was finished: the text has no other place."""
    project.use_versions()
    project.write("001_a.sql", TALLY)
    project.write("001_b.sql", "INSERT INTO tally VALUES (1);")
    assert killed(project, 4, "renumber", "--yes")
    assert sorted(contents(project)) == ["001_a.sql", "001_b.sql"]
    project.write("002_b.sql", "SELECT 1;")
    before = contents(project)
    ended = project.run("renumber", code=1).err
    assert "`d1migrate renumber` was interrupted, and 002_b.sql has unexpected content" in ended
    assert contents(project) == before


@pytest.mark.parametrize(
    ("command", "meanwhile", "out"),
    [
        (("renumber", "--yes"), "002_x.sql", "001_b → 002_b\n002_x → 003_x\n"),
        (("squash", "--to", "3", "--yes"), "003_x.sql", "migrations/003_squashed.sql\n"),
        (("new", "c"), "003_x.sql", "migrations/004_c.sql\n"),
        (("index", "--output", "index.js"), "003_x.sql", "index.js\n"),
        (("diff", "--to", "schema.sql"), "003_x.sql", "migrations/004_create_other.sql\n"),
    ],
)
def test_two_commands_that_change_one_folder_take_turns(
    project: Project, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], meanwhile: str, out: str
) -> None:
    """The second waits for the first, and then reads its result."""
    project.use_versions()
    project.write("001_a.sql", TALLY)
    project.write("001_b.sql" if command[0] == "renumber" else "002_b.sql", "INSERT INTO tally VALUES (1);")
    (project.folder / "schema.sql").write_text("CREATE TABLE tally (n INTEGER); CREATE TABLE other (n);")
    lock = fcntl.flock

    def wait(number: int, operation: int) -> None:
        project.write(meanwhile, "INSERT INTO tally VALUES (2);")
        lock(number, operation)

    monkeypatch.setattr(fcntl, "flock", wait)
    assert project.run(*command).out == out
    if command[0] == "index":
        assert "003_x" in (project.folder / "index.js").read_text()


def test_a_folder_is_locked_until_the_block_ends(tmp_path: Path) -> None:
    """And a folder that does not exist needs no lock."""
    number = os.open(tmp_path, os.O_RDONLY)
    with disk.locked(str(tmp_path)), pytest.raises(BlockingIOError):
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(number)
    with disk.locked(str(tmp_path / "none")):
        pass


def test_a_squash_beside_what_it_stands_for(project: Project) -> None:
    """Without the journal, too, as after a merge: both would run."""
    project.standard()
    kept = (project.migrations / "002_teams.sql").read_bytes()
    project.run("squash", "--to", "3", "--yes")
    project.write("002_teams.sql", kept)
    ended = project.run("up", code=1).err
    assert "003_squashed replaces 002_teams, which is still in the folder" in ended
    assert "hint: delete migrations/002_teams.sql" in ended
    assert not project.database.exists()
    project.run("status")
    (project.migrations / "002_teams.sql").unlink()
    project.run("up")
    project.write("002_teams.sql", kept)
    assert "still in the folder" in project.run("up", "--allow-out-of-order", code=1).err


FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
from d1migrate.cli import main
sys.exit(main(sys.argv[2:]))
"""
WIDE = "CREATE TABLE p (id INTEGER PRIMARY KEY, v TEXT);\n-- " + "x" * 400 + "\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ("new", "one more"),
        ("rebuild", "p", "--set", "v TEXT NOT NULL", "--backfill", "p.v='x'"),
        ("squash", "--to", "2", "--yes"),
        ("renumber", "--yes"),
        ("baseline", "as found"),
        ("index", "--output", "index.py"),
        ("schema", "--at", "latest", "--sql", "--output", "schema.sql"),
        ("plan", "--output", "plan.json"),
    ],
)
def test_a_full_disk(project: Project, arguments: tuple[str, ...]) -> None:
    """The error says so, and the folder is unchanged: no partial and no hidden file."""
    project.use_versions()
    project.write("001_a.sql", WIDE)
    project.write("002_b.sql" if arguments[0] != "renumber" else "001_b.sql", WIDE.replace(" p ", " q "))
    if arguments[0] == "baseline":
        project.sql("CREATE TABLE p (id INTEGER PRIMARY KEY, v TEXT)")
        for path in project.migrations.iterdir():
            path.unlink()
    before = {path: path.read_bytes() for path in files_of(project.folder)}
    ended = subprocess.run(
        [sys.executable, "-c", FULL, "64", *arguments],
        cwd=project.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 2, ended.stderr
    assert "File too large" in ended.stderr
    assert {path: path.read_bytes() for path in files_of(project.folder)} == before


def files_of(folder: Path) -> list[Path]:
    """Every file, hidden ones too."""
    return sorted(path for path in folder.rglob("*") if path.is_file())
