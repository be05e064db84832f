"""Laws of the replay: it is the engine, statement by statement, and it costs what the file costs."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d1migrate.drivers.scratch import ScratchEngine
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import QueryError, SourceError
from d1migrate.lint.check import check
from d1migrate.lint.replay.replayer import Replayer, replay, schema_of
from d1migrate.migrate.adopt.facts import changes
from d1migrate.migrate.migration import Migration
from d1migrate.schema import introspect
from d1migrate.schema.catalog import Catalog
from d1migrate.schema.compare import compare
from d1migrate.schema.layered import Layered
from d1migrate.schema.model import Column, Index, Schema, Table, Trigger, View
from d1migrate.sql.batch import Batch, Query
from tests.inputs import scaled
from tests.unit.migrate.test_migration import Script

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.lint.analysis import AnalyzedReplay

NAMES = ["a", "b", "C", "d é"]
COLUMNS = ["x", "Y", "z w"]
names, columns = st.sampled_from(NAMES), st.sampled_from(["id", *COLUMNS])


# Columns stand in [ ]: in double quotes, one that is not there would be a string.


def _table(name: str, own: list[str], parent: str | None, condition: str) -> str:
    parts = ["id INTEGER PRIMARY KEY", *(f"[{column}] TEXT" for column in own)]
    if parent is not None:
        parts.append(f'p REFERENCES "{parent}"(id) ON DELETE CASCADE')
    return f'CREATE TABLE {condition} "{name}" ({", ".join(parts)})'


tables = st.builds(
    _table,
    names,
    st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=3, unique=True),
    st.none() | names,
    st.sampled_from(["", "IF NOT EXISTS"]),
)
statements = st.one_of(
    tables,
    tables,
    st.builds('ALTER TABLE "{}" RENAME TO "{}"'.format, names, names),
    st.builds('ALTER TABLE "{}" RENAME COLUMN [{}] TO [{}]'.format, names, columns, columns),
    st.builds('ALTER TABLE main."{}" ADD COLUMN [{}] INTEGER'.format, names, columns),
    st.builds('ALTER TABLE "{}" DROP COLUMN [{}]'.format, names, columns),
    st.builds('DROP TABLE {} "{}"'.format, st.sampled_from(["", "IF EXISTS"]), names),
    st.builds('CREATE TABLE "{}" AS SELECT 1 AS [{}]'.format, names, columns),
    st.builds('CREATE INDEX "i {}" ON "{}" ([{}])'.format, names, names, columns),
    st.builds('DROP INDEX "i {}"'.format, names),
    st.builds('CREATE VIEW "v {}" AS SELECT [{}] FROM "{}"'.format, names, columns, names),
    st.builds('DROP VIEW "v {}"'.format, names),
    st.builds('CREATE TRIGGER "t {}" AFTER INSERT ON "{}" BEGIN DELETE FROM "{}"; END'.format, names, names, names),
    st.builds('CREATE TRIGGER "t {}" INSTEAD OF INSERT ON "v {}" BEGIN SELECT 1; END'.format, names, names),
    st.builds('DROP TRIGGER "t {}"'.format, names),
)  # fmt: skip


def run(sequence: Sequence[str]) -> tuple[Schema, list[str | None]]:
    """Run statements one by one on one database; its schema, and what each was refused with."""
    driver, refusals = SqliteDriver(":memory:", url="memory"), list[str | None]()
    try:
        for sql in sequence:
            try:
                driver.batch(Batch([Query(sql)]))
                refusals.append(None)
            except QueryError as error:
                refusals.append(str(error))
        return introspect.read(driver.batch(Batch(introspect.QUERIES, reads=True))), refusals
    finally:
        driver.close()


def case(sql: str, base: Schema | None = None) -> AnalyzedReplay:
    """One file, replayed."""
    (replayed,) = replay([Migration(1, "001_case", sql)], base)
    return replayed


def refusals(replayed: AnalyzedReplay) -> list[str | None]:
    """What each statement was refused with, but for plain INSERTs that were not: those are not kept."""
    return [ran.refusal for ran in replayed.statements]


# --- it is the engine ---


@given(st.lists(statements, min_size=1, max_size=25))
@settings(max_examples=scaled(300))
def test_the_schema_is_the_engines(sequence: list[str]) -> None:
    """As on one database where refused statements are passed over; the first refusal is the same one."""
    schema, expected = run(sequence)
    replayed = case(";\n".join(sequence) + ";")
    assert compare(schema, replayed.after.schema) == ()
    answers = list(zip(expected, refusals(replayed), strict=True))
    first = next((pair for pair in answers if pair != (None, None)), (None, None))
    assert _words(first[0]) == _words(first[1])


def _words(refusal: str | None) -> str | None:
    """A refusal without the place: of a text with `;` in it the driver does not know it."""
    return re.sub(r" at offset \d+", "", refusal) if refusal else None


@given(st.lists(statements, min_size=1, max_size=40), st.lists(st.integers(1, 39), max_size=4))
@settings(max_examples=scaled(300))
def test_files_continue_each_other(sequence: list[str], cuts: list[int]) -> None:
    """Cut into files anywhere, statements that one database takes are taken, and build the same schema.

    Every file has a stage of its own with what it speaks of, so this is where something would be missed.
    """
    accepted = [sql for sql, refusal in zip(sequence, run(sequence)[1], strict=True) if refusal is None]
    ends = sorted({*(cut for cut in cuts if cut < len(accepted)), len(accepted)})
    parts = [accepted[start:end] for start, end in zip([0, *ends], ends, strict=False) if start < end]
    catalog = Catalog()
    files = [Migration(n, f"{n:03}_part", ";\n".join(part) + ";") for n, part in enumerate(parts, 1)]
    for replayed in replay(files):
        assert set(refusals(replayed)) == {None}
        catalog = replayed.after
        check(replayed)
    assert compare(run(accepted)[0], catalog.schema) == ()
    assert_consistent(catalog)


def assert_consistent(catalog: Catalog) -> None:
    """What a catalog keeps beside the schema follows from the schema."""
    fresh = Catalog.of(catalog.schema)
    assert catalog.owners == fresh.owners
    assert {parent: names for parent, names in catalog.children.items() if names} == fresh.children
    assert catalog.ids.keys() == catalog.tables.keys()
    assert len(set(catalog.ids.values())) == len(catalog.ids)
    assert catalog.names == {number: name for name, number in catalog.ids.items()}
    assert catalog.active == fresh.active


@given(st.lists(st.tuples(st.sampled_from(["create", "drop", "rename"]), names, names), max_size=30))
@settings(max_examples=scaled(200))
def test_a_table_keeps_its_number(steps: list[tuple[str, str, str]]) -> None:
    """Through renames, also in circles; a table that is made again is another, as is one made of a name."""
    sql = {
        "create": 'CREATE TABLE "{0}" (id)', "drop": 'DROP TABLE "{0}"', "rename": 'ALTER TABLE "{0}" RENAME TO "{1}"',
    }  # fmt: skip
    model: dict[str, int] = {}
    accepted, made = list[str](), 0
    for kind, name, other in steps:
        if (kind == "create") == (name in model) or (kind == "rename" and other in model):
            continue  # it would be refused
        if kind == "create":
            model[name], made = made, made + 1
        elif kind == "drop":
            del model[name]
        else:
            model[other] = model.pop(name)
        accepted.append(sql[kind].format(name, other))
    if accepted:
        after = case(";\n".join(accepted) + ";").after
        assert {name.lower(): number for name, number in model.items()} == after.ids
        assert all(after.name_of(number) == name.lower() for name, number in model.items())


def test_numbers_go_on_from_file_to_file() -> None:
    """A table of the base, of an earlier file and of this one are three, whatever they are called."""
    base = schema_of([Migration(1, "001_a", "CREATE TABLE a (x); CREATE TABLE b (x);")])
    replayer = Replayer(base)
    first = replayer.replay(Migration(2, "002_b", "ALTER TABLE a RENAME TO c; CREATE TABLE a (y);"))
    second = replayer.replay(Migration(3, "003_c", "DROP TABLE a; CREATE TABLE a (z);"))
    assert first.before.ids == {"a": 0, "b": 1}
    assert first.after.ids == {"c": 0, "b": 1, "a": 2}
    assert second.after.ids == {"c": 0, "b": 1, "a": 3}


def test_what_a_statement_saw() -> None:
    """Every statement has the schema before and after it; one that changes nothing has one and the same."""
    replayed = case(
        "CREATE TABLE a (x); SELECT 1; ALTER TABLE a ADD COLUMN y; PRAGMA foreign_keys; DROP TABLE a;"
    )
    for one, following in zip(replayed.statements, replayed.statements[1:], strict=False):
        assert one.after is following.before
    assert [ran.before is ran.after for ran in replayed.statements] == [False, True, False, True, False]
    assert [len(ran.after.tables) for ran in replayed.statements] == [1, 1, 1, 1, 0]


@pytest.mark.parametrize(
    ("sql", "touches"),
    [
        ("DELETE FROM a WHERE x = 1", {("delete", "a", ""), ("read", "a", "x")}),
        ("INSERT INTO a SELECT y FROM b", {("insert", "a", ""), ("read", "b", "y")}),
        ('UPDATE main."A" SET X = 1', {("update", "a", "x")}),
        ("WITH w AS (SELECT 1) DELETE FROM a WHERE x IN (SELECT y FROM b)", {("delete", "a", ""), ("read", "b", "y"), ("read", "a", "x")}),
    ],
)  # fmt: skip
def test_what_a_statement_touches(sql: str, touches: set[tuple[str, str, str]]) -> None:
    """As the engine says, with folded names; a trigger's part is reported as the trigger's."""
    given = (
        "CREATE TABLE A (X); CREATE TABLE b (y); CREATE TRIGGER t AFTER INSERT ON b BEGIN DELETE FROM A; END;"
    )
    said = {(t.kind, t.table, t.column) for t in case(f"{given} {sql};").statements[-1].accesses if not t.by}
    assert touches <= said
    assert {kind for kind, *_ in said} == {kind for kind, *_ in touches}
    by = {
        t.by
        for t in case(f"{given} REPLACE INTO b VALUES (1);").statements[-1].accesses
        if t.kind == "delete"
    }
    assert "t" in by


# --- it stops nowhere ---


def test_what_follows_from_a_refusal_is_not_refused() -> None:
    """A misspelled CREATE is reported once, not again by every statement that uses its table."""
    replayed = case("CREATE TABLE a (x,,);\nINSERT INTO a VALUES (1);\nCREATE INDEX i ON a(x);\nSELEC 1;")
    assert [refusal is not None for refusal in refusals(replayed)] == [True, False, True]


def test_a_refused_rollback_hides_nothing_in_later_files() -> None:
    """A rollback that fails leaves no object missing: what a later file misses is refused."""
    wrong = "CREATE TABLE a (x);\n-- Rollback:\n-- DROP TABLE nothing;"
    files = [Migration(1, "001", wrong), Migration(2, "002", "ALTER TABLE missing ADD COLUMN y")]
    first, second = replay(files)
    assert first.rollback is not None
    assert first.rollback.refusal is not None
    assert not first.incomplete
    assert refusals(second) == ["no such table: missing: SQLITE_ERROR"]


def test_what_follows_from_a_file_that_cannot_be_read_is_not_refused() -> None:
    """The table that is missing may have been made there."""
    replayer = Replayer()
    replayer.give_up_on(Migration(1, "001_a", "CREATE TABLE a (x); /*"))
    replayed = replayer.replay(Migration(2, "002_b", "ALTER TABLE a ADD COLUMN y; SELECT nope(1);"))
    assert refusals(replayed) == [None, None]
    assert refusals(replayer.replay(Migration(3, "003_c", "SELEC 1;"))) != [None]


BASE = Schema(
    tables=(
        Table(
            "users",
            "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT COLLATE german CHECK (is_name(name)))",
            (Column("id", "INTEGER", primary_key=1), Column("name", "TEXT")),
            (Index("users_key", unique=False, columns=(None,), sql="CREATE INDEX users_key ON users(soundex(name))"),),
            (),
            (Trigger("users_at", "users", "CREATE TRIGGER users_at AFTER INSERT ON users BEGIN SELECT tell(new.id); END"),),
        ),
        Table(
            "geo", "CREATE VIRTUAL TABLE geo USING spatial(x)", (Column("x", ""),)
        ),
        Table("plain", "CREATE TABLE plain (id INTEGER PRIMARY KEY, a)", (Column("id", "INTEGER", primary_key=1), Column("a", ""))),
    ),
    views=(View("names", "CREATE VIEW names AS SELECT upper_german(name) AS n FROM users"),),
)  # fmt: skip


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE users SET name = 'x' WHERE id = 1",
        "INSERT INTO users VALUES (1, 'x')",
        "SELECT n FROM names",
        "SELECT x FROM geo",
        "DELETE FROM geo WHERE x = 1",
        "ALTER TABLE users ADD COLUMN age INTEGER",
        "ALTER TABLE plain ADD COLUMN b",
        "CREATE INDEX plain_a ON plain(a)",
        "DROP VIEW names",
        "DROP TABLE plain",
        "CREATE TABLE more (id INTEGER PRIMARY KEY, user_id REFERENCES users(id))",
        "CREATE TRIGGER at AFTER INSERT ON plain BEGIN SELECT count(*) FROM users; END",
        "DROP INDEX users_key",
        "DROP TRIGGER users_at",
    ],
)
def test_objects_of_the_applications_own_functions_refuse_nothing(sql: str) -> None:
    """A database may have what SQLite does not take here; statements about it are not called wrong."""
    replayed = case(f"{sql};", BASE)
    assert set(refusals(replayed)) <= {None}
    assert not [d for d in check(replayed) if d.severity == "error"]


def test_what_could_not_be_built_is_named() -> None:
    """Only what the file speaks of is tried."""
    assert case("SELECT a FROM plain;", BASE).not_built == ()
    assert "geo" in case("SELECT x FROM geo;", BASE).not_built


# --- what it costs ---

SHAPES = {
    "create": ("", "CREATE TABLE n{0} (id INTEGER PRIMARY KEY, a TEXT);"),
    "children": ("", "CREATE TABLE n{0} (id INTEGER PRIMARY KEY, p REFERENCES t0(id));"),
    "drop": ("CREATE TABLE t{0} (a);", "DROP TABLE t{0};"),
    "add column": ("CREATE TABLE t{0} (a);", "ALTER TABLE t{0} ADD COLUMN b TEXT;"),
    "index": ("CREATE TABLE t{0} (a);", "CREATE INDEX i{0} ON t{0}(a);"),
    "rename": ("CREATE TABLE t{0} (a);", "ALTER TABLE t{0} RENAME TO u{0};"),
    "view": ("CREATE TABLE t{0} (a);", "CREATE VIEW v{0} AS SELECT a FROM t{0};"),
    "insert": ("CREATE TABLE t{0} (a);", "INSERT INTO t{0} VALUES ({0});"),
    "update": ("CREATE TABLE t{0} (a);", "UPDATE t{0} SET a = {0};"),
    "upsert": ("CREATE TABLE t{0} (a UNIQUE);", 'INSERT OR REPLACE INTO "t{0}" VALUES ({0});'),
}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the scratch engine is asked, by method."""
    counter: Counter[str] = Counter()

    def counted(name: str) -> None:
        method = getattr(ScratchEngine, name)

        def called(self: ScratchEngine, *arguments: Any, **options: Any) -> Any:
            counter[name] += 1
            return method(self, *arguments, **options)

        monkeypatch.setattr(ScratchEngine, name, called)

    for name in ("run", "rows", "build", "control", "prepares_without_string_names"):
        counted(name)
    return counter


