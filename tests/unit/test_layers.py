"""Who may import whom, and what the core may not touch. Every import counts: lazy ones, and those for types."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import d1migrate

SOURCE = Path(d1migrate.__file__).parent

LAYERS = [
    "errors", "named_tuple", "sha256", "hints", "sql", "schema", "drivers", "migrate", "lint", "project", "backup", "rehearse",
    "drafting", "fleet", "report", "migrator", "workers", "testing", "cli",
]  # fmt: skip
"""A package or module may import from itself and from what is left of it."""

CORE = ("errors", "named_tuple", "hints", "sql", "schema", "migrate", "lint")
"""Pure functions over values: no I/O, no clock, no randomness. It runs unchanged in Pyodide."""

NEEDS_ENGINE = ("lint/runner.py", "lint/replay/")
"""What replays migrations on the embedded engine; the values of a replay, `model.py`, do not need it."""

PURE = {
    "__future__", "array", "collections", "bisect", "difflib", "functools", "hashlib", "itertools", "json", "math",
    "operator", "re", "shlex", "types", "typing", "unicodedata",
}  # fmt: skip

FILES = [path for path in SOURCE.rglob("*.py") if path.parent != SOURCE or not path.name.startswith("__")]


def imports(path: Path) -> set[str]:
    """Every module that a file imports, as `package.module` or `package.module.name`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def layer(path: Path) -> str:
    """The package or module at the root that a file belongs to."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def modules(path: Path) -> set[str]:
    """The modules of d1migrate that a file imports, as paths without `.py`; the package root is not one."""
    found = set()
    for name in imports(path):
        parts = name.split(".")[1:] if name.startswith("d1migrate.") else []
        while parts and not any((SOURCE / "/".join(parts)).with_suffix(end).exists() for end in (".py", "")):
            parts.pop()
        if parts:
            found.add("/".join(parts))
    return found


def is_core(path: Path) -> bool:
    """Whether a file belongs to the core."""
    name = str(path.relative_to(SOURCE))
    return name.startswith(CORE) and (name.endswith("model.py") or not name.startswith(NEEDS_ENGINE))


def test_imports_point_one_way() -> None:
    """No file imports from a layer above its own."""
    wrong = sorted(
        f"{path.relative_to(SOURCE)} imports {used}"
        for path in FILES
        for used in modules(path)
        if LAYERS.index(used.split("/")[0]) > LAYERS.index(layer(path))
    )
    assert wrong == []


def test_no_import_circles() -> None:
    """No file imports itself through others."""
    graph = {str(path.relative_to(SOURCE).with_suffix("")): modules(path) for path in FILES}
    graph = {name: {target(used) for used in uses} - {name} for name, uses in graph.items()}
    while leaves := {name for name, uses in graph.items() if not uses & graph.keys()}:
        graph = {name: uses for name, uses in graph.items() if name not in leaves}
    # What is left stands on a circle, or imports one; the latter are peeled from the other side.
    while roots := graph.keys() - set().union(*graph.values(), set()):
        graph = {name: uses for name, uses in graph.items() if name not in roots}
    assert sorted(graph) == []


def target(module: str) -> str:
    """The file of a module: a package is its `__init__`."""
    return f"{module}/__init__" if (SOURCE / module).is_dir() else module


def test_drivers_know_nothing_of_migrations() -> None:
    """Drivers import errors, the SQL language, schemas and each other only; the core imports their protocol only."""
    for path in FILES:
        if layer(path) == "migrate":
            drivers = {used for used in modules(path) if used.startswith("drivers")}
            assert drivers <= {"drivers/protocol"}, path


def test_core_is_pure() -> None:
    """The core uses these parts of the standard library only."""
    for path in filter(is_core, FILES):
        outside = {name.split(".")[0] for name in imports(path)} - {"d1migrate"}
        assert outside <= PURE, (path, outside - PURE)
        assert outside <= set(sys.stdlib_module_names)


def test_no_module_loads_typing_for_the_types() -> None:
    """A module sets TYPE_CHECKING itself, and `named_tuple` has its values: both are free at run time."""
    for path in FILES:
        if layer(path) != "named_tuple":
            assert not imports(path) & {"typing.TYPE_CHECKING", "typing.NamedTuple"}, path


def test_core_opens_nothing() -> None:
    """The core does not call `open` either, which needs no import."""
    for path in filter(is_core, FILES):
        names = {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
        assert not names & {"open", "print", "input", "__import__"}, path


def test_functions_stay_small() -> None:
    """Nine of ten function bodies are at most 30 lines."""
    bodies = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                bodies.append((body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0)
    bodies.sort()
    assert bodies[len(bodies) * 9 // 10] <= 30


def test_the_root_stays_small() -> None:
    """Whoever opens the package sees thirteen packages, three faces, the errors and what all of them share."""
    entries = [path for path in SOURCE.iterdir() if path.name != "__pycache__"]
    assert len(entries) <= 22, sorted(path.name for path in entries)
    assert len(d1migrate.__all__) <= 25


def test_public_names_exist_and_are_documented() -> None:
    """Everything in __all__ can be imported and has a docstring."""
    for name in d1migrate.__all__:
        assert getattr(d1migrate, name).__doc__, name
