"""Many runs at once: each migration is applied exactly once, and every caller learns the truth."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from d1migrate import Migrator
from d1migrate.migrate.source import load
from tests.runtime.typescript import TypeScriptWorkerd, compiled
from tests.workers.inside.sql_files import THREE
from tests.workers.typescript.runs import INDEXES, NAMES, TABLES, exactly_once, state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.migrate.table import Shape
    from tests.runtime.typescript import Outcome

AT_ONCE = 20


def seen_once(outcomes: Sequence[Outcome]) -> bool:
    """Whether every call reports only migrations of the history, in order, and each was applied by one call."""
    assert [outcome.error for outcome in outcomes if outcome.error] == []
    steps = [step for outcome in outcomes for step in outcome.results]
    for outcome in outcomes:
        names = [step["name"] for step in outcome.results]
        assert names == [name for name in NAMES if name in names]
    return sorted(step["name"] for step in steps if step["action"] == "up") == NAMES


def test_in_one_isolate(typescript: TypeScriptWorkerd, place: str, shape: Shape) -> None:
    """Requests that arrive together."""
    outcomes = typescript.at_once(AT_ONCE, "runMigrations", INDEXES[shape], database=place)

    assert seen_once(outcomes)
    assert all([step["name"] for step in outcome.results] == NAMES for outcome in outcomes)
    assert exactly_once(typescript, place)


def test_over_two_isolates(typescript: TypeScriptWorkerd, shape: Shape) -> None:
    """The same over isolates, which share nothing but the database."""
    database = typescript.database()

    def run(isolate: int) -> list[Outcome]:
        return typescript.at_once(
            AT_ONCE // 2, "runMigrations", INDEXES[shape], database=database, isolate=isolate
        )

    with ThreadPoolExecutor() as pool:
        outcomes = [outcome for run_outcomes in pool.map(run, (0, 1)) for outcome in run_outcomes]

    assert seen_once(outcomes)
    assert exactly_once(typescript, database)


def test_one_call_to_each_isolate_again_and_again(typescript: TypeScriptWorkerd, shape: Shape) -> None:
    """Whichever request is late, at each of its batches."""
    for batch in range(6):
        database = typescript.database()
        late = [{"batch": batch, "do": "slow", "ms": 30}]

        def run(isolate: int, database: str = database, late: list[dict[str, object]] = late) -> Outcome:
            faults = late if isolate == 0 else []
            (outcome,) = typescript.at_once(
                1, "runMigrations", INDEXES[shape], database=database, isolate=isolate, faults=faults
            )
            return outcome

        with ThreadPoolExecutor() as pool:
            outcomes = list(pool.map(run, (0, 1)))

        assert seen_once(outcomes), f"with batch {batch} late"
        assert exactly_once(typescript, database)


def test_older_code_meanwhile(typescript: TypeScriptWorkerd, place: str, shape: Shape) -> None:
    """A deployment in progress: half of the requests run the code before it, which knows two migrations."""
    old = compiled(THREE[:2], TABLES[shape])

    with ThreadPoolExecutor() as pool:
        first = pool.submit(typescript.at_once, 10, "runMigrations", old, database=place)
        second = pool.submit(typescript.at_once, 10, "runMigrations", INDEXES[shape], database=place)
        outcomes = [*first.result(), *second.result()]

    assert seen_once(outcomes)
    assert exactly_once(typescript, place)


def test_one_migration_fails_for_all(typescript: TypeScriptWorkerd, place: str) -> None:
    """Each call fails with it, and those before it are applied once."""
    wrong = [*THREE[:2], ("003_wrong.sql", "CREATE TABLE tags (name TEXT);\nINSERT INTO nosuch VALUES (1);")]

    outcomes = typescript.at_once(AT_ONCE, "runMigrations", compiled(wrong), database=place)

    for outcome in outcomes:
        assert outcome.error
        assert outcome.error.type == "ApplyError", outcome.error
        assert outcome.error.attributes["migration"] == "003_wrong"
        assert outcome.error.attributes["unknown"] is False
        assert outcome.error.attributes["pending"] == ["003_wrong"]
    applied = [name for outcome in outcomes if outcome.error for name in outcome.error.attributes["applied"]]
    assert sorted(applied) == NAMES[:2]
    assert len(typescript.call("runMigrations", INDEXES["versions"], database=place).results) == 1
    assert exactly_once(typescript, place)


def test_the_command_line_meanwhile(typescript: TypeScriptWorkerd) -> None:
    """`d1migrate up` on the file of a local D1, while `wrangler dev` serves requests on it."""
    for _ in range(5):
        database = typescript.database()
        typescript.sql(database, "CREATE TABLE t (n)", "DROP TABLE t")  # its file exists
        with (
            Migrator(
                f"sqlite:{typescript.file(database)}", load(THREE), table="schema_migrations"
            ) as migrator,
            ThreadPoolExecutor() as pool,
        ):
            requests = pool.submit(
                typescript.at_once, 5, "runMigrations", INDEXES["versions"], database=database
            )
            report = migrator.up(lint=False)
            outcomes = requests.result()

        assert report.ok
        assert [outcome.error for outcome in outcomes] == [None] * 5
        assert exactly_once(typescript, database)


@pytest.mark.parametrize("to", [1, 2, "002_first_note"])
def test_different_targets(typescript: TypeScriptWorkerd, place: str, to: int | str) -> None:
    """A call that stops early does not hinder one that does not."""
    index = INDEXES["versions"]
    with ThreadPoolExecutor() as pool:
        some = pool.submit(typescript.at_once, 5, "runMigrations", index, {"to": to}, database=place)
        every = pool.submit(typescript.at_once, 5, "runMigrations", index, database=place)
        outcomes = [*some.result(), *every.result()]

    assert seen_once(outcomes)
    assert exactly_once(typescript, place)


@pytest.mark.parametrize(
    ("by", "logged"), [("a deploy", "a deploy"), (5, "5"), ("", "worker"), ("é'--", "é'--")]
)
def test_the_actor(typescript: TypeScriptWorkerd, place: str, by: object, logged: str) -> None:
    """It is text in the log, also if JavaScript gave a number, which D1 binds as REAL."""
    typescript.call("runMigrations", INDEXES["versions"], {"by": by}, database=place)

    assert typescript.sql(place, "SELECT DISTINCT who FROM d1migrate_log") == [[[logged]]]


def test_alone_or_together_is_the_same(typescript: TypeScriptWorkerd, shape: Shape) -> None:
    """Twenty runs leave what one leaves."""
    one, many = typescript.database(), typescript.database()
    typescript.call("runMigrations", INDEXES[shape], database=one)
    typescript.at_once(AT_ONCE, "runMigrations", INDEXES[shape], database=many)

    assert state(typescript, many, shape) == state(typescript, one, shape)
