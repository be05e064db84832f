"""A plan as a file: what makes it out of date, and what is not a plan."""

from __future__ import annotations

import json
from typing import Any

import pytest

from d1migrate.errors import PlanError, UsageError
from d1migrate.migrate import plan_file
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.plan import plan_up
from d1migrate.migrate.rollback_file import RollbackFile
from tests.unit.migrate.shorthand import files, history

OPTIONS = {"to": None, "single_transaction": False, "allow_out_of_order": False, "phase": None}


def content(have: str = "1a 2b", applied: str = "1a", **changed: Any) -> plan_file.Content:
    """The content of a plan file."""
    where = {"environment": "production", "database": "d1:shop", "database_id": "id"} | changed
    return plan_file.describe(plan_up(files(have), history(applied)), options=OPTIONS, **where)


def test_it_is_read_as_it_was_written() -> None:
    """Equal plans make equal texts."""
    text = plan_file.dump(content())
    assert text == plan_file.dump(content())
    read = plan_file.load(text, "plan.json")
    assert {**read, "digest": ""} == {**content(), "digest": ""}
    plan_file.refuse_stale(read, content(), "plan.json")
    assert plan_file.options(read, "plan.json") == OPTIONS


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "[" * 100_000, '{"format": "d1migrate plan 2"}', '{"format": null}']
)
def test_what_is_no_plan(text: str) -> None:
    """Another file, or one of another version."""
    with pytest.raises(UsageError, match="is not a plan"):
        plan_file.load(text, "plan.json")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"CREATE TABLE b (id INTEGER PRIMARY KEY)"', '"DROP TABLE a"'),
        ('"production"', '"staging"'),
        ('"database": "d1:shop",', '"database": "d1:shop",  '),
        ('"database": "d1:shop",', '"database": "d1:shop", "database": "d1:shop",'),
    ],
)
def test_an_edited_plan(old: str, new: str) -> None:
    """Its digest shows it, or its form does."""
    text = plan_file.dump(content())
    assert old in text
    with pytest.raises(PlanError, match="was edited"):
        plan_file.load(text.replace(old, new), "plan.json")


@pytest.mark.parametrize(
    ("now", "why"),
    [
        ({"environment": "staging"}, "it is for the environment production, not staging"),
        ({"database": "d1:other"}, "it is for the database d1:shop"),
        ({"database_id": "other"}, "it is for the database id id"),
        ({"have": "1a 2b", "applied": "1a 2b"}, "history has changed: 1 applied up to 001_a then, 2 app"),
        ({"have": "1a 2b", "applied": "1?"}, "history has changed: 1 applied up to 001_a then, 1 applied"),
        ({"have": "1a 2c"}, "002_b is no longer pending; 002_c is pending, too"),
        ({"have": "1a 2b 3c"}, "003_c is pending, too"),
        ({"have": "1a"}, "002_b is no longer pending"),
    ],
)
def test_a_plan_that_is_out_of_date(now: dict[str, Any], why: str) -> None:
    """The error says what has changed."""
    written = plan_file.load(plan_file.dump(content()), "plan.json")
    with pytest.raises(PlanError, match=f"plan.json is out of date: .*{why}"):
        plan_file.refuse_stale(written, content(**now), "plan.json")


def test_a_file_that_only_looks_different() -> None:
    """A comment that changed since the review is a change since the review."""
    written, now = content(), content()
    (now["steps"][0]["content"]) = "b1:other"
    with pytest.raises(PlanError, match="in comments, white space or its rollback"):
        plan_file.refuse_stale(written, now, "plan.json")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (None, "option to is missing"),
        ({"to": 2}, "option to is 2"),
        ({"to": True}, "option to is True"),
        ({"single_transaction": 1}, "option single_transaction is 1"),
        ({"phase": "later"}, "option phase is 'later'"),
    ],
)
def test_options_of_another_kind(changed: dict[str, Any] | None, why: str) -> None:
    """A file that another program wrote, with a matching digest."""
    written = content() | {"options": changed and OPTIONS | changed}
    read = plan_file.load(plan_file.dump(written), "plan.json")
    with pytest.raises(UsageError, match=why):
        plan_file.options(read, "plan.json")


def test_a_plan_that_lacks_a_part() -> None:
    """An error of ours, whatever is missing."""
    written = json.loads(plan_file.dump(content()))
    del written["history"]
    with pytest.raises(PlanError, match="is incomplete"):
        plan_file.refuse_stale(written, content(), "plan.json")


def test_a_rollback_file_that_changed() -> None:
    """It is part of what was reviewed."""
    plain = Migration(1, "001_a", "CREATE TABLE a (x);")

    def planned(rollback: str) -> plan_file.Content:
        migration = plain.with_rollback_file(RollbackFile("rollback/001_a.sql", rollback))
        where = {"environment": "production", "database": "d1:shop", "database_id": "id"}
        return plan_file.describe(plan_up([migration], history("")), options=OPTIONS, **where)

    plan_file.refuse_stale(planned("DROP TABLE a;"), planned("DROP TABLE a;"), "plan.json")
    with pytest.raises(PlanError, match="or its rollback"):
        plan_file.refuse_stale(planned("DROP TABLE a;"), planned("SELECT 1;"), "plan.json")
