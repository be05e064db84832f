"""Random sources of a desired schema, given and configured: files, folders, databases, commands, models."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING

from tests.fuzz import project, values

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence
    from pathlib import Path

    from tests.fuzz.conftest import Run

_MAKE = "import shutil, sys\nshutil.copy('want.db', sys.argv[1])\n"
_MODELS = """\
from sqlalchemy import Column, Integer, MetaData, Table, Text
metadata = MetaData()
users = Table("users", metadata, Column("id", Integer, primary_key=True), Column("email", Text, nullable=False))
"""
_KINDS = (
    "want.db",
    "sqlite:want.db",
    "want.sql",
    "want",
    "command",
    "models:metadata",
    "python:models:metadata",
)
_FLAGS = (
    *(
        ("--check",),
        ("--dry-run",),
        ("--json",),
        ("--from", "live"),
        ("--python", "python3"),
        ("--app", "users"),
    ),
    *(("--python", "want.sql"), ("--allow-drop", "posts"), ("--rename", "users.bio=users.name")),
)


def sources(generator: random.Random, folder: Path) -> Sequence[Sequence[str]]:
    """A source with something wrong in it, or in what it names."""
    project.write(folder)
    database = project.applied()
    (folder / "want.db").write_bytes(_spoiled(generator, database))
    (folder / "want.sql").write_bytes(_spoiled(generator, project.ONE.encode()))
    (folder / "want").mkdir()
    for name, text in project.FILES.items():
        (folder / "want" / name).write_bytes(_spoiled(generator, text.encode()))
    (folder / "make.py").write_text(_MAKE)
    (folder / "models.py").write_text(_MODELS)
    source = _source(generator)
    flags = [word for flag in values.some(generator, _FLAGS, 2) for word in flag]
    if generator.random() < 0.5:
        return [["diff", "--to", source, *flags]]
    text = json.dumps(source, ensure_ascii=generator.random() < 0.5)
    with (folder / "d1migrate.toml").open("a", encoding="utf-8", errors="surrogatepass") as file:
        file.write(f"[schema]\nsource = {text}\n")
    return [["diff", *flags]]


def _source(generator: random.Random) -> str:
    """A source, which may be spoiled; what is run is only ours, so the first word of a command stays."""
    kind = generator.choice(_KINDS)
    if kind == "command":
        rest = " make.py {db}"
        if generator.random() < 0.5:
            rest = values.mutated(generator, rest.encode(), most=2).decode("utf-8", "replace")
        return f"command:{shlex.quote(sys.executable)}{rest}"
    if generator.random() < 0.3:
        return (
            values.mutated(generator, kind.encode(), most=2)
            .decode("utf-8", "replace")
            .replace("command:", "")
        )
    return kind


def _spoiled(generator: random.Random, content: bytes) -> bytes:
    return values.mutated(generator, content, most=3) if generator.random() < 0.4 else content


def test_sources(run: Run) -> None:
    """No source makes `diff` stumble."""
    run("sources", sources)
