"""The law of a drafted migration: on the real D1 it leads to the desired schema and back, and keeps every row.

Schemas are random, as in test_rehearse_on_workerd, with foreign keys of every action, to themselves and in
circles. So are the changes: columns added, computed, dropped, renamed, retyped, made NOT NULL, CHECKed, columns
that swap names, keys that get AUTOINCREMENT, tables that become STRICT or WITHOUT ROWID and back, foreign keys
with other actions or none, indexes added and dropped, triggers with CASE. Every row, rowid and counter is
compared, also after the rollback.

A run tries 300 examples; `python -m tests --times 6 --random` tries 1800 others.
"""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from d1migrate.drafting import Desired, Rename, draft
from d1migrate.drafting.scratch_schema import ScratchSchema
from d1migrate.schema import introspect
from d1migrate.schema.changes import RebuildTable
from d1migrate.schema.diff import diff
from d1migrate.sql.batch import Batch
from tests.inputs import scaled
from tests.laws.schemas import ACTIONS, Maker, Table
from tests.runtime.workerd import DATABASES, Workerd, WorkerdDriver

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

    from d1migrate.drafting import Draft
    from d1migrate.schema.model import Schema

pytestmark = pytest.mark.slow  # a server of its own
EXAMPLES = scaled(300)
ADDED = [
    *(
        "TEXT",
        "INTEGER NOT NULL DEFAULT 1",
        "TEXT NOT NULL",
        "INTEGER CHECK (x IS NULL OR x > 0)",
        "TEXT UNIQUE",
    ),
    *(
        "TEXT AS (tag || 'x')",
        "TEXT AS (tag || 'x') STORED",
        "INTEGER DEFAULT (1 + 1)",
        "TEXT COLLATE NOCASE",
    ),
]
TO_FIRST = "TEXT REFERENCES t0(id) ON DELETE CASCADE"
VALUES = [
    "INTEGER DEFAULT 6",
    "INTEGER CHECK (v IS NULL OR v < 99)",
    "INTEGER NOT NULL",
    "TEXT",
    "INTEGER UNIQUE",
]


PLAIN = ("INTEGER", "INTEGER DEFAULT 5", "TEXT")
CASE = (
    "CREATE TRIGGER cases AFTER UPDATE ON {0} BEGIN\n"
    "  UPDATE {1} SET tag = case when NEW.tag > 'a' then tag else 'x' end WHERE v > 0; -- a CASE\nEND"
)


class Example(NamedTuple):
    """A database, and the desired schema: tables, indexes, renames."""

    setup: list[str]
    triggers: list[str]
    tables: tuple[Table, ...]
    indexes: list[str]
    desired: tuple[Table, ...]
    desired_indexes: list[str]
    renames: list[Rename]

    def __repr__(self) -> str:
        wanted = [*(table.sql() for table in self.desired), *self.desired_indexes, *self.triggers]
        parts = ([*self.setup, *self.triggers], [*wanted, f"-- {self.renames}"])
        return "\n" + "-- --\n".join("".join(f"{sql};\n" for sql in part) for part in parts)


