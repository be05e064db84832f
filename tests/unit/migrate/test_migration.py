"""A migration as a value: checksum, rollback block, statements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import ParseError, SourceError
from d1migrate.migrate.history_guard import is_record, recorded_version
from d1migrate.migrate.migration import NOTHING, Migration
from d1migrate.sql.statement import target_of
from d1migrate.sql.tokens import significant

if TYPE_CHECKING:
    from collections.abc import Iterator


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


def test_the_rollback_block() -> None:
    """It loses one `--` and the common indent, and keeps blank lines and the line numbers of the file."""
    found = migration(
        "SELECT 1;\n\n-- Rollback:\n--   DROP TABLE a;\n\n--     -- a note\n--   DROP TABLE b;\n"
    ).rollback
    assert found is not None
    assert found.sql == "\nDROP TABLE a;\n\n  -- a note\nDROP TABLE b;"
    assert [(s.sql, s.line) for s in found.statements()] == [("DROP TABLE a", 4), ("DROP TABLE b", 7)]


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("SELECT 1;\n--rollback:\n--DROP TABLE a;", "\nDROP TABLE a;"),
        ("SELECT 1;\n-- ROLLBACK: DROP TABLE a;", "DROP TABLE a;"),
        ("-- Rollback:\n-- DROP TABLE a;\nSELECT 1;", "\nDROP TABLE a;"),
        ("SELECT 1;\n-- Rollback:\n-- DROP TABLE a;\n/* not this */\n-- nor this", "\nDROP TABLE a;"),
        ("SELECT 1\n\n-- Rollback:\n-- DROP TABLE a;\n", "\nDROP TABLE a;"),
        (
            "SELECT 1;\n-- Rollback:\n-- CREATE TRIGGER t AFTER INSERT ON a BEGIN\n--   SELECT 1;\n-- END;\n",
            "\nCREATE TRIGGER t AFTER INSERT ON a BEGIN\n  SELECT 1;\nEND;",
        ),
    ],
)
def test_spellings_of_a_rollback_block(text: str, sql: str) -> None:
    """Any case, on one line, anywhere between statements, with several lines a statement."""
    found = migration(text).rollback
    assert found is not None
    assert found.sql == sql


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1;",
        "SELECT '\n-- Rollback:\n-- DROP TABLE a;\n';",
        "SELECT 1; -- Rollback: DROP TABLE a;",
        "SELECT 1;\n-- Rollback:\n-- -- nothing yet\n",
        "SELECT 1;\n-- How to roll back: ask\n",
        "SELECT 1\n-- Rollback: SELECT 2\n, 3;",
        "SELECT 1;\n/*\n-- Rollback:\n-- DROP TABLE a;\n*/",
    ],
)
def test_what_is_no_rollback_block(text: str) -> None:
    """Inside a string or statement, after a statement on its line, or without SQL, there is none."""
    assert migration(text).rollback is None


@pytest.mark.parametrize(
    "text", ["-- Rollback: none, gone", "-- rollback: NONE: gone", "-- Rollback: none - gone"]
)
def test_declared_irreversible(text: str) -> None:
    """`none` and a reason declare that there is no rollback."""
    found = migration(f"SELECT 1;\n{text}\n").rollback
    assert found is not None
    assert found.reason == "gone"


def test_rollback_errors_name_the_line_of_the_file() -> None:
    """An unclosed string in the block is shown where it stands in the file."""
    found = migration("SELECT 1;\n\n-- Rollback:\n-- DROP TABLE a;\n-- SELECT 'x;\n").rollback
    assert found is not None
    with pytest.raises(ParseError, match=r"001_a\.sql:5:8"):
        list(found.statements())


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE schema_migrations",
        'drop table if exists main."D1migrate_Log"',
        "ALTER TABLE schema_migrations RENAME TO x",
        "DELETE FROM d1migrate_log",
        "UPDATE schema_migrations SET name = 1",
    ],
)
def test_a_rollback_may_not_drop_the_history(sql: str) -> None:
    """It would drop the history of all other migrations."""
    with pytest.raises(SourceError, match="changes the history of all migrations"):
        migration(f"SELECT 1;\n-- Rollback: {sql};\n").check()


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


MARKERS = [
    *("-- Rollback:", "--rollback:", "--   ROLLBACK:   ", "-- Rollback:\n-- -- how to undo it"),  # ours
    *(
        "  -- Rollback:",
        "-- Rollback :",
        "-- Rollback",
        "--Rollback",
        "-- Roll back:",
        "-- roll-back",
    ),  # nearly
    *(
        "/* Rollback */",
        "/*\n * ROLLBACK\n */",
        "--- Rollback ---",
        "-- Rollback SQL:",
        "-- Undo",
        "-- revert:",
    ),
    *("-- migrate:down", "--migrate:down transaction:false", "-- migrate: down"),  # dbmate
    *("-- +goose Down", "-- +goose down -- note", "-- +migrate Down", "-- +migrate Down notransaction"),
    *("-- +micrate Down", "-- rambler down", "--rambler down"),
    *("---- create above / drop below ----", "-- //@UNDO", "--//@UNDO"),  # tern, MyBatis
    *("# --- !Downs", "-- !Downs", "# !Downs", "-- --- !Downs"),  # Play
    *("-- Down", "--------\n-- Down\n--------", "-- DOWN:", "-- Down Migration", "-- ==== DOWN ===="),
    "-- down.sql --",  # Atlas
    *("-- To roll back:", "-- How to undo", "-- To revert this migration:", "-- Down (rollback)"),
    "-- INSERT INTO b VALUES (1);\n\n-- Down",
    "-- +goose Down\n-- DROP TABLE b;",  # to the tool, all that follows is the rollback
    "-- Rollback\n-- drops the table again",
]


@pytest.mark.parametrize("marker", MARKERS)
def test_sql_of_a_rollback_that_would_run_forward_is_refused(marker: str) -> None:
    """It is SQL of the file like any other: run forward, it undoes what was just made."""
    found = migration(f"CREATE TABLE a (x);\n\n{marker}\n\nDROP TABLE a;\n")
    with pytest.raises(SourceError, match=r"001_a.sql:\d+: the SQL after .* as part of the migration") as e:
        found.check()
    assert e.value.rule == "P110"
    assert found.rollback is None, "an applied file loads as before"
    assert len(list(found.statements())) == 2
    marker = marker.replace("# ", "-- ")
    assert migration(f"CREATE TABLE a (x);\n{marker}\n-- DROP TABLE a;\n").check() == 1, "commented out"
    other = migration(f"CREATE TABLE a (x);\n/*\n-- {marker.replace('*/', '')}\n*/\nSELECT '\n{marker}\n';\n")
    assert other.check() == 2, "in a comment or a string"


@pytest.mark.parametrize(
    "sql",
    [
        "{}-- Rollback:\n--   DROP TABLE a;\nCREATE TABLE b (y);",  # the block ends, the file goes on
        "{}-- Rollback: DROP TABLE a;\nCREATE TABLE b (y);",
        "{}-- Rollback: none, it stays\nCREATE TABLE b (y);",
        "{}-- Down\n-- Rollback:\n--   DROP TABLE a;\nCREATE TABLE b (y);",
        "{}-- Rollback:\nINSERT INTO schema_migrations (version, name, applied_at) VALUES (1, '001_a', 0);",
        "{}-- Down the line, names are unique\nCREATE TABLE b (y);",
        "{}-- Rollback is not possible after this:\nDROP TABLE b;",
        "{}-- revert the flag of 003\nUPDATE a SET x = 0;",
        "{}CREATE TABLE down (y); -- Down\nCREATE TABLE undo (y);",  # about the statement before it
        "-- Revert\n{}DROP TABLE b;",  # a heading of the whole file
        "{}-- Rollback\n-- DROP TABLE a;\n\n-- Seeds\nINSERT INTO a VALUES (1);",  # commented out, to a blank line
        "{}-- ===== DOWN =====\n-- 1. drop table a;\n--    (by hand)\n\nINSERT INTO a VALUES (1);",
        "{}-- Undo\n/*\nDROP TABLE a;\n*/\nINSERT INTO a VALUES (1);",
        "{}-- Rollback:\n/* DROP TABLE a; */\nINSERT INTO a VALUES (1);",
        "{}-- Undo steps\nCREATE TABLE IF NOT EXISTS undo_steps (y);",  # a heading of what it creates
        "{}-- ---- Rollbacks ----\nCREATE INDEX rollbacks_x ON a (x);",
        "-- +migrate Up\n{}-- +migrate Down\n",
    ],
)
def test_sql_that_is_meant_to_run_forward_is_not(sql: str) -> None:
    """After a block that is commented out, and after comments that only speak of a rollback."""
    assert migration(sql.format("CREATE TABLE a (x);\n")).check() >= 1


def test_a_rollback_that_is_half_commented_out() -> None:
    """Without a blank line, the SQL after the commented line belongs to it."""
    with pytest.raises(SourceError, match="would run"):
        migration("CREATE TABLE a (x);\n-- Down\n-- DROP INDEX i;\nDROP TABLE a;\n").check()


@pytest.mark.parametrize("text", ["", "\n", ";;\n", "-- later", "-- later\n/* perhaps */\n;\n"])
def test_a_file_without_a_statement(text: str) -> None:
    """It is recorded like any other, as wrangler records it; its rollback does nothing."""
    found = migration(text)
    assert found.check() == 0
    assert found.checksum == NOTHING
    assert found.rollback is not None
    assert list(found.rollback.statements()) == []


def test_a_file_that_only_records_itself_has_no_rollback() -> None:
    """It looks like a template that was forgotten."""
    found = migration("INSERT INTO schema_migrations VALUES (1, '001_a', 0);")
    assert (found.check(), found.checksum, found.rollback) == (1, NOTHING, None)


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE a (x); /* never closed",
        "CREATE TABLE a (x);\0",
        "SELECT 1;\n-- Rollback:\n-- SELECT 2;\nSELECT 3;\n-- rollback: SELECT 4;\n",
    ],
)
def test_a_file_that_cannot_be_read_to_its_end(text: str) -> None:
    """It is refused while it is pending; where wrangler has run it, everything about it but its SQL is known."""
    found = migration(text)
    with pytest.raises(SourceError) as error:
        found.check()
    assert found.unreadable is error.value
    assert (found.rollback, found.almost_rollback, found.runs_forward) == (None, None, None)
    assert found.matches(found.checksum or "")
    assert not migration(BASE).matches(found.checksum or "")
    assert not found.matches(migration(BASE).checksum or "")


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


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("restore from the backup", "`-- Rollback: none, restore from the backup`"),
        ("", "`-- Rollback: none, see the wiki`"),
    ],
)
def test_prose_in_a_rollback_block(line: str, hint: str) -> None:
    """It is refused, and the hint has the form that is right."""
    found = migration(f"CREATE TABLE a (x);\n-- Rollback: {line}\n-- see the wiki\n")
    with pytest.raises(ParseError, match="is not SQL") as e:
        found.check()
    assert hint in str(e.value.hint)


def test_a_streamed_file_is_searched_for_tables() -> None:
    """Over the ends of chunks, and as far as it can be read; a search is no scan."""

    class Script:
        size, problem, reads = 1 << 21, None, 0

        def chunks(self) -> Iterator[str]:
            self.reads += 1
            yield "INSERT INTO Schema_Migr"
            yield "ations VALUES (1, 'a', 5);"
            raise SourceError("cannot read it")

    script = Script()
    found = Migration(1, "001_a", script)
    assert found.mentions("schema_migrations")
    assert not found.mentions("d1_migrations")
    assert found.mentions("any_other")  # it is not searched for all names
    assert script.reads == 1
