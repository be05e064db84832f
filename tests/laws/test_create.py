"""CREATE statements read and written: what the text says is what SQLite makes of it, and nothing is dropped."""

from __future__ import annotations

from typing import Any

import apsw
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from d1migrate.schema import introspect
from d1migrate.schema.model import Index, Schema, Table, View
from d1migrate.schema.normalize import canonical
from d1migrate.schema.render import create_text, document
from d1migrate.sql.batch import Result
from d1migrate.sql.create import parse, parse_table
from d1migrate.sql.definitions import (
    IndexDefinition,
    TableDefinition,
    Term,
    TriggerDefinition,
    ViewDefinition,
    VirtualTableDefinition,
)
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.tokens import tokenize
from tests.inputs import scaled

NAMES = ["b", '"b c"', "`check`", "[un,ique]", "'d''e'", "end", "naïve", '"""q"""', '"a -- b"']
TYPES = ["", "INT", "TEXT", "VARCHAR( 20 )", "DECIMAL(10, 2)", "UNSIGNED BIG INT"]
CONFLICTS = ["", " ON CONFLICT REPLACE", " on conflict ignore"]
ACTIONS = [
    "",
    " ON DELETE CASCADE",
    " ON UPDATE SET NULL ON DELETE SET DEFAULT",
    " ON DELETE RESTRICT MATCH full",
]
TIMES = ["", " DEFERRABLE INITIALLY DEFERRED", " NOT DEFERRABLE", " DEFERRABLE"]
SPACES = [" ", "\n  ", " /* , ( */ ", " -- it's, a (note)\n"]
COLUMN = st.one_of(
    st.sampled_from(["NULL", "DEFAULT 1", "DEFAULT -1.5", "DEFAULT 'CHECK (0), '", "DEFAULT (1 + (2))"]),
    st.sampled_from(["COLLATE NOCASE", "COLLATE 'RTRIM'", "CHECK (1)", "CONSTRAINT n1 CHECK ('x)' <> '(')"]),
    st.builds("NOT NULL{}".format, st.sampled_from(CONFLICTS)),
    st.builds("UNIQUE{}".format, st.sampled_from(CONFLICTS)),
    st.builds(
        "CONSTRAINT [n 2] REFERENCES p (q){}{}".format, st.sampled_from(ACTIONS), st.sampled_from(TIMES)
    ),
    st.builds("REFERENCES p{}{}".format, st.sampled_from(ACTIONS), st.sampled_from(TIMES)),
)
BESIDE = st.one_of(
    st.sampled_from(["CHECK (3)", "CONSTRAINT n3 CHECK (a <> ',')", "CHECK (4) CHECK (5)"]),
    st.builds("UNIQUE (a COLLATE NOCASE DESC, z){}".format, st.sampled_from(CONFLICTS)),
    st.builds(
        "FOREIGN KEY (a, z) REFERENCES p (q, 'r'){}{}".format,
        st.sampled_from(ACTIONS),
        st.sampled_from(TIMES),
    ),
)
KEYS = [
    *(
        "a INTEGER PRIMARY KEY",
        "a INTEGER PRIMARY KEY AUTOINCREMENT",
        "a INT PRIMARY KEY DESC ON CONFLICT FAIL",
    ),
    *(
        "a TEXT NOT NULL",
        "a INTEGER, PRIMARY KEY (a AUTOINCREMENT)",
        "a TEXT, PRIMARY KEY (z, a COLLATE NOCASE DESC)",
    ),
]


@st.composite
def tables(draw: st.DrawFn) -> str:
    """A CREATE TABLE, which SQLite may refuse."""
    space = st.sampled_from(SPACES)
    column = st.tuples(st.sampled_from(NAMES), st.sampled_from(TYPES), st.lists(COLUMN, max_size=3))
    key, _, beside_key = draw(st.sampled_from(KEYS)).partition(",")
    items = [key, "z INT"]
    for name, type_, parts in draw(st.lists(column, max_size=4, unique_by=lambda c: fold(unquote(c[0])))):
        items.append(draw(space).join([name, type_, *parts]))
    items += draw(
        st.sampled_from([[], ["g TEXT GENERATED ALWAYS AS (z || ',') STORED"], ["g AS (z + (1)) NOT NULL"]])
    )
    items += [beside_key] if beside_key else []
    items += draw(st.lists(BESIDE, max_size=3))
    options = draw(st.sampled_from(["", " STRICT", " WITHOUT ROWID", " without rowid, strict"]))
    commas = "".join(item + draw(space) + "," + draw(space) for item in items[:-1]) + items[-1] + draw(space)
    return f"CREATE TABLE t ({draw(space)}{commas}){options}"


