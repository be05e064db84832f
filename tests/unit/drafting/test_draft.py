"""Drafted migrations: few statements, both directions, every row; run on SQLite under D1's rules."""

from __future__ import annotations

import shlex
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.drafting import Desired, Draft, Rename, backfill_of, draft, edit_columns, migration_text, read
from d1migrate.drafting.desired import Models
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import (
    DataLoss,
    Error,
    LimitExceeded,
    MissingValue,
    ParseError,
    PlanError,
    SourceError,
    UsageError,
)
from d1migrate.migrate.directives import directives
from d1migrate.migrate.migration import Migration
from d1migrate.schema import introspect
from d1migrate.schema.diff import diff
from d1migrate.sql.batch import Batch, Query

if TYPE_CHECKING:
    from d1migrate.schema.model import Schema


def drafted(current: str, desired: str, **options: Any) -> Draft | None:
    """Draft a migration from one script to another."""
    options["backfill"] = dict(map(backfill_of, options.pop("backfill", ())))
    options["renames"] = [Rename.of(text) for text in options.pop("renames", ())]
    return draft(read(current, file="current.sql").schema, read(desired, file="schema.sql"), **options)


def up(current: str, desired: str, **options: Any) -> list[str]:
    """The statements of the migration."""
    found = drafted(current, desired, **options)
    return [sql for section in found.up for sql in section.statements] if found else []


class Database:
    """A database in memory, under D1's rules."""

    def __init__(self, *scripts: str) -> None:
        self.driver = SqliteDriver(":memory:", url="sqlite::memory:")
        for script in scripts:
            self.run([sql for sql in script.split(";\n") if sql.strip()])

    def run(self, statements: list[str]) -> None:
        """Run statements as one batch."""
        self.driver.batch(Batch(tuple(Query(sql) for sql in statements)))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return list(self.driver.batch(Batch((Query(sql),), reads=True))[0].rows)

    def schema(self) -> Schema:
        """Return the schema, with the helpers of a migration."""
        return introspect.read(self.driver.batch(Batch(introspect.QUERIES, reads=True)))


def there_and_back(current: str, rows: str, desired: str, *queries: str, **options: Any) -> list[Any]:
    """Run both directions on rows; return what the queries give after the first."""
    found = drafted(current, desired, **options)
    assert found is not None
    with closing(Database(current, rows).driver) as driver:
        database = Database.__new__(Database)
        database.driver = driver
        first = database.schema()
        database.run([sql for section in found.up for sql in section.statements])
        assert not diff(database.schema(), read(desired, file="").schema).changes
        said = [database.rows(query) for query in queries]
        assert found.down.irreversible is None
        database.run([sql for section in found.down.groups for sql in section.statements])
        assert not diff(database.schema(), first).changes
        assert database.schema().tables == () or not any(
            t.name.startswith("_d1m_") for t in database.schema().tables
        )
    return said


# --- which statements ---

USERS = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL, n INTEGER);\n"


@pytest.mark.parametrize(
    ("columns", "statements"),
    [
        ("email TEXT NOT NULL, n INTEGER", []),
        ("n INTEGER, email TEXT NOT NULL", []),
        ("EMAIL text not null /* same */, [n] INTEGER", []),
        ("email TEXT NOT NULL, role TEXT, n INTEGER", ['ALTER TABLE "users" ADD COLUMN role TEXT']),
        ("email TEXT NOT NULL, n INTEGER, r TEXT DEFAULT 'x' NOT NULL", [
            """ALTER TABLE "users" ADD COLUMN r TEXT DEFAULT 'x' NOT NULL"""]),
        ("email TEXT NOT NULL, n INTEGER, r INT REFERENCES users", [
            'ALTER TABLE "users" ADD COLUMN r INT REFERENCES users']),
        ("email TEXT NOT NULL, n INTEGER, r INT AS (n + 1)", ['ALTER TABLE "users" ADD COLUMN r INT AS (n + 1)']),
        ("email TEXT NOT NULL", ['ALTER TABLE "users" DROP COLUMN "n"']),
    ],
)  # fmt: skip
def test_what_alter_table_can_do(columns: str, statements: list[str]) -> None:
    """Nothing if only order, case, quotes or comments differ; else one ALTER TABLE."""
    desired = f"CREATE TABLE users (id INTEGER PRIMARY KEY, {columns});"
    assert up(USERS, desired, allow_drop=["users.n"]) == statements


