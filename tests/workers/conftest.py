"""Python and TypeScript inside workerd: one start a version and test run."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.runtime.pyodide import PYTHONS, SHAPES, PyodideWorkerd, Python, Shape, vendor
from tests.runtime.typescript import TypeScriptWorkerd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.migrate.table import Shape as TableShape

INSIDE = Path(__file__).with_name("inside")


class Runtimes:
    """A workerd per version of Python, started when it is first asked for: `runtimes["3.14"]`."""

    def __init__(self, libraries: list[Path], stack: ExitStack) -> None:
        self._libraries, self._stack = libraries, stack
        self._started: dict[Python, PyodideWorkerd] = {}

    def __getitem__(self, python: Python) -> PyodideWorkerd:
        if python not in self._started:
            workerd = PyodideWorkerd(python, self._libraries)
            self._started[python] = self._stack.enter_context(workerd)
        return self._started[python]


@pytest.fixture(scope="session")
def vendored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a Worker's python_modules holds: this project's wheel and the Workers SDK."""
    return vendor(tmp_path_factory.mktemp("python_modules"))


@pytest.fixture(scope="session")
def runtimes(vendored: Path) -> Iterator[Runtimes]:
    """Every version of Python that Workers run; the modules of `inside/` can be called there."""
    with ExitStack() as stack:
        yield Runtimes([vendored, INSIDE], stack)


# A session's parameter, so that the tests of one version run after each other.
@pytest.fixture(scope="session", params=PYTHONS)
def python(request: pytest.FixtureRequest) -> Python:
    """Each version of Python that Workers run."""
    version: Python = request.param
    return version


@pytest.fixture(params=SHAPES)
def shape(request: pytest.FixtureRequest) -> Shape:
    """Each shape of `env.DB`: a JsProxy, and the wrapper of the Workers SDK."""
    name: Shape = request.param
    return name


@pytest.fixture(scope="module", params=["versions", "names"])
def table(request: pytest.FixtureRequest) -> TableShape:
    """Each shape of the migrations table."""
    name: TableShape = request.param
    return name


@pytest.fixture(scope="session")
def inside(runtimes: Runtimes, python: Python) -> PyodideWorkerd:
    """Each version of Python inside workerd."""
    return runtimes[python]


@pytest.fixture(scope="session")
def two_isolates(vendored: Path) -> Iterator[PyodideWorkerd]:
    """Two Workers with a Python each, over the same databases."""
    with PyodideWorkerd("3.14", [vendored, INSIDE], isolates=2) as workerd:
        yield workerd


@pytest.fixture(scope="session")
def typescript() -> Iterator[TypeScriptWorkerd]:
    """Two Workers with the TypeScript runtime, over the same databases."""
    with TypeScriptWorkerd() as workerd:
        yield workerd
