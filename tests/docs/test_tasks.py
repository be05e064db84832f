"""What the justfile and the pre-commit hooks call exists."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]
JUSTFILE = (ROOT / "justfile").read_text(encoding="utf-8")
HOOKS = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")


def test_every_task_calls_what_exists() -> None:
    """One word a task; each calls a module or a script of this repository, or a tool of its environment."""
    tasks = re.findall(r"^([a-z]+)(?: \*arguments)?:$", JUSTFILE, re.MULTILINE)
    assert tasks == ["default", "check", "test", "fast", "docs", "bench"]
    modules = re.findall(r"^    \{\{python\}\} -m (\w+)", JUSTFILE, re.MULTILINE)
    assert sorted(set(modules)) == ["d1migrate", "mypy", "ruff", "tests"]
    assert all(map(find_spec, modules))
    paths = re.findall(r"^    .* ((?:benchmarks|tests)/\S+)", JUSTFILE, re.MULTILINE)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_hook_calls_what_exists() -> None:
    """A hook's program is one that `pip install -e '.[test]'` brings; a file it waits for exists."""
    programs = set(re.findall(r"entry: \.venv/bin/(\w+)", HOOKS))
    assert programs == {"ruff", "mypy", "d1migrate"}
    assert entry_points(group="console_scripts", name="d1migrate")
    (lint, index) = re.findall(r"files: \^workers/(.*)", HOOKS)
    assert lint == "migrations/"
    for generated in ("src/migrations_index.py", "src/lib/migrations.ts", "migrations/index.ts"):
        assert re.match(index, generated)
        assert (ROOT / "workers" / generated).exists()
