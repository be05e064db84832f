"""Random migration files: their names, their kinds, their bytes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.fuzz import project, values

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence
    from pathlib import Path

    from tests.fuzz.conftest import Run

_NAMES = (
    *(
        "001_a.sql",
        "001_b.sql",
        "1_a.sql",
        "0_a.sql",
        "004_d.sql",
        "20261122000000_x.sql",
        "9007199254740993_a.sql",
    ),
    *(
        "a.sql",
        ".sql",
        "001.sql",
        "001_.sql",
        "001_a.SQL",
        "001_a.down.sql",
        "001_a b.sql",
        "001_\u00e9.sql",
        "x.txt",
    ),
    *(
        "001_\x1b[31m.sql",
        "001_\n::error::x.sql",
        "001_\u202e.sql",
        "\udcff_a.sql",
        "002_posts.sql",
        "-1_a.sql",
    ),
    *(
        f"{'1' * 40}_a.sql",
        f"001_{'a' * 240}.sql",
        "001-a.sql",
        "001_a.sql.sql",
        "\u0661_a.sql",
        "003_\udcff.sql",
    ),
)
_USUAL = ("001_users.sql", "002_b.sql", "003_c.sql", "004_d.sql", "005_e.sql", "20261122000000_x.sql")
_COMMANDS = (
    *(
        "list",
        "lint --all",
        "status",
        "plan",
        "up",
        "up --no-lint",
        "plan --sql",
        "renumber --dry-run",
        "renumber --yes",
    ),
    *(
        "squash --to 2 --dry-run",
        "index --output i.py",
        "schema --at latest",
        "verify",
        "lint --all --format github",
    ),
    *(
        "list --json",
        "lint --all --format sarif",
        "new something",
        "gate --code-version 2",
        "down",
        "adopt --dry-run",
    ),
    *("lint --fix --yes", "diff --dry-run", "baseline --to 3 --yes", "rehearse --rows 3"),
)


def files(generator: random.Random, folder: Path) -> Sequence[Sequence[str]]:
    """A few files more, or others, in the migrations folder."""
    project.write(folder, database=generator.random() < 0.5)
    originals = list(project.FILES.values())
    for name in values.some(generator, _NAMES if generator.random() < 0.3 else _USUAL, 3):
        path = folder / "migrations" / name
        if os.path.lexists(path) and not path.is_dir():
            path.unlink()
        if not path.is_dir():
            _make(generator, path, generator.choice(originals).encode())
    if generator.random() < 0.3:
        path = folder / "migrations" / generator.choice(list(project.FILES))
        if path.is_file():
            path.write_bytes(values.mutated(generator, path.read_bytes()))
    return [command.split() for command in values.some(generator, _COMMANDS, 3)]


def _make(generator: random.Random, path: Path, usual: bytes) -> None:
    kind = generator.randrange(14)
    if kind == 0:
        path.mkdir()
    elif kind == 1:
        path.symlink_to(generator.choice(("nosuch", path.name, "../app.db", "001_users.sql", "..")))
    elif kind == 2:
        os.mkfifo(path)
    elif kind == 3:
        path.write_bytes(usual.decode().encode(generator.choice(("utf-16", "utf-8-sig", "utf-32"))))
    elif kind == 4:
        path.write_bytes(usual.replace(b"\n", generator.choice((b"\r\n", b"\r", b"\x85", b"\n\n"))))
    elif kind == 5:
        path.write_bytes(generator.randbytes(generator.randrange(300)))
    elif kind == 6:
        path.write_bytes(values.text(generator).encode("utf-8", "surrogatepass"))
    elif kind == 7 and generator.random() < 0.1:
        path.write_bytes(usual + b"-- padding \xc3\xa9\n" * 90_000 + values.mutated(generator, usual))
    elif kind == 8:
        path.write_bytes(_directives(generator).encode("utf-8", "surrogatepass") + usual)
    else:
        path.write_bytes(values.mutated(generator, usual))


def _directives(generator: random.Random) -> str:
    keys = (
        "allow",
        "phase",
        "reason",
        "allow=D101",
        "phase=before",
        "-- Rollback:",
        "-- Rollback: none, x",
        "Migration:",
    )
    words = " ".join(f"{generator.choice(keys)}={values.text(generator)[:50]}" for _ in range(3))
    return f"-- d1migrate: {words}\n"


def test_files(run: Run) -> None:
    """No file makes a command stumble."""
    run("files", files)
