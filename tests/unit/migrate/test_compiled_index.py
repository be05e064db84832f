"""Migrations compiled for a runtime without a planner."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from d1migrate.errors import LimitExceeded, SourceError
from d1migrate.migrate import log
from d1migrate.migrate.assertions import HistoryState
from d1migrate.migrate.compiled_index import compile_index, seal
from d1migrate.migrate.history import History
from d1migrate.migrate.migration import LARGE, Migration
from d1migrate.migrate.plan import StepQueries, plan_up
from d1migrate.migrate.table import MigrationsTable, NameTable, VersionTable
from d1migrate.migrate.table_state import NameState, VersionState
from d1migrate.migrate.up_to_date import index_digest

MIGRATIONS = [
    Migration(1, "001_a", "CREATE TABLE a (x);\n-- Rollback: DROP TABLE a;"),
    Migration(2, "002_b", ""),
]

TABLES: list[MigrationsTable] = [
    VersionTable(),
    NameTable(),
    VersionTable("versions", NameTable("names")),
    NameTable("names"),
]
STAMP = log.Stamp("t" * 32, 1_800_000_000, "someone", "d1migrate", "a bookmark")


def _filled(
    index: dict[str, Any], layout: str, part: str, values: dict[str, str | None]
) -> list[tuple[Any, ...]]:
    """Return the queries of a layout with values, as the runtime fills them in."""
    return [
        (index["texts"][at], *(name[1:] if name[0] == "=" else values[name] for name in names))
        for at, *names in index["layouts"][layout][part]
    ]


def _commands(index: dict[str, Any]) -> set[str]:
    """Return the commands that hints about a refusal name, other than those about files."""
    hints = " ".join(hint for _, hint in index["messages"].values())
    return set(re.findall(r"`d1migrate (\w+)", hints)) - {"index"}


def test_no_command_can_change_an_object() -> None:
    """So no hint of an index for a class names one, except to repair what no Worker can have done."""
    assert _commands(compile_index(MIGRATIONS, VersionTable())) >= {"adopt", "baseline", "repair", "renumber"}
    for table in TABLES:
        found = compile_index(MIGRATIONS, table, in_objects=True)["messages"]
        common = {
            name: found[name] for name in ("renamed", "squashed", "changed", "missing", "late", "unmanaged")
        }
        assert not _commands({"messages": {**common, "": found["missingOrPending"]}})
        assert " ".join(table.create.split()) in found["unmanaged"][1]


@pytest.mark.parametrize("table", TABLES)
def test_a_layout_is_what_the_planner_plans(table: MigrationsTable) -> None:
    """Filled in with values, it is the batch that an `up` would send."""
    index = compile_index(MIGRATIONS, table)
    rows = VersionState() if isinstance(table, VersionTable) else NameState()
    before = HistoryState(table, rows, "")
    first, *_ = plan_up(MIGRATIONS, History(table=table, rows=rows)).steps
    event = first.event._replace(detail=index["notes"][0])
    planned = StepQueries(first._replace(event=event), before, (), STAMP, first=True, opens=True)
    after = planned.after

    values = {
        "token": STAMP.token,
        "at": str(STAMP.at),
        "who": STAMP.who,
        "tool": STAMP.tool,
        "restorePoint": STAMP.restore_point,
        "notes": index["notes"][0],
        "version": str(first.version),
        "name": first.name,
        "file": f"{first.name}.sql",
        "checksum": event.checksum,
        "digest": event.file_digest,
        "rollback": event.rollback_sql,
        "rollbackDigest": event.rollback_digest,
        "before": f"{rows.expected(full=False)} {before.head}",
        "beforeFull": f"{rows.expected(full=True)} {before.head}",
        "after": f"{after.rows.expected(full=False)} {after.head}",
        "afterFull": f"{after.rows.expected(full=True)} {after.head}",
    }
    layout = "alone" if isinstance(table, VersionTable) else "counted"
    assert _filled(index, layout, "first", values) == [(q.sql, *q.params) for q in planned.opening]
    assert _filled(index, layout, "last", values) == [(q.sql, *q.params) for q in planned.closing]


def test_it_is_deterministic_and_sealed() -> None:
    """The same files give the same value, which JSON can hold."""
    index = compile_index(MIGRATIONS, VersionTable())

    assert index == compile_index(MIGRATIONS, VersionTable())
    assert index["digest"] == index_digest(MIGRATIONS)
    assert index["seal"] == seal({key: value for key, value in index.items() if key != "seal"})
    assert json.loads(json.dumps(index)) == index


def test_a_migration_has_its_statements_with_their_lines() -> None:
    """And its rollback, which the log keeps."""
    text = "-- a\nCREATE TABLE a (id);\n\nPRAGMA defer_foreign_keys = ON;\n-- Rollback:\n-- DROP TABLE a;\n"
    (compiled,) = compile_index([Migration(1, "1_a", text)], VersionTable())["migrations"]

    assert compiled["sql"] == ["CREATE TABLE a (id)", "PRAGMA defer_foreign_keys = ON"]
    assert compiled["lines"] == [2, 4]
    assert compiled["rollback"].strip() == "DROP TABLE a;"


def test_what_changes_the_history_is_compared_whole_after_it() -> None:
    """Other migrations need only a quick comparison."""
    files = [
        Migration(1, "1_a", "SELECT 1;"),
        Migration(
            2,
            "2_b",
            "WITH a AS (SELECT 9) INSERT INTO schema_migrations SELECT 9, 'x', 1 FROM a WHERE 0 ON CONFLICT DO UPDATE SET name = 'y';",
        ),
    ]
    one, two = compile_index(files, VersionTable())["migrations"]

    assert "full" not in one
    assert two["full"]


def test_a_file_over_1_mib_is_refused_by_name() -> None:
    """It would have to be streamed."""
    large = Migration(1, "1_large", f"SELECT '{'x' * LARGE}';")

    with pytest.raises(
        SourceError, match=r"1_large\.sql has \d+ bytes: the index of a Worker holds files up to"
    ):
        compile_index([large], VersionTable())


def test_a_file_that_cannot_be_applied_is_refused() -> None:
    """Before anything is written."""
    with pytest.raises(LimitExceeded):
        compile_index([Migration(1, "1_a", f"SELECT '{'x' * 100_001}';")], VersionTable())
    with pytest.raises(SourceError, match="two files have version 1"):
        compile_index([Migration(1, "1_a", ""), Migration(1, "1_b", "")], VersionTable())


def test_a_number_that_javascript_would_round_is_none() -> None:
    """The name has its digits."""
    (compiled,) = compile_index([Migration(2**60, f"{2**60}_a", "SELECT 1;")], NameTable())["migrations"]

    assert compiled["version"] is None


def test_an_empty_rollback_is_not_a_missing_one() -> None:
    """A file without a statement can be rolled back: its rollback is empty, and the log stores that."""
    index = compile_index(MIGRATIONS, VersionTable())

    assert index["migrations"][1]["rollback"] == ""
    assert (
        "rollback"
        not in compile_index([Migration(1, "001_a", "CREATE TABLE a (x);")], VersionTable())["migrations"][0]
    )


def test_digests_of_the_schema() -> None:
    """What a migration changes, in any order; one without digests has none, and one that changes nothing an empty list."""
    schemas = {"001_a": {"table b": None, "table a": "0123456789abcdef", "index a b": "f" * 16}, "002_b": {}}
    files = [*MIGRATIONS, Migration(3, "003_c", "")]

    one, two, three = compile_index(files, VersionTable(), schemas)["migrations"]

    assert one["schema"] == [f"{'f' * 16} index a b", "0123456789abcdef table a", "- table b"]
    assert two["schema"] == []
    assert "schema" not in three


@pytest.mark.parametrize("table", [VersionTable("Applied"), NameTable("Größe")])
def test_a_table_is_set_up_under_its_own_name(table: MigrationsTable) -> None:
    """The runtime looks for it under the name of `table`, capitals included."""
    index = compile_index(MIGRATIONS, table)

    assert index["setup"][index["table"]["name"]] == table.create