def test_a_file_looks_only_at_what_it_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk over all tables in each of many files would take time with the square of their number."""
    base = schema_of([Migration(1, "001_given", "".join(f"CREATE TABLE t{n} (a);" for n in range(200)))])
    replayer, whole = Replayer(base), Layered._whole

    def of_few(self: Layered[Any, Any]) -> dict[Any, Any]:
        found = whole(self)
        assert len(found) < 100
        return found

    monkeypatch.setattr(Layered, "_whole", of_few)
    sql = (
        "CREATE TABLE a (id INTEGER PRIMARY KEY, t REFERENCES t1); CREATE INDEX i ON a (t);"
        "INSERT INTO t5 VALUES (1); UPDATE t6 SET a = 1; DELETE FROM t7;"
        "ALTER TABLE t8 ADD COLUMN b; ALTER TABLE t9 RENAME TO z; DROP TABLE t10;"
        "\n-- Rollback:\n-- DROP TABLE a;"
    )
    replayed = replayer.replay(Migration(2, "002_case", sql))
    assert {d.code for d in check(replayed)} >= {"D104", "D106", "D107", "H103"}
    assert changes(replayed.before, replayed.after)


def _cost(calls: Counter[str], shape: str, count: int, spare: int = 0) -> int:
    given, sql = (
        "\n".join(text.format(n) for n in range(number))
        for text, number in zip(SHAPES[shape], (count + spare, count), strict=True)
    )
    base = schema_of([Migration(1, "001_given", given or "SELECT 1;")])
    calls.clear()
    (replayed,) = replay([Migration(2, "002_case", sql)], base)
    assert set(refusals(replayed)) <= {None}
    return calls.total()


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_the_work_is_linear_in_the_statements(shape: str, calls: Counter[str]) -> None:
    """Twice the statements ask the engine twice as often, not four times."""
    once, twice, four = (_cost(calls, shape, count) for count in (30, 60, 120))
    assert twice - once <= 30 * 15
    assert four - twice == 2 * (twice - once)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_work_does_not_depend_on_the_rest_of_the_schema(shape: str, calls: Counter[str]) -> None:
    """Ten statements cost the same in a database of ten tables as in one of two hundred."""
    assert _cost(calls, shape, 10) == _cost(calls, shape, 10, spare=190)


# --- INSERTs in a row ---

VALUES = ["1", "-2.5", "1e3", "NULL", "'x'", "'it''s'", "''", "x'00'", "abs(1)", "nope", "1 + 2", "(SELECT 1)", "?", "1, 2"]  # fmt: skip


@given(st.lists(st.sampled_from(VALUES), min_size=1, max_size=6), st.sampled_from(VALUES))
@settings(max_examples=scaled(150))
def test_an_insert_behind_many_is_judged_as_by_itself(inserts: list[str], last: str) -> None:
    """However many of the same form come before it: what is refused alone is refused there too."""
    given = "CREATE TABLE t (a);\n"
    good = [
        value for value in inserts if set(refusals(case(f"{given}INSERT INTO t VALUES ({value});"))) == {None}
    ]
    many = "".join(f"INSERT INTO t VALUES ({value});\n" for value in good for _ in range(25))
    alone = case(f"{given}INSERT INTO t VALUES ({last});\n")
    after = case(f"{given}{many}INSERT INTO t VALUES ({last});\n")
    assert [r for r in refusals(alone) if r] == [r for r in refusals(after) if r]
    assert after.count == alone.count + 25 * len(good)
    assert not good or after.filled[0][1] >= after.count - 2


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["t", "t", "u", "v"]),
            st.sampled_from([*VALUES, "'schema_migrations'"]),
            st.sampled_from([1, 3, 30, 60]),
            st.sampled_from(["", "", "-- d1migrate: allow R101\n", "DROP TABLE IF EXISTS u;\n", "-- Rollback:\n-- SELECT 1;\n"]),
        ),
        max_size=8,
    ),
    st.integers(min_value=20, max_value=3000),
)  # fmt: skip
@settings(max_examples=scaled(150), deadline=None)
def test_a_large_file_is_replayed_like_a_small_one(parts: list[tuple[str, str, int, str]], size: int) -> None:
    """Its series of INSERTs are passed over, and everything else is the same."""
    sql = "CREATE TABLE t (a);\nCREATE TABLE u (a);\nCREATE TABLE v (a UNIQUE ON CONFLICT REPLACE);\n"
    for into, value, number, before in parts:
        sql += before + f"INSERT INTO {into} VALUES ({value});\n" * number
    sql = sql if sql.count("Rollback") <= 1 else sql.replace("Rollback", "Note")
    small = case(sql)
    chunks = [sql[i : i + size] for i in range(0, len(sql), size)]
    (large,) = replay([Migration(1, "001_case", Script(*chunks))])
    for name in ("count", "last", "filled", "directives", "header", "records_itself"):
        assert getattr(large, name) == getattr(small, name), name
    assert [(one.index, one.sql, one.line, one.refusal) for one in large.statements] == [
        (one.index, one.sql, one.line, one.refusal) for one in small.statements
    ]


# --- schema_of ---


def test_schema_of_says_what_stops_it() -> None:
    """The file, the line and D1's words; statements on rows are not its business."""
    files = [
        Migration(1, "001_a", "CREATE TABLE a (x);\nDELETE FROM a WHERE 0;"),
        Migration(2, "002_b", "\n\nDROP TABLE b;"),
    ]
    assert [table.name for table in schema_of(files[:1]).tables] == ["a"]
    with pytest.raises(SourceError, match=r"002_b\.sql:3: no such table: b"):
        schema_of(files)


