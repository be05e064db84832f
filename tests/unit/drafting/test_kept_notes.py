"""The lines on types and tables that models do not change."""

from __future__ import annotations

from d1migrate.drafting import Declarations, complete, kept_notes, read
from d1migrate.drafting.desired import Models, SeedRow

CURRENT = "CREATE TABLE a (x TEXT, y, z INT, same INT);\nCREATE TABLE old (x);\nCREATE VIRTUAL TABLE f USING fts5(x);\n"
WANTED = "CREATE TABLE a (x VARCHAR(9), y BLOB, z BIGINT, same int);\n"


def notes(current: str, wanted: str, *rows: SeedRow) -> list[str]:
    """The lines."""
    models = read(wanted, file="models")._replace(models=Models("python:models:Base", rows=rows))
    return [*kept_notes(models, complete(read(current, file="now.sql").schema, models, Declarations()))]


def test_what_is_kept() -> None:
    """A virtual table is in no model, so nobody expects that it is dropped."""
    assert notes(CURRENT, WANTED) == [
        (
            "types that SQLite treats alike are kept: a.x TEXT (models: VARCHAR(9)), a.y without a type (models: BLOB),"
            " a.z INT (models: BIGINT); --types changes them"
        ),
        "outside the models, and kept: old (--allow-drop old drops it)",
    ]
    assert notes(WANTED, WANTED) == []


def test_clauses() -> None:
    """They are named only for models that cannot declare them."""
    current, wanted = (
        "CREATE TABLE a (x REFERENCES a ON DELETE CASCADE);\n",
        "CREATE TABLE a (x REFERENCES a);\n",
    )
    assert notes(current, wanted) == []
    models = read(wanted, file="models")._replace(
        models=Models("django:mysite.settings", undeclared=("actions",))
    )
    assert [*kept_notes(models, complete(read(current, file="now.sql").schema, models, Declarations()))] == [
        "clauses that the models cannot declare are kept: a.x ON DELETE CASCADE; --types changes them"
    ]


def test_a_name_with_spaces() -> None:
    """The flag can be pasted into a shell."""
    assert notes('CREATE TABLE "my t" (x);\n', "CREATE TABLE b (y, z);\n") == [
        "outside the models, and kept: my t (--allow-drop 'my t' drops it)"
    ]


def test_a_full_text_table_that_a_model_reads() -> None:
    """Its columns have no types."""
    assert (
        notes(
            "CREATE VIRTUAL TABLE f USING fts5(x);\n", "CREATE TABLE f (rowid INTEGER PRIMARY KEY, x TEXT);\n"
        )
        == []
    )


def test_many() -> None:
    """One line names three."""
    columns = ", ".join(f"c{n} {{}}" for n in range(5))
    types, tables = notes(
        f"CREATE TABLE a ({columns});\n".replace("{}", "INT")
        + "".join(f"CREATE TABLE t{n} (x, n{n});\n" for n in range(5)),
        f"CREATE TABLE a ({columns});\n".replace("{}", "BIGINT"),
    )
    assert types.endswith("a.c2 INT (models: BIGINT) and 2 more; --types changes them")
    assert tables == "outside the models, and kept: t0, t1, t2 and 2 more (--allow-drop NAME drops one)"


def test_tables_that_the_source_names() -> None:
    """Django's migrations say which tables they dropped."""
    assert len(notes(CURRENT, WANTED, SeedRow("django_migrations", "", "", drops=("Old",)))) == 1


def test_a_whole_schema() -> None:
    """It keeps nothing."""
    desired = read(WANTED, file="schema.sql")
    assert [*kept_notes(desired, desired)] == []
