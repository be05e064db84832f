"""Files, history and schema: what agrees, what differs, and what cannot be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.lint.replay.replayer import schema_of, schemas_after
from d1migrate.migrate.flows.verify import Verification, verify, verify_by_digests
from d1migrate.migrate.table_choice import USUAL
from d1migrate.schema.digest import changes_of_each
from tests.unit.migrate.shorthand import files

if TYPE_CHECKING:
    from tests.unit.migrate.flows.database import Database


def with_engine(database: Database, have: str) -> Verification:
    """Compare with what an engine builds of the files."""
    return database.run(verify(files(have), USUAL, schema_of, lambda *_: ()))


def with_digests(database: Database, have: str) -> Verification:
    """Compare with the digests that an index has."""
    return database.run(verify_by_digests(files(have), USUAL, changes_of_each(schemas_after(files(have)))))


either = pytest.mark.parametrize("compare", [with_engine, with_digests])


@either
@pytest.mark.parametrize(
    ("sql", "differences"),
    [
        ("SELECT 1", []),
        ("ALTER TABLE a ADD COLUMN x", ["a"]),
        ("DROP TABLE b", ["b"]),
        ("CREATE TABLE c (x)", ["c"]),
        ("CREATE TABLE d1_migrations (id)", []),  # wrangler's
        ("CREATE TABLE KYSELY_migration_lock (id); CREATE INDEX k ON kysely_migration_lock (id)", []),
        ("CREATE INDEX i ON a (id)", ["i"]),
    ],
)
def test_drift(empty: Database, compare: object, sql: str, differences: list[str]) -> None:
    """What was changed past the migrations."""
    empty.up("1a 2b")
    empty.script(sql)
    found = compare(empty, "1a 2b")  # type: ignore[operator]
    assert [difference.name.partition(".")[0] for difference in found.differences] == differences
    assert found.ok == (not differences)
    assert (found.current, found.pending, found.not_compared) == ("002_b", (), None)


@either
@pytest.mark.parametrize(
    ("have", "ok", "pending", "why"),
    [
        ("1a 2b", True, (), None),
        ("1a 2b 3c", True, ("003_c",), None),
        ("1a 2c", False, (), None),
        ("1a", False, (), "002_b"),
    ],
)
def test_files(
    empty: Database, compare: object, have: str, ok: bool, pending: tuple[str, ...], why: str | None
) -> None:
    """Pending files do not count; a missing file makes a comparison impossible."""
    empty.up("1a 2b")
    found = compare(empty, have)  # type: ignore[operator]
    assert (found.ok, found.pending) == (ok, pending)
    assert (why or "") in (found.not_compared or "")
    assert (why is None) == (found.not_compared is None)


@pytest.mark.parametrize(
    ("have", "gaps"),
    [("", ()), ("1a 2b", ()), ("1a 4b", (2, 3)), ("7a 9b", (8,)), ("1a 999b", ())],
)
def test_gaps(empty: Database, have: str, gaps: tuple[int, ...]) -> None:
    """Numbers that no file has, if they are numbers and not times."""
    assert with_engine(empty, have).gaps == gaps


def test_an_index_that_lacks_a_version(empty: Database) -> None:
    """It is older than the files."""
    empty.up("1a 2b")
    found = empty.run(verify_by_digests(files("1a 2b"), USUAL, {"001_a": {}}))
    assert found.not_compared
    assert "no schema digests for 002_b" in found.not_compared


def test_a_late_file_has_no_digest_of_its_own(empty: Database) -> None:
    """Each digest includes the changes of all files before it."""
    empty.up("1a 3c")
    found = with_digests(empty, "1a 2b 3c")
    assert found.not_compared
    assert "002_b is not applied" in found.not_compared
