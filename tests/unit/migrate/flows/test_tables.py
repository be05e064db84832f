"""Two migrations tables: to keep them in step, and to move the history from one to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import HistoryError, UsageError
from d1migrate.migrate import history as h
from d1migrate.migrate import table
from d1migrate.migrate.flows import tables
from d1migrate.migrate.flows.down import choose, down
from d1migrate.migrate.flows.read import read_history, status
from d1migrate.migrate.flows.repair import plan_forget
from d1migrate.migrate.flows.up import up
from d1migrate.migrate.refusals import unwritable
from d1migrate.migrate.source import load
from d1migrate.migrate.table_choice import USUAL, Suggestion, TableChoice
from tests.unit.migrate.shorthand import files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.migrate.migration import Migration
    from tests.unit.migrate.flows.database import Database

NAMES, VERSIONS = TableChoice(table.WRANGLER), TableChoice(table.VERSIONS)


def wrangler(empty: Database, *names: str) -> None:
    """Wrangler's table, with rows of 2020."""
    empty.script(f"{table.NameTable().create};")
    for name in names:
        empty.script(
            f"INSERT INTO d1_migrations (name, applied_at) VALUES ('{name}.sql', '2020-01-01 00:00:00')"
        )


def names(empty: Database) -> list[str]:
    """What wrangler's table records, by id."""
    return [str(name) for (name,) in empty.rows("SELECT name FROM d1_migrations ORDER BY id")]


def states(empty: Database, migrations: Sequence[Migration], choice: TableChoice) -> str:
    """The name and the state of each migration."""
    return ", ".join(f"{e.name} {e.state}" for e in empty.run(status(migrations, choice)))