@pytest.mark.parametrize(
    "columns",
    [
        "email TEXT NOT NULL, n TEXT",
        "email TEXT, n INTEGER",
        "email TEXT NOT NULL UNIQUE, n INTEGER",
        "email TEXT NOT NULL CHECK (email <> ''), n INTEGER",
        "email TEXT NOT NULL COLLATE NOCASE, n INTEGER",
        "email TEXT NOT NULL, n INTEGER DEFAULT 1",
        "email TEXT NOT NULL, n INTEGER REFERENCES users(id)",
        "email TEXT NOT NULL, n INTEGER, at TEXT DEFAULT CURRENT_TIMESTAMP",
        "email TEXT NOT NULL, n INTEGER, at TEXT DEFAULT (1 + 1)",
        "email TEXT NOT NULL, n INTEGER, r INT DEFAULT 1 REFERENCES users",
        "email TEXT NOT NULL, n INTEGER, r INT UNIQUE",
        "email TEXT NOT NULL, n INTEGER, r INT AS (n) STORED",
        "email TEXT NOT NULL, n INTEGER, CHECK (n > 0)",
    ],
)
def test_what_takes_a_rebuild(columns: str) -> None:
    """Changes that ALTER TABLE cannot make on a table with rows."""
    desired = f"CREATE TABLE users (id INTEGER PRIMARY KEY, {columns});"
    assert 'DROP TABLE "users"' in up(USERS, desired)


def test_a_value_for_new_columns() -> None:
    """By UPDATE if that fires no trigger, else in a rebuild."""
    desired = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL, n INTEGER, r TEXT);\n"
    assert up(USERS, desired, backfill=["users.r=email || '!'"]) == [
        'ALTER TABLE "users" ADD COLUMN r TEXT',
        'UPDATE "users" SET "r" = email || \'!\'',
    ]
    trigger = "CREATE TRIGGER t AFTER UPDATE ON users BEGIN SELECT 1; END;"
    assert 'DROP TABLE "users"' in up(USERS + trigger, desired + trigger, backfill=["users.r=email"])


def test_objects_beside_tables() -> None:
    """Dropped before the tables change, created after; unchanged objects stay."""
    objects = (
        "CREATE INDEX i ON users (n);\nCREATE VIEW v AS SELECT n FROM users;\n"
        "CREATE TRIGGER v_in INSTEAD OF INSERT ON v BEGIN SELECT 1; END;\n"
        "CREATE TRIGGER t AFTER INSERT ON users BEGIN SELECT 1; END;\n"
    )
    other = (
        objects.replace("(n)", "(n, email)").replace("SELECT n", "SELECT email").replace("AFTER", "BEFORE")
    )
    assert up(USERS + objects, USERS + objects) == []
    assert up(USERS + objects, USERS + other) == [
        *('DROP TRIGGER "t"', 'DROP VIEW "v"', 'DROP INDEX "i"'),
        *("CREATE INDEX i ON users (n, email)", "CREATE VIEW v AS SELECT email FROM users"),
        "CREATE TRIGGER t BEFORE INSERT ON users BEGIN SELECT 1; END",
        "CREATE TRIGGER v_in INSTEAD OF INSERT ON v BEGIN SELECT 1; END",
    ]
    assert up(USERS + objects, "", allow_drop=["users"])[-1] == 'DROP TABLE "users"'


def test_tables_that_go_go_in_order() -> None:
    """Children are dropped first, in circles too."""
    script = "CREATE TABLE a (x REFERENCES b);CREATE TABLE b (id PRIMARY KEY, y REFERENCES c);"
    script += "CREATE TABLE c (id PRIMARY KEY REFERENCES c);CREATE TABLE d (id PRIMARY KEY REFERENCES e);"
    script += "CREATE TABLE e (id PRIMARY KEY REFERENCES d);"
    assert up(script, "", allow_drop=["all"])[:3] == [
        "PRAGMA defer_foreign_keys = ON",
        *('DROP TABLE "a"', 'DROP TABLE "b"'),
    ]


# --- nothing is lost ---

