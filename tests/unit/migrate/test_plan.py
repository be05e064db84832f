"""What to run: tables of cases, without a database."""

from __future__ import annotations

from typing import Any

import pytest

from d1migrate.errors import (
    ChecksumMismatch,
    Error,
    HistoryError,
    LimitExceeded,
    MissingMigration,
    OutOfOrder,
    PartiallyApplied,
    SourceError,
    UsageError,
)
from d1migrate.migrate.assertions import HistoryState
from d1migrate.migrate.history import History
from d1migrate.migrate.log import Stamp
from d1migrate.migrate.migration import LARGE, Migration
from d1migrate.migrate.plan import Plan, StepQueries, plan_up
from d1migrate.migrate.plan_down import choose_down, plan_down
from tests.unit.migrate.shorthand import files, history
from tests.unit.migrate.test_migration import Script

STAMP = Stamp("token-1", 1_790_000_000, "ada", "d1migrate")


def versions(plan: Plan) -> list[int | None]:
    """What a plan does, in order."""
    return [step.version for step in plan.steps]


@pytest.mark.parametrize(
    ("have", "applied", "options", "expected"),
    [
        ("", "", {}, []),
        ("1a 2b 3c", "", {}, [1, 2, 3]),
        ("1a 2b 3c", "1a", {}, [2, 3]),
        ("1a 2b 3c", "1a 2b 3c", {}, []),
        ("1a 2b 3c", "1?", {}, [2, 3]),
        # up to a version, which may be applied already
        ("1a 2b 3c", "1a", {"to": 2}, [2]),
        ("1a 2b 3c", "1a", {"to": 3}, [2, 3]),
        ("1a 2b 3c", "1a", {"to": 1}, []),
        ("1a 2b 3c", "1a", {"to": 4}, UsageError),
        ("", "", {"to": 1}, UsageError),
        # below the newest applied version
        ("1a 2b 3c", "1a 3c", {}, OutOfOrder),
        ("1a 2b 3c", "1a 3c", {"allow_out_of_order": True}, [2]),
        ("1a 2b 3c 4d", "1a 3c", {"to": 1}, []),
        ("1a 2b 3c 4d", "1a 3c", {"allow_out_of_order": True}, [2, 4]),
        ("1a 2b 3c 4d", "1a 3c", {"allow_out_of_order": True, "to": 3}, [2]),
        # nothing is planned where files and history disagree, not even what is far from it
        ("1a 2c 3d", "1a 2b", {}, ChecksumMismatch),
        ("1a 3c", "1a 2b", {}, MissingMigration),
        ("1a 3b", "1a 2b", {}, MissingMigration),
        ("1a 2b", "1a 2b", {}, []),
        # a newer database is refused, unless that is accepted
        ("1a 2b", "1a 2b 3c", {}, MissingMigration),
        ("1a 2b", "1a 2b 3c", {"accept_newer": True}, []),
        ("1a 2b", "1a 2b 3c", {"accept_newer": True, "to": 1}, []),
        ("1a 2b", "1a 2? 3?", {"accept_newer": True}, []),
        ("1a 2b", "1a 3c", {"accept_newer": True}, MissingMigration),  # one is pending
        ("1a 2b", "1a 3c", {"accept_newer": True, "to": 1}, MissingMigration),
        ("1a 3c", "1a 2b 3c 4d", {"accept_newer": True}, MissingMigration),  # one is between
        ("2b", "1a 2b 3c", {"accept_newer": True}, MissingMigration),  # one is older
        ("1a 2c", "1a 2b 3c", {"accept_newer": True}, ChecksumMismatch),
        ("1a 4b", "1a 2b 3c", {"accept_newer": True}, MissingMigration),  # renamed
        ("", "1a", {"accept_newer": True}, MissingMigration),
        ("1a 2b 3c", "1a", {"accept_newer": True}, [2, 3]),
    ],
)
def test_up(have: str, applied: str, options: dict[str, Any], expected: list[int] | type[Error]) -> None:
    """The pending versions in ascending order, or an error."""
    if isinstance(expected, list):
        plan = plan_up(files(have), history(applied), **options)
        assert versions(plan) == expected
        assert all(step.direction == "up" for step in plan.steps)
    else:
        with pytest.raises(expected):
            plan_up(files(have), history(applied), **options)


