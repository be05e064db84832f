"""Random sequences of commands while requests and responses are lost, late, doubled, changed or endless.

A run tries 30 sequences; `python -m tests tests/remote/test_sequences.py -s --times 60 --random` tries 1800 others,
in about 40 minutes, and prints statistics. The number of a sequence that fails is in its message:
`--seed NUMBER` begins with that one.
"""

from __future__ import annotations

import ssl
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from d1migrate.drivers import cloudflare as client
from d1migrate.drivers import rate_limit
from tests import inputs
from tests.remote.sequences import Sequence, faults
from tests.runtime.cloudflare import Cloudflare

if TYPE_CHECKING:
    from pathlib import Path

LENGTH = 6
AT_ONCE = 250  # sequences on one server: it can hold so many states of databases
PATIENCE = (
    0.5  # seconds; D1 in a test answers within a few hundredths, of which there are more on a busy machine
)
_TLS = ssl.create_default_context()


@pytest.fixture
def in_front_of(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Point the commands at a server, with short timeouts, and waits that only advance its clock."""

    def use(server: Cloudflare) -> None:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)

        def api(on_wait: Any) -> client.Api:
            transport = httpx.HTTPTransport(verify=_TLS)
            return client.Api(
                client.settings(server.environment),
                sleep=server.sleep,
                clock=server.now,
                timeout=httpx.Timeout(PATIENCE),
                transport=transport,
                seconds=2 * PATIENCE,
                on_wait=on_wait,
            )

        monkeypatch.setattr(client, "from_environment", api)

    return use


def test_random_sequences(in_front_of: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each command rows, log and report agree; in the end everything is applied, once."""
    modes = faults()
    assert len(modes) >= 35
    codes = Counter[int]()
    todo = range(inputs.SEED, inputs.SEED + inputs.scaled(30))
    for start in range(0, len(todo), AT_ONCE):
        with Cloudflare() as server:
            server.settings(fragile_splitter=True, cf_kv=True)
            in_front_of(server)
            for seed in todo[start : start + AT_ONCE]:
                rate_limit.forget()
                folder = tmp_path / str(seed)
                sequence = Sequence(server, folder, Random(seed), f"run-{seed}")  # noqa: S311 - reproducible
                monkeypatch.chdir(folder)
                try:
                    sequence.begin()
                    for _ in range(LENGTH):
                        codes[sequence.step(modes)] += 1
                    sequence.end()
                except BaseException as error:
                    error.add_note("\n".join([f"--seed {seed}", *sequence.trace]))
                    raise
    print(
        f"{len(todo)} sequences of {LENGTH} commands, {len(modes)} kinds of fault, exit codes {dict(codes)}"
    )
