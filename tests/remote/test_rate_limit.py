"""Many databases of one token: its rate limit, enforced, and the connections that their drivers share."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate import Migrator, load_migrations
from d1migrate.drivers import cloudflare as client
from d1migrate.drivers.api_pool import ApiPool
from d1migrate.drivers.connect import connect
from d1migrate.drivers.rate_limit import Demand
from d1migrate.errors import AmbiguousError, UnavailableError, UsageError
from d1migrate.fleet import FleetPlan, migrate_one, migrate_one_async
from d1migrate.sql.batch import Batch, Query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from d1migrate.drivers.protocol import Driver
    from d1migrate.fleet import Outcome
    from tests.runtime.cloudflare import Cloudflare

QUOTA = 200


@pytest.fixture
def pool(cloudflare: Cloudflare, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiPool]:
    """The connections of a fleet, whose waits advance the server's clock."""
    for name, value in cloudflare.environment.items():
        monkeypatch.setenv(name, value)
    timed = partial(client.Api, sleep=cloudflare.sleep, clock=cloudflare.now)
    monkeypatch.setattr(client, "Api", timed)
    cloudflare.settings(quota=QUOTA, enforce_quota=True)
    made = ApiPool(Demand(reserve=0.1))
    yield made
    made.close()


def opened(pool: ApiPool, url: str) -> Driver:
    """Open a database with this thread's connection."""
    return connect(url, api=pool.api)


def select(driver: Driver) -> Any:
    """Send one request, and close the driver."""
    rows = driver.batch(Batch([Query("SELECT 1")], reads=True))[0].rows
    driver.close()
    return rows


@pytest.mark.parametrize("threads", [8, 16])
@pytest.mark.parametrize("others", [0, 10])
def test_an_enforced_quota(cloudflare: Cloudflare, pool: ApiPool, threads: int, others: int) -> None:
    """No request is refused, in hardly more time than the quota allows, by one connection for each thread."""
    tenants = [cloudflare.create(f"tenant-{n}") for n in range(60)] * 10
    began = cloudflare.now()

    def work(at: int) -> Any:
        pool.demand.ahead = len(tenants) - at
        if others and at % 10 == 0:  # somebody else, who is as fast
            cloudflare.spend(others)
        return select(opened(pool, f"d1:{tenants[at]}"))

    with ThreadPoolExecutor(threads) as executor:
        assert set(executor.map(work, range(len(tenants)))) == {((1,),)}
    traffic = cloudflare.traffic()
    assert traffic.statuses == {"200": len(tenants)}
    assert traffic.connections <= threads
    assert cloudflare.now() - began <= 1.35 * (1 + others / 10) * len(tenants) / QUOTA * 300


def test_a_reset_of_one_database_stops_no_other(cloudflare: Cloudflare, pool: ApiPool) -> None:
    """Its 429 is not the token's, even if it asks to wait."""
    ids = [cloudflare.create(f"tenant-{n}") for n in range(2)]
    reset = '{"success": false, "errors": [{"code": 7429, "message": "D1 DB exceeded its CPU time limit"}]}'
    instead = {"do": "answer", "status": 429, "body": reset, "headers": {"retry-after": "200"}}
    cloudflare.faults({"match": {"path": ids[0]}, **instead})
    began = cloudflare.now()
    with pytest.raises(UnavailableError, match="7429"):
        select(opened(pool, f"d1:{ids[0]}"))
    assert select(opened(pool, f"d1:{ids[1]}")) == ((1,),)
    assert cloudflare.now() - began < 10


def test_a_refusal_stops_all_threads(cloudflare: Cloudflare, pool: ApiPool) -> None:
    """The token is blocked, whoever asks."""
    ids = [cloudflare.create(f"tenant-{n}") for n in range(8)]
    cloudflare.faults({"match": {"path": "/raw$", "nth": 1}, "do": "429", "retry_after": 200})
    began = cloudflare.now()
    with ThreadPoolExecutor(1) as executor:
        assert executor.submit(lambda: select(opened(pool, f"d1:{ids[0]}"))).result() == ((1,),)
    with ThreadPoolExecutor(8) as executor:
        list(executor.map(lambda id_: select(opened(pool, f"d1:{id_}")), ids))
    assert 200 <= cloudflare.now() - began < 220
    assert cloudflare.traffic().statuses == {"429": 1, "200": 9}


def test_a_refusal_until_a_date(cloudflare: Cloudflare, pool: ApiPool) -> None:
    """It is a time of the server's clock, which `Date` reports."""
    until = formatdate(time.time() + 100, usegmt=True)
    instead = {"do": "answer", "status": 429, "body": "<h1>1015</h1>", "headers": {"retry-after": until}}
    cloudflare.faults({"match": {"path": "/raw$", "nth": 1}, **instead})
    began = cloudflare.now()
    select(opened(pool, f"d1:{cloudflare.create('tenant')}"))
    assert 98 <= cloudflare.now() - began <= 110


