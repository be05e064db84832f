"""The databases of an account as the tenants of a fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import AmbiguousError, UnavailableError, UsageError
from d1migrate.fleet.inventory import inventory
from d1migrate.project.config import load
from tests.runtime.cloudflare import Cloudflare

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from d1migrate.fleet.tenant import Tenant


@pytest.fixture
def account(cloudflare: Cloudflare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloudflare:
    """An account, as the process's environment describes it, and an empty project."""
    enter(cloudflare, tmp_path, monkeypatch)
    return cloudflare


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloudflare]:
    """The same for an account with many databases."""
    with Cloudflare(states=12_000) as server:
        enter(server, tmp_path, monkeypatch)
        yield server


def enter(server: Cloudflare, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the variables and the working directory."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)


def tenants(text: str, fleet: str = "a") -> list[Tenant]:
    """The tenants of a fleet."""
    with open("d1migrate.toml", "w") as file:
        file.write(text)
    config = load(".", {}, {})
    return list(inventory(config, next(one for one in config.fleets if one.name == fleet)))


def refused(text: str, fleet: str = "a") -> str:
    """The error, and its hint."""
    with pytest.raises(UsageError) as caught:
        tenants(text, fleet)
    return f"{caught.value}; {caught.value.hint}"


def lists(account: Cloudflare) -> list[dict[str, str]]:
    """The parameters of the requests for a list."""
    return [r["query"] for r in account.requests() if r["path"].endswith("/d1/database")]


FLEET = '[fleet.a]\ndatabases = "d1:tenant-*"\n'


def test_ten_thousand(large: Cloudflare) -> None:
    """By the largest pages; the list is read twice, because pages may shift."""
    app = large.create("app")
    large.create("old-tenant-1")
    ids = large.copies(app, [f"tenant-{number}" for number in range(10_500)])
    found = tenants(FLEET)
    assert [tenant.name for tenant in found] == [f"tenant-{number}" for number in range(10_500)]
    assert [tenant.id for tenant in found] == ids
    assert found[0].url == f"d1:{ids[0]}"
    asked = {"per_page": "10000", "name": "tenant-"}
    assert lists(large) == [asked | {"page": page} for page in ("1", "2", "1", "2")]


def test_a_small_account(account: Cloudflare) -> None:
    """One request."""
    for name in ("tenant-1", "tenant-2", "TENANT-3", "x-tenant-4"):
        account.create(name)
    assert [tenant.name for tenant in tenants(FLEET)] == ["tenant-1", "tenant-2"]
    assert [tenant.name for tenant in tenants('[fleet.a]\ndatabases = "d1:*-[14]"\n')] == [
        "tenant-1",
        "x-tenant-4",
    ]
    assert len(lists(account)) == 2


def test_a_control_database(account: Cloudflare) -> None:
    """Two requests, besides the one that finds it."""
    control = account.create("control")
    ids = [account.create(name) for name in ("a", "b")]
    values = ", ".join(f"('{one}', 'tenant {one[:4]}')" for one in ids)
    account.sql(
        control, f"CREATE TABLE tenants (database_id TEXT, name TEXT); INSERT INTO tenants VALUES {values}"
    )
    query = '[fleet.a]\nquery = "SELECT database_id, name FROM tenants"\ncontrol = "d1:control"\n'
    assert [tenant.id for tenant in tenants(query)] == ids
    account.sql(control, f"INSERT INTO tenants VALUES ('{control}', 'itself')")
    found = refused(query)
    assert f"query has d1:{control} (row 3 of the query), which is the control database of [fleet.a]" in found


@pytest.mark.parametrize(
    ("more", "label"),
    [
        ('[env.production]\ndatabase = "d1:shop"\n', "[env.production]"),
        ('journal = "d1:shop"\n', "the journal of [fleet.a]"),
        ('[fleet.b]\nquery = "SELECT 1"\ncontrol = "d1:shop"\n', "the control database of [fleet.b]"),
    ],
)
def test_a_database_that_is_no_tenant(account: Cloudflare, tmp_path: Path, more: str, label: str) -> None:
    """A pattern that is too wide has it by name, a list by its id."""
    shop = account.create("shop")
    found = refused(f'[fleet.a]\ndatabases = "d1:*"\n{more}')
    assert f"databases has d1:{shop} (the account's list), which is {label}" in found
    (tmp_path / "ids.csv").write_text(f"id\n{shop}\n")
    assert f"file has d1:{shop} (ids.csv:2), which is {label}" in refused(
        f'[fleet.a]\nfile = "ids.csv"\n{more}'
    )


def test_an_id_in_two_fleets(account: Cloudflare, tmp_path: Path) -> None:
    """Patterns are compared by the names that both match, and lists by ids."""
    one = account.create("tenant-eu-1")
    found = refused(FLEET + '[fleet.b]\ndatabases = "d1:*-eu-*"\n')
    assert f"d1:{one} (tenant-eu-1) is in [fleet.b], too" in found
    (tmp_path / "ids.csv").write_text(f"id\n{one}\n")
    assert f"d1:{one} (the account's list) is in [fleet.b], too: ids.csv:2" in refused(
        FLEET + '[fleet.b]\nfile = "ids.csv"\n'
    )


def test_an_account_without_tenants(account: Cloudflare) -> None:
    """It is an error, not a run of nothing."""
    account.create("shop")
    assert "[fleet.a] databases lists no tenants" in refused(FLEET)


def test_another_account(account: Cloudflare) -> None:
    """As for a single database."""
    env = '[env.production]\ndatabase = "d1:shop"\naccount = "bbb"\n[fleet.a]\nenv = "production"\n'
    assert "[env.production] is in the account bbb, but the account is aaa" in refused(
        env + 'databases = "d1:*"\n'
    )


def test_a_token_without_rights(account: Cloudflare, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is listed."""
    account.grant("other", [], "none")
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "other")
    assert "the token" in refused(FLEET).lower()


def test_a_list_that_fails(account: Cloudflare, monkeypatch: pytest.MonkeyPatch) -> None:
    """A response that is no list is not an empty account."""
    monkeypatch.setattr("d1migrate.drivers.cloudflare.ATTEMPTS", 1)
    account.create("tenant-1")
    for fault in ({"do": "garbage"}, {"do": "lose reply"}, {"do": "edit", "how": "no result"}):
        account.faults({"match": {"path": "database$"}, **fault})
        with pytest.raises(UnavailableError) as caught:
            tenants(FLEET)
        assert not isinstance(caught.value, AmbiguousError)