def kept(sql: str) -> str | None:
    """The text that SQLite keeps of an object; None where it refuses it."""
    connection = apsw.Connection(":memory:")
    try:
        connection.execute(sql)
    except apsw.SQLError:
        return None
    return str(connection.execute("SELECT sql FROM sqlite_schema WHERE name = 't'").get)


def pragmas(sql: str) -> list[Any]:
    """All that SQLite's pragmas tell of a table."""
    connection = apsw.Connection(":memory:")
    connection.execute(sql)
    queries = (
        "SELECT * FROM pragma_table_xinfo('t')",
        "SELECT * FROM pragma_foreign_key_list('t')",
        "SELECT l.seq, l.\"unique\", l.origin, l.partial, x.* FROM pragma_index_list('t') l, pragma_index_xinfo(l.name) x",
        "SELECT * FROM pragma_table_list WHERE name = 't'",
    )
    return [connection.execute(query).fetchall() for query in queries]


@given(tables())
@example("CREATE TABLE t (a INT, b INT REFERENCES p NOT DEFERRABLE INITIALLY IMMEDIATE ON DELETE CASCADE)")
@settings(max_examples=scaled(500))
def test_what_is_printed_is_the_same_table(sql: str) -> None:
    """Parse → print → SQLite keeps an equal table; each comment is there; printed again it is the same text."""
    stored = kept(sql)
    assume(stored is not None)
    printed = create_text(stored or "")
    again = kept(printed)
    assert again is not None
    assert sorted(canonical(again).split()) == sorted(
        canonical(stored or "").split()
    )  # options change places
    assert pragmas(again) == pragmas(sql)
    notes = sorted(t.text.rstrip() for t in tokenize(stored or "") if t.kind == "comment")
    assert sorted(t.text for t in tokenize(printed) if t.kind == "comment") == notes
    assert create_text(printed) == printed
    assert create_text(again) == printed


@given(tables())
@settings(max_examples=scaled(500))
def test_what_is_read_is_what_the_pragmas_tell(sql: str) -> None:
    """Columns, keys and foreign keys of the text are those that SQLite knows."""
    assume(kept(sql) is not None)
    table = parse_table(sql)
    assert table is not None
    columns, references, _, ((*_, without_rowid, strict),) = pragmas(sql)
    assert (table.without_rowid, table.strict) == (bool(without_rowid), bool(strict))
    primary = [fold(term.column or "") for term in (table.primary_key.terms if table.primary_key else ())]
    read = [
        (
            *(c.name, c.type.upper(), c.default),
            fold(c.name) in primary and primary.index(fold(c.name)) + 1,
            (3 if c.stored else 2) if c.generated is not None else 0,
        )
        for c in table.columns
    ]
    assert read == [
        (name, type_.upper(), default, pk, hidden) for _, name, type_, _, default, pk, hidden in columns
    ]
    told = {name: bool(not_null) for _, name, _, not_null, *_ in columns}
    assert all(told[c.name] for c in table.columns if c.not_null)
    assert sorted(_told(references)) == sorted(
        (tuple(map(fold, r.columns)), r.table, r.to, r.on_delete, r.on_update) for r in table.all_references
    )


