"""Rows that the application expects are found missing, and written."""

from __future__ import annotations

from d1migrate.drafting import Rename, read, renames_with, rows_title, with_rows
from d1migrate.drafting.desired import Models, SeedRow
from d1migrate.drafting.draft import Stage, draft
from d1migrate.drafting.seed_rows import missing_in_files, rows_to_write
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.table import USUAL_TABLE

KINDS = "CREATE TABLE kinds (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);\n"
ADD = "INSERT INTO kinds (name) SELECT 'a' WHERE NOT EXISTS (SELECT 1 FROM kinds WHERE name = 'a')"
EXISTS = "SELECT EXISTS (SELECT 1 FROM kinds WHERE name = 'a')"
ROW = SeedRow("kinds", ADD, EXISTS, "DELETE FROM kinds WHERE name = 'a'", ("look at a",))
EMPTY, WITH_KINDS = read("", file="empty").schema, read(KINDS, file="kinds").schema
MODELS = read(KINDS, file="models")._replace(models=Models("models", rows=(ROW,)))


def missing(*files: str) -> tuple[SeedRow, ...]:
    """Return what migrations with this SQL do not insert."""
    migrations = [Migration(number, f"{number:03}_x", text) for number, text in enumerate(files, 1)]
    return missing_in_files([ROW], migrations, USUAL_TABLE)


def test_the_files_are_run_with_their_rows() -> None:
    """A row is missing until a file inserts it, and again after one deletes it."""
    assert missing() == (ROW,)
    assert missing(KINDS) == (ROW,)
    assert missing(KINDS, f"{ADD};") == ()
    assert missing(KINDS, f"{ADD};", "DELETE FROM Kinds;") == (ROW,)


def test_statements_that_fail_without_other_rows_are_no_reason_to_stop() -> None:
    """A file may check its rows, or copy those that a rebuild keeps."""
    rebuild = (
        "SELECT json('there are no rows');\n"
        "CREATE TABLE new (id INTEGER PRIMARY KEY, name TEXT);\n"
        "INSERT INTO new SELECT * FROM kinds;\nDROP TABLE kinds;\nALTER TABLE new RENAME TO kinds;\n"
    )
    assert missing(KINDS, f"{ADD};", rebuild) == ()


def test_rows_are_written_where_their_table_is() -> None:
    """Not into a table that will not exist; and nothing is renamed in a new one."""
    assert rows_to_write(MODELS, EMPTY) == (ROW,)
    assert rows_to_write(MODELS._replace(schema=EMPTY), EMPTY) == ()
    assert rows_to_write(MODELS._replace(models=None), EMPTY) == ()
    renaming = MODELS._replace(models=Models("models", rows=(ROW._replace(updates=True),)))
    assert rows_to_write(renaming, EMPTY) == ()
    assert rows_to_write(renaming, WITH_KINDS) == renaming.models.rows  # type: ignore[union-attr]


def test_rows_follow_the_tables_in_their_file() -> None:
    """The rollback drops their table, so it deletes nothing."""
    drafted = draft(EMPTY, MODELS)
    assert drafted is not None
    (stage,) = with_rows([Stage("kinds", drafted)], [ROW], EMPTY, WITH_KINDS)
    assert stage.draft.up[-1].statements == (ADD,)
    assert stage.draft.down == drafted.down
    assert stage.notes == ("look at a",)


def test_rows_alone_are_a_migration() -> None:
    """Its rollback deletes what must not stay."""
    (stage,) = with_rows([], [ROW], WITH_KINDS, WITH_KINDS)
    assert stage.description == rows_title([ROW]) == "add rows to kinds"
    assert stage.draft.down.groups[0].statements == (ROW.delete,)
    (stage,) = with_rows([], [ROW._replace(delete=None)], WITH_KINDS, WITH_KINDS, "kinds")
    assert stage.description == "kinds"
    assert stage.draft.down.groups[0].what == "Nothing to undo: the rows stay"


def test_a_migration_under_a_directive_stays_as_it_is() -> None:
    """The rows get a migration of their own, after it; without rows nothing is added."""
    drafted = draft(EMPTY, MODELS)
    assert drafted is not None
    online = Stage("kinds", drafted, ("d1migrate: online=kinds",))
    first, second = with_rows([online], [ROW], WITH_KINDS, WITH_KINDS, "name")
    assert first == online
    assert second.description == "add rows to kinds"
    assert with_rows([online], [], WITH_KINDS, WITH_KINDS) == [online]


def test_renames_come_with_rows() -> None:
    """Those that fit: only the old name exists before, and only the new name after."""
    before = read(
        "CREATE TABLE a (id INTEGER, one); CREATE TABLE both (x, y); CREATE TABLE old (x);", file="a"
    )
    after = read(
        "CREATE TABLE b (id INTEGER, two); CREATE TABLE both (x, y); CREATE TABLE old (x);", file="b"
    )
    table, column = Rename("a", None, "b"), Rename("b", "one", "two")
    others = (Rename("both", "x", "y"), Rename("old", None, "new"), Rename("gone", "x", "y"))
    row = ROW._replace(renames=(column, table, *others))
    assert renames_with([row], before.schema, after.schema) == (table, column)


def test_a_table_that_stays_is_named() -> None:
    """The application dropped it, and models drop no table without permission."""
    row = ROW._replace(notes=(), drops=("kinds", "gone"))
    (stage,) = with_rows([], [row], WITH_KINDS, WITH_KINDS)
    (note,) = stage.notes
    assert note.endswith("--allow-drop kinds")
