"""How files and history compare: tables of cases, without a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import HistoryError
from d1migrate.migrate import contents, log
from d1migrate.migrate.history import AppliedMigration, History
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.refusals import refuse_unwritable
from d1migrate.migrate.rollback_file import RollbackFile
from d1migrate.migrate.source import load
from d1migrate.migrate.status import compare, one_sided
from d1migrate.migrate.table import NameTable, VersionTable
from d1migrate.migrate.table_state import NameState, VersionState
from tests.unit.migrate.shorthand import files, history

if TYPE_CHECKING:
    from d1migrate.migrate.status import Entry


def shown(entries: tuple[Entry, ...]) -> str:
    """The entries as the table has them."""
    return ", ".join(f"{e.version} {e.state}" + (f" {e.was}" if e.was else "") for e in entries)


@pytest.mark.parametrize(
    ("have", "applied", "partial", "expected"),
    [
        ("", "", "", ""),
        ("1a 2b", "", "", "1 pending, 2 pending"),
        ("1a 2b", "1a", "", "1 applied, 2 pending"),
        ("1a 2b", "1a 2b", "", "1 applied, 2 applied"),
        ("1a 2b", "2b", "", "1 out_of_order, 2 applied"),
        ("1a 2b 3c", "1a 3c", "", "1 applied, 2 out_of_order, 3 applied"),
        # files that are not what was applied
        ("1a 2c", "1a 2b", "", "1 applied, 2 changed 002_b"),
        ("1b 2a", "1a 2b", "", "1 changed 001_a, 2 changed 002_b"),
        ("1a", "1a 2b", "", "1 applied, 2 missing"),
        ("", "1a", "", "1 missing"),
        # without a recorded checksum nothing can have changed
        ("1a 2b", "1? 2b", "", "1 applied 001_by_wrangler, 2 applied"),
        ("1a", "1? 2?", "", "1 applied 001_by_wrangler, 2 missing"),
        # a missing version whose content has another number now
        ("1a 3b", "1a 2b", "", "1 applied, 3 renamed 002_b"),
        ("1a 2c 3b", "1a 3b 4c", "", "1 applied, 2 renamed 004_c, 3 applied"),
        ("1a 3b 4b", "1a 2b", "", "1 applied, 3 renamed 002_b, 4 pending"),
        ("1a 2b 3b", "1a 2b", "", "1 applied, 2 applied, 3 pending"),
        ("1a 2c 3b", "1a 2b", "", "1 applied, 2 changed 002_b, 3 renamed 002_b"),
        # what began and did not finish, whatever else is so
        ("1a 2b", "1a", "2b", "1 applied, 2 partial"),
        ("1a 2b", "1a 2b", "2b", "1 applied, 2 partial"),
        ("1a", "1a", "2b", "1 applied, 2 partial"),
        ("1a", "1a 2b", "2b", "1 applied, 2 partial"),
    ],
)
def test_states(have: str, applied: str, partial: str, expected: str) -> None:
    """Every migration of either side is in one state, in wrangler's order."""
    assert shown(compare(files(have), history(applied, partial))) == expected


@pytest.mark.parametrize(
    ("have", "applied", "partial", "expected"),
    [
        ("1a 2b", "1a", "", "1 applied, 2 pending"),
        ("1a 2b 2c", "1a 2c", "", "1 applied, 2 out_of_order, 2 applied"),
        ("1a 2c", "1a 2b", "", "1 applied, 2 missing, 2 pending"),
        ("0a 1b", "0a 1b", "", "0 applied, 1 applied"),
        ("1a 3b", "1a 2b", "", "1 applied, 3 renamed 002_b"),
        ("1a 2b", "2b 1a", "", "1 applied, 2 applied"),
        ("1a", "1a", "2b", "1 applied, 2 partial"),
    ],
)
def test_states_by_name(have: str, applied: str, partial: str, expected: str) -> None:
    """In wrangler's table a number may be there twice, and another name is another migration."""
    found = history(applied, partial, table=NameTable())
    assert shown(compare(files(have), found)) == expected


def test_a_file_without_a_number_makes_none_late() -> None:
    """It comes after all numbers, today and when the next file is written."""
    have = load([(f"{name}.sql", "") for name in ("1_a", "2_b", "schema", "seed")])
    rows = tuple(AppliedMigration(m.version, m.name, 5) for m in have if m.name in ("1_a", "seed"))
    found = compare(have, History(rows, table=NameTable()))
    assert [entry.state for entry in found] == ["applied", "pending", "out_of_order", "applied"]


def test_of_two_files_with_one_version_the_recorded_one_is_applied() -> None:
    """By its content, or without a checksum by its name."""
    assert shown(compare(files("1a 2b 2c"), history("1a 2c"))) == "1 applied, 2 out_of_order, 2 applied"
    row = history("2?").applied[0]._replace(name="002_c")
    assert shown(compare(files("2b 2c"), History((row,)))) == "2 out_of_order, 2 applied"


