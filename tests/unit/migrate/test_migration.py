"""A migration as a value: checksum, rollback block, statements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import SourceError
from d1migrate.migrate.history_guard import is_record, recorded_version
from d1migrate.migrate.migration import NOTHING, Migration
from d1migrate.sql.statement import target_of
from d1migrate.sql.tokens import significant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def migration(text: str) -> Migration:
    """Version 1 with this text."""
    return Migration(1, "001_a", text)


BASE = "CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT DEFAULT 'x');\nINSERT INTO a VALUES (1, 'y');\n"


@pytest.mark.parametrize(
    "same",
    [
        "-- note\n" + BASE,
        BASE.replace("CREATE TABLE", "create\n\ttable").replace("VALUES", "values"),
        BASE.replace(", ", " /* c */ ,\n"),
        BASE.rstrip().removesuffix(";"),
        BASE + ";;\n-- end",
        BASE + "INSERT INTO schema_migrations (version, name, applied_at) VALUES (1, 'n', 0);",
        BASE + "insert or ignore into main . \"SCHEMA_MIGRATIONS\" values (1, 'n', 0);",
        BASE + "-- Rollback:\n-- DROP TABLE a;\n",
    ],
)
def test_the_checksum_is_of_meaning(same: str) -> None:
    """Comments, white space, keyword case, empty statements, the record and the rollback do not count."""
    assert migration(same).checksum == migration(BASE).checksum


@pytest.mark.parametrize(
    "other",
    [
        BASE.replace("'x'", "'X'"),
        BASE.replace("name", "Name"),
        BASE.replace("'y'", "' y'"),
        BASE.replace("a (", '"a" ('),
        BASE.replace("(1,", "(1.0,"),
        BASE.replace(";\nINSERT", "; SELECT 1;\nINSERT"),
        BASE.replace("name", "\ufb01rst"),
        BASE + "INSERT INTO d1migrate_log (token) VALUES ('x');",
    ],
)
def test_the_checksum_moves_with_meaning(other: str) -> None:
    """Identifiers and literals count byte for byte, and so does every statement."""
    assert migration(other).checksum != migration(BASE).checksum


def test_the_checksum_of_version_1_is_frozen() -> None:
    """A published checksum never changes: databases remember it."""
    expected = "v1:25772f77415195d95cd6c980865dd0d0e98a597bce1c39ebc33356eaaf31df3a"
    assert migration(BASE).checksum == expected


@pytest.mark.parametrize(
    ("sql", "table"),
    [
        ("INSERT INTO Schema_Migrations VALUES (1, 2, 3)", "schema_migrations"),
        ("REPLACE INTO [schema_migrations](version, name, applied_at) VALUES (1, 2, 3)", "schema_migrations"),
        ("insert or ignore into `main`.`schema_migrations` values (1, 2, 3)", "schema_migrations"),
        ("INSERT INTO other SELECT * FROM schema_migrations", "other"),
        ("DELETE FROM schema_migrations", None),
        ("INSERT", None),
        ("INSERT INTO", None),
    ],
)
def test_the_table_an_insert_writes_to(sql: str, table: str | None) -> None:
    """Whatever its quotes, case and schema."""
    assert is_record(sql) == (table == "schema_migrations")
    assert not table or target_of(significant(sql)) == table


def test_rows_of_an_applications_own_table_are_in_the_checksum() -> None:
    """It may have the name of ours, and other columns: such a file does not record itself."""
    own = "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (1, 'a', '{}', 0);"
    assert migration(own.format("x")).checksum != migration(own.format("y")).checksum
    assert migration(own.format("x")).checksum != NOTHING


def test_letters_beyond_ascii_are_no_keywords() -> None:
    """A name whose upper case is a keyword is still that name."""
    assert migration("CREATE TABLE t (\ufb01rst);").checksum != migration("CREATE TABLE t (first);").checksum


def test_a_text_over_the_limit_has_the_checksum_of_its_bytes() -> None:
    """Held or streamed, from a folder or an index, a file has one checksum; and each kind knows the other."""
    small, big = migration(BASE), migration(BASE + "-- " + "x" * (1 << 20))
    known = small.checksum or ""
    assert (known[:3], (big.checksum or "")[:3]) == ("v1:", "b1:")
    assert big.matches(known)
    assert not migration(BASE.replace("a", "b")).matches(known)
    assert big.checksum == f"b1:{big.digest}"


@pytest.mark.parametrize(
    ("sql", "version"),
    [
        ("INSERT INTO schema_migrations (version, name, applied_at) VALUES (4, 'x', 1)", 4),
        ("INSERT INTO schema_migrations (name, version) VALUES ('x', 5)", 5),
        ("INSERT INTO schema_migrations VALUES (6, 'x', strftime('%s', 'now')) ON CONFLICT DO NOTHING", 6),
        ("INSERT INTO schema_migrations (name, version) VALUES (upper('x'), 5)", 5),
        ("INSERT INTO schema_migrations (name, version) VALUES ('x', 2 + 3)", None),
        ("INSERT INTO schema_migrations SELECT 7, 'x', 1", None),
    ],
)
def test_the_version_an_insert_records(sql: str, version: int | None) -> None:
    """Read where it stands as a number; else left to the check in the batch."""
    assert recorded_version(sql) == version


def test_a_file_that_cannot_be_parsed_has_the_checksum_of_its_bytes() -> None:
    """There is no meaning to take one of."""
    assert (migration("SELECT 'x").checksum or "").startswith("b1:")


@pytest.mark.parametrize(
    ("name", "is_down"),
    [
        *(("001_a.down", True), ("001_a.UNDO", True), ("001_a/down", True), ("rollback/001_a", True)),
        *(("down", True), ("001_down", False), ("001_undo_steps", False), ("001_a.down.users", False)),
    ],
)
def test_the_names_of_down_files(name: str, *, is_down: bool) -> None:
    """Other tools keep rollbacks in such files, and wrangler runs them like any other."""
    assert Migration(1, name, "SELECT 1;").is_down_file == is_down


class Script:
    """A large file of some chunks, which may end in an error."""

    size, problem, reads = 1 << 21, None, 0

    def __init__(self, *chunks: str | SourceError) -> None:
        self._chunks = chunks

    def chunks(self, see: Callable[[bytes], object] | None = None) -> Iterator[str]:
        """Read it."""
        self.reads += 1
        for chunk in self._chunks:
            if isinstance(chunk, SourceError):
                raise chunk
            if see:
                see(chunk.encode())
            yield chunk


def test_a_streamed_file_is_searched_for_tables() -> None:
    """Over the ends of chunks, in the one reading that its check needs, too."""
    script = Script("INSERT INTO Schema_Migr", "ations VALUES (1, 'a', 5);")
    found = Migration(1, "001_a", script)
    assert found.mentions("schema_migrations")
    assert not found.mentions("d1_migrations")
    assert found.mentions("any_other")  # it is not searched for all names
    assert found.rollback is None
    assert script.reads == 1


@pytest.mark.parametrize("end", [SourceError("cannot read it"), "SELECT 'not closed"])
def test_a_streamed_file_is_searched_as_far_as_it_can_be_read(end: str | SourceError) -> None:
    """What cannot be read is refused when it is to run."""
    found = Migration(1, "001_a", Script("INSERT INTO Schema_Migr", "ations VALUES (1, 'a', 5);", end))
    assert found.mentions("schema_migrations")
    assert not found.mentions("d1_migrations")


def test_a_value_in_a_series_names_no_table() -> None:
    """Only the statements before it are searched: their form has its tables."""
    rows = "".join(f"INSERT INTO notes VALUES ({n}, 'schema_migrations');\n" for n in range(100))
    assert Migration(1, "001_a", rows).mentions("schema_migrations")
    assert Migration(1, "001_a", Script(rows)).mentions("schema_migrations")  # before it is known to be one
    rows = "".join(f"INSERT INTO notes VALUES ({n}, 'x');\n" for n in range(25)) + rows
    assert not Migration(1, "001_a", Script(rows)).mentions("schema_migrations")
    rows = rows.replace("notes", "schema_migrations")
    assert Migration(1, "001_a", Script(rows)).mentions("schema_migrations")


def test_the_queries_of_a_large_file() -> None:
    """Once it was checked, a series of INSERTs is one; its text is what is in the file."""
    rows = "".join(f"INSERT INTO notes VALUES ({n}, 'x;\n');\n" for n in range(100))
    script = Script(f"CREATE TABLE notes (a, b);\n{rows}-- end\nSELECT 1;")
    found = Migration(1, "001_a", script)
    assert [query.series for query in found.queries()] == [1] * 102
    assert found.check() == 102
    queries = list(found.queries())
    assert [query.series for query in queries] == [1] * 20 + [81, 1]
    assert queries[-2].sql == rows[rows.index("INSERT INTO notes VALUES (19") :].strip().removesuffix(";")
    assert [one.sql for query in queries for one in query.apart()] == list(found.texts())
    assert list(found.texts()) == [statement.sql for statement in found.statements()]


@pytest.mark.parametrize(
    ("into", "runs"), [("notes (a, b, c)", True), ("schema_migrations (version, name, applied_at)", False)]
)
def test_a_series_after_the_marker_of_a_rollback(into: str, *, runs: bool) -> None:
    """It would run forward like any other statement; what records migrations would not."""
    rows = "".join(f"INSERT INTO {into} VALUES ({n}, 'x', 5);\n" for n in range(100))
    for script in (f"SELECT 1;\n-- Down\n{rows}", f"{rows}SELECT 1;\n-- Down\n{rows}"):
        assert bool(Migration(1, "001_a", Script(script)).runs_forward) == runs
        assert bool(Migration(1, "001_a", script).runs_forward) == runs
