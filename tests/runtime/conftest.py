"""Both tools, for the tests that run them in the same folders."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

import pytest

from d1migrate.cli import main
from tests.cli.project import Outcome
from tests.runtime.wrangler import Wrangler

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Run(Protocol):
    """Runs a command of d1migrate in a folder."""

    def __call__(self, where: Path, *arguments: str, code: int | None = 0) -> Outcome:
        """Run it and check its exit code; None accepts every code."""


@pytest.fixture(scope="session")
def wrangler() -> Iterator[Wrangler]:
    """The real wrangler, started once per worker."""
    with Wrangler() as process:
        yield process


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line, without variables of its own."""
    for name in [name for name in os.environ if name.startswith("D1MIGRATE_")]:
        monkeypatch.delenv(name)

    def run(where: Path, *arguments: str, code: int | None = 0) -> Outcome:
        monkeypatch.chdir(where)
        capsys.readouterr()
        ended = main(arguments)
        out, err = capsys.readouterr()
        assert code is None or ended == code, f"{arguments} ended with {ended}\n{out}\n{err}"
        return Outcome(ended, out, err)

    return run