def tables_of(empty: Database) -> set[object]:
    """The names of the tables."""
    return {name for (name,) in empty.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def move(empty: Database, migrations: Sequence[Migration], choice: TableChoice) -> tables.HistoryMove:
    """Move the history, if that is possible."""
    found = empty.run(tables.plan_move(migrations, choice))
    empty.run(tables.move(found, empty.stamp, reason="a test"))
    return found


# --- in step ---


def test_what_one_table_lacks(empty: Database) -> None:
    """Is recorded in it with the time of the other, and nothing else changes."""
    migrations = files("1a 2b 3c")
    empty.up("1a 2b")
    wrangler(empty, "001_a", "003_c")
    empty.script("CREATE TABLE c (id INTEGER PRIMARY KEY)")
    with pytest.raises(
        HistoryError, match=r"only schema_migrations records 002_b; only d1_migrations records 003_c"
    ):
        empty.run(up(migrations, VERSIONS, empty.stamp))
    found = empty.run(tables.plan_sync(migrations, VERSIONS))
    assert [one.name for one in found.names] == ["002_b"]
    assert [(one.version, one.name) for one in found.versions] == [(3, "003_c")]
    empty.run(tables.sync(found, empty.stamp, reason="wrangler ran once"))
    assert names(empty) == ["001_a.sql", "003_c.sql", "002_b.sql"]
    assert empty.rows("SELECT * FROM schema_migrations WHERE version = 3") == [(3, "003_c", 1577836800)]
    history = empty.run(read_history(VERSIONS))
    assert unwritable(history, empty.run(status(migrations, VERSIONS))) is None
    assert [row.checksum is None for row in history.applied] == [False, False, True]
    assert empty.rows("SELECT action, version, name FROM d1migrate_log ORDER BY id DESC LIMIT 1") == [
        ("sync", None, "")
    ]
    assert empty.run(up(migrations, VERSIONS, empty.stamp)).steps == ()


def test_a_number_that_is_taken(empty: Database) -> None:
    """The row of wrangler's table is of another file: a person has to say which."""
    empty.up("1a 2b")
    wrangler(empty, "001_a", "002_x")
    with pytest.raises(HistoryError, match="002_b and 002_x have the same number"):
        empty.run(tables.plan_sync(files("1a 2b"), VERSIONS))


@pytest.mark.parametrize("choice", [USUAL, NAMES])
def test_one_table_only(empty: Database, choice: TableChoice) -> None:
    """There is nothing to compare."""
    empty.run(up(files("1a"), choice, empty.stamp))
    with pytest.raises(UsageError, match="there are no two tables to compare"):
        empty.run(tables.plan_sync(files("1a"), choice))


# --- from versions to names ---


def test_to_names(empty: Database) -> None:
    """In the order of application, with times, checksums and rollbacks; the empty table is dropped."""
    migrations = files("1a 2b 3c")
    empty.up("1a 3c")
    empty.run(up(migrations, USUAL, empty.stamp, allow_out_of_order=True))
    before = empty.run(read_history(USUAL)).applied
    with pytest.raises(HistoryError, match="schema_migrations is not: `d1migrate repair --move-his"):
        empty.run(up(migrations, NAMES, empty.stamp))
    found = move(empty, migrations, NAMES)
    assert (found.drops, found.copied) == (True, ())
    assert names(empty) == ["001_a.sql", "003_c.sql", "002_b.sql"]
    after = empty.run(read_history(NAMES)).applied
    assert [(r.name, r.applied_at, r.checksum, r.keeps_rollback) for r in sorted(after)] == [
        (r.name, r.applied_at, r.checksum, True) for r in before
    ]
    assert table.VERSIONS not in tables_of(empty)
    for choice in (NAMES, USUAL, TableChoice(files=Suggestion("names"))):
        assert states(empty, migrations, choice) == "001_a applied, 002_b applied, 003_c applied"
    empty.run(down(empty.run(choose((), USUAL, steps=3)), empty.stamp))  # the log has the rollbacks
    assert not tables_of(empty) & {"a", "b", "c"}


def test_a_renamed_file_keeps_its_checksum(empty: Database) -> None:
    """A table of versions does not mind another name; a table of names has no other key."""
    empty.up("1a 2b")
    renamed = load((f"{m.version}_new.sql", m.text) for m in files("1a 2b"))
    found = move(empty, renamed, NAMES)
    assert [(event.name, name) for event, name in found.copied] == [("001_a", "1_new"), ("002_b", "2_new")]
    assert names(empty) == ["1_new.sql", "2_new.sql"]
    history = empty.run(read_history(NAMES))
    assert [row.keeps_rollback for row in history.applied] == [True, True]
    assert states(empty, renamed, NAMES) == "1_new applied, 2_new applied"


@pytest.mark.parametrize(
    ("have", "after"),
    [
        # by version
        ("1a 2b", "001_a applied, 002_b applied"),
        # a changed file is changed in the other table, too; one of another name is another file
        ("1a", "001_a applied, 002_b missing"),
        ("1a 2c", "001_a applied, 002_b missing, 002_c pending"),
        ("1a 3b", "001_a applied, 003_b renamed"),
        ("1a 2c 3b", "001_a applied, 002_c out_of_order, 003_b renamed"),
    ],
)
def test_which_file_a_record_is_of(empty: Database, have: str, after: str) -> None:
    """The content decides, if it is known."""
    empty.up("1a 2b")
    move(empty, files(have), NAMES)
    assert states(empty, files(have), NAMES) == after


def test_a_changed_file_stays_changed(empty: Database) -> None:
    """Its name and its checksum do."""
    empty.up("1a 2b")
    changed = load([("001_a.sql", "CREATE TABLE a (x);"), ("002_b.sql", files("2b")[0].text)])
    move(empty, changed, NAMES)
    assert states(empty, changed, NAMES) == "001_a changed, 002_b applied"


@pytest.mark.parametrize(
    ("rows", "have", "why"),
    [
        ("(1, '001_z')", "1a 1b", "version 1, 001_z, can be 001_a, 001_b"),
        ("(1, '001_a'), (7, '')", "1a", "version 7 has neither a file nor a name"),
        ("(1, '001_a'), (7, '001_a')", "1a", "versions 1 and 7 are both 001_a"),
        ("(7, '001_a')", "1a", "version 7 is recorded as 001_a, the name of another file"),
    ],
)
def test_an_unclear_record(empty: Database, rows: str, have: str, why: str) -> None:
    """Is refused, and nothing is written."""
    empty.script(f"{table.VersionTable().create};")
    for row in rows.replace("), (", ")|(").split("|"):
        empty.script(f"INSERT INTO schema_migrations VALUES {row[:-1]}, 5)")
    with pytest.raises(HistoryError, match=f"^{why}$"):
        empty.run(tables.plan_move(files(have), NAMES))


def test_files_that_record_themselves(empty: Database) -> None:
    """Their history stays where they record themselves."""
    empty.up("1a")
    migrations = load([("001_r.sql", "INSERT INTO schema_migrations VALUES (1, 'x', 1);")])
    with pytest.raises(HistoryError, match=r"files record themselves in schema_migrations, e\.g\. 001_r"):
        empty.run(tables.plan_move(migrations, NAMES._replace(files=Suggestion(recording=True))))


def test_files_that_name_the_table(empty: Database) -> None:
    """It is emptied, and stays for them."""
    empty.up("1a")
    later = load(
        [
            ("001_a.sql", files("1a")[0].text),
            ("002_v.sql", "CREATE VIEW v AS SELECT * FROM schema_migrations;"),
        ]
    )
    assert not move(empty, later, NAMES).drops
    assert empty.rows("SELECT count(*) FROM schema_migrations") == [(0,)]
    empty.run(up(later, USUAL, empty.stamp))
    assert names(empty) == ["001_a.sql", "002_v.sql"]


def test_the_history_of_an_adopted_database(empty: Database) -> None:
    """After 0.1 adopted wrangler's rows and applied more, only schema_migrations has those: none runs again."""
    migrations, choice = files("1a 2b 3c"), TableChoice(files=Suggestion("names"))
    empty.up("1a 2b")
    wrangler(empty, "001_a")
    assert states(empty, migrations, choice) == "001_a applied, 002_b pending, 003_c pending"
    with pytest.raises(
        HistoryError, match="only schema_migrations records 002_b, and the history is in d1_migr"
    ):
        empty.run(up(migrations, choice, empty.stamp))
    assert [one.name for one in move(empty, migrations, choice).records] == ["002_b"]
    assert names(empty) == ["001_a.sql", "002_b.sql"]
    empty.run(up(migrations, choice, empty.stamp))
    assert states(empty, migrations, choice) == "001_a applied, 002_b applied, 003_c applied"


def test_tables_in_step_need_no_move(empty: Database) -> None:
    """What wrangler's table records too stops nothing; the other table may still be emptied."""
    migrations, choice = files("1a 2b"), TableChoice(files=Suggestion("names"))
    empty.up("1a")
    wrangler(empty, "001_a")
    empty.run(up(migrations, choice, empty.stamp))
    assert names(empty) == ["001_a.sql", "002_b.sql"]
    assert move(empty, migrations, choice).records == ()
    assert table.VERSIONS not in tables_of(empty)


def test_what_another_table_still_records_is_not_rolled_back(empty: Database) -> None:
    """It would be applied again once that table alone has rows; so the rows are moved first."""
    migrations, choice = files("1a 2b"), TableChoice(files=Suggestion("names"))
    empty.up("1a 2b")
    wrangler(empty, "001_a", "002_b")
    empty.run(up(migrations, choice, empty.stamp))
    with pytest.raises(HistoryError, match="schema_migrations has rows, too") as refused:
        empty.run(choose(migrations, choice, steps=2))
    assert "repair --move-history" in str(refused.value.hint)
    with pytest.raises(HistoryError, match="schema_migrations has rows, too"):
        empty.run(plan_forget(migrations[:1], choice, "002_b"))
    move(empty, migrations, choice)
    empty.run(down(empty.run(choose(migrations, choice, steps=2, prefer="file")), empty.stamp))
    assert states(empty, migrations, choice) == "001_a pending, 002_b pending"


# --- from names to versions ---


def test_to_versions(empty: Database) -> None:
    """With times, checksums and rollbacks; wrangler's rows stay, and are kept in step."""
    migrations = files("1a 2b 3c")
    empty.run(up(migrations[:2], NAMES, empty.stamp))
    before = empty.run(read_history(NAMES)).applied
    with pytest.raises(HistoryError, match="d1_migrations is not: `d1migrate repair --move-history`"):
        empty.run(up(migrations, VERSIONS, empty.stamp))
    found = move(empty, migrations, VERSIONS)
    assert (found.keeps, found.drops) == (True, False)
    after = empty.run(read_history(VERSIONS)).applied
    shown = [(r.version, r.name, r.applied_at, r.checksum, r.keeps_rollback) for r in after]
    assert shown == [(r.version, r.name, r.applied_at, r.checksum, True) for r in before]
    empty.run(up(migrations, VERSIONS, empty.stamp))
    assert names(empty) == ["001_a.sql", "002_b.sql", "003_c.sql"]
    assert empty.versions() == [1, 2, 3]


def test_the_checksum_of_its_name(empty: Database) -> None:
    """Another file may have had its number since."""
    one, other = load(
        [
            ("001_a.sql", "CREATE TABLE a (x);"),
            ("001_b.sql", "CREATE TABLE b (x);\n-- Rollback: DROP TABLE b;"),
        ]
    )
    empty.run(up((one, other), NAMES, empty.stamp))
    empty.run(down(empty.run(choose((one, other), NAMES)), empty.stamp))
    found = move(empty, (one,), VERSIONS)
    assert [(event.name, name) for event, name in found.copied] == [("001_a", "001_a")]
    (row,) = empty.run(read_history(VERSIONS)).applied
    assert row.checksum == one.checksum


@pytest.mark.parametrize(
    ("ran", "have", "why"),
    [
        (("notes",), ("notes",), "notes has no number from 0 to"),
        (("01_a", "1_b"), ("01_a", "1_b"), "01_a and 1_b have the same number"),
        (("1_a",), ("1_a", "1_b"), "1_a and 1_b have the same number"),
        (("1_a",), ("1_a", "x"), "x has no number"),
    ],
)
def test_what_has_no_version(empty: Database, ran: tuple[str, ...], have: tuple[str, ...], why: str) -> None:
    """Whether it is applied or pending, it could not be recorded."""
    wrangler(empty, *ran)
    migrations = load((f"{name}.sql", "SELECT 1;") for name in have)
    with pytest.raises(HistoryError, match=why):
        empty.run(tables.plan_move(migrations, VERSIONS))


@pytest.mark.parametrize("choice", [USUAL, NAMES, VERSIONS])
def test_nothing_to_move(empty: Database, choice: TableChoice) -> None:
    """The other table has no rows, or there is none."""
    with pytest.raises(UsageError, match="nothing to move"):
        empty.run(tables.plan_move(files("1a"), choice))
    empty.run(up(files("1a"), choice, empty.stamp))
    with pytest.raises(UsageError, match="nothing to move: the history is in"):
        empty.run(tables.plan_move(files("1a"), choice))


def test_two_runners(empty: Database) -> None:
    """The second one is refused: the history changed meanwhile."""
    empty.up("1a")
    first, second = (empty.run(tables.plan_move(files("1a"), NAMES)) for _ in range(2))
    empty.run(tables.move(first, empty.stamp, reason="a test"))
    with pytest.raises(HistoryError, match="another run changed the history"):
        empty.run(tables.move(second, empty.stamp, reason="a test"))
    assert names(empty) == ["001_a.sql"]
    assert h.order_of_application(()) == []