class Wishes:
    """Changes a table as a user might want it."""

    def __init__(self, draw: DrawFn, table: Table, *, first: Table) -> None:
        self._draw, self.table = draw, table
        self._added = ADDED if first.key == "pair" else [*ADDED, TO_FIRST]
        self.renames: list[Rename] = []

    def _pick(self, choices: Any) -> Any:
        return self._draw(st.sampled_from(choices))

    def some(self) -> None:
        """Wish for up to three changes."""
        for _ in range(self._pick([0, 1, 1, 2, 3])):
            self._pick(
                [
                    *(self._add, self._add, self._value, self._value),
                    *(self._n, self._key, self._rowid, self._strict, self._link),
                ]
            )()
        if self._pick([True, False, False]):
            self._swap()

    def _types(self, what: str, type_: str) -> None:
        table = self.table
        self.table = table._replace(columns=table.columns | {what: what}, types=table.types | {what: type_})

    def _add(self) -> None:
        self._types("x", self._pick(self._added))

    def _value(self) -> None:
        self._types("v", self._pick(VALUES))

    def _n(self) -> None:
        table = self.table
        if "n" in table.columns and table.columns["n"] == "n":
            if self._pick([True, False]):
                self.table = table._replace(columns={w: c for w, c in table.columns.items() if w != "n"})
            else:
                self.table = table._replace(columns=table.columns | {"n": "m"})
                self.renames.append(Rename(table.name, "n", "m"))

    def _key(self) -> None:
        if "WITHOUT" not in self.table.options:
            keys = {"int": "auto", "auto": "int"}
            self.table = self.table._replace(key=keys.get(self.table.key, self.table.key))

    def _rowid(self) -> None:
        options = {"": " WITHOUT ROWID", " WITHOUT ROWID": ""}
        if self.table.key in ("text", "int"):
            self.table = self.table._replace(
                options=options.get(self.table.options, self.table.options),
            )

    def _swap(self) -> None:
        table = self.table
        if (table.columns.get("v"), table.columns.get("n")) == ("v", "n") and table.types["v"] in PLAIN:
            self.table = table._replace(columns=table.columns | {"v": "n", "n": "v"})
            self.renames += [Rename(table.name, "v", "n"), Rename(table.name, "n", "v")]

    def _strict(self) -> None:
        if "STRICT" not in self.table.options:
            options = [self.table.options.strip()] if self.table.options.strip() else []
            self.table = self.table._replace(options=" " + ", ".join([*options, "STRICT"]))

    def _link(self) -> None:
        links = self.table.links
        if links and self._pick([True, False]):
            self.table = self.table._replace(links=links[1:])
        elif links and "NOT NULL" not in self.table.types[links[0].columns[0]]:
            other = links[0]._replace(on_delete=self._pick(ACTIONS), ends=" DEFERRABLE INITIALLY DEFERRED")
            self.table = self.table._replace(links=(other, *links[1:]))


@st.composite
def examples(draw: DrawFn) -> Example:
    """Databases with rows, and other schemas for them."""
    maker = Maker(draw)
    schema, rows, triggers = maker.schema(), maker.rows(), maker.triggers()
    indexes = [sql for sql in schema if sql.startswith(("CREATE INDEX", "CREATE VIEW"))]
    counters = [
        f"UPDATE sqlite_sequence SET seq = 5000 WHERE name = '{t.name}'"
        for t in maker.first
        if t.key == "auto"
    ]
    wanted, renames = [], []
    for table in maker.first:
        wishes = Wishes(draw, table, first=maker.first[0])
        wishes.some()
        wanted.append(wishes.table)
        renames += wishes.renames
    kept = [sql for sql in indexes if draw(st.integers(0, 9))]
    made = [f"CREATE INDEX new_{t.name} ON {t.name}(v, tag)" for t in wanted if not draw(st.integers(0, 4))]
    if draw(st.booleans()):
        triggers.append(CASE.format(*(draw(st.sampled_from(maker.first)).name for _ in "ab")))
    return Example(
        *([*schema, *rows, *counters], triggers, maker.first, indexes),
        *(tuple(wanted), [*kept, *made], renames),
    )


def built(statements: list[str]) -> Schema:
    """The schema that statements build."""
    with closing(ScratchSchema()) as scratch:
        for sql in statements:
            refusal = scratch.refusal(sql)
            assert refusal is None, f"{sql}: {refusal}"
        return scratch.schema()


def drafted(example: Example) -> tuple[Schema, Schema, Draft | None]:
    """The current schema, the desired schema, and the draft."""
    current = built([*(table.sql() for table in example.tables), *example.indexes, *example.triggers])
    desired = built([*(t.sql() for t in example.desired), *example.desired_indexes, *example.triggers])
    backfill = {(t.name, "v"): "0" for t in example.desired if t.types["v"] == "INTEGER NOT NULL"}
    backfill |= {(t.name, "x"): "'x'" for t in example.desired if t.types.get("x") == "TEXT NOT NULL"}
    found = draft(current, Desired(desired), renames=example.renames, backfill=backfill, allow_drop=["all"])
    return current, desired, found


# --- on D1 ---


def reading(tables: tuple[Table, ...]) -> list[str]:
    """The queries that read everything."""
    found = []
    for table in tables:
        rowid = [] if "WITHOUT" in table.options else ["rowid AS r"]
        found.append(f"SELECT {', '.join([*table.columns.values(), *rowid])} FROM {table.name}")
    return [*found, "SELECT name, seq FROM sqlite_sequence"] if _counts(tables) else found