# --- seen wrong once ---


def test_what_a_renamed_table_owns() -> None:
    """Its indexes go with it; else a later file's DROP INDEX is refused, in one run and not in the next."""
    table = Table("c", "", indexes=(Index("i", unique=False, columns=("x",), sql="CREATE INDEX i ON c(x)"),))
    before = Catalog.of(Schema((table,)))
    assert before.changed({"b": table._replace(name="b"), "c": None}, renamed={"b": "c"}).owners == {"i": "b"}


def test_a_refused_statement_on_rows_hides_nothing() -> None:
    """A misspelled UPDATE changes no schema, so what is missing after it does not follow from it."""
    replayed = case("CREATE TABLE a (x);\nUPDATE a SET y = 1 WHERE x = 1;\nUPDATE a SET z = 1 WHERE x = 1;")
    assert [refusal is not None for refusal in refusals(replayed)] == [False, True, True]
    with pytest.raises(SourceError, match=r"002_b\.sql:1: no such table: b"):
        schema_of([Migration(1, "001_a", "SELECT nope(1);"), Migration(2, "002_b", "DROP TABLE b;")])


@pytest.mark.parametrize(
    "sql", ["ALTER TABLE b RENAME TO c", "ALTER TABLE b RENAME COLUMN x TO y", "ALTER TABLE b DROP COLUMN z"]
)
def test_a_broken_view_elsewhere_stops_alter_table(sql: str) -> None:
    """As on D1: `error in view v: no such table: main.gone`."""
    given = ["CREATE TABLE b (x, z)", "CREATE VIEW v AS SELECT 1 FROM gone"]
    assert run([*given, sql])[1][-1] is not None
    files = [Migration(1, "001_given", ";".join(given) + ";"), Migration(2, "002_case", f"{sql};")]
    assert refusals(list(replay(files))[-1]) != [None]