FAMILY = (
    "CREATE TABLE p (k TEXT UNIQUE, b TEXT, PRIMARY KEY (k, b));\n"
    "CREATE TABLE cascades (id INTEGER PRIMARY KEY, k REFERENCES p (k) ON DELETE CASCADE ON UPDATE CASCADE);\n"
    "CREATE TABLE nulls (id INTEGER PRIMARY KEY, k, b, FOREIGN KEY (k, b) REFERENCES p ON DELETE SET NULL);\n"
    "CREATE TABLE defaults (id INTEGER PRIMARY KEY, k DEFAULT 'x' REFERENCES p (k) ON DELETE SET DEFAULT);\n"
    "CREATE TABLE restricts (id INTEGER PRIMARY KEY, k REFERENCES p (k) ON DELETE RESTRICT);\n"
    "CREATE TABLE grand (id INTEGER PRIMARY KEY, c REFERENCES cascades ON DELETE CASCADE);\n"
    'CREATE TABLE "o""dd; name" ("k\'y" REFERENCES p (k) ON DELETE CASCADE);\n'
    "CREATE TRIGGER own AFTER DELETE ON cascades BEGIN DELETE FROM grand; END;\n"
    "CREATE TRIGGER refuses BEFORE UPDATE ON nulls BEGIN SELECT RAISE(ABORT, 'never'); END;\n"
    "CREATE VIEW seen AS SELECT k FROM p;\n"
)
ROWS = (
    "INSERT INTO p VALUES ('x', 'y'), ('z', 'y');\nINSERT INTO cascades VALUES (1, 'x'), (2, 'z');\n"
    "INSERT INTO nulls VALUES (1, 'x', 'y'), (2, NULL, 'q');\nINSERT INTO defaults VALUES (1, 'z');\n"
    "INSERT INTO restricts VALUES (1, 'x');\nINSERT INTO grand VALUES (1, 1), (2, 2);\n"
    'INSERT INTO "o""dd; name" VALUES (\'x\');\n'
)


def test_a_rebuild_keeps_every_row_of_every_child() -> None:
    """Whatever the foreign key does ON DELETE, and whatever triggers the children have."""
    desired = FAMILY.replace("b TEXT,", "b TEXT CHECK (b <> ''), more TEXT NOT NULL,")
    tables = ["p", "cascades", "nulls", "defaults", "restricts", "grand", '"o""dd; name"']
    before = [Database(FAMILY, ROWS).rows(f"SELECT * FROM {table}") for table in tables[1:]]
    said = there_and_back(
        FAMILY, ROWS, desired, *(f"SELECT * FROM {table}" for table in tables), backfill=["p.more=k || b"]
    )
    assert said[0] == [("x", "y", "xy"), ("z", "y", "zy")]
    assert said[1:] == before


def test_what_a_table_is_beside_its_rows() -> None:
    """Rowids of a full-text index, the counter, generated columns, storage classes, odd names."""
    script = (
        'CREATE TABLE n ("a b" TEXT PRIMARY KEY, rowid_ INT, x, g AS (x || 1) STORED, UNIQUE (x));\n'
        "CREATE VIRTUAL TABLE f USING fts5(x, content='n');\n"
        "CREATE TABLE c (id INTEGER PRIMARY KEY AUTOINCREMENT, v);\n"
        "CREATE TABLE w (a, b, PRIMARY KEY (b, a)) WITHOUT ROWID;\n"
        "CREATE TABLE s (id INT PRIMARY KEY, a ANY) STRICT;\n"
    )
    rows = (
        "INSERT INTO n(rowid, \"a b\", x) VALUES (7, 'k', 'seven'), (3, 'j', 'three');\n"
        "INSERT INTO f(f) VALUES ('rebuild');\nINSERT INTO c VALUES (9, x'00'), (41, 9223372036854775807);\n"
        "DELETE FROM c WHERE id = 41;\nINSERT INTO w VALUES (1, 'b'), ('1', 'b');\n"
        "INSERT INTO s VALUES (1, '1'), (2, 1), (3, 1.0), (4, x'');\n"
    )
    desired = (
        script.replace("rowid_ INT", "rowid_ INT DEFAULT 1").replace(", v)", ", v DEFAULT 2)")
        .replace("(a, b, PRIMARY", "(a, b DEFAULT 3, PRIMARY").replace("a ANY", "a ANY DEFAULT 4")
    )  # fmt: skip
    said = there_and_back(
        *(script, rows, desired),
        "SELECT rowid, x, g FROM n ORDER BY rowid",
        "SELECT rowid, x FROM f WHERE f MATCH 'seven'",
        "SELECT seq FROM sqlite_sequence WHERE name = 'c'",
        "SELECT typeof(a), b FROM w ORDER BY 1",
        "SELECT typeof(a) FROM s ORDER BY id",
    )
    assert said == [
        [(3, "three", "three1"), (7, "seven", "seven1")],
        [(7, "seven")],
        [(41,)],
        [("integer", "b"), ("text", "b")],
        [("text",), ("integer",), ("real",), ("blob",)],
    ]


