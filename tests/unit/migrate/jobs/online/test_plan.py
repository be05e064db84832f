"""The plan survives the job's row."""

from __future__ import annotations

import pytest

from d1migrate.errors import PlanError
from d1migrate.migrate.jobs.online import OnlinePlan, derive
from d1migrate.migrate.migration import Migration
from tests.unit.migrate.jobs.online.running import drafted
from tests.unit.migrate.jobs.online.test_work import CASES
from tests.unit.schema.building import schema


def test_it_is_json() -> None:
    """For every kind of table."""
    for old, was, is_ in CASES.values():
        migration = Migration(1, "001_t", drafted(old, old.replace(was, is_, 1)))
        plan = derive(migration, schema(old))
        assert OnlinePlan.loads(plan.dumps()) == plan


@pytest.mark.parametrize("text", ["", "{", "null", "7", "[]", '["t","1"]', '{"table": "t"}'])
def test_another_version_may_have_written_it(text: str) -> None:
    """The error leads to that version, or to an end by hand."""
    with pytest.raises(PlanError, match="cannot be read") as caught:
        OnlinePlan.loads(text)
    assert "`DROP TABLE _d1m_job` ends the job" in (caught.value.hint or "")
