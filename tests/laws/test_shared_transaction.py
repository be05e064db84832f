"""Migrations that share a transaction do what each would do alone."""

from __future__ import annotations

import pytest

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import ApplyError
from d1migrate.migrate.migration import Migration
from d1migrate.migrator import Migrator
from d1migrate.sql.batch import Batch, Query

TABLES = "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p (id));"
DEFERRABLE = TABLES.replace("p (id))", "p (id) DEFERRABLE INITIALLY DEFERRED)")
CHILD_FIRST = "INSERT INTO c VALUES (9); INSERT INTO p VALUES (9);"


def migrator(*texts: str) -> Migrator:
    """A database in memory, and files with these texts."""
    files = [Migration(i, f"{i:03}_m", text) for i, text in enumerate(texts, 1)]
    return Migrator(SqliteDriver(":memory:", url="sqlite::memory:"), files)


def applied(run: Migrator) -> list[str]:
    """The names of what is applied."""
    return [entry.name for entry in run.status() if entry.applied]


@pytest.mark.parametrize("single", [False, True])
def test_a_migration_does_not_defer_the_keys_of_the_next(*, single: bool) -> None:
    """The pragma lasts until the commit, which in a transaction of its own is that of the migration."""
    run = migrator(TABLES, f"PRAGMA defer_foreign_keys = ON; {CHILD_FIRST}", "INSERT INTO c VALUES (5);")
    with pytest.raises(ApplyError, match=r"003_m.*FOREIGN KEY constraint failed"):
        run.up(single_transaction=single, lint=False)
    assert applied(run) == ([] if single else ["001_m", "002_m"])


@pytest.mark.parametrize("tables", [TABLES, DEFERRABLE])
@pytest.mark.parametrize("single", [False, True])
def test_a_later_migration_does_not_mend_the_orphans_of_an_earlier_one(tables: str, *, single: bool) -> None:
    """Alone, the earlier one is refused at its commit."""
    run = migrator(
        tables, "PRAGMA defer_foreign_keys = ON; INSERT INTO c VALUES (9);", "INSERT INTO p VALUES (9);"
    )
    with pytest.raises(ApplyError, match="002_m"):
        run.up(single_transaction=single, lint=False)
    assert applied(run) == ([] if single else ["001_m"])


@pytest.mark.parametrize("single", [False, True])
def test_nor_if_the_table_is_from_an_earlier_run(*, single: bool) -> None:
    """Its keys are deferred though no pending file does so."""
    run = migrator(DEFERRABLE, "INSERT INTO c VALUES (9);", "INSERT INTO p VALUES (9);")
    run.up(to="1", lint=False)
    with pytest.raises(ApplyError, match="002_m"):
        run.up(single_transaction=single, lint=False)
    assert applied(run) == ["001_m"]


@pytest.mark.parametrize("tables", [TABLES, DEFERRABLE])
def test_a_migration_that_defers_and_leaves_no_orphan_can_share_a_transaction(tables: str) -> None:
    """Whatever stands before and after it."""
    run = migrator(tables, f"PRAGMA defer_foreign_keys = ON; {CHILD_FIRST}", "CREATE TABLE other (id);")
    assert len(run.up(single_transaction=True, lint=False).steps) == 3


def test_orphans_from_before_refuse_it_with_a_hint() -> None:
    """The database cannot tell them from new ones within a transaction."""
    run = migrator(TABLES, f"PRAGMA defer_foreign_keys = ON; {CHILD_FIRST}", "CREATE TABLE other (id);")
    run.up(to="1", lint=False)
    # What an import leaves, in which no key is checked.
    orphan = "PRAGMA defer_foreign_keys = ON", "INSERT INTO c VALUES (7)", "PRAGMA defer_foreign_keys = OFF"
    run.driver.batch(Batch([Query(sql) for sql in orphan]))
    with pytest.raises(ApplyError, match="after it, rows refer to rows that do not exist") as caught:
        run.up(single_transaction=True, lint=False)
    assert "verify" in str(caught.value.hint)
    assert len(run.up(lint=False).steps) == 2