def test_trees_and_circles() -> None:
    """References to itself, with and without an index, and tables that reference each other."""
    script = (
        "CREATE TABLE tree (id INTEGER PRIMARY KEY, up INT REFERENCES tree ON DELETE CASCADE, v INT);\n"
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b INT REFERENCES b ON DELETE CASCADE);\n"
        "CREATE TABLE b (id INTEGER PRIMARY KEY, a INT REFERENCES a ON DELETE CASCADE);\n"
    )
    rows = (
        "PRAGMA defer_foreign_keys = ON;\nINSERT INTO tree VALUES (1, 2, 0), (2, 1, 0), (3, 3, 0);\n"
        "INSERT INTO a VALUES (1, 1);\nINSERT INTO b VALUES (1, 1);\n"
    )
    database = Database(script)
    database.run([sql for sql in rows.split(";\n") if sql])
    desired = script.replace("v INT", "v INT DEFAULT 1").replace(
        "PRIMARY KEY, b", "PRIMARY KEY, x DEFAULT (1), b"
    )
    desired = desired.replace("PRIMARY KEY, a", "PRIMARY KEY, x DEFAULT (1), a")
    found = drafted(script, desired)
    assert found is not None
    database.run([sql for section in found.up for sql in section.statements])
    assert [database.rows(f"SELECT count(*) FROM {t}") for t in ("tree", "a", "b")] == [
        [(3,)],
        [(1,)],
        [(1,)],
    ]
    database.run([sql for section in found.down.groups for sql in section.statements])
    assert [database.rows(f"SELECT count(*) FROM {t}") for t in ("tree", "a", "b")] == [
        [(3,)],
        [(1,)],
        [(1,)],
    ]


@pytest.mark.slow
def test_a_hundred_columns_and_rowids() -> None:
    """A copy with rowids would have one column too many: one column is copied separately."""
    columns = ", ".join(f"c{i} TEXT" for i in range(99))
    script = f"CREATE TABLE wide (k TEXT PRIMARY KEY, {columns});\n"
    rows = "INSERT INTO wide (rowid, k, c98) VALUES (5, 'a', 'last'), (9, 'b', NULL);\n"
    desired = script.replace("c0 TEXT", "c0 TEXT DEFAULT 1")
    (said,) = there_and_back(script, rows, desired, "SELECT rowid, k, c98 FROM wide ORDER BY rowid")
    assert said == [(5, "a", "last"), (9, "b", None)]
    full = script.replace(" TEXT,", " TEXT NOT NULL,").replace("c98 TEXT", "c98 TEXT NOT NULL")
    with pytest.raises(LimitExceeded, match="wide has 100 columns and a rowid"):
        drafted(full, full.replace("c0 TEXT", "c0 TEXT DEFAULT 1"))


def test_a_conflict_clause_that_would_swallow_rows_aborts() -> None:
    """Rows are counted: a UNIQUE that ignores or replaces rows aborts instead of losing some."""
    script, rows = "CREATE TABLE t (a);\n", "INSERT INTO t VALUES (1), (1);\n"
    database = Database(script, rows)
    found = drafted(script, "CREATE TABLE t (a UNIQUE ON CONFLICT IGNORE);")
    assert found is not None
    with pytest.raises(Error, match="t had 2 rows, and has 1"):
        database.run([sql for section in found.up for sql in section.statements])
    assert database.rows("SELECT count(*) FROM t") == [(2,)]


