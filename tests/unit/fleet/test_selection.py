"""`--only`."""

from __future__ import annotations

import os

import pytest

from d1migrate.errors import UsageError
from d1migrate.fleet.selection import select
from d1migrate.fleet.tenant import Tenant

ID = "2f5b1c9e-8a3d-4c1b-9e7f-0d6a5b4c3e2f"
FILE = os.path.realpath("data/acme.db")
TENANTS = [
    (Tenant(ID, "acme", f"d1:{ID}"), 0),
    (Tenant(FILE, "acme.db", f"sqlite:{FILE}"), 1),
    (Tenant("3" + ID[1:], "a[1]", "d1:3" + ID[1:]), 2),
]


@pytest.mark.parametrize(
    ("wanted", "waves"),
    [
        ((), [0, 1, 2]),
        (("acme",), [0]),
        (("acme*",), [0, 1]),
        ((ID.upper(),), [0]),
        ((f"d1:{ID}",), [0]),
        (("data/acme.db",), [1]),
        (("sqlite:data/acme.db",), [1]),
        (("a[1]",), [2]),
        (("acme", ID, "ac*"), [0, 1]),
    ],
)
def test_names_ids_and_patterns(wanted: tuple[str, ...], waves: list[int]) -> None:
    """A tenant is named in any of these ways, and is returned once."""
    assert [wave for _, wave in select(TENANTS, wanted)] == waves


def test_what_is_no_tenant() -> None:
    """It is an error after the others: a mistyped name is not skipped."""
    found = select(TENANTS, ["acme", "acmee", "x-*"])
    assert next(found)[0].name == "acme"
    with pytest.raises(UsageError, match=r"the fleet has no tenant 'acmee', 'x-\*'") as caught:
        next(found)
    assert "fleet list" in (caught.value.hint or "")
