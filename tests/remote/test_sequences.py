"""Random sequences of commands while requests and answers are lost, late, doubled, changed or without end.

A normal run tries the same sequences every time. `D1MIGRATE_SEQUENCES=2000` in the environment tries as many, and
others each time; the seed of one that fails is in its message, and `D1MIGRATE_SEED=N` tries that one alone.
"""

from __future__ import annotations

import os
import ssl
from collections import Counter
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from d1migrate.drivers import cloudflare as client
from tests.remote.sequences import Sequence, faults
from tests.runtime.cloudflare import Cloudflare

if TYPE_CHECKING:
    from pathlib import Path

NORMAL, LENGTH = 30, 6
AT_ONCE = 250  # sequences on one server: it can hold so many states of databases
COUNT = int(os.environ.get("D1MIGRATE_SEQUENCES", NORMAL))
SEED = os.environ.get("D1MIGRATE_SEED")
PATIENCE = (
    0.5  # seconds; D1 in a test answers within a few hundredths, of which there are more on a busy machine
)
_TLS = ssl.create_default_context()


def seeds() -> list[int]:
    """What the sequences begin with."""
    if SEED:
        return [int(SEED)]
    return list(range(COUNT)) if COUNT == NORMAL else [SystemRandom().getrandbits(32) for _ in range(COUNT)]


@pytest.fixture
def in_front_of(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have the commands talk to a server: with little patience, and with waits that only its clock knows."""

    def use(server: Cloudflare) -> None:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)

        def api(on_wait: Any) -> client.Api:
            transport = httpx.HTTPTransport(verify=_TLS)
            return client.Api(
                client.settings(server.environment),
                sleep=server.advance,
                timeout=httpx.Timeout(PATIENCE),
                transport=transport,
                seconds=2 * PATIENCE,
                on_wait=on_wait,
            )

        monkeypatch.setattr(client, "from_environment", api)

    return use


def test_random_sequences(in_front_of: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each command rows, log and what was reported agree; in the end all is applied, once."""
    modes = faults()
    assert len(modes) >= 35
    codes = Counter[int]()
    todo = seeds()
    for start in range(0, len(todo), AT_ONCE):
        with Cloudflare() as server:
            server.settings(fragile_splitter=True, cf_kv=True)
            in_front_of(server)
            for seed in todo[start : start + AT_ONCE]:
                client.Api._sent.clear()
                folder = tmp_path / str(seed)
                sequence = Sequence(server, folder, Random(seed), f"run-{seed}")  # noqa: S311 - reproducible
                monkeypatch.chdir(folder)
                try:
                    sequence.begin()
                    for _ in range(LENGTH):
                        codes[sequence.step(modes)] += 1
                    sequence.end()
                except BaseException as error:
                    error.add_note("\n".join([f"D1MIGRATE_SEED={seed}", *sequence.trace]))
                    raise
    print(
        f"{len(todo)} sequences of {LENGTH} commands, {len(modes)} kinds of fault, exit codes {dict(codes)}"
    )
