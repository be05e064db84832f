"""Applying in a Worker, which calls it again and again: what one row shows, and what it must not hide."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.drivers.run import run
from d1migrate.errors import (
    AmbiguousError,
    MissingMigration,
    PartiallyApplied,
    QueryError,
)
from d1migrate.lint.replay.replayer import schemas_after
from d1migrate.migrate.file_suggestion import choose_table
from d1migrate.migrate.flows.ensure import ensure, read_pending
from d1migrate.migrate.flows.verify import verify_by_digests
from d1migrate.migrate.source import load
from d1migrate.migrate.table_choice import USUAL
from d1migrate.migrate.up_to_date import index_digest
from d1migrate.schema import introspect
from d1migrate.schema.digest import changes_of_each
from d1migrate.schema.normalize import canonical
from d1migrate.sql.batch import Batch, Query
from tests.unit.migrate.flows.three import FILES, THREE, new_stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.drivers.protocol import Driver
    from d1migrate.drivers.sqlite import SqliteDriver
    from d1migrate.migrate.migration import Migration
    from d1migrate.sql.batch import Result


def again(driver: Driver, migrations: Sequence[Migration], **options: Any) -> list[tuple[int | None, str]]:
    """Apply what is pending; (version, action) of the results."""
    report = run(ensure(migrations, USUAL, new_stamp, **options), driver)
    return [(result.version, result.action) for result in report.results]


def test_no_files_are_not_nothing_to_do(database: SqliteDriver) -> None:
    """If migrations are applied, missing files are noticed, however many there were."""
    assert again(database, ()) == []
    again(database, THREE[:1])
    with pytest.raises(MissingMigration):
        again(database, ())


def test_the_log_is_made_where_wrangler_alone_was(database: SqliteDriver) -> None:
    """Then one query tells the next time; the checksums stay unknown."""
    database.batch(
        Batch(
            [
                Query(
                    "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT, applied_at INTEGER)"
                ),
                Query("INSERT INTO schema_migrations VALUES (1, '001_a', 1)"),
            ]
        )
    )
    counted = Counted(database)
    assert again(counted, THREE[:1]) == []
    assert (counted.reads, counted.writes) == (2, 1)
    assert again(counted, THREE[:1]) == []
    assert (counted.reads, counted.writes) == (3, 1)


class Counted:
    """A driver that counts its batches."""

    def __init__(self, driver: Driver) -> None:
        self.url, self.reads, self.writes = driver.url, 0, 0
        self.capabilities, self._driver = driver.capabilities, driver

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run it."""
        self.reads, self.writes = self.reads + batch.reads, self.writes + (not batch.reads)
        return self._driver.batch(batch)

    def close(self) -> None:
        """Nothing to do."""


def test_a_newer_database_costs_one_query(database: SqliteDriver) -> None:
    """Whatever `to` is; a database that is not just newer is read as if nothing were accepted."""
    again(database, THREE)
    counted = Counted(database)
    assert again(counted, THREE[:2], accept_newer=True) == []
    report = run(ensure(THREE[:2], USUAL, new_stamp, to=1, accept_newer=True), counted)
    assert (report.results, counted.reads, counted.writes) == ((), 2, 0)
    for files, options in ((THREE[:2], {}), (THREE[1:], {"accept_newer": True})):
        with pytest.raises(MissingMigration):
            again(counted, files, **options)


def test_newer_code_overtakes(database: SqliteDriver) -> None:
    """While old code migrates, newer code applies all of its files and its own: the old code is done."""

    class Overtaken(Counted):
        def batch(self, batch: Batch) -> Sequence[Result]:
            if not batch.reads and self.writes == 1:
                again(database, THREE)
            return super().batch(batch)

    found = again(Overtaken(database), THREE[:2], accept_newer=True)
    assert found == [(1, "up"), (2, "applied meanwhile"), (3, "applied meanwhile")]


def test_a_lost_refusal_is_no_failure(database: SqliteDriver) -> None:
    """Another run was faster, and the refusal is lost: what the other run applied is reported as such."""

    class Lossy(Counted):
        def batch(self, batch: Batch) -> Sequence[Result]:
            if not batch.reads and self.writes == 1:
                again(database, THREE)
                with pytest.raises(QueryError):
                    super().batch(batch)
                raise AmbiguousError("Network connection lost.")
            return super().batch(batch)

    assert again(Lossy(database), THREE) == [(1, "up"), (2, "applied meanwhile"), (3, "applied meanwhile")]


def test_pending(database: SqliteDriver) -> None:
    """By name, gaps included; newer versions and edited files do not matter, a partial one does."""
    assert run(read_pending(THREE, USUAL), database) == ("001_a", "002_b", "003_c")
    again(database, [THREE[0], THREE[2]])
    assert run(read_pending(THREE, USUAL), database) == ("002_b",)
    assert run(read_pending(THREE[:1], USUAL), database) == ()
    assert run(read_pending(load([("001_a.sql", "CREATE TABLE a (other);")]), USUAL), database) == ()
    database.batch(Batch([Query("DELETE FROM d1migrate_log WHERE version = 3 AND event = 'done'")]))
    with pytest.raises(PartiallyApplied):
        run(read_pending(THREE, USUAL), database)