def test_children_without_an_index_get_one_for_the_while() -> None:
    """Otherwise DROP TABLE would read every child for every parent."""
    script = "CREATE TABLE p (id INTEGER PRIMARY KEY, v);\nCREATE TABLE c (p REFERENCES p);\n"
    statements = up(script, script.replace(", v)", ", v DEFAULT 1)"))
    assert 'CREATE INDEX "_d1m_index_1_0" ON "c" ("p")' in statements
    assert 'DROP INDEX "_d1m_index_1_0"' in statements
    partial = script + "CREATE INDEX i ON c (p) WHERE p > 1;\n"
    assert 'CREATE INDEX "_d1m_index_1_0" ON "c" ("p")' in up(
        partial, partial.replace(", v)", ", v DEFAULT 1)")
    )
    dropped = up(script + "CREATE INDEX i ON c (p);\n", script.replace(", v)", ", v DEFAULT 1)"))
    assert dropped.index('DROP INDEX "i"') < dropped.index('CREATE INDEX "_d1m_index_1_0" ON "c" ("p")')


# --- what is asked ---


def test_nothing_goes_without_a_word() -> None:
    """A dropped column or table is named, with possible renames."""
    desired = "CREATE TABLE users (id INTEGER PRIMARY KEY, mail TEXT NOT NULL, n INTEGER);"
    with pytest.raises(DataLoss, match=r"users\.email would be dropped") as caught:
        drafted(USERS, desired, backfill=["users.mail=''"])
    assert caught.value.hint == "to rename: --rename users.email=mail; to drop: --allow-drop users.email"
    with pytest.raises(DataLoss, match="users would be dropped") as caught:
        drafted(USERS, USERS.replace("users", "people"))
    assert caught.value.hint == "to rename: --rename users=people; to drop: --allow-drop users"
    assert caught.value.rows == {"users": None}


def test_several_possible_renames() -> None:
    """Flags that fit together are given together; `or` is between those that exclude each other."""
    before = 'CREATE TABLE a (id INTEGER PRIMARY KEY, b TEXT);\nCREATE TABLE c (id INTEGER PRIMARY KEY, "d e" INT);'
    with pytest.raises(DataLoss) as caught:
        drafted(before, before.replace("b TEXT", "x TEXT").replace("d e", "it's"))
    assert caught.value.hint == (
        """to rename: --rename a.b=x --rename 'c.d e=it'"'"'s'; to drop: --allow-drop a.b --allow-drop 'c.d e'"""
    )
    with pytest.raises(DataLoss) as caught:
        drafted(before, before.replace("b TEXT", "x TEXT, y TEXT"))
    assert caught.value.hint == "to rename: --rename a.b=x or --rename a.b=y; to drop: --allow-drop a.b"


def test_values_that_rows_need() -> None:
    """A NOT NULL needs a value, on a new or an old column."""
    desired = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL, n INTEGER NOT NULL, r TEXT NOT NULL);"
    with pytest.raises(PlanError, match=r"users\.n becomes NOT NULL; users\.r is new and NOT NULL") as caught:
        drafted(USERS, desired)
    assert caught.value.hint == "add --backfill \"users.n='…'\" --backfill \"users.r='…'\""
    rows = "INSERT INTO users VALUES (1, 'a', NULL), (2, 'b', 5);\n"
    (said,) = there_and_back(
        *(USERS, rows, desired, "SELECT n, r FROM users"), backfill=["users.n=-1", "users.r=upper(email)"]
    )
    assert said == [(-1, "A"), (5, "B")]


def test_renames() -> None:
    """By flag or by note; everything that uses the old name follows, and so does the rollback."""
    script = USERS + (
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, by INT REFERENCES users (id) ON DELETE CASCADE);\n"
        "CREATE INDEX i ON users (email);\nCREATE VIEW v AS SELECT email FROM users;\n"
    )
    renamed = script.replace("users", "people").replace("email", "mail")
    flags = ["users=people", "users.email=mail"]
    assert up(script, renamed, renames=flags) == [
        'ALTER TABLE "users" RENAME TO "people"',
        'ALTER TABLE "people" RENAME COLUMN "email" TO "mail"',
    ]
    noted = renamed.replace("CREATE TABLE people", "-- renamed from: users\nCREATE TABLE people").replace(
        "mail TEXT NOT NULL,", "mail TEXT NOT NULL, -- renamed from: email\n"
    )
    assert up(script, noted) == up(script, renamed, renames=flags)
    assert up(renamed, noted) == []  # done before
    rows = "INSERT INTO users VALUES (1, 'a', 2);\nINSERT INTO posts VALUES (1, 1);\n"
    assert there_and_back(script, rows, noted, "SELECT mail FROM people", "SELECT * FROM posts") == [
        [("a",)],
        [(1, 1)],
    ]


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("users", "is not a rename"),
        ("users.=x", "is not a rename"),
        ("nobody=people", "cannot be renamed to people: the desired schema has no people"),
        ("users.email=n", "cannot be renamed to n"),
        ("nobody.a=b", "cannot rename a column of nobody: no such table"),
        ("users.email=email", "cannot be renamed to email: that is its name"),
    ],
)
def test_renames_that_make_no_sense(flag: str, message: str) -> None:
    """They are refused, not ignored."""
    with pytest.raises(UsageError, match=message):
        drafted(USERS, USERS, renames=[flag])