def test_a_migration_that_only_one_table_records() -> None:
    """It is named, whichever table lacks it; a file that is recorded under another name lacks nothing."""
    names = NameState(((1, "001_a.sql"), (2, "002_x.sql")), 2)
    found = history("1a 3c", table=VersionTable(exists=True, mirrored=True))
    found = found._replace(rows=VersionState.of([1, 3], names, mirrored=True))
    entries = compare(files("1a 3c"), found)
    assert one_sided(found, entries) == (("003_c",), ("002_x",))
    with pytest.raises(HistoryError, match="only d1_migrations records 002_x"):
        refuse_unwritable(found, entries)
    assert one_sided(history("1a"), entries) == ((), ())


def test_an_entry_knows_its_way_back() -> None:
    """The file's rollback, or the log's if there is no file."""
    (written,) = compare(files("1a"), history())
    (absent,) = compare(files("1a", rollback=""), history())
    (declared,) = compare(files("1a", rollback="-- Rollback: none, rows are gone\n"), history())
    (kept,) = compare([], history("1a", keeps_rollback=True))
    (lost,) = compare([], history("1a"))
    found = [entry.reversible for entry in (written, absent, declared, kept, lost)]
    assert found == [True, False, False, True, False]


def test_an_untouched_file_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The digest that the log has of its text settles its state, its rollback, and that it can be read."""
    parsed = [recorded_of(*files("1a")), recorded_of(*files("2b", rollback=""))]
    have = [*files("1a"), *files("2b", rollback="")]
    monkeypatch.setattr(contents, "split", None)
    monkeypatch.setattr(contents, "Splitter", None)
    entries = compare(have, History(tuple(parsed)))
    assert shown(entries) == "1 applied, 2 applied"
    assert [entry.reversible for entry in entries] == [True, False]
    assert [entry.unreadable for entry in entries] == [None, None]


def test_a_file_in_another_layout_is_parsed() -> None:
    """Its text is another one, and its meaning the same."""
    row = recorded_of(*files("1a"))
    (laid_out,) = files("1a", rollback="")
    (entry,) = compare([laid_out], History((row,)))
    assert (entry.state, entry.is_untouched, entry.reversible) == ("applied", False, True)


def test_a_rollback_file_is_not_in_the_digest() -> None:
    """It may be new, or wrong."""
    row = recorded_of(*files("1a", rollback=""))
    (file,) = files("1a", rollback="")
    texts = ("DROP TABLE a;", "")
    have = [file.with_rollback_file(RollbackFile("rollback/001_a.sql", text)) for text in texts]
    good, empty = (compare([one], History((row,)))[0] for one in have)
    assert (good.reversible, good.unreadable) == (True, None)
    assert not empty.reversible
    assert empty.unreadable


def test_a_rollback_file_that_was_deleted() -> None:
    """The log may have its SQL; if it was too long for that, no rollback is left."""
    (file,) = files("1a", rollback="")
    long = "DROP TABLE a;\n" * (log.MAX_STORED_ROLLBACK // 10)
    for sql, reversible in (("DROP TABLE a;", True), (long, False)):
        row = recorded_of(file.with_rollback_file(RollbackFile("rollback/001_a.sql", sql)))
        (entry,) = compare([file], History((row,)))
        assert (entry.state, entry.is_untouched, entry.reversible) == ("applied", True, reversible)


def recorded_of(file: Migration) -> AppliedMigration:
    """The row of a file that was applied as it is."""
    event = log.event_of("up", file)
    return AppliedMigration(
        *(file.version, file.name, 5, event.checksum, event.rollback_digest),
        keeps_rollback=event.rollback_sql is not None,
        file_digest=event.file_digest,
    )


def test_an_entry_has_the_checksum_that_counts() -> None:
    """The recorded one where it is applied, even if nobody recorded one; else the file's."""
    a, b = files("1a 1b")
    assert [entry.checksum for entry in compare([a], history())] == [a.checksum]
    assert [entry.checksum for entry in compare([a], history("1b"))] == [b.checksum]
    assert [entry.checksum for entry in compare([a], history("1?"))] == [None]


def test_files_that_only_record_themselves_are_no_orphans() -> None:
    """Their checksums are all the same, so a missing one is not found again in any other."""
    only = [Migration(n, f"00{n}_m", f"INSERT INTO schema_migrations VALUES ({n}, 'm', 1);") for n in (1, 2)]
    row = history("1a").applied[0]._replace(version=3, checksum=only[0].checksum)
    assert shown(compare(only, History((row,)))) == "1 out_of_order, 2 out_of_order, 3 missing"
