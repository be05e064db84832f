"""How files and history compare: tables of cases, without a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import ChecksumMismatch, HistoryError, MissingMigration, PartiallyApplied
from d1migrate.migrate.history import History
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.status import (
    compare,
    is_up_to_date,
    refuse_disagreement,
    refuse_unmanaged,
    version_range,
)
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
        ("1a 2c", "1a 2b", "", "1 applied, 2 changed"),
        ("1b 2a", "1a 2b", "", "1 changed, 2 changed"),
        ("1a", "1a 2b", "", "1 applied, 2 missing"),
        ("", "1a", "", "1 missing"),
        # without a recorded checksum nothing can have changed
        ("1a 2b", "1? 2b", "", "1 applied, 2 applied"),
        ("1a", "1? 2?", "", "1 applied, 2 missing"),
        # a missing version whose content has another number now
        ("1a 3b", "1a 2b", "", "1 applied, 3 renumbered 2"),
        ("1a 2c 3b", "1a 3b 4c", "", "1 applied, 2 renumbered 4, 3 applied"),
        ("1a 3b 4b", "1a 2b", "", "1 applied, 3 renumbered 2, 4 pending"),
        ("1a 2b 3b", "1a 2b", "", "1 applied, 2 applied, 3 pending"),
        ("1a 2c 3b", "1a 2b", "", "1 applied, 2 changed, 3 renumbered 2"),
        # what began and did not finish, whatever else is so
        ("1a 2b", "1a", "2b", "1 applied, 2 partial"),
        ("1a 2b", "1a 2b", "2b", "1 applied, 2 partial"),
        ("1a", "1a", "2b", "1 applied, 2 partial"),
        ("1a", "1a 2b", "2b", "1 applied, 2 partial"),
    ],
)
def test_states(have: str, applied: str, partial: str, expected: str) -> None:
    """Every version of either side is in one state, in ascending order."""
    assert shown(compare(files(have), history(applied, partial))) == expected


@pytest.mark.parametrize(
    ("have", "applied", "partial", "error", "versions", "message"),
    [
        ("1a 2c", "1a 2b", "", ChecksumMismatch, (2,), "002_c: edited after being applied"),
        ("1a", "1a 2b 3c", "", MissingMigration, (2, 3), "002_b, 003_c: applied, but the file is missing"),
        ("1a 3b", "1a 2b", "", MissingMigration, (3,), "003_b .applied as version 2.: renumbered"),
        ("1a 2b", "1a", "2b", PartiallyApplied, (2,), "002_b: began and did not finish"),
        # of several disagreements the one that has to be mended first
        ("1c", "1a 2b", "2b", PartiallyApplied, (2,), "002_b"),
        ("1c", "1a 2b", "", ChecksumMismatch, (1,), "001_c"),
    ],
)
def test_disagreements(
    have: str,
    applied: str,
    partial: str,
    error: type[HistoryError],
    versions: tuple[int, ...],
    message: str,
) -> None:
    """The error has the versions, and its hint the command for the first of them."""
    with pytest.raises(error, match=message) as refused:
        refuse_disagreement(compare(files(have), history(applied, partial)))
    assert refused.value.versions == versions
    assert refused.value.hint
    assert f"d1migrate repair --accept {versions[0]}" in refused.value.hint or error is MissingMigration


@pytest.mark.parametrize(
    ("have", "applied"), [("1a 2b", "1a"), ("1a 2b", "2b"), ("", ""), ("1a", "1?"), ("1a 2b", "1a 2b")]
)
def test_no_disagreement(have: str, applied: str) -> None:
    """Pending, early and unknown versions stop nothing."""
    refuse_disagreement(compare(files(have), history(applied)))


@pytest.mark.parametrize(
    ("found", "refused"),
    [
        (History(unmanaged=("users",)), "users"),
        (History(unmanaged=tuple("abcdefg")), "a, b, c, d, e and 2 more"),
        (History(unmanaged=("d1_migrations",), other_tools=("d1_migrations",)), "is the history of wrangler"),
        (history("1a")._replace(unmanaged=("users",)), None),
        (history("", "1a")._replace(unmanaged=("users",)), None),
        (History(), None),
    ],
)
def test_a_database_with_objects_and_no_history(found: History, refused: str | None) -> None:
    """It is refused as long as nothing is recorded."""
    entries = compare(files("1a"), found)
    if refused is None:
        refuse_unmanaged(entries, found)
        return
    with pytest.raises(HistoryError, match=refused) as error:
        refuse_unmanaged(entries, found)
    assert error.value.hint
    assert "--to 1" in error.value.hint


@pytest.mark.parametrize(
    ("have", "recorded", "partial", "expected"),
    [
        ("", None, 0, True),
        ("1a", None, 0, False),
        ("", "1 {a}", 0, False),
        ("1a 2b", "1 {a}\n2 {b}", 0, True),
        ("1a 2b", "1 {a}\n2 {b}", 1, False),
        ("1a 2b", "1 {a}", 0, False),
        ("1a", "1 {a}\n2 {b}", 0, False),
        ("1a 2b", "1 {a}\n2 {a}", 0, False),
        ("1a 2b", "1 {a}\n2 ", 0, True),  # applied by wrangler alone
        ("1a 2b", "1 {a}\n3 ", 0, False),
    ],
)
def test_one_row_says_that_all_is_applied(
    have: str, recorded: str | None, partial: int, *, expected: bool
) -> None:
    """It says so only where every file is applied as it is, and nothing else is."""
    a, b = files("1a 1b")
    row = recorded and recorded.format(a=a.checksum, b=b.checksum)
    assert is_up_to_date(files(have), row, partial) is expected


def test_an_entry_knows_its_way_back() -> None:
    """The file's rollback, or the log's if there is no file."""
    (written,) = compare(files("1a"), history())
    (absent,) = compare(files("1a", rollback=""), history())
    (declared,) = compare(files("1a", rollback="-- Rollback: none, rows are gone\n"), history())
    (kept,) = compare([], history("1a", keeps_rollback=True))
    (lost,) = compare([], history("1a"))
    found = [entry.reversible for entry in (written, absent, declared, kept, lost)]
    assert found == [True, False, False, True, False]


def test_an_entry_has_the_checksum_that_counts() -> None:
    """The recorded one where it is applied, even if nobody recorded one; else the file's."""
    a, b = files("1a 1b")
    assert [entry.checksum for entry in compare([a], history())] == [a.checksum]
    assert [entry.checksum for entry in compare([a], history("1b"))] == [b.checksum]
    assert [entry.checksum for entry in compare([a], history("1?"))] == [None]


def test_the_versions_there_are() -> None:
    """For a hint."""
    assert version_range(compare(files("2a 7b"), history())) == "the versions are 2 to 7"
    assert version_range(()) == "there are none"


def test_files_that_only_record_themselves_are_no_orphans() -> None:
    """Their checksums are all the same, so a missing one is not found again in any other."""
    only = [Migration(n, f"00{n}_m", f"INSERT INTO schema_migrations VALUES ({n}, 'm', 1);") for n in (1, 2)]
    row = history("1a").applied[0]._replace(version=3, checksum=only[0].checksum)
    assert shown(compare(only, History((row,)))) == "1 out_of_order, 2 out_of_order, 3 missing"
