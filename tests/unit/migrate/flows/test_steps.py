"""A run of steps, answered by hand: refusals, races, lost responses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import AmbiguousError, ApplyError, QueryError, UnavailableError
from d1migrate.migrate.assertions import DEFERRED_KEYS
from d1migrate.migrate.flows.steps import Outcome, run_steps, with_notes
from d1migrate.migrate.log import Stamp
from d1migrate.migrate.plan import plan_up
from d1migrate.sql.batch import Result
from tests.unit.migrate.shorthand import files, history

if TYPE_CHECKING:
    from d1migrate.errors import DriverError
    from d1migrate.sql.batch import Batch

DONE, NOT_DONE = [Result([(1,)])], [Result([(0,)])]


def stamp() -> Stamp:
    """Always the same."""
    return Stamp("token-1", 1, "ada", "d1migrate")


class Run:
    """A flow that is answered by hand; `result` is what it returned."""

    def __init__(self, have: str = "1a 2b", *, single: bool = False) -> None:
        self._flow = run_steps(plan_up(files(have), history(), single=single), stamp, ())
        self.result: Outcome | None = None
        self.asked: Batch | None = next(self._flow)

    def answer(self, results: list[Result]) -> None:
        """Answer the batch that it sent."""
        try:
            self.asked = self._flow.send(results)
        except StopIteration as end:
            self.asked, self.result = None, end.value

    def fail(self, error: BaseException) -> None:
        """Let its batch fail."""
        try:
            self.asked = self._flow.throw(error)
        except StopIteration as end:
            self.asked, self.result = None, end.value

    @property
    def asks(self) -> bool:
        """Whether it asks the database if its batch was committed."""
        return self.asked is not None and self.asked.reads


def test_a_transaction_a_step() -> None:
    """With what it cost."""
    run = Run()
    assert run.asked
    assert run.asked.label == "001_a"
    run.answer([Result((), 5, 3)])
    assert run.asked
    assert run.asked.label == "002_b"
    run.answer([Result()])
    assert run.result
    found = [(s.version, s.action, s.rows_read, s.rows_written) for s in run.result.steps]
    assert found == [(1, "up", 5, 3), (2, "up", None, None)]
    assert run.result.failure is None


def test_one_transaction_for_all() -> None:
    """The cost of each step is unknown then."""
    run = Run(single=True)
    assert run.asked
    assert run.asked.label == "001_a … 002_b (2 migrations)"
    run.answer([Result((), 5, 3)])
    assert run.result
    assert [(s.version, s.rows_read) for s in run.result.steps] == [(1, None), (2, None)]


@pytest.mark.parametrize(("single", "expected"), [(False, [2, 2]), (True, [4])])
def test_the_history_is_compared_before_each_transaction_and_after_each_step(
    *, single: bool, expected: list[int]
) -> None:
    """Between two steps of one transaction, nobody else can change it; its first one also looks for keys."""
    run, found = Run(single=single), list[int]()
    while run.asked:
        found.append(sum(query.assertion for query in run.asked.queries))
        run.answer([Result()])
    assert found == expected


def test_no_steps() -> None:
    """Nothing is sent."""
    with pytest.raises(StopIteration) as end:
        next(run_steps(plan_up([], history()), stamp, ()))
    assert end.value.value.steps == ()


@pytest.mark.parametrize("error", [QueryError("no such table: x"), UnavailableError("offline")])
def test_a_failure(error: DriverError) -> None:
    """It names what is applied and what is not, and nothing more is sent."""
    run = Run()
    run.answer([Result()])
    with pytest.raises(ApplyError) as failed:
        run.fail(error)
    assert (failed.value.applied, failed.value.pending) == (("001_a",), ("002_b",))
    assert not failed.value.unknown
    assert failed.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        AmbiguousError("the connection broke"),
        QueryError("bad JSON path: 'already applied: version 1'"),
        QueryError("bad JSON path: 'history changed meanwhile'"),
    ],
)
@pytest.mark.parametrize("committed", [True, False])
def test_a_lost_answer_is_looked_up(error: DriverError, *, committed: bool) -> None:
    """The log has the token, and the run goes on; or it has not, and the caller plans again."""
    run = Run()
    run.fail(error)
    assert run.asks
    run.answer(DONE if committed else NOT_DONE)
    if committed:
        assert run.asked
        assert run.asked.label == "002_b"
    else:
        assert run.result
        assert (run.result.steps, run.result.token) == ((), "token-1")
        assert run.result.failure
        assert [step.version for step in run.result.results] == [1]


def test_a_lost_answer_that_cannot_be_looked_up() -> None:
    """The outcome is unknown, and the error says so."""
    run = Run()
    run.fail(AmbiguousError("the connection broke"))
    with pytest.raises(ApplyError) as failed:
        run.fail(UnavailableError("offline"))
    assert failed.value.unknown


@pytest.mark.parametrize(
    ("answer", "note"), [(DONE, "001_a was applied"), (NOT_DONE, "had not been applied")]
)
def test_an_interrupt(answer: list[Result], note: str) -> None:
    """It may come between the commit and the response, so the log is checked; then it is passed on."""
    run = Run()
    run.fail(KeyboardInterrupt())
    assert run.asks
    with pytest.raises(KeyboardInterrupt) as interrupted:
        run.answer(answer)
    notes = "; ".join(interrupted.value.__notes__)
    assert "done before: none" in notes
    assert note in notes


def test_notes_are_added_to_what_a_step_says() -> None:
    """As JSON, for the log."""
    plan = plan_up(files("1a"), history())
    assert with_notes(plan, {}) is plan
    twice = with_notes(with_notes(plan, {"lint": False}), {"reason": "é"})
    assert [step.event.detail for step in twice.steps] == ['{"lint": false, "reason": "\\u00e9"}']


def test_a_shared_transaction_is_sent_again_with_checks_if_keys_are_deferrable() -> None:
    """It looks for such keys once: before each step, that would take half as long as the steps."""
    run = Run(single=True)
    assert run.asked
    first = len(list(run.asked.queries))
    run.fail(QueryError(f"bad JSON path: '{DEFERRED_KEYS}'"))
    assert run.asked
    assert not run.asked.reads
    assert len(list(run.asked.queries)) == first - 1
    with pytest.raises(ApplyError, match="no such table: x"):
        run.fail(QueryError("no such table: x"))
