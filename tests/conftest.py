"""Fixtures every test may use, and what holds for a whole run: its seed, its size and its workers."""

from __future__ import annotations

import os
import re
import signal
import stat
import tempfile
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from d1migrate.drivers import rate_limit
from d1migrate.drivers.cloudflare import Api
from tests import inputs
from tests.runtime.cloudflare import Cloudflare
from tests.runtime.workerd import Workerd

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = Path(__file__).parent
NOBODY = 65534

hypothesis.settings.register_profile("fixed", deadline=None, derandomize=True)
hypothesis.settings.register_profile("seeded", deadline=None, database=None, print_blob=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of `python -m tests`."""
    group = parser.getgroup("tests of d1migrate")
    group.addoption("--fast", action="store_true", help="no test marked slow; --times 0.1")
    group.addoption("--times", type=float, metavar="X", help="try X times as many random inputs")
    group.addoption("--seed", type=int, metavar="N", help="derive random inputs from N instead of 0")
    group.addoption("--random", action="store_true", help="draw the seed")


@pytest.hookimpl(tryfirst=True)  # before Hypothesis reads its own option
def pytest_configure(config: pytest.Config) -> None:
    """Set the seed and the size of the run."""
    option = config.option
    if hasattr(config, "workerinput"):
        option.seed = config.workerinput["seed"]
    elif option.random and option.seed is None:
        option.seed = SystemRandom().getrandbits(32)
    if option.seed is None:
        hypothesis.settings.load_profile("fixed")
    else:
        hypothesis.settings.load_profile("seeded")
        option.hypothesis_seed = str(option.seed)
    inputs.SEED = option.seed or 0
    inputs.TIMES = option.times or (0.1 if option.fast else 1.0)
    if option.fast and "not slow" not in option.markexpr:
        option.markexpr = f"({option.markexpr}) and not slow" if option.markexpr else "not slow"


SERVERS = {"workerd", "cloudflare_server", "vendored"}
"""Fixtures that start a server or build what it runs; a test that uses one of them is slow."""
SLOW = ["docs", "workers", "runtime", "crash", "remote"]
"""Folders of tests that start many processes, or their own servers; the slowest first."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Skip whole folders of slow tests with --fast, which is quicker than to collect and deselect them."""
    return True if config.option.fast and _folder(collection_path) in SLOW else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow, and run it first: with short files last, all workers finish at the same time."""

    def place(item: pytest.Item) -> int:
        return SLOW.index(_folder(item.path)) if _folder(item.path) in SLOW else len(SLOW)

    for item in items:
        if place(item) < len(SLOW) or SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker("slow")
    items.sort(key=place)


def _folder(path: Path) -> str:
    """Return the folder of tests/ that a path is in, or the path itself if it is directly there."""
    return next(iter(path.relative_to(TESTS).parts), "") if path.is_relative_to(TESTS) else ""


def unit_of(test: str) -> str:
    """Return the group of tests that one worker runs, so that they share fixtures: those of a file."""
    file, _, name = test.partition("::")
    if file.startswith("tests/benchmarks/"):
        return test  # no fixtures, and seconds each
    python = re.search(r"\b3\.1\d\b", name)  # a Python in workerd takes seconds to start: one worker each
    return python[0] if python and file.startswith("tests/workers/") else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Distribute these units in the order in which they were collected."""
    from xdist.scheduler import LoadScopeScheduling

    config.option.loadscopereorder = False
    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = unit_of
    return scheduler


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many workers `-n auto` starts: at least two, since a test spends half of its time waiting for a server."""
    return max(2, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give the seed to a worker of pytest-xdist: it parses the arguments itself, and would draw another one."""
    node.workerinput["seed"] = node.config.option.seed


def pytest_report_header(config: pytest.Config) -> str:
    """Print which random inputs are used."""
    profile = "fixed" if config.option.seed is None else "seeded"
    return f"random inputs: {profile}, seed {inputs.SEED}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """After a failure, print how to repeat the random inputs."""
    if terminalreporter.stats.get("failed"):
        terminalreporter.write_line(f"the random inputs of this run: --seed {inputs.SEED}")


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Let SIGINT interrupt this process; a shell starts background jobs with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def workerd() -> Iterator[Workerd]:
    """The real D1, started once per worker; each test asks it for a `database()`."""
    with Workerd() as server:
        yield server


@pytest.fixture(scope="session")
def cloudflare_server() -> Iterator[Cloudflare]:
    """Cloudflare's API over the real D1, started once per worker; tests use `cloudflare`."""
    with Cloudflare() as server:
        yield server


@pytest.fixture
def cloudflare(cloudflare_server: Cloudflare) -> Iterator[Cloudflare]:
    """Cloudflare's API, with no database in it and no fault, for a process that has sent nothing yet."""
    rate_limit.forget()  # all tests together are beyond a token's rate, and the client would wait
    Api._accounts.clear()
    yield cloudflare_server
    cloudflare_server.reset()


@pytest.fixture
def unprivileged_folder() -> Iterator[Path]:
    """A folder that the test can make read-only for itself; root, whom no mode restricts, becomes nobody."""
    root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as name:
        if root:
            os.chown(name, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        try:
            yield Path(name)
        finally:
            if root:
                os.seteuid(0)
            Path(name).chmod(stat.S_IRWXU)