@pytest.mark.parametrize(
    "sql", ["UPDATE sqlite_sequence SET seq = 9 WHERE name = 't'", "DELETE FROM sqlite_sequence"]
)
def test_the_counters_of_the_schema_are_there(sql: str) -> None:
    """As on D1, where a table of the schema has AUTOINCREMENT."""
    given = "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT)"
    assert run([given, sql])[1] == [None, None]
    files = [Migration(1, "001_given", f"{given};"), Migration(2, "002_case", f"{sql};")]
    assert refusals(list(replay(files))[-1]) == [None]


@pytest.mark.parametrize(
    ("one", "other"),
    [("INTO 't' VALUES (1)", "INTO 'nope' VALUES (1)"), ("INTO t ('a') VALUES (1)", "INTO t ('b') VALUES (1)"),
     ("INTO t VALUES (1)", "INTO t VALUES (1e)"), ("INTO t VALUES (1)", "INTO t VALUES (1.2.3)")],
)  # fmt: skip
def test_an_insert_behind_many_that_only_looks_alike(one: str, other: str) -> None:
    """It is refused, as it is alone."""
    given = "CREATE TABLE t (a);\n"
    assert any(refusals(case(f"{given}INSERT {other};\n")))
    assert any(refusals(case(given + f"INSERT {one};\n" * 25 + f"INSERT {other};\n")))