def test_a_value_that_is_not_text() -> None:
    """A terminal or a shell can give bytes that are not UTF-8."""
    with pytest.raises(UsageError, match=r"^--backfill users\.r: the value is not UTF-8$"):
        backfill_of("users.r='\udcff'")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("CREATE TABLE t (a", "incomplete input"),
        (
            "CREATE TABLE t (a);\nINSERT INTO t VALUES (1);",
            r"schema\.sql:2:1: expected CREATE TABLE, INDEX, VIEW or TRIGGER, found INSERT\n",
        ),
        ("DROP TABLE t;", "found DROP TABLE\n"),
        ("CREATE TABLE t (a);\nCREATE TABLE t (b);", r"schema\.sql:2:14: table t already exists"),
        ("CREATE TABLE _cf_x (a);", "not authorized"),
        ("CREATE TABLE _d1m_hold_1 (a);", "_d1m_hold_1 is left over from an interrupted rebuild"),
    ],
)
def test_schemas_that_cannot_be_read(text: str, message: str) -> None:
    """The error names file and line."""
    with pytest.raises(SourceError, match=message):
        read(text, file="schema.sql")
    with pytest.raises(ParseError):
        read("CREATE TABLE t (a DEFAULT 'x);", file="schema.sql")


SWAPPED = "CREATE TABLE t (id INTEGER PRIMARY KEY, {} INT, {} TEXT, {} REAL);\n"
THREE = "INSERT INTO t VALUES (1, 2, 'x', 3.5);\n"


@pytest.mark.parametrize(
    ("names", "flags"),
    [
        ("b c d", ["t.a=b", "t.b=c", "t.c=d"]),
        ("b a c", ["t.b=a", "t.a=b"]),
        ("b c a", ["t.c=a", "t.a=b", "t.b=c"]),
    ],
)
def test_chains_and_circles_of_renames(names: str, flags: list[str]) -> None:
    """Each new name is free; values stay with their columns."""
    script, desired = SWAPPED.format("a", "b", "c"), SWAPPED.format(*names.split())
    assert there_and_back(
        script, THREE, desired, f"SELECT {', '.join(names.split())} FROM t", renames=flags
    ) == [[(2, "x", 3.5)]]


def test_tables_that_swap_names() -> None:
    """With their foreign keys, and a column that is renamed as well."""
    script = (
        "CREATE TABLE a (id INTEGER PRIMARY KEY, x);\nCREATE TABLE b (id INTEGER PRIMARY KEY, y);\n"
        "CREATE TABLE c (a REFERENCES a, b REFERENCES b);\n"
    )
    desired = (
        "CREATE TABLE b (id INTEGER PRIMARY KEY, x);CREATE TABLE a (id INTEGER PRIMARY KEY, z);"
        "CREATE TABLE c (a REFERENCES b, b REFERENCES a);"
    )
    rows = "INSERT INTO a VALUES (1, 'x');\nINSERT INTO b VALUES (2, 'y');\nINSERT INTO c VALUES (1, 2);\n"
    flags = ["a=b", "b=a", "a.y=z"]
    queries = ("SELECT z FROM a", "SELECT x FROM b", "SELECT * FROM c")
    assert there_and_back(script, rows, desired, *queries, renames=flags) == [[("y",)], [("x",)], [(1, 2)]]


