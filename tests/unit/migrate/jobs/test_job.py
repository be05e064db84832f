"""The row of the open job: what it says, and what belongs to the job."""

from __future__ import annotations

import pytest

from d1migrate.migrate.jobs.job import Job, is_too_large
from d1migrate.migrate.jobs.objects import owns


def _job(**values: object) -> Job:
    job = Job.of(
        (
            *("011_fill", 11, "batch", "batch users", "v1:abc", "token", "running", 0, "users"),
            *(None, 1, 1_001, 500, 5_000, 0, 0, 1_790_000_000, 1_790_000_000, "someone"),
        )
    )
    return job._replace(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "share"),
    [
        ({}, 0.0),
        ({"at": 501, "chunks": 1}, 0.5),
        ({"at": 5_000, "chunks": 9}, 1.0),
        ({"at": -5, "chunks": 1}, 0.0),
        ({"at": 501, "first": 501, "last": 501, "chunks": 1}, 1.0),
        ({"at": 2**62, "first": -(2**62), "last": 2**62, "chunks": 1}, 1.0),
        ({"at": "m", "first": "a", "last": "z", "chunks": 1}, None),
        ({"at": "m", "first": "a", "last": "z"}, 0.0),
        ({"at": 501, "last": None, "chunks": 1}, None),
        ({"first": None, "last": None}, 0.0),
        ({"state": "filled"}, 1.0),
        ({"kind": "online", "state": "drain"}, 1.0),
        ({"kind": "online", "state": "verify", "at": 251, "chunks": 3}, 0.25),
        ({"kind": "online", "state": "indexes"}, 1.0),
    ],
)
def test_the_share_is_the_place_of_the_cursor(values: dict[str, object], share: float | None) -> None:
    """Between the keys at the start; of keys that are no numbers it is not known."""
    assert _job(**values).share == (share if share is None else pytest.approx(share, abs=0.001))


def test_only_an_online_rebuild_owns_a_shadow() -> None:
    """While a batch is open, a hold table is what an interrupted rebuild left behind."""
    batch, online = _job(), _job(kind="online")
    assert [owns(batch, name) for name in ("_d1m_job", "_d1m_hold_1", "_d1m_log_1")] == [True, False, False]
    names = ("_d1m_job", "_D1M_HOLD_1", "_d1m_log_1", "_d1m_sync_1_ai", "_d1m_index_1_0")
    assert all(owns(online, name) for name in names)
    assert not owns(online, "_d1m_guard_delete_orders")


def test_only_the_assertions_of_size_start_a_job() -> None:
    """What a refused transaction says, and what a constraint says."""
    assert is_too_large("bad JSON path: 'too many rows for one batch: users has more than 5000'")
    assert is_too_large("bad JSON path: 'about 812000 entries in one batch: over the budget of 50000'")
    assert not is_too_large("UNIQUE constraint failed: users.email")