VIEWS = """CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT, "a ""b"" c" TEXT, gone AS (id + 1));
CREATE VIEW shown AS SELECT id, body, body, upper(body), "a ""b"" c", gone FROM notes;
CREATE VIEW [odd view](x, "select", [y"z], `ü`) AS SELECT id, body, body, id FROM notes;
CREATE VIEW aside AS SELECT * FROM elsewhere;
"""


@pytest.mark.parametrize(
    ("trigger", "error"),
    [
        ("INSTEAD OF UPDATE ON shown BEGIN UPDATE notes SET body = new.body WHERE id = old.id; END", None),
        ("INSTEAD OF UPDATE OF body, gone ON SHOWN BEGIN DELETE FROM notes WHERE body = old.body; END", None),
        ('INSTEAD OF UPDATE ON shown BEGIN SELECT new."upper(body)", old."body:1", new.\'a "b" c\'; END', None),
        ('INSTEAD OF UPDATE ON "odd view" BEGIN SELECT new."select", new.[y"z], old.Ü, old.ü; END', "Ü"),
        ('INSTEAD OF UPDATE OF "y""z" ON [odd view] BEGIN SELECT new."select", old.ü; END', None),
        ("INSTEAD OF UPDATE ON main.shown WHEN new.id > 1 BEGIN SELECT 1; END", None),
        ("INSTEAD OF UPDATE ON shown BEGIN UPDATE notes SET absent = new.body; END", "no such column: absent"),
        ("INSTEAD OF UPDATE ON shown BEGIN SELECT new.absent; END", "no such column: new.absent"),
        ("INSTEAD OF UPDATE ON aside BEGIN SELECT 1; END", "no such table: main.elsewhere"),
        ('INSTEAD OF INSERT ON [odd view] BEGIN INSERT INTO notes (body) VALUES (new."y""z"); END', None),
        ("INSTEAD OF INSERT ON shown BEGIN INSERT INTO nowhere VALUES (1); END", "no such table: main.nowhere"),
        ("INSTEAD OF INSERT ON aside BEGIN SELECT 1; END", "no such table: main.elsewhere"),
        ("INSTEAD OF DELETE ON `odd view` BEGIN DELETE FROM notes WHERE id = old.x; END", None),
        ("INSTEAD OF DELETE ON aside BEGIN SELECT 1; END", "no such table: main.elsewhere"),
        ("AFTER UPDATE OF 'a \"b\" c' ON notes BEGIN SELECT new.gone; END", None),
        ("AFTER UPDATE OF gone ON notes BEGIN SELECT new.gone; END", None),
    ],
)  # fmt: skip
def test_a_trigger_is_tried_by_what_fires_it(trigger: str, error: str | None) -> None:
    """On a table or a view, of whatever names; what is reported is the error of the trigger."""
    found = [d.error for d in case(f"{VIEWS}CREATE TRIGGER changed {trigger};").broken if d.name == "changed"]
    assert [error in text for text in found] == [True] if error else found == []


@pytest.mark.parametrize("verb", ["INSERT", "UPDATE", "DELETE"])
@pytest.mark.parametrize("name", ["begin", "instead", '"update"', '"on"', "[a b]", "'of'"])
def test_names_that_read_as_keywords(verb: str, name: str) -> None:
    """A name in quotes, or one that SQLite takes as a name, is no word of the statement."""
    view = f"CREATE TABLE t (a, {name}); CREATE VIEW v AS SELECT * FROM t;"
    assert case(f"{view} CREATE TRIGGER {name} INSTEAD OF {verb} ON v BEGIN DELETE FROM t; END;").broken == []
