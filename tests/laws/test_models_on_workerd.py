"""The law of a migration for models: on the real D1, nothing outside the models changes, in either direction.

Schemas and changes are random, as in test_draft_on_workerd; the models have some of the tables, without triggers
and views, and with types that SQLite treats alike.

A run tries 120 examples; `python -m tests --times 6 --random` tries 720 others.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from d1migrate.drafting import Declarations, Desired, complete, draft
from d1migrate.drafting.desired import Models
from d1migrate.errors import PlanError
from d1migrate.schema.changes import RebuildTable
from d1migrate.schema.diff import diff
from tests.inputs import scaled
from tests.laws.test_draft_on_workerd import (
    SEARCH,
    SEARCH_ROWS,
    Example,
    built,
    examples,
    live,
    post,
    reading,
    rows_of,
    same,
)
from tests.runtime.workerd import DATABASES, Workerd

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

    from d1migrate.schema.model import Schema
    from tests.laws.schemas import Table

pytestmark = pytest.mark.slow  # a server of its own
EXAMPLES = scaled(120)
MODELS = Models("python:models:Base")
ALIKE = (("TEXT", "VARCHAR(20)"), ("INTEGER", "BIGINT"))


class Case(NamedTuple):
    """A database, the tables as they will be, and the models: the names of their tables, and their schema."""

    example: Example
    owned: frozenset[str]
    models: Schema


@st.composite
def cases(draw: DrawFn) -> Case:
    """Random subsets of the tables of random databases."""
    example = draw(examples())
    names = [table.name for table in example.desired]
    owned = frozenset(draw(st.sets(st.sampled_from(names), min_size=1)))
    pairs = zip(example.tables, example.desired, strict=True)
    after = tuple(wanted if wanted.name in owned else before for before, wanted in pairs)
    tables = [_spelled(table, alike=draw(st.booleans())).sql() for table in after if table.name in owned]
    indexes = [sql for sql in example.desired_indexes if "INDEX" in sql and _table_of(sql) in owned]
    renames = [rename for rename in example.renames if rename.table in owned]
    return Case(example._replace(desired=after, renames=renames), owned, built([*tables, *indexes]))


def _table_of(index: str) -> str:
    return index.partition(" ON ")[2].partition("(")[0]


def _spelled(table: Table, *, alike: bool) -> Table:
    """The table, perhaps with other types that SQLite treats alike."""
    if not alike or "STRICT" in table.options:
        return table
    types = dict(table.types)
    for one, other in ALIKE:
        types = {
            what: sql.replace(one, other, 1) if sql.startswith(one) else sql for what, sql in types.items()
        }
    return table._replace(types=types)


def test_there_and_back() -> None:
    """Up: the models, and every row of every table. Down: the first schema. The models see no difference then."""
    seen: Counter[str] = Counter()

    @settings(
        max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example]
    )
    @given(cases())
    def law(case: Case) -> None:
        example = case.example
        current = built([*(table.sql() for table in example.tables), *example.indexes, *example.triggers])
        backfill = {(t.name, "v"): "0" for t in example.desired if t.types["v"] == "INTEGER NOT NULL"}
        backfill |= {(t.name, "x"): "'x'" for t in example.desired if t.types.get("x") == "TEXT NOT NULL"}
        declared = Declarations(tuple(example.renames), backfill, ("all",))
        desired = Desired(case.models, models=MODELS)
        try:
            whole = complete(current, desired, declared)
            found = draft(
                current, whole, renames=declared.renames, backfill=backfill, allow_drop=declared.allow_drop
            )
        except PlanError as error:  # a trigger or view that would not work
            assert "outside the models" in str(error.hint), error
            seen["broken"] += 1
            return
        assert complete(current, whole, declared) == whole
        names = {table.name for table in whole.schema.tables}
        assert names == {table.name for table in current.tables}
        objects = [
            *whole.schema.views,
            *(trigger for table in whole.schema.tables for trigger in table.triggers),
        ]
        assert len(objects) == len([*current.views, *(t for table in current.tables for t in table.triggers)])
        if found is None:
            assert not diff(current, whole.schema).changes
            seen["same"] += 1
            return
        seen["rebuilds"] += sum(isinstance(change, RebuildTable) for change in found.changes)
        changed = {table.name: table for table in example.desired}
        database = server.database()
        post(server, database, [*example.setup, *example.triggers])
        before = rows_of(example.tables, post(server, database, reading(example.tables)))
        up = [sql for group in found.up for sql in group.statements]
        results = server.post(
            database, [{"sql": sql, "params": []} for sql in [*up, *reading(example.desired)]]
        )
        if "error" in results:  # two equal values in a column that became UNIQUE; nothing was done
            assert "UNIQUE constraint failed" in results["error"], results["error"]
            seen["refused"] += 1
            return
        after = rows_of(example.desired, results["results"][len(up) :])
        same(before, after, changed)
        outside = changed.keys() - case.owned
        assert {name: before[name] for name in outside} == {name: after[name] for name in outside}
        there = live(server, database)
        assert not diff(there, whole.schema).changes
        assert not diff(there, complete(there, desired, Declarations()).schema).changes
        seen["up"] += 1
        if found.down.irreversible is None:
            down = [sql for group in found.down.groups for sql in group.statements]
            read = post(server, database, [*down, *reading(example.tables)])[len(down) :]
            same(before, rows_of(example.tables, read), changed)
            assert not diff(live(server, database), current).changes
            seen["down"] += 1

    with Workerd() as server:
        assert EXAMPLES < DATABASES
        law()
    assert seen["rebuilds"] > EXAMPLES / 4, seen
    assert seen["up"] > EXAMPLES / 2, seen
    assert seen["down"] > EXAMPLES / 3, seen
    assert seen["broken"] < EXAMPLES / 10, seen


# --- what random schemas do not have ---

KEPT = (
    *SEARCH,
    "CREATE VIEW texts AS SELECT id, body FROM d",
    "CREATE TRIGGER into_texts INSTEAD OF INSERT ON texts BEGIN INSERT INTO d (body) VALUES (new.body); END",
    "CREATE TABLE of_d (id INTEGER PRIMARY KEY, d INT REFERENCES d ON DELETE CASCADE)",
    "CREATE TABLE tool_state (name TEXT, value)",
)
ROWS = [
    *SEARCH_ROWS,
    "INSERT INTO of_d VALUES (1, 3), (2, 3), (3, 9)",
    "INSERT INTO tool_state VALUES ('a', 1)",
]
CHANGES = [
    ("CREATE TABLE d (id INTEGER PRIMARY KEY, body TEXT UNIQUE)", ()),
    ("CREATE TABLE d (id INTEGER PRIMARY KEY, body JSON, more TEXT)", ()),
    ("CREATE TABLE e (id INTEGER PRIMARY KEY, body TEXT)", ("d=e",)),
    ("CREATE TABLE e (nr INTEGER PRIMARY KEY, body TEXT, more TEXT UNIQUE)", ("d=e", "e.id=nr")),
]


def test_what_stays_around_a_table() -> None:
    """Full-text and R*Tree tables, children, a view that can be written to, another tool's table."""
    current = built([*KEPT])
    queries = [
        "SELECT rowid AS r, body FROM f WHERE f MATCH 'home OR words' ORDER BY 1",
        "SELECT rowid AS r, a, b FROM own",
        "SELECT id, name FROM r",
        "SELECT id, d FROM of_d ORDER BY 1",
        "SELECT * FROM tool_state",
        "SELECT id, p FROM c ORDER BY 1",
        "INSERT INTO texts (body) VALUES ('at home')",
        "SELECT rowid AS r FROM f WHERE f MATCH 'at'",
        "DELETE FROM {} WHERE body = 'at home'",
        "INSERT INTO f (f) VALUES ('rebuild')",
    ]
    with Workerd() as server:
        for wanted, renames in CHANGES:
            declared = Declarations.of(renames, [], [])
            whole = complete(current, Desired(built([wanted]), models=MODELS), declared)
            found = draft(current, whole, renames=declared.renames)
            assert found is not None
            database = server.database()
            post(server, database, [*KEPT, *ROWS])
            before = _rows(post(server, database, [sql.format("d") for sql in queries]))
            up = [sql for group in found.up for sql in group.statements]
            name = "e" if renames else "d"
            after = post(server, database, [*up, *(sql.format(name) for sql in queries)])
            assert _rows(after[len(up) :]) == before
            assert not diff(live(server, database), whole.schema).changes
            down = [sql for group in found.down.groups for sql in group.statements]
            back = post(server, database, [*down, *(sql.format("d") for sql in queries)])
            assert _rows(back[len(down) :]) == before
            assert not diff(live(server, database), current).changes


def _rows(results: list[dict[str, object]]) -> list[object]:
    return [result["rows"] for result in results]