def test_notes_in_odd_places() -> None:
    """In quotes, before a comma, in a sentence; not in a literal."""
    script = 'CREATE TABLE t ("a b", c);\n'
    for note in (
        "-- was renamed from `a b`, in 2024\n",
        '/* renamed from: "a b" */',
        "-- Renamed FROM [a b].\n",
    ):
        assert up(script, f"CREATE TABLE t (x, {note} c);") == ['ALTER TABLE "t" RENAME COLUMN "a b" TO "x"']
    with pytest.raises(DataLoss):
        up(script, "CREATE TABLE t (x DEFAULT '-- renamed from: [a b]', c);")
    with pytest.raises(UsageError, match=r"t\.nothing cannot be renamed to x: neither exists"):
        up(script, "CREATE TABLE t (x, -- renamed from: nothing\n c);")
    with pytest.raises(UsageError, match=r"two renames share an old or a new name: t\.c=x, t\.c=y"):
        up(script, "CREATE TABLE t (x, y);", renames=["t.c=x", "t.c=y"])
    with pytest.raises(
        SourceError, match=r"these notes swap names, and would swap them again in every diff: t\.d=c, t\.c=d"
    ):
        up(script, "CREATE TABLE t (c, -- renamed from: d\n d -- renamed from: c\n);")


# --- one table ---


def test_a_table_with_other_columns() -> None:
    """Definitions replace columns, new ones are added before the constraints; others are dropped."""
    schema = read(
        "CREATE TABLE t (a INT, b TEXT, UNIQUE (a)) STRICT;CREATE INDEX i ON t (a);", file=""
    ).schema
    found = edit_columns(schema, "T", set_=["A INT NOT NULL"], add=["c BLOB DEFAULT x'00'"], drop=["B"])
    assert found.tables[0].sql == (
        "CREATE TABLE t (\n    A INT NOT NULL,\n    c BLOB DEFAULT x'00',\n    UNIQUE (a)\n) STRICT"
    )
    assert [index.name for index in found.tables[0].indexes if index.sql] == ["i"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"table": "x"}, "no such table: x"),
        ({"drop": ["z"]}, "t has no column z"),
        ({"set_": ["z INT"]}, "t has no column z"),
        ({"add": ["A TEXT"]}, "t already has a column a"),
        ({"add": ["z INT", "z TEXT"]}, "several flags name the column z"),
        ({"add": ["a INT, b INT"]}, "--add 'a INT, b INT' is not a column definition"),
        ({"set_": ["a INT, b INT"]}, "is not a column definition"),
        ({"set_": ["UNIQUE (a)"]}, "is not a column definition"),
        ({"set_": ["a INT) STRICT; DROP TABLE t; --"]}, "is not a column definition"),
        ({"set_": ["a NONSENSE CHECK (nothing())"]}, "nothing"),
    ],
)
def test_columns_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    """They are refused."""
    schema = read("CREATE TABLE t (a INT);", file="").schema
    with pytest.raises(UsageError, match=message):
        edit_columns(schema, options.pop("table", "t"), **options)


# --- the file ---


def test_the_file() -> None:
    """It parses, records itself, and its rollback block is the draft's rollback."""
    desired = read("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL);", file="")
    current = read(USERS.replace("n INTEGER", "n INTEGER NOT NULL CHECK (n > -1)"), file="").schema
    found = draft(current, Desired(desired.schema), allow_drop=["users.n"])
    assert found is not None
    assert found.title == "drop users n"
    text = migration_text(found, "004_drop_users_n.sql", found.title, date="2026-11-22", records=True)
    migration = Migration(4, "004_drop_users_n", text)
    migration.check()
    assert next(s.sql for s in migration.statements() if s.sql) == 'ALTER TABLE "users" DROP COLUMN "n"'
    assert migration.rollback is not None
    back = [s.sql for s in migration.rollback.statements() if s.sql]
    assert "users.n is restored without its values: 0 is used instead." in text
    assert back == [sql for section in found.down.groups for sql in section.statements]