def _counts(tables: tuple[Table, ...]) -> bool:
    return any(table.key == "auto" for table in tables)


def rows_of(tables: tuple[Table, ...], results: list[Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """{table: {tag: {what a column is: its value}}}, and the counters under their name."""
    found: dict[str, Any] = {}
    for table, result in zip(tables, results, strict=False):
        whats = [*table.columns, *([] if "WITHOUT" in table.options else ["rowid"])]
        rows = [dict(zip(whats, row, strict=True)) for row in result["rows"]]
        found[table.name] = {row["tag"]: row for row in rows}
        assert len(found[table.name]) == len(rows)
    if _counts(tables):
        autos = {table.name for table in tables if table.key == "auto"}
        found["counters"] = {"": {name: seq for name, seq in results[-1]["rows"] if name in autos}}
    return found


def post(server: Workerd, database: str, statements: list[str]) -> list[Any]:
    """Run statements as one batch."""
    answer = server.post(database, [{"sql": sql, "params": []} for sql in statements])
    assert "error" not in answer, answer["error"]
    return list(answer["results"])


def live(server: Workerd, database: str) -> Schema:
    """The schema of D1, with the helpers of the migration."""
    return introspect.read(WorkerdDriver(server, database).batch(Batch(introspect.QUERIES, reads=True)))


def same(before: dict[str, Any], after: dict[str, Any], changed: dict[str, Table]) -> None:
    """Every row exists with its values; a value that was filled in or is text now may differ."""
    for table, rows in before.items():
        there = after.get(table, {})
        assert rows.keys() == there.keys() or table == "counters", table
        for tag in rows.keys() & there.keys():
            for what in rows[tag].keys() & there[tag].keys():
                was, now = rows[tag][what], there[tag][what]
                if what == "rowid" and "WITHOUT" in changed[table].options:
                    continue  # there are none, on the way there
                if what == "n" and what not in changed[table].columns:
                    continue  # dropped on the way there
                if table == "counters" and changed[what].key != "auto":
                    continue  # no longer counted, on the way there
                if (
                    table in changed
                    and what == "v"
                    and changed[table].types["v"] in ("TEXT", "INTEGER NOT NULL")
                ):
                    was, now = str(was or 0), str(now or 0)
                assert was == now, (table, tag, what)


def test_there_and_back() -> None:
    """Up: the desired schema, every row. Down: the first schema, every row."""
    seen: Counter[str] = Counter()

    @settings(
        max_examples=EXAMPLES,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
    )
    @given(examples())
    def law(example: Example) -> None:
        current, desired, found = drafted(example)
        if found is None:
            assert not diff(current, desired).changes
            return
        seen["rebuilds"] += sum(isinstance(change, RebuildTable) for change in found.changes)
        seen["others"] += sum(not isinstance(change, RebuildTable) for change in found.changes)
        seen["back"] += found.down.irreversible is None
        seen["drafts"] += 1
        changed = {table.name: table for table in example.desired}
        database = server.database()
        post(server, database, [*example.setup, *example.triggers])
        before = rows_of(example.tables, post(server, database, reading(example.tables)))
        up = [sql for section in found.up for sql in section.statements]
        results = server.post(
            database, [{"sql": sql, "params": []} for sql in [*up, *reading(example.desired)]]
        )
        if "error" in results:  # two equal values in a column that became UNIQUE; nothing was done
            assert "UNIQUE constraint failed" in results["error"], results["error"]
            assert rows_of(example.tables, post(server, database, reading(example.tables))) == before
            seen["refused"] += 1
            return
        same(before, rows_of(example.desired, results["results"][len(up) :]), changed)
        assert not diff(live(server, database), desired).changes
        if found.down.irreversible is None:
            down = [sql for section in found.down.groups for sql in section.statements]
            read = post(server, database, [*down, *reading(example.tables)])[len(down) :]
            same(before, rows_of(example.tables, read), changed)
            assert not diff(live(server, database), current).changes

    with Workerd() as server:
        assert EXAMPLES < DATABASES
        law()
    assert seen["rebuilds"] > EXAMPLES / 2
    assert seen["others"] > EXAMPLES / 3
    assert seen["refused"] < seen["drafts"] / 5
    assert seen["back"] > seen["drafts"] * 3 / 4


# --- what random schemas do not have ---

SEARCH = (
    "CREATE TABLE d (id INTEGER PRIMARY KEY, body TEXT)",
    "CREATE VIRTUAL TABLE f USING fts5(body, content='d', content_rowid='id')",
    "CREATE TRIGGER di AFTER INSERT ON d BEGIN INSERT INTO f (rowid, body) VALUES (new.id, new.body); END",
    "CREATE VIRTUAL TABLE own USING fts5(a, b UNINDEXED)",
    "CREATE VIRTUAL TABLE r USING rtree(id, x0, x1, +name)",
    "CREATE TABLE p (id INTEGER PRIMARY KEY, a INT, b TEXT)",
    "CREATE TABLE c (id INTEGER PRIMARY KEY, p INT REFERENCES p ON DELETE CASCADE)",
)
SEARCH_ROWS = [
    "INSERT INTO d VALUES (3, 'running home'), (9, 'words')",
    "INSERT INTO own (rowid, a, b) VALUES (4, 'running', 1)",
    "INSERT INTO r VALUES (5, 0.1, 2, 'a')",
    "INSERT INTO p VALUES (1, 2, 'x')",
    "PRAGMA defer_foreign_keys = ON",
    "INSERT INTO c VALUES (1, 1), (2, 99), (3, NULL)",
    "PRAGMA defer_foreign_keys = OFF",
]
READ = [
    "SELECT rowid AS r, body FROM f WHERE f MATCH 'home OR words' ORDER BY 1",
    "SELECT rowid AS r, a, b FROM own",
    "SELECT id, name FROM r",
    "SELECT id, a, b FROM p",
    "SELECT id, p FROM c ORDER BY 1",
]


def test_virtual_tables_swaps_and_rows_that_refer_to_nothing() -> None:
    """All at once, both ways; a new orphan aborts with its table and number."""
    wanted = [
        SEARCH[0],
        *(SEARCH[1].replace("(body", "(body, tokenize='porter'"), SEARCH[2]),
        "CREATE VIRTUAL TABLE own USING fts5(x, a, tokenize='porter', b UNINDEXED)",
        "CREATE VIRTUAL TABLE r USING rtree(id, x0, x1, +name, +more)",
        "CREATE TABLE p (id INTEGER PRIMARY KEY, b INT, a TEXT)",
        "CREATE TABLE c (id INTEGER PRIMARY KEY, p INT REFERENCES p ON DELETE SET NULL)",
    ]
    current, desired = built([*SEARCH]), built(wanted)
    renames = [Rename("p", "a", "b"), Rename("p", "b", "a")]
    found = draft(current, Desired(desired), renames=renames)
    assert found is not None
    with Workerd() as server:
        database = server.database()
        post(server, database, [*SEARCH, *SEARCH_ROWS])
        before = [result["rows"] for result in post(server, database, READ)]
        up = [sql for section in found.up for sql in section.statements]
        after = [result["rows"] for result in post(server, database, [*up, *READ])[len(up) :]]
        assert after[:3] == before[:3]
        assert (after[3], after[4]) == ([[1, "x", 2]], before[4])
        found_again = post(server, database, ["SELECT rowid AS r FROM f WHERE f MATCH 'run'"])
        assert found_again[0]["rows"] == [[3]]
        assert not diff(live(server, database), desired).changes
        down = [sql for section in found.down.groups for sql in section.statements]
        assert [r["rows"] for r in post(server, database, [*down, *READ])[len(down) :]] == before
        assert not diff(live(server, database), current).changes
        stricter = built([*SEARCH[:5], f"{SEARCH[5][:-1]}, c INT REFERENCES d)", SEARCH[6]])
        found = draft(current, Desired(stricter), backfill={("p", "c"): "77"})
        assert found is not None
        up = [sql for section in found.up for sql in section.statements]
        answer = server.post(database, [{"sql": sql, "params": []} for sql in up])
        assert "p row 1 references a missing row of d" in answer["error"]
        assert [result["rows"] for result in post(server, database, READ)] == before