@pytest.mark.parametrize("newer", ["", " 3c"])
def test_up_on_a_partially_applied_history(newer: str) -> None:
    """Nothing is planned before it is repaired, even if the partial one is newer than the files."""
    with pytest.raises(PartiallyApplied):
        plan_up(files("1a 2b"), history("1a" + newer, "2b"), accept_newer=True)
    with pytest.raises(PartiallyApplied):
        plan_up(files("1a 2b"), history("1a 2b", "3c"), accept_newer=True)


def test_up_on_a_database_of_others() -> None:
    """Nothing is planned before it is adopted."""
    with pytest.raises(HistoryError, match="d1_migrations"):
        plan_up(files("1a"), History(unmanaged=("d1_migrations", "users")))


def test_a_plan_carries_what_it_rests_on() -> None:
    """The history; never a token, a time or a user."""
    found = history("1a")._replace(missing=("d1migrate_log",), reads=2)
    plan = plan_up(files("1a 2b 3c"), found)
    assert plan.history == found
    assert plan.requests == 2 + 2
    assert plan_up(files("1a 2b 3c"), found, single=True).requests == 2 + 1
    assert plan_up(files("1a"), found, single=True).requests == 2


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", None),
        ("-- only a comment\n", None),
        ("CREATE TABLE a (x", None),  # SQLite says what is wrong with it
        ("CREATE TABLE a (x 'y);", SourceError),
        ("INSERT INTO schema_migrations (version, name, applied_at) VALUES (2, 'm', 1);", None),
        ("CREATE TABLE a (x);\n-- Rollback: DROP TABLE schema_migrations;", SourceError),
        ("SELECT 1;", None),
    ],
)
def test_all_files_are_read_before_one_is_run(text: str, error: type[Error] | None) -> None:
    """A file that cannot be read fails the plan, though others come first."""
    migrations = [*files("1a"), Migration(2, "002_m", text)]
    if error is None:
        assert versions(plan_up(migrations, history())) == [1, 2]
    else:
        with pytest.raises(error):
            plan_up(migrations, history())


def test_a_large_file_shares_no_transaction() -> None:
    """D1 imports it, and an import is a transaction of its own."""
    large = Migration(2, "002_large", Script("SELECT 1;"))
    assert versions(plan_up([*files("1a"), large], history())) == [1, 2]
    with pytest.raises(LimitExceeded) as refused:
        plan_up([*files("1a"), large], history(), single=True)
    assert (refused.value.limit, refused.value.actual) == (LARGE, 2 * LARGE)


# --- the queries of a step ---


@pytest.mark.parametrize("missing", [(), ("schema_migrations", "d1migrate_log")])
@pytest.mark.parametrize("direction", ["up", "down"])
def test_the_queries_of_a_step(direction: str, missing: tuple[str, ...]) -> None:
    """The history tables, an assertion, the file's statements, the history, an assertion; as often as asked."""
    if direction == "up":
        (step,) = plan_up(files("1a"), history()).steps
    else:
        found = history("1a")
        (step,) = plan_down(choose_down(files("1a"), found), found, {}).steps
    setup = History(missing=missing).setup()
    queries = StepQueries(step, HistoryState(), setup, STAMP, first=True, opens=True)
    sent = list(queries)
    assert list(queries) == sent
    assert len(queries) == len(sent)
    (at,) = [i for i, query in enumerate(sent) if query.sql in step.script.texts()]
    statement = queries.statement_at(at)
    assert statement
    assert statement.sql == sent[at].sql
    assert [queries.statement_at(i) for i in (0, at - 1, at + 1, len(sent) - 1)] == [None] * 4
    created = [query.sql.split()[5] for query in sent if query.sql.startswith("CREATE TABLE IF NOT")]
    assert created == list(missing)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("CREATE TABLE a (x);", None),
        ("CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END;", None),
        ("SELECT 1;\nCREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 'x;\ny'; END;", "line 2: "),
    ],
)
def test_what_a_request_cannot_carry(sql: str, reason: str | None) -> None:
    """Such a file is imported; the reason names the line."""
    (step,) = plan_up([Migration(1, "001_a", sql)], history()).steps
    assert (step.import_reason or "")[:8] == (reason or "")