def test_a_person_is_not_kept_waiting(cloudflare: Cloudflare, pool: ApiPool) -> None:
    """While a fleet waits at its reserve, an ordinary command sends its requests at once."""
    tenant = f"d1:{cloudflare.create('tenant')}"
    for _ in range(int(QUOTA * 0.9)):
        select(opened(pool, tenant))
    ordinary = client.from_environment()
    began = cloudflare.now()
    for _ in range(5):
        ordinary.get("/accounts", lambda found: found)
    assert cloudflare.now() - began < 10
    ordinary.close()
    select(opened(pool, tenant))
    assert cloudflare.now() - began > 250


def test_an_import_of_a_fleet_is_not_cancelled(cloudflare: Cloudflare, pool: ApiPool) -> None:
    """D1 cancels an import that is not polled for 15 seconds: its polls do not leave the reserve."""
    cloudflare.settings(polls=5)
    driver = opened(pool, f"d1:{cloudflare.create('tenant')}")
    cloudflare.spend(int(QUOTA * 0.9) - 4)  # the requests before the polls
    began = cloudflare.now()
    with pytest.raises(AmbiguousError, match="complete"):
        driver.batch(Batch([Query("CREATE TABLE a (x)")], size=2_000_000))
    assert cloudflare.now() - began < 60
    select(driver)
    assert cloudflare.now() - began > 200


def test_one_connection_for_each_thread(cloudflare: Cloudflare, pool: ApiPool) -> None:
    """Closing a driver leaves it open; another token, another thread and a closed pool have their own."""
    tenant = f"d1:{cloudflare.create('tenant')}"
    for _ in range(5):
        select(opened(pool, tenant))
    assert cloudflare.traffic().connections == 1
    assert pool.api() is pool.api()
    with ThreadPoolExecutor(1) as executor:
        assert executor.submit(pool.api).result() is not pool.api()
    pool.close()
    select(opened(pool, tenant))
    assert cloudflare.traffic().connections == 2


def test_a_pool_follows_the_environment(
    cloudflare: Cloudflare, pool: ApiPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its limit is that of the token at the time."""
    tenant = f"d1:{cloudflare.create('tenant')}"
    select(opened(pool, tenant))
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", cloudflare.read_token)
    select(opened(pool, tenant))
    assert pool.api().requests == 1
    monkeypatch.delenv("CLOUDFLARE_API_TOKEN")
    with pytest.raises(UsageError, match="no CLOUDFLARE_API_TOKEN"):
        opened(pool, tenant)


def test_files_have_no_connection(pool: ApiPool, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a file, no token is needed."""
    monkeypatch.delenv("CLOUDFLARE_API_TOKEN")
    assert select(opened(pool, f"sqlite:{tmp_path}/app.db")) == ((1,),)


def test_tenants_by_their_urls(cloudflare: Cloudflare, pool: ApiPool, tmp_path: Path) -> None:
    """Whatever hands out the work: one request for each tenant, and one connection for each thread."""
    (tmp_path / "001_a.sql").write_text("CREATE TABLE a (x);")
    template = cloudflare.create("template")
    with Migrator(opened(pool, f"d1:{template}"), tmp_path) as migrator:
        migrator.up()
    (tmp_path / "002_b.sql").write_text("CREATE TABLE b (x);")
    plan = FleetPlan(load_migrations(str(tmp_path)))
    migrate_one(f"d1:{cloudflare.copies(template, ['first'])[0]}", plan)
    before, tenants = cloudflare.traffic(), cloudflare.copies(template, [f"tenant-{n}" for n in range(40)])

    async def work() -> list[Outcome]:
        return await asyncio.gather(*(migrate_one_async(f"d1:{tenant}", plan) for tenant in tenants[20:]))

    outcomes = [migrate_one(f"d1:{tenant}", plan) for tenant in tenants[:20]] + asyncio.run(work())
    assert {(outcome.applied, outcome.requests) for outcome in outcomes} == {(("002_b",), 1)}
    after = cloudflare.traffic()
    assert after.requests - before.requests == len(tenants)
    assert after.connections - before.connections <= 20


def test_an_interrupt_ends_the_waits(cloudflare: Cloudflare, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits five minutes for Ctrl-C; what need not wait is still sent."""
    for name, value in cloudflare.environment.items():
        monkeypatch.setenv(name, value)
    cloudflare.settings(quota=10, enforce_quota=True)
    waiting, demand = threading.Event(), Demand(reserve=0.5)
    pool = ApiPool(demand, on_wait=lambda *_: waiting.set())
    tenant = f"d1:{cloudflare.create('tenant')}"

    def work() -> list[Any]:
        return [select(opened(pool, tenant)) for _ in range(10)]

    with ThreadPoolExecutor(1) as executor:
        working = executor.submit(work)
        assert waiting.wait(10)
        demand.interrupted.set()
        with pytest.raises(UnavailableError, match="interrupted"):
            working.result(10)
    demand.reserve = 0
    assert select(opened(pool, tenant)) == ((1,),)
    assert cloudflare.traffic().statuses == {"200": 6}
    pool.close()
