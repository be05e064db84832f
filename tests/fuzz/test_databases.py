"""Random damage to database files: flipped bits, lost pages, files cut short, logs of other files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fuzz import project, values

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence
    from pathlib import Path

    from tests.fuzz.conftest import Run

_COMMANDS = (
    *(
        "status",
        "up",
        "verify",
        "history",
        "schema",
        "backup --output b.sql",
        "restore",
        "restore --to 1 --yes",
        "down",
    ),
    *(
        "rehearse --data --rows 3",
        "adopt --dry-run",
        "plan",
        "lint",
        "current",
        "env",
        "plan --down",
        "up --no-lint",
    ),
    *("schema --sql", "backup --output b.sql --verify", "gate --code-version 2", "baseline x --dry-run"),
)


def databases(generator: random.Random, folder: Path) -> Sequence[Sequence[str]]:
    """A database file that was whole once."""
    project.write(folder)
    data = bytearray(project.applied())
    kind = generator.randrange(8)
    if kind == 0:
        del data[generator.randrange(len(data)) :]
    elif kind == 1:
        page = generator.randrange(len(data) // 4096) * 4096
        data[page : page + 4096] = generator.choice(
            (bytes(4096), generator.randbytes(4096), bytes(data[:4096]))
        )
    elif kind == 2:
        data[generator.randrange(100)] = generator.randrange(256)  # the header
    elif kind == 3:
        data = bytearray(values.mutated(generator, bytes(data)))
    else:
        for _ in range(generator.choice((1, 3, 30))):
            at = generator.choice((generator.randrange(len(data)), generator.randrange(4096)))
            data[at] ^= 1 << generator.randrange(8)
    (folder / "app.db").write_bytes(data)
    if generator.random() < 0.1:
        (folder / f"app.db{generator.choice(('-wal', '-shm', '-journal'))}").write_bytes(
            generator.randbytes(5000)
        )
    return [command.split() for command in values.some(generator, _COMMANDS, 3)]


def test_databases(run: Run) -> None:
    """No damage makes a command stumble."""
    run("databases", databases)
