"""Names in quotes and capitals, as drizzle, Prisma and better-auth write them: the tool's own SQL is no drift."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from tests.cli.project import Project


class Shape(NamedTuple):
    """A table as a tool writes it, its name and a column, and the same table in another spelling."""

    sql: str
    name: str
    column: str
    other: str


SHAPES = [
    Shape(
        'CREATE TABLE "User" ("id" INTEGER PRIMARY KEY, "email" TEXT)',
        *("User", "email", "CREATE TABLE user (id INTEGER PRIMARY KEY, email TEXT)"),
    ),
    Shape(
        "CREATE TABLE `twoFactor` (`id` integer PRIMARY KEY, `backupCodes` text DEFAULT 'A')",
        *("twoFactor", "backupCodes"),
        "CREATE TABLE twofactor (id integer PRIMARY KEY, backupcodes text DEFAULT ('A'))",
    ),
    Shape(
        'CREATE TABLE [Order] ([id] INTEGER PRIMARY KEY, "userId" TEXT CHECK ("userId" <> \'X\'))',
        *("Order", "userId"),
        "CREATE TABLE `order` (id INTEGER PRIMARY KEY, userid TEXT, CHECK (USERID != 'X'))",
    ),
    Shape(
        "CREATE TABLE 'apiKey' ('id' INTEGER PRIMARY KEY, 'kEy' TEXT COLLATE NOCASE)",
        *("apiKey", "kEy", "CREATE TABLE apikey (id INTEGER PRIMARY KEY, key TEXT COLLATE nocase)"),
    ),
    Shape(
        'CREATE TABLE "k" ("id" TEXT PRIMARY KEY, "vAl" TEXT) WITHOUT ROWID, STRICT',
        *("k", "vAl", "CREATE TABLE k (id TEXT, val TEXT, PRIMARY KEY (id)) STRICT, WITHOUT ROWID"),
    ),
]
AROUND = """;
CREATE INDEX "{name}_vIdx" ON "{name}" ("{column}");
CREATE VIEW "{name}View" AS SELECT "{column}" AS "cOl" FROM "{name}";
CREATE TRIGGER "{name}Trg" AFTER INSERT ON "{lower}" BEGIN DELETE FROM "{name}" WHERE "{column}" = 'Zz'; END;
"""
OTHER = """;
CREATE INDEX {lower}_vidx ON `{lower}` ({column});
CREATE VIEW {lower}view AS SELECT {column} AS col FROM [{name}];
CREATE TRIGGER {lower}trg AFTER INSERT ON `{lower}` BEGIN DELETE FROM `{lower}` WHERE {column} = 'Zz'; END;
"""


def around(shape: Shape, text: str) -> str:
    """An index, a view and a trigger of a table."""
    return text.format(name=shape.name, column=shape.column, lower=shape.name.lower())


shapes = pytest.mark.parametrize("shape", SHAPES, ids=[shape.name for shape in SHAPES])


@shapes
def test_a_baseline_is_what_was_found(project: Project, shape: Shape) -> None:
    """The file that is written builds the same database; verify and diff see no difference."""
    project.sql(shape.sql + around(shape, AROUND))
    project.run("baseline", "as found")
    assert project.run("verify", "--check").out == "files, history and schema agree\n"
    (project.folder / "schema.sql").write_text(project.run("schema", "--sql").out)
    assert project.run("diff", "--to", "schema.sql").err == "no difference\n"


@shapes
def test_a_rebuild_leads_there_and_back(project: Project, shape: Shape) -> None:
    """No rule finds that the drafted rollback leads elsewhere, and no drift is left after it."""
    project.write("001_a.sql", shape.sql + around(shape, AROUND))
    project.run("up")
    column = f"{shape.name}.{shape.column}"
    definition = f"\"{shape.column}\" TEXT NOT NULL DEFAULT 'n'"
    project.run("rebuild", shape.name.upper(), "--set", definition, "--backfill", f"{column}='x'")
    findings = project.run("lint", "--strict", "--json").json["diagnostics"]
    assert {finding["code"] for finding in findings} == {"W103"}
    assert "restores" in project.run("rehearse").out
    project.run("up")
    project.run("down")
    assert project.run("verify", "--check").out.endswith("1 pending; schema agrees\n")


@shapes
def test_adopt_and_squash_read_names_as_sqlite_does(project: Project, shape: Shape) -> None:
    """A database with the other spelling has run the file; squashed, the files build the same."""
    project.write("001_a.sql", shape.sql + around(shape, AROUND))
    project.write("002_b.sql", "CREATE TABLE other (id INTEGER PRIMARY KEY);")
    project.sql(shape.other + around(shape, OTHER))
    assert "001_a  applied" in project.run("adopt", "--dry-run").out
    assert "squashed" in project.run("squash", "--to", "2", "--dry-run").out