@pytest.mark.parametrize(
    "line",
    [
        "Rollback:", "rollback: none, x", 'd1migrate: allow=D104 reason="x"', "+goose Down",
        "migrate:down", "--- !Downs", "//@undo", "down.sql --", "-- create above / drop below --", "\x0bRollback:",
    ],
)  # fmt: skip
def test_a_note_is_only_a_comment(line: str) -> None:
    """Whatever it quotes: neither a directive, nor a rollback block, nor what the author may have meant as one."""
    found = drafted("CREATE TABLE a (b);", "CREATE TABLE a (b); CREATE TABLE c (d);")
    assert found is not None
    notes = [f"it failed: oops\n{line}\n    DROP TABLE a;"]
    text = migration_text(found, "001_x.sql", "x", date="2026-11-22", records=False, notes=notes)
    migration = Migration(1, "001_x", text)
    migration.check()
    assert [s.sql for s in migration.statements() if s.sql] == ["CREATE TABLE c (\n    d\n)"]
    assert migration.rollback is not None
    assert migration.rollback.sql.strip() == 'DROP TABLE "c";'
    assert not [one for at, s in enumerate(migration.statements()) for one in directives(at, s)]


@pytest.mark.parametrize(
    ("column", "back"),
    [
        ("k TEXT NOT NULL UNIQUE", "the values of t.k are lost, and no placeholder fits"),
        ("k TEXT NOT NULL REFERENCES t(a)", "the values of t.k are lost, and no placeholder fits"),
        ("k TEXT NOT NULL CHECK (k IN ('x', 'y'))", "'x'"),
        ("k VARCHAR(9) NOT NULL", "''"),
        ("k NOT NULL", "0"),
        ("k NOT NULL DEFAULT 7", ""),
        ("k", ""),
    ],
)
def test_values_that_are_gone(column: str, back: str) -> None:
    """A restored column gets an accepted value, or there is no rollback, and the file says why."""
    script = "CREATE TABLE t (a PRIMARY KEY);"
    found = drafted(
        script.replace(")", f", {column})", 1).replace("a PRIMARY KEY, k", "a PRIMARY KEY, k"),
        script,
        allow_drop=["t.k"],
    )
    assert found is not None
    text = migration_text(found, "001_x.sql", "x", date="2026-11-22", records=False)
    if found.down.irreversible:
        assert found.down.irreversible == back
        assert f"-- Rollback: none, {back}\n" in text
        return
    assert [value for _, value in found.down.placeholders] == ([back] if back else [])


def test_a_table_too_big_for_one_batch() -> None:
    """The first statement refuses it with the number of entries, which its indexes and its children add to."""
    script = "CREATE TABLE t (id INTEGER PRIMARY KEY, a);\nCREATE INDEX i ON t (a);\nCREATE TABLE c (t REFERENCES t);\n"
    count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 8334) SELECT i FROM n"
    database = Database(script, f"INSERT INTO t (a) {count};\n")
    found = drafted(script, script.replace("a)", "a DEFAULT 1)", 1))
    assert found is not None
    assert "over the budget" in found.up[0].statements[0]
    with pytest.raises(Error, match="about 50,004 entries in one batch: over the budget of 50,000"):
        database.run([sql for section in found.up for sql in section.statements])


def test_what_models_say_of_a_missing_value() -> None:
    """A value of theirs is offered as a shell takes it; a function is named, and never called."""
    current = read("CREATE TABLE users (id INTEGER PRIMARY KEY, kind TEXT);", file="now.sql").schema
    wanted = "CREATE TABLE Users (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, Role TEXT NOT NULL, token TEXT NOT NULL, n INT NOT NULL);"
    models = Models(
        "python:models:Base",
        defaults={("users", "role"): "'viewer'", ("users", "kind"): "'$\"it''s'", ("users", "other"): "1"},
        functions={("users", "token"): "secrets.token_hex", ("users", "other"): "uuid4"},
    )
    with pytest.raises(MissingValue) as caught:
        draft(current, read(wanted, file="models")._replace(models=models))
    assert str(caught.value) == (
        "Users.kind becomes NOT NULL; Users.Role is new and NOT NULL; Users.token is new and NOT NULL;"
        " Users.n is new and NOT NULL: existing rows need a value\n"
        "    Users.token: the models call secrets.token_hex for each new row"
    )
    assert caught.value.columns == ("Users.kind", "Users.Role", "Users.token", "Users.n")
    assert caught.value.defaults == {"Users.Role": "'viewer'", "Users.kind": "'$\"it''s'"}
    quoted = shlex.quote("Users.kind='$\"it''s'")
    assert caught.value.hint == (
        f"add --backfill {quoted} --backfill \"Users.Role='viewer'\" --backfill \"Users.token='…'\""
        " --backfill \"Users.n='…'\"; the models give new rows the value of Users.Role, Users.kind"
    )
