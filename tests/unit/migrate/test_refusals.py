"""What stops a run: the errors, and the migrations that they name."""

from __future__ import annotations

import pytest

from d1migrate.errors import ChecksumMismatch, HistoryError, MissingMigration, PartiallyApplied
from d1migrate.migrate.history import History
from d1migrate.migrate.refusals import refuse_disagreement, refuse_unmanaged
from d1migrate.migrate.status import compare
from tests.unit.migrate.shorthand import files, history


@pytest.mark.parametrize(
    ("have", "applied", "partial", "error", "names", "message"),
    [
        (
            "1a 2c",
            "1a 2b",
            "",
            ChecksumMismatch,
            "002_c",
            "002_c .applied as 002_b.: edited after being applied",
        ),
        ("1a", "1a 2b 3c", "", MissingMigration, "002_b 003_c", "002_b, 003_c: applied, but the file is"),
        ("1a 3b", "1a 2b", "", MissingMigration, "003_b", "003_b .applied as 002_b.: renamed"),
        ("1a 2b", "1a", "2b", PartiallyApplied, "002_b", "002_b: began and did not finish"),
        # of several disagreements the one that has to be mended first
        ("1c", "1a 2b", "2b", PartiallyApplied, "002_b", "002_b"),
        ("1c", "1a 2b", "", ChecksumMismatch, "001_c", "001_c"),
    ],
)
def test_disagreements(
    have: str,
    applied: str,
    partial: str,
    error: type[HistoryError],
    names: str,
    message: str,
) -> None:
    """The error has the names, and its hint the command for the first of them."""
    with pytest.raises(error, match=message) as refused:
        refuse_disagreement(compare(files(have), history(applied, partial)))
    assert refused.value.names == tuple(names.split())
    assert refused.value.hint
    assert (
        f"d1migrate repair --accept {refused.value.names[0]}" in refused.value.hint
        or error is MissingMigration
    )


@pytest.mark.parametrize(
    ("have", "applied"), [("1a 2b", "1a"), ("1a 2b", "2b"), ("", ""), ("1a", "1?"), ("1a 2b", "1a 2b")]
)
def test_no_disagreement(have: str, applied: str) -> None:
    """Pending, early and unknown migrations stop nothing."""
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
    assert "--to 001_a" in error.value.hint
