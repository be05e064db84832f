"""Which wave a tenant is in."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

import pytest

from d1migrate.errors import UsageError
from d1migrate.fleet.tenant import Tenant
from d1migrate.fleet.waves import position, wave_of, with_waves
from d1migrate.project.fleet import FleetSettings, read_fleet


def fleet(waves: list[str], canary: list[str] | None = None) -> FleetSettings:
    """A fleet with these waves."""
    section = {"databases": "d1:*", "waves": waves} | ({"canary": canary} if canary else {})
    return read_fleet("d1migrate.toml", ".", "tenants", section)


def tenants(count: int) -> list[Tenant]:
    """Tenants whose ids differ in a few digits."""
    ids = [str(UUID(int=number)) for number in range(count)]
    return [Tenant(one, f"tenant-{number}", f"d1:{one}") for number, one in enumerate(ids)]


def test_numbers_count_and_shares_are_of_the_hashes() -> None:
    """A number is of the first tenants; a share includes the waves before it, roughly."""
    found = [wave for _, wave in with_waves(tenants(10_000), fleet(["3", "2", "10%", "50%", "rest"]))]
    assert found[:5] == [0, 0, 0, 1, 1]
    counted = Counter(found)
    assert (counted[0], counted[1]) == (3, 2)
    assert 900 < counted[2] < 1100
    assert 3800 < counted[3] < 4200
    assert sum(counted.values()) == 10_000


def test_a_tenant_that_vanishes_moves_no_other() -> None:
    """A run that is continued has the same waves, whatever happened to other tenants."""
    settings, all_of_them = fleet(["10%", "rest"]), tenants(1000)
    before = dict(with_waves(all_of_them, settings))
    after = dict(with_waves(all_of_them[1::2], settings))
    assert all(before[tenant] == wave for tenant, wave in after.items())


def test_a_larger_share_has_the_same_tenants_and_more() -> None:
    """Of 10% and 20%, the first is a part of the second."""
    small, large = (
        {t for t, w in with_waves(tenants(1000), fleet([share, "rest"])) if w == 0}
        for share in ("10%", "20%")
    )
    assert small < large


def test_the_position_of_an_id_is_fixed() -> None:
    """Journals and Workflows have it too: it may never change."""
    assert position("00000000-0000-0000-0000-000000000001") == 0x7AC1B8D7 / 2**32
    assert 0 <= position("") < 1


def test_canaries_are_in_the_first_wave() -> None:
    """By name or pattern, in addition to those that are counted."""
    settings = fleet(["1", "rest"], ["tenant-5", "tenant-7?"])
    first = [tenant.name for tenant, wave in with_waves(tenants(100), settings) if wave == 0]
    assert first == ["tenant-0", "tenant-5", *(f"tenant-7{digit}" for digit in range(10))]


def test_a_single_wave() -> None:
    """It has all tenants."""
    assert {wave for _, wave in with_waves(tenants(50), fleet(["rest"]))} == {0}
    assert wave_of(tenants(1)[0], fleet(["3", "100%"]), 3) == 1


def test_a_canary_that_does_not_exist() -> None:
    """A mistyped name would leave the first failure to others."""
    found = with_waves(tenants(3), fleet(["1", "rest"], ["tenant-1", "tenant-x*"]))
    assert [wave for _, wave in (next(found), next(found), next(found))] == [0, 0, 1]
    with pytest.raises(UsageError, match=r"\[fleet.tenants\] canary: no tenant is called 'tenant-x\*'"):
        next(found)
