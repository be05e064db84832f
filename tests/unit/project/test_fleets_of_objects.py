"""The settings of a fleet whose tenants are Durable Objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.errors import UsageError
from d1migrate.project.fleet import FleetSettings, read_fleet

if TYPE_CHECKING:
    from pathlib import Path

OBJECTS = {"objects": "Tenant", "journal": "d1:journal"}


def fleet(tmp_path: Path, **section: Any) -> FleetSettings:
    """Return the fleet with these settings."""
    return read_fleet("d1migrate.toml", str(tmp_path), "tenants", section, classes=["Tenant"])


def test_a_query_lists_the_names_of_objects(tmp_path: Path) -> None:
    """The tenants are the objects; the query only lists them."""
    found = fleet(tmp_path, **OBJECTS, query="SELECT name FROM tenants", control="d1:control")

    assert (found.source, found.objects) == ("objects", "Tenant")
    assert (found.query, found.control) == ("SELECT name FROM tenants", "d1:control")


def test_without_a_query_the_names_are_parameters(tmp_path: Path) -> None:
    """The list is then what the Workflow is started with."""
    assert fleet(tmp_path, **OBJECTS).query is None


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"control": "d1:control"}, "control is only for `query`"),
        ({"file": "tenants.csv"}, "file and objects"),
        ({"query": "SELECT 1"}, "nothing names the database of `query`"),
    ],
)
def test_what_objects_cannot_have(tmp_path: Path, section: dict[str, str], message: str) -> None:
    """A list besides the query, or a control database without a query."""
    with pytest.raises(UsageError) as caught:
        fleet(tmp_path, **OBJECTS, **section)

    assert message in str(caught.value)
