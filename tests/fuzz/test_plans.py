"""Random plan files: cut, edited, and edited with a digest that fits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from d1migrate.migrate import plan_file
from tests.fuzz import project, values
from tests.fuzz.harness import run as run_command

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence
    from pathlib import Path

    from tests.fuzz.conftest import Run

_KEPT: dict[str, str] = {}


def plans(generator: random.Random, folder: Path) -> Sequence[Sequence[str]]:
    """A plan that was right once."""
    project.write(folder)
    if "plan" not in _KEPT:  # one for all: plans say nothing of the folder
        run_command(["plan", "--output", "plan.json"])
        _KEPT["plan"] = (folder / "plan.json").read_text()
    path = folder / "plan.json"
    if generator.random() < 0.4:
        path.write_bytes(values.mutated(generator, _KEPT["plan"].encode()))
    else:
        content = json.loads(_KEPT["plan"])
        for _ in range(generator.randint(1, 3)):
            _edit(generator, content)
        try:
            path.write_bytes(plan_file.dump(content).encode("utf-8", "surrogatepass"))
        except (TypeError, ValueError):
            path.write_text(json.dumps(content))
    return [["up", "--plan", "plan.json", *generator.choice([[], ["--json"], ["--quiet"]])]]


def _edit(generator: random.Random, content: Any) -> None:
    """Change a value somewhere inside."""
    while True:
        keys = list(content) if isinstance(content, dict) else list(range(len(content)))
        if not keys:
            return
        key = generator.choice(keys)
        inner = content[key]
        if not isinstance(inner, dict | list) or generator.random() < 0.3:
            break
        content = inner
    if generator.random() < 0.3 and isinstance(content, dict):
        del content[key]
    else:
        content[key] = values.value(generator)


def test_plans(run: Run) -> None:
    """No plan makes `up --plan` stumble, and none that was edited is run."""
    run("plans", plans)