def test_digests_do_not_judge_another_order(database: SqliteDriver) -> None:
    """A file that was applied late may build a different schema than in its order; that is not drift."""
    files = [FILES[0], *((f"00{n}_b.sql", f"CREATE TABLE IF NOT EXISTS b (x{n});") for n in (2, 3))]
    migrations = load(files)
    changes = changes_of_each(schemas_after(migrations))
    again(database, [migrations[0], migrations[2]])
    again(database, migrations, allow_out_of_order=True)

    found = run(verify_by_digests(migrations, USUAL, changes), database)

    assert found.differences == ()
    assert found.not_compared == "002_b was applied after newer files"


def test_columns_have_names_of_their_own(database: SqliteDriver) -> None:
    """JavaScript keeps rows as objects: of two columns of one name it keeps one."""
    sql = "CREATE TABLE a (x UNIQUE); CREATE TABLE b (y REFERENCES a (x)); CREATE INDEX i ON b (y)"
    again(database, load([("001_a.sql", f"{sql};")]))
    for query in introspect.QUERIES:
        names = _columns(database, query.sql)
        assert len(set(names)) == len(names), names


def _columns(database: SqliteDriver, sql: str) -> list[str]:
    """The names of a query's columns: a view of it refuses two of one name, and tells them."""
    rows = database.batch(Batch([Query(sql)], reads=True))
    assert rows[0].rows, sql
    assert database._writer
    return [name for name, *_ in database._writer._connection.execute(sql).get_description()]


def test_a_table_of_names_takes_them_all(database: SqliteDriver) -> None:
    """In wrangler's order, under their whole names; a second run has nothing to do."""
    names = ["0000_a", "0001_b", "0001_c", "2/migration", "x"]
    files = load([(f"{name}.sql", f"CREATE TABLE t{place} (x);") for place, name in enumerate(names)])
    choice = choose_table(files)
    assert [s.name for s in run(ensure(files, choice, new_stamp), database).steps] == names
    rows = database.batch(Batch([Query("SELECT name FROM d1_migrations ORDER BY id")], reads=True))[0].rows
    assert [name for (name,) in rows] == [f"{name}.sql" for name in names]
    assert run(ensure(files, choice, new_stamp), database).steps == ()
    assert run(read_pending(files, choice), database) == ()


def test_quotes_that_a_name_needs_count() -> None:
    """Without them it is another statement."""
    assert canonical('CREATE TABLE t ("a b")') != canonical("CREATE TABLE t (a b)")
    assert canonical('CREATE TABLE "t" ([a])') == canonical("CREATE TABLE t (a)")


def notes(database: SqliteDriver) -> list[object]:
    """What the log notes, row by row."""
    rows = database.batch(Batch([Query("SELECT event, detail FROM d1migrate_log ORDER BY id")], reads=True))[
        0
    ].rows
    return [(event, *json.loads(detail).items()) for event, detail in rows]


def test_the_row_that_completes_an_index_notes_it(database: SqliteDriver) -> None:
    """Only that one, after the other notes; then one query shows that nothing is to be done."""
    lint, counted = ("lint", False), Counted(database)
    again(counted, THREE, to=2, notes_index=True)
    noted = [("begun", lint), ("done", lint)] * 2
    assert notes(database) == noted
    again(counted, THREE, notes_index=True)
    assert notes(database) == [*noted, ("begun", lint), ("done", lint, ("index", index_digest(THREE)))]

    before = counted.reads
    assert again(counted, THREE, notes_index=True) == []
    assert again(counted, THREE, to=2, notes_index=True) == []
    assert counted.reads == before + 2
    assert again(counted, THREE[:2], accept_newer=True, notes_index=True) == []
    assert counted.reads == before + 4, "another index: the migrations table shows what is to be done"


def test_on_d1_nothing_is_noted(database: SqliteDriver) -> None:
    """There wrangler may write to the migrations table without the log."""
    again(database, THREE)
    assert notes(database) == [("begun", ("lint", False)), ("done", ("lint", False))] * 3


def test_an_index_is_not_complete_beside_newer_files(database: SqliteDriver) -> None:
    """What a late file completes is the index with the files after it, which are applied, too."""
    again(database, [THREE[0], THREE[2]], notes_index=True)
    again(database, THREE, to=2, allow_out_of_order=True, notes_index=True)
    assert notes(database)[-1] == ("done", ("lint", False), ("index", index_digest(THREE)))
    with pytest.raises(MissingMigration):
        again(database, THREE[:2], notes_index=True)
