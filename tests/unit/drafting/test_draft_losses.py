"""Drafts that could lose rows: dropped parents, circles, other types, full-text tables."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from d1migrate.errors import DataLoss, Error, PlanError
from d1migrate.sql.batch import Batch, Query
from tests.unit.drafting.test_draft import Database, drafted, there_and_back, up


def fails(current: str, rows: str, desired: str, message: str, **options: Any) -> None:
    """The migration aborts on rows, with a message."""
    found = drafted(current, desired, **options)
    assert found is not None
    with closing(Database(current, rows).driver) as driver, pytest.raises(Error, match=message):
        driver.batch(Batch(tuple(Query(sql) for section in found.up for sql in section.statements)))


PARENT = "CREATE TABLE p (id INTEGER PRIMARY KEY, v INT);\n"


def test_a_parent_never_takes_rows_that_stay_with_it() -> None:
    """DROP TABLE deletes what references it: refused if the child stays."""
    child = "CREATE TABLE c (p INT REFERENCES p ON DELETE CASCADE);\n"
    with pytest.raises(PlanError, match="p would be dropped, but c still references it"):
        drafted(PARENT + child, child, allow_drop=["p"])
    statements = up(PARENT + child, "CREATE TABLE c (p INT);", allow_drop=["p"])
    assert statements.index('DROP TABLE "c"') < statements.index('DROP TABLE "p"')


def test_circles_that_go() -> None:
    """Rows that reference each other are dropped together, and their triggers do nothing meanwhile."""
    script = (
        "CREATE TABLE s (n);\nCREATE TABLE a (id INTEGER PRIMARY KEY, b REFERENCES b);\n"
        "CREATE TABLE b (id INTEGER PRIMARY KEY, a REFERENCES a ON DELETE CASCADE);\n"
        "CREATE TABLE t (id INTEGER PRIMARY KEY, up REFERENCES t ON DELETE RESTRICT);\n"
        "CREATE TRIGGER ta AFTER DELETE ON a BEGIN DELETE FROM s; END;\n"
        "CREATE TRIGGER tb AFTER DELETE ON b BEGIN DELETE FROM s; END;\n"
    )
    rows = (
        "INSERT INTO s VALUES (1);\nINSERT INTO b VALUES (1, NULL);\nINSERT INTO a VALUES (1, 1);\n"
        "UPDATE b SET a = 1;\nINSERT INTO t VALUES (1, 1), (2, 1);\n"
    )
    said = there_and_back(script, rows, "CREATE TABLE s (n);", "SELECT * FROM s", allow_drop=["all"])
    assert said == [[(1,)]]


def test_a_column_that_becomes_computed_loses_its_values() -> None:
    """So this needs permission."""
    with pytest.raises(DataLoss, match=r"t\.b would be dropped"):
        drafted("CREATE TABLE t (a INT, b INT);", "CREATE TABLE t (a INT, b INT AS (a + 1));")


def test_rowids_become_the_ids_of_a_new_key() -> None:
    """And become rowids again in the rollback."""
    rows = "INSERT INTO t (rowid, a) VALUES (4, 'x'), (9, 'y');\n"
    desired = "CREATE TABLE t (id INTEGER PRIMARY KEY, a);"
    (said,) = there_and_back("CREATE TABLE t (a);\n", rows, desired, "SELECT id, a FROM t")
    assert said == [(4, "x"), (9, "y")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("id INT PRIMARY KEY, n", "id INTEGER PRIMARY KEY, n"),
        ("id INTEGER PRIMARY KEY DESC, n", "id INTEGER PRIMARY KEY, n"),
        ("id INTEGER, n", "id INTEGER, n, PRIMARY KEY (id DESC)"),
        ("id INTEGER UNIQUE, n TEXT", "ID INTEGER PRIMARY KEY AUTOINCREMENT, n TEXT"),
    ],
)
def test_a_row_without_an_id_is_given_none(old: str, new: str) -> None:
    """INTEGER PRIMARY KEY would number it; with a value to fill in, or without NULLs, rows stay."""
    null = "INSERT INTO t VALUES (NULL, 'a'), (3, 'b'), (NULL, 'c');\n"
    current, desired = f"CREATE TABLE t ({old});\n", f"CREATE TABLE t ({new});"
    fails(current, null, desired, "is NULL in a row, which would get a new id")
    filled = ["t.id=100 + unicode(n)"]
    (said,) = there_and_back(current, null, desired, "SELECT id, n FROM t", backfill=filled)
    assert said == [(3, "b"), (197, "a"), (199, "c")]
    assert there_and_back(current, "INSERT INTO t VALUES (3, 'b');\n", desired, "SELECT id, n FROM t") == [
        [(3, "b")]
    ]


@pytest.mark.parametrize(
    "old",
    [
        "id INT NOT NULL PRIMARY KEY",
        "id INTEGER PRIMARY KEY ASC",
        "id INT PRIMARY KEY) WITHOUT ROWID",
        "id INT PRIMARY KEY) STRICT",
    ],
)
def test_ids_that_are_never_null_are_not_asked_for(old: str) -> None:
    """Then the migration asserts nothing."""
    current = f"CREATE TABLE t ({old}{'' if ')' in old else ')'};\n"
    found = drafted(current, "CREATE TABLE t (id INTEGER PRIMARY KEY, n DEFAULT 1 NOT NULL);")
    assert found is not None
    assert not any("would get a new id" in sql for part in found.up for sql in part.statements)


def test_the_counter_of_a_table_in_other_letters() -> None:
    """AUTOINCREMENT continues where it was."""
    script = "CREATE TABLE T (id INTEGER PRIMARY KEY AUTOINCREMENT, v);\n"
    rows = "INSERT INTO T VALUES (7, 0), (90, 0);\nDELETE FROM T WHERE id = 90;\n"
    desired = script.replace("TABLE T", "TABLE t").replace(", v", ", v DEFAULT 1")
    assert there_and_back(script, rows, desired, "SELECT seq FROM sqlite_sequence") == [[(90,)]]


@pytest.mark.parametrize(
    ("values", "lost"),
    [("'007'", "007"), ("'1.50'", "1.50"), ("'7', '0', 'x', NULL, 1.5, '2.5', x'00'", None)],
)
def test_another_type_changes_no_value(values: str, lost: str | None) -> None:
    """A text that another type would change aborts, unless the user gives a conversion."""
    script, desired = "CREATE TABLE t (a TEXT);\n", "CREATE TABLE t (a NUMERIC);"
    rows = f"INSERT INTO t VALUES ({values.replace(', ', '), (')});\n"
    if lost is None:
        assert len(there_and_back(script, rows, desired, "SELECT * FROM t")[0]) == len(values.split(", "))
        return
    fails(script, rows, desired, rf"t\.a, by its new type, would change the value {lost}")
    said = there_and_back(script, rows, desired, "SELECT a FROM t", backfill=["t.a=CAST(a AS REAL)"])
    assert said == [[(float(lost),)]]


def test_rows_that_refer_to_nothing() -> None:
    """A new orphan aborts with table and row; old orphans stay, and the rebuild succeeds."""
    child = "CREATE TABLE c (id INTEGER PRIMARY KEY, p INT);\n"
    linked = child.replace("p INT", "p INT REFERENCES P")
    rows = "INSERT INTO p VALUES (1, 0);\nINSERT INTO c VALUES (3, 1), (4, 9), (5, NULL);\n"
    fails(PARENT + child, rows, PARENT + linked, "'c row 4 references a missing row of P'")
    more = linked.replace("INT REF", "INT NOT NULL DEFAULT 8 REF")
    fails(PARENT + child, rows.replace("9", "1"), PARENT + more, "c row 5", backfill=["c.p=8"])
    rows = f"PRAGMA defer_foreign_keys = ON;\n{rows}PRAGMA defer_foreign_keys = OFF;\n"
    desired = PARENT.replace("v INT", "v INT DEFAULT 1") + linked.replace("p INT", "x DEFAULT 2, p INT")
    script = PARENT + linked
    with closing(Database(script).driver) as driver:
        database = Database.__new__(Database)
        database.driver = driver
        database.run([sql for sql in rows.split(";\n") if sql])
        found = drafted(script, desired)
        assert found is not None
        for way in (found.up, found.down.groups):
            database.run([sql for section in way for sql in section.statements])
            assert database.rows("SELECT id, p FROM c") == [(3, 1), (4, 9), (5, None)]


def test_a_key_that_is_none_any_more() -> None:
    """What other tables reference stays unique, by any index."""
    script = (
        "CREATE TABLE p (id INT, code TEXT);\nCREATE UNIQUE INDEX u ON p (code);\n"
        "CREATE TABLE c (x REFERENCES p (code) ON DELETE CASCADE, v);\n"
    )
    with pytest.raises(PlanError, match=r"c references p \(code\), which is not its primary key or unique"):
        drafted(script, script.replace("UNIQUE ", ""))
    rows = "INSERT INTO p VALUES (1, 'a');\nINSERT INTO c VALUES ('a', 1);\n"
    other = script.replace("INDEX u", "INDEX u2").replace(", v)", ", v DEFAULT 1)")
    assert there_and_back(script, rows, other, "SELECT * FROM c") == [[("a", 1)]]


def test_an_index_that_moves() -> None:
    """Its name is free by then, in both directions."""
    script = "CREATE TABLE p (a);\nCREATE TABLE q (a);\nCREATE INDEX i ON q (a);\n"
    both = script.replace("(a);\nCREATE TABLE q (a)", "(a DEFAULT 1);\nCREATE TABLE q (a DEFAULT 1)")
    there_and_back(script, "SELECT 1;\n", both.replace("ON q", "ON p"))
    there_and_back(
        script, "SELECT 1;\n", both.replace("TABLE q", "TABLE r").replace("ON q", "ON r"), allow_drop=["q"]
    )


@pytest.mark.parametrize(
    ("desired", "is_rebuilt"),
    [
        ("a, b, c", False),
        ("a, c, b", True),
        ("c, a, b", True),
        ("b, a", True),
        ("b, c", False),
        ("c, b", True),
        ("a, b, c AS (a)", False),
        ("a, c AS (a), b", True),
    ],
)
def test_new_columns_have_their_place_too(desired: str, is_rebuilt: bool) -> None:
    """ADD COLUMN adds a column at the end: any other position needs a rebuild."""
    script = f"CREATE TABLE t ({desired});"
    found = drafted("CREATE TABLE t (a, b);", script, order=True, allow_drop=["t.a"])
    assert (
        'DROP TABLE "t"' in [sql for s in found.up for sql in s.statements] if found else False
    ) == is_rebuilt
    assert found is None or found.down.irreversible is None


def test_columns_in_another_order_and_back() -> None:
    """If the user asks for it."""
    script = "CREATE TABLE t (a, b);\n"
    found = drafted(script, "CREATE TABLE t (b, a);", order=True)
    assert found is not None
    assert 'DROP TABLE "t"' in [sql for section in found.down.groups for sql in section.statements]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ('"select"', '"SELECT"', False),
        ("foo", "Foo", False),
        ('"x"', "'x'", True),
        ("true", "TRUE", True),
        ("(LOWER('a'))", "(lower('a'))", True),
    ],
)
def test_defaults_that_mean_the_same(one: str, other: str, *, same: bool) -> None:
    """A name is a string in a DEFAULT, and its letter case counts."""
    assert (up(f"CREATE TABLE t (a DEFAULT {one});", f"CREATE TABLE t (a DEFAULT {other});") == []) is same


def test_triggers_of_a_table_that_refers_to_itself() -> None:
    """DROP TABLE would fire them through the foreign key."""
    script = (
        "CREATE TABLE s (n);\nCREATE TABLE t (id INTEGER PRIMARY KEY, up REFERENCES t ON DELETE SET NULL, v);\n"
        "CREATE TRIGGER tr AFTER UPDATE ON t BEGIN DELETE FROM s; END;\n"
    )
    rows = "INSERT INTO s VALUES (1);\nINSERT INTO t VALUES (1, 1, 0), (2, 1, 0);\n"
    desired = script.replace(", v)", ", v DEFAULT 1)")
    assert there_and_back(script, rows, desired, "SELECT * FROM s") == [[(1,)]]


def test_views_that_read_a_view_that_changes() -> None:
    """They are dropped while a column is dropped."""
    script = (
        "CREATE TABLE t (a, b);\nCREATE VIEW one AS SELECT a FROM t;\nCREATE VIEW two AS SELECT * FROM one;\n"
    )
    desired = script.replace("(a, b)", "(b)").replace("SELECT a", "SELECT b AS a")
    rows = "INSERT INTO t VALUES (1, 2);\n"
    assert there_and_back(script, rows, desired, "SELECT * FROM two", allow_drop=["t.a"]) == [[(2,)]]


# --- virtual tables ---

DOCS = (
    "CREATE TABLE d (id INTEGER PRIMARY KEY, body TEXT, x TEXT);\n"
    "CREATE VIRTUAL TABLE f USING fts5(body, content='d', content_rowid='id');\n"
    "CREATE TRIGGER di AFTER INSERT ON d BEGIN INSERT INTO f (rowid, body) VALUES (new.id, new.body); END;\n"
    "CREATE TRIGGER dd AFTER DELETE ON d BEGIN INSERT INTO f (f, rowid, body) VALUES ('delete', old.id, old.body); END;\n"
)
TEXTS = "INSERT INTO d VALUES (3, 'running home', 'other'), (9, NULL, 'words');\n"
SEARCH = "SELECT rowid FROM f WHERE f MATCH '{}'"


def test_full_text_tables_that_change() -> None:
    """Those with external content are rebuilt from it; others keep their rows and rowids."""
    porter = DOCS.replace("fts5(body,", "fts5(body, tokenize='porter',")
    assert there_and_back(DOCS, TEXTS, porter, SEARCH.format("run")) == [[(3,)]]
    more = DOCS.replace("fts5(body,", "fts5(body, x,")
    assert there_and_back(DOCS, TEXTS, more, SEARCH.format("words")) == [[(9,)]]
    renamed = DOCS.replace("TABLE d", "TABLE e").replace("ON d", "ON e").replace("'d'", "'e'")
    assert there_and_back(DOCS, TEXTS, renamed, SEARCH.format("home"), renames=["d=e"]) == [[(3,)]]
    own = "CREATE VIRTUAL TABLE f USING fts5(a, b UNINDEXED);\n"
    rows = "INSERT INTO f (rowid, a, b) VALUES (4, 'running', 1), (9, 'home', 'x');\n"
    desired = own.replace("(a, b", "(c, a, tokenize=porter, b")
    said = there_and_back(own, rows, desired, "SELECT rowid, a, b FROM f", SEARCH.format("run"))
    assert said == [[(4, "running", 1), (9, "home", "x")], [(4,)]]


def test_a_full_text_table_follows_values_that_are_filled_in() -> None:
    """A rebuild fires no trigger, so the index is rebuilt."""
    desired = DOCS.replace("body TEXT", "body TEXT NOT NULL")
    said = there_and_back(DOCS, TEXTS, desired, SEARCH.format("nothing"), backfill=["d.body='nothing here'"])
    assert said == [[(9,)]]


def test_trees_that_change() -> None:
    """Their rows, with their auxiliary columns."""
    script = "CREATE VIRTUAL TABLE r USING rtree(id, x0, x1, +name);\n"
    rows = "INSERT INTO r VALUES (5, 0.1, 2, 'a'), (8, 1, 1e9, x'00');\n"
    desired = "CREATE VIRTUAL TABLE r USING rtree(key, x0, x1, +name, +more);"
    (said,) = there_and_back(script, rows, desired, "SELECT key, name, more FROM r ORDER BY 1")
    assert said == [(5, "a", None), (8, b"\x00", None)]


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        (
            "TABLE f (a)",
            "VIRTUAL TABLE f USING fts5(a)",
            "f is an ordinary table and cannot become a virtual table of module fts5",
        ),
        (
            "VIRTUAL TABLE f USING fts5(a)",
            "TABLE f (a)",
            "f is a virtual table of module fts5 and cannot become an ordinary table",
        ),
        (
            "VIRTUAL TABLE f USING fts5(a, content='')",
            "VIRTUAL TABLE f USING fts5(a)",
            "its text is not stored",
        ),
        ("VIRTUAL TABLE f USING fts5(a, b)", "VIRTUAL TABLE f USING fts5(a)", r"f\.b would be dropped"),
        (
            "VIRTUAL TABLE f USING fts5(a)",
            "VIRTUAL TABLE f USING fts5(a, content='t')",
            r"f\.a would be dropped",
        ),
        (
            "VIRTUAL TABLE f USING rtree(a,b,c)",
            "VIRTUAL TABLE f USING rtree_i32(a,b,c)",
            "cannot become a virtual table of module rtree_i32",
        ),
    ],
)
def test_virtual_tables_that_cannot_change(one: str, other: str, message: str) -> None:
    """They are refused with the reason."""
    table = "CREATE TABLE t (a);\n"
    with pytest.raises((PlanError, DataLoss), match=message):
        drafted(f"{table}CREATE {one};", f"{table}CREATE {other};")


# --- keys that change together ---

COMPOSITE = "CREATE TABLE p (x INT NOT NULL, y INT NOT NULL, v, PRIMARY KEY (x, y));\n"
SINGLE = COMPOSITE.replace("PRIMARY KEY (x, y)", "PRIMARY KEY (x)")
CHILD = "CREATE TABLE c (id INTEGER PRIMARY KEY, x INT, y INT{});\n"
TO_BOTH = CHILD.format(", FOREIGN KEY (x, y) REFERENCES p (x, y) ON DELETE CASCADE")
TO_ONE = CHILD.format(", FOREIGN KEY (x) REFERENCES p (x) ON DELETE CASCADE")
OF_KEYS = "INSERT INTO p VALUES (1, 1, 'v'), (2, 2, 'w');\nINSERT INTO c VALUES (1, 1, 1), (2, 2, 2);\n"


@pytest.mark.parametrize("is_parent_first", [True, False])
def test_a_key_that_changes_with_a_foreign_key_to_it(is_parent_first: bool) -> None:
    """The child is rebuilt while its old foreign key fits, and the parent first if the new one needs that."""
    for before, after in (
        ((COMPOSITE, TO_BOTH), (SINGLE, CHILD.format(""))),
        ((SINGLE, CHILD.format("")), (COMPOSITE, TO_BOTH)),
    ):
        current, desired = ("".join(pair if is_parent_first else pair[::-1]) for pair in (before, after))
        rows = OF_KEYS if is_parent_first else ";\n".join(reversed(OF_KEYS.split(";\n")[:2])) + ";\n"
        found = there_and_back(
            current, "PRAGMA defer_foreign_keys = ON;\n" + rows, desired, "SELECT * FROM p", "SELECT * FROM c"
        )
        assert found == [[(1, 1, "v"), (2, 2, "w")], [(1, 1, 1), (2, 2, 2)]]


def test_keys_that_fit_only_before_and_after() -> None:
    """SQLite would refuse to copy the rows back: the way on is two migrations, which work."""
    with pytest.raises(
        PlanError, match="the key of p and the foreign key of c to it cannot change in one"
    ) as caught:
        drafted(COMPOSITE + TO_BOTH, SINGLE + TO_ONE)
    assert "first remove the foreign key of c, or that table" in str(caught.value.hint)
    said = there_and_back(SINGLE + CHILD.format(""), OF_KEYS, SINGLE + TO_ONE, "SELECT count(*) FROM c")
    assert said == [[(2,)]]


def test_a_key_that_changes_with_new_tables() -> None:
    """A new child, and a parent that gets its unique index at once, fit in time."""
    index = "CREATE TABLE z (n INT);\n"
    current = COMPOSITE + index + "CREATE TABLE d (n INT);\n"
    desired = f"{SINGLE}{TO_ONE}{index}CREATE UNIQUE INDEX i ON z (n);\nCREATE TABLE d (n INT, FOREIGN KEY (n) REFERENCES z (n));\n"
    rows = OF_KEYS.split(";\n")[0] + ";\n"
    assert there_and_back(current, rows, desired, "SELECT count(*) FROM p", allow_drop=["c"]) == [[(2,)]]


def test_a_key_that_changes_while_its_child_is_dropped() -> None:
    """The child is dropped first, with what references it; but never while a table that stays references it."""
    grandchild = "CREATE TABLE g (c INT REFERENCES c ON DELETE CASCADE);\n"
    rows = OF_KEYS + "INSERT INTO g VALUES (1);\n"
    current = COMPOSITE + TO_BOTH + grandchild
    assert there_and_back(current, rows, SINGLE, "SELECT count(*) FROM p", allow_drop=["all"]) == [[(2,)]]
    with pytest.raises(PlanError, match="the key of p and the foreign key of c to it cannot change in one"):
        drafted(current, SINGLE + "CREATE TABLE g (c INT);\n", allow_drop=["c"])
