"""What to roll back: tables of cases, without a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.errors import (
    Error,
    Irreversible,
    MissingMigration,
    PartiallyApplied,
    PlanError,
    UsageError,
)
from d1migrate.migrate.history import AppliedMigration, History
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.plan_down import choose_down, plan_down
from d1migrate.migrate.status import compare
from d1migrate.migrate.table import USUAL_TABLE, Key, NameTable
from tests.unit.migrate.shorthand import files, history

if TYPE_CHECKING:
    from d1migrate.migrate.plan import Plan


def versions(plan: Plan) -> list[int | None]:
    """What a plan does, in order."""
    return [step.version for step in plan.steps]


@pytest.mark.parametrize(
    ("have", "applied", "options", "expected"),
    [
        ("1a 2b 3c", "1a 2b 3c", {}, [3]),
        ("1a 2b 3c", "1a 2b 3c", {"steps": 2}, [3, 2]),
        ("1a 2b 3c", "1a 2b 3c", {"steps": 3}, [3, 2, 1]),
        ("1a 2b 3c", "1a 2b 3c", {"to": 1}, [3, 2]),
        ("1a 2b 3c", "1a 2b 3c", {"to": 0}, [3, 2, 1]),
        ("1a 2b 3c", "1a 2b 3c", {"to": 3}, []),
        ("1a 2b 3c", "1a 2b", {}, [2]),
        ("1a 2b 3c", "", {}, []),
        ("1a 2b 3c", "", {"to": 0}, []),
        ("1a", "1a 2b", {}, [2]),  # a file that is gone
        ("1a 2c", "1a 2b", {}, [2]),  # a file that was edited
        ("1a 2b 3c", "1a 3c", {"steps": 2}, [3, 1]),
        ("1a 2b", "1a 2b", {"to": 1, "steps": 1}, UsageError),
        ("1a 2b", "1a 2b", {"steps": 0}, UsageError),
        ("1a 2b 3c", "1a 2b", {"steps": 3}, UsageError),
        ("1a", "", {"steps": 1}, UsageError),
        ("1a 2b", "1a", {"to": 2}, UsageError),
        ("1a 3b", "1a 2b", {}, MissingMigration),  # renumbered
    ],
)
def test_down(have: str, applied: str, options: dict[str, int], expected: list[int] | type[Error]) -> None:
    """The newest version, a number of them, or all above one; newest first."""
    if isinstance(expected, list):
        chosen = choose_down(files(have), history(applied), **options)
        assert [entry.version for entry in chosen] == expected
    else:
        with pytest.raises(expected):
            choose_down(files(have), history(applied), **options)


def test_down_on_a_partially_applied_history() -> None:
    """Nothing is chosen before it is repaired."""
    with pytest.raises(PartiallyApplied):
        choose_down(files("1a 2b"), history("1a", "2b"))


SAME, OTHER = "DROP TABLE a;", "DROP TABLE IF EXISTS a;"


@pytest.mark.parametrize(
    ("in_file", "recorded", "prefer", "expected"),
    [
        # of one there is nothing to choose
        (SAME, SAME, None, SAME),
        ("drop  table a;", SAME, None, "drop  table a;"),  # the same meaning: the file's
        (None, SAME, None, SAME),
        (SAME, None, None, SAME),  # the file gained one since
        # of two that differ the caller chooses
        (OTHER, SAME, None, PlanError),
        (OTHER, SAME, "file", OTHER),
        (OTHER, SAME, "history", SAME),
        # the file lost it, though it is still here
        ("", SAME, None, PlanError),
        ("", SAME, "history", SAME),
        ("", SAME, "file", Irreversible),
        ("none, rows are gone", SAME, "history", SAME),
        ("none, rows are gone", SAME, "file", Irreversible),
        # there is none
        ("", None, None, Irreversible),
        (None, None, None, Irreversible),
        ("none, rows are gone", None, None, Irreversible),
    ],
)
def test_the_rollback(
    in_file: str | None, recorded: str | None, prefer: Any, expected: str | type[Error]
) -> None:
    """The rollback of the file (None: it is missing) or of the log; an error if the user has to choose."""

    def file(rollback: str | None) -> Migration:
        block = f"-- Rollback: {rollback}\n" if rollback else ""
        return Migration(1, "001_a", f"CREATE TABLE a (id INTEGER PRIMARY KEY);\n{block}")

    then = file(recorded)
    digest = then.rollback.digest if then.rollback else None
    row = AppliedMigration(1, "001_a", 1_790_000_000, then.checksum, digest, recorded is not None, 1)
    found = History((row,))
    entries = compare([] if in_file is None else [file(in_file)], found)
    stored: dict[Key | None, str] = {1: recorded} if recorded else {}
    if isinstance(expected, str):
        (step,) = plan_down(entries, found, stored, prefer=prefer).steps
        assert [f"{sql};" for sql in step.script.texts()] == [expected]
        assert (step.direction, step.version, step.statement_count) == ("down", 1, 1)
    else:
        with pytest.raises(expected):
            plan_down(entries, found, stored, prefer=prefer)


def test_every_version_without_a_way_back_is_named() -> None:
    """All of them in one error, each with its reason."""
    migrations = [
        *files("1a", rollback=""),
        *files("2b", rollback="-- Rollback: none, rows are gone\n"),
        *files("3c"),
    ]
    found = history("1a 2b 3c 4d")
    found = found._replace(applied=tuple(row._replace(rollback_digest=None) for row in found.applied))
    with pytest.raises(Irreversible) as refused:
        plan_down(choose_down(migrations, found, to=0), found, {})
    assert refused.value.names == ("004_d", "002_b", "001_a")
    assert all(name in str(refused.value) for name in ("001_a", "002_b", "004_d", "rows are gone"))


def test_a_rollback_of_what_wrangler_applied_has_to_be_chosen() -> None:
    """Its file may have changed since; in a table of versions the file's block has always been run."""
    (migration,) = files("1a")
    for table in (NameTable(), USUAL_TABLE):
        row = AppliedMigration(1, "001_a", 1_790_000_000, place=1)
        found = history(table=table)._replace(applied=(row,))
        entries = choose_down([migration], found)
        if table.shape == "names":
            with pytest.raises(PlanError, match="wrangler applied 001_a") as refused:
                plan_down(entries, found, {})
            assert "--rollback-from file" in (refused.value.hint or "")
            with pytest.raises(Irreversible):  # a flag that decides nothing
                plan_down(choose_down(files("1a", rollback=""), found), found, {}, prefer="file")
        (step,) = plan_down(entries, found, {}, prefer="file").steps
        assert step.name == "001_a"


def test_down_by_names_undoes_what_was_applied_last() -> None:
    """Whatever number it has."""
    applied = history("2b 1a", table=NameTable())
    rows = (applied.applied[0]._replace(place=1), applied.applied[1]._replace(place=2))
    chosen = choose_down(files("1a 2b"), applied._replace(applied=rows))
    assert [entry.name for entry in chosen] == ["001_a"]
