"""How large the next chunk is, and how long a runner waits before it."""

from __future__ import annotations

from d1migrate.migrate.jobs.pace import MOST_IN_FILE, NO_BUDGET, SECONDS, Pace


def test_chunks_grow_towards_the_target_by_two_at_most() -> None:
    """One fast chunk proves little."""
    pace = Pace(size=500, most=5_000)
    assert pace.after(SECONDS / 100).size == 1_000
    assert pace.after(SECONDS / 1.5).size == 750
    assert pace.after(SECONDS).size == 500


def test_chunks_shrink_by_two_at_most_and_never_to_nothing() -> None:
    """A row is the smallest chunk."""
    assert Pace(size=500).after(60).size == 250
    assert Pace(size=1).after(60).size == 1


def test_chunks_are_never_larger_than_allowed() -> None:
    """However fast they are."""
    assert Pace(size=4_000, most=5_000).after(0.001).size == 5_000


def test_without_a_duration_the_size_stays() -> None:
    """A Durable Object does not tell the time."""
    assert Pace(size=500).after(None).size == 500


def test_the_pause_follows_the_chunk() -> None:
    """As a multiple of its time."""
    assert Pace(ratio=2).pause(0.2) == 0.4
    assert Pace(ratio=0).pause(0.2) == 0
    assert Pace().pause(None) == 0


def test_an_overload_halves_the_chunk_and_waits_longer_each_time() -> None:
    """A chunk that was answered ends that."""
    once = Pace(size=800).after_failure(overloaded=True)
    assert (once.size, once.pause(None)) == (400, 30)
    twice = once.after_failure(overloaded=True)
    assert (twice.size, twice.pause(None)) == (200, 60)
    assert twice.after(0.1).pause(0.1) == 0.1


def test_a_lost_answer_keeps_the_size_and_waits_a_little() -> None:
    """It says nothing about the size."""
    lost = Pace(size=800).after_failure(overloaded=False)
    assert (lost.size, lost.pause(None)) == (800, 1)


def test_it_gives_up_after_six_failures_in_a_row() -> None:
    """A chunk that was answered starts the count again."""
    pace = Pace(size=800)
    for _ in range(6):
        assert not pace.gives_up
        pace = pace.after_failure(overloaded=True)
    assert pace.gives_up
    assert not pace.after(0.1).gives_up


def test_a_file_has_larger_chunks_and_no_budget_unless_one_is_set() -> None:
    """No governor watches it."""
    assert Pace.of(None, is_file=True) == Pace(most=MOST_IN_FILE, budget=NO_BUDGET)
    assert Pace.of(None, is_file=False) == Pace()
    assert Pace.of(70, is_file=True) == Pace(most=MOST_IN_FILE, budget=70)