def _told(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    found: dict[int, list[tuple[Any, ...]]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)
    return [
        (
            tuple(fold(row[3]) for row in group),
            group[0][2],
            tuple(row[4] for row in group if row[4] is not None),
            *(group[0][6], group[0][5]),
        )
        for group in found.values()
    ]


def test_nothing_of_a_table_is_dropped() -> None:
    """Every clause of the grammar has a place in the definition."""
    table = parse_table(
        "CREATE TABLE t (a TEXT CONSTRAINT k PRIMARY KEY DESC ON CONFLICT FAIL, b INT CONSTRAINT nn NOT NULL ON"
        " CONFLICT REPLACE DEFAULT (1) REFERENCES p ON DELETE SET NULL ON UPDATE CASCADE MATCH FULL NOT DEFERRABLE"
        " INITIALLY DEFERRED, c AS (b) STORED, UNIQUE (b COLLATE NOCASE DESC, c) ON CONFLICT IGNORE) STRICT"
    )
    assert isinstance(table, TableDefinition)
    a, b, c = table.columns
    assert a.keys[0]._asdict() == {
        "terms": (Term('"a"', "a", None, True),),
        "primary": True,
        "autoincrement": False,
        "conflict": "FAIL",
        "name": "k",
    }
    assert b.not_null == ("REPLACE", "nn")
    assert b.references[0][:7] == (
        *(("b",), "p", (), "SET NULL", "CASCADE", "FULL", "NOT DEFERRABLE INITIALLY DEFERRED"),
    )
    assert (c.generated, c.stored) == ("b", True)
    assert table.keys[0].terms == (Term("b", "b", "NOCASE", True), Term("c", "c"))
    assert table.keys[0].conflict == "IGNORE"


def test_the_other_objects() -> None:
    """Indexes, views, triggers and virtual tables."""
    assert parse(
        "CREATE UNIQUE INDEX IF NOT EXISTS main.i ON t (lower(a) DESC, b COLLATE NOCASE) WHERE b > 1;"
    ) == (
        IndexDefinition(
            "i", "t", (Term("lower(a)", None, None, True), Term("b", "b", "NOCASE")), True, "b > 1"
        )
    )
    assert parse("CREATE VIEW v (x, y) AS SELECT 1, 2") == ViewDefinition("v", "SELECT 1, 2", ("x", "y"))
    assert parse(
        "CREATE TRIGGER IF NOT EXISTS g INSTEAD OF UPDATE OF a, b ON v FOR EACH ROW WHEN new.begin > 1 BEGIN"
        " UPDATE t SET a = CASE WHEN 1 THEN 2 END; SELECT 1; END"
    ) == TriggerDefinition(
        *("g", "v", "INSTEAD OF", "UPDATE", ("a", "b"), "new.begin > 1"),
        ("UPDATE t SET a = CASE WHEN 1 THEN 2 END", "SELECT 1"),
    )
    assert parse("CREATE VIRTUAL TABLE f USING fts5(a, content = 't', tokenize='porter ascii')") == (
        VirtualTableDefinition("f", "fts5", ("a", "content = 't'", "tokenize='porter ascii'"))
    )
    assert parse("CREATE TABLE t AS SELECT 1") is None
    assert parse("SELECT 1") is None


def schema_of(script: str) -> Schema:
    """What SQLite has after a script."""
    connection = apsw.Connection(":memory:")
    connection.execute(script)
    results = [connection.execute(query.sql, query.params).fetchall() for query in introspect.QUERIES]
    return introspect.read([Result(tuple(rows)) for rows in results])


def test_a_document_round_trips() -> None:
    """A schema's text builds it again, in whatever order it was built."""
    script = """
        CREATE VIEW v AS
            SELECT a -- kept
            FROM z;
        CREATE TABLE z (a INTEGER PRIMARY KEY, -- the key
            /* the parent */ b REFERENCES a);
        CREATE TRIGGER z_log AFTER INSERT ON z BEGIN INSERT INTO f VALUES (new.b); END;
        CREATE TRIGGER v_in INSTEAD OF INSERT ON v BEGIN SELECT 1; END;
        CREATE TABLE a (id PRIMARY KEY) WITHOUT ROWID;
        CREATE INDEX zi ON z (b);
        CREATE UNIQUE INDEX ai ON z (a) WHERE b > 1;
        CREATE VIRTUAL TABLE f USING fts5(b);
    """
    text = document(schema_of(script))
    assert document(schema_of(text)) == text
    assert [line.split("(")[0].strip() for line in text.split("\n") if line.startswith("CREATE")] == [
        *(
            "CREATE TABLE a",
            "CREATE VIRTUAL TABLE f USING fts5",
            "CREATE TABLE z",
            "CREATE UNIQUE INDEX ai ON z",
        ),
        *("CREATE INDEX zi ON z", "CREATE TRIGGER z_log AFTER INSERT ON z BEGIN INSERT INTO f VALUES"),
        *("CREATE VIEW v AS", "CREATE TRIGGER v_in INSTEAD OF INSERT ON v BEGIN SELECT 1; END;"),
    ]
    assert "    a INTEGER PRIMARY KEY, -- the key\n    /* the parent */\n    b REFERENCES a\n" in text


def test_a_comment_behind_the_last_word_does_not_swallow_what_follows() -> None:
    """SQLite keeps it for views and indexes that came past our splitter."""
    index = Index("i", False, ("x",), "CREATE INDEX i ON a (x) -- b")
    table = Table("a", "CREATE TABLE a (x)", indexes=(index,))
    text = document(Schema((table,), (View("v", "CREATE VIEW v AS SELECT 1 /* c */ -- d"),)))
    assert document(schema_of(text)) == text
