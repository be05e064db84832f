"""Who may import whom, and what the core may not touch."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import d1migrate

SOURCE = Path(d1migrate.__file__).parent
LAYERS = [
    "errors",
    "batch",
    "sql",
    "schema",
    "d1",
    "recording",
    "rollback_block",
    "migration",
    "source",
    "history",
    "renumbering",
    "squashing",
    "assertions",
    "mirror",
    "status",
    "losses",
    "plan",
    "artefact",
    "explain",
    "lint",
    "phases",
    "adoption",
    "flows",
    "run",
    "disk",
    "temporary",
    "drivers",
    "replay",
    "linter",
    "rehearse",
    "drafting",
    "backup",
    "journal",
    "files",
    "environments",
    "config",
    "project",
    "signing",
    "keeping",
    "migrator",
    "async_migrator",
    "proof",
    "workers",
    "squash",
    "report",
    "testing",
    "pytest_plugin",
    "cli",
]
CORE = LAYERS[: LAYERS.index("run")]
PURE = {
    "__future__", "array", "collections", "bisect", "functools", "hashlib", "itertools", "json", "math", "re",
    "typing", "unicodedata",
}  # fmt: skip
DRIVERS_MAY_USE = {"errors", "batch", "sql", "d1", "drivers"}


def imports(path: Path) -> set[str]:
    """The modules a file imports when it runs: not what only the type checker sees."""
    tree = ast.parse(path.read_text())
    hidden = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for node in ast.walk(branch)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) not in hidden and isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if id(node) not in hidden and isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def layer(path: Path) -> str:
    """The part of the package a file belongs to."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def own(names: set[str]) -> set[str]:
    """The parts of the package among imported names; `from d1migrate import __version__` is none."""
    parts = {name.split(".")[1] for name in names if name.startswith("d1migrate.")}
    return parts - {"__version__"}


FILES = [path for path in SOURCE.rglob("*.py") if layer(path) not in ("__init__", "__main__")]


def test_imports_point_one_way() -> None:
    """No file imports from a layer above its own."""
    wrong = [
        (str(path.relative_to(SOURCE)), used)
        for path in FILES
        for used in own(imports(path))
        if LAYERS.index(used) > LAYERS.index(layer(path))
    ]
    assert wrong == []


def test_drivers_know_nothing_of_migrations() -> None:
    """Drivers import their protocol, errors, batches, the SQL language and D1's rules only."""
    for path in FILES:
        if layer(path) == "drivers":
            assert own(imports(path)) <= DRIVERS_MAY_USE, path


def test_core_is_pure() -> None:
    """Up to the flows only these parts of the standard library are used: no I/O, no clock, no randomness."""
    for path in FILES:
        if layer(path) in CORE:
            outside = {n.split(".")[0] for n in imports(path)} - {"d1migrate"}
            assert outside <= PURE, (path, outside - PURE)
            assert outside <= set(sys.stdlib_module_names)


def test_core_opens_nothing() -> None:
    """The core does not call `open` either, which needs no import."""
    for path in FILES:
        if layer(path) in CORE:
            names = {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
            assert not names & {"open", "print", "input", "__import__"}, path


def test_files_and_functions_stay_small() -> None:
    """No file is over 400 lines, and 9 of 10 function bodies are at most 30."""
    bodies = []
    for path in FILES:
        text = path.read_text()
        assert text.count("\n") <= 400, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                bodies.append((body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0)
    bodies.sort()
    assert bodies[len(bodies) * 9 // 10] <= 30
    assert len(d1migrate.__all__) <= 25


def test_public_names_exist_and_are_documented() -> None:
    """Everything in __all__ can be imported and has a docstring."""
    for name in d1migrate.__all__:
        assert getattr(d1migrate, name).__doc__, name
