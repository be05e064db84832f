"""Random arguments, to every command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from d1migrate.cli.commands import COMMANDS, command_of, with_actions
from tests.fuzz import project, values

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence
    from pathlib import Path

    from tests.fuzz.conftest import Run

_GLOBAL: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--env",), {}),
    (("--database",), {}),
    (("--migrations",), {}),
    (("--config",), {}),
    (("--json",), {"action": "store_true"}),
    (("--quiet",), {"action": "store_true"}),
    (("--verbose",), {"action": "store_true"}),
)


def arguments(generator: random.Random, folder: Path) -> Sequence[Sequence[str]]:
    """A command with flags of its own and of others, in any order, with any values."""
    project.write(folder)
    name = generator.choice(with_actions(generator.choice(list(COMMANDS))))
    own = command_of(name).arguments
    known = [*own, *own, *_GLOBAL]
    words = name.split()
    for flags, options in own:
        if options.get("required") or not flags[0].startswith("-"):
            words += _given(generator, flags, options)
    for flags, options in values.some(generator, known, 4):
        if generator.random() < 0.8:
            words += _given(generator, flags, options)
    if generator.random() < 0.15:
        words.insert(generator.randrange(len(words) + 1), values.text(generator))
    if generator.random() < 0.1:
        generator.shuffle(words)
    return [words]


def _given(generator: random.Random, flags: tuple[str, ...], options: dict[str, Any]) -> list[str]:
    flag = [generator.choice(flags)] if flags[0].startswith("-") else []
    if options.get("action") == "store_true":
        return flag
    if choices := options.get("choices"):
        return [*flag, generator.choice([*choices, values.text(generator)])]
    if options.get("nargs") == "?" and generator.random() < 0.3:
        return flag
    count = options["nargs"] if isinstance(options.get("nargs"), int) else 1
    numbers = [str(generator.randint(-1, 4)) for _ in range(count)]
    return [*flag, *(values.text(generator) if generator.random() < 0.6 else n for n in numbers)]


def test_arguments(run: Run) -> None:
    """No argument makes a command stumble."""
    run("arguments", arguments)
