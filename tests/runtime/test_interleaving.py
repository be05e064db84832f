"""The real wrangler and d1migrate apply the same folders in turns, file by file, and leave what wrangler alone leaves.

A run tries 8 folders, one of each layout; `python -m tests tests/runtime/test_interleaving.py --times 8 --random`
tries 64 others, in about 10 minutes.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests import inputs
from tests.runtime.layouts import LAYOUTS, Folder, folder
from tests.runtime.local import Project

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from random import Random

    from tests.runtime.conftest import Run
    from tests.runtime.wrangler import Wrangler

CASES = range(max(round(len(LAYOUTS) * inputs.TIMES), len(LAYOUTS)))


class Turn(NamedTuple):
    """The files that one tool applies, and those that are pending in the folder after it."""

    tool: str
    files: Sequence[str]
    pending: Sequence[str]


def turns(random: Random, order: Sequence[str]) -> Iterator[Turn]:
    """Deal the files to the two tools, each of which has a turn.

    At first a file enters the folder when it is to be applied; from a random one on, all are there, and wrangler
    takes all that are pending.
    """
    all_from, at, tool = random.randint(1, len(order)), 0, random.choice(["wrangler", "d1migrate"])
    while at < len(order):
        everything = at >= all_from
        end = at + random.choice([1, 1, 2]) if tool == "d1migrate" or not everything else len(order)
        yield Turn(tool, order[at:end], order[end:] if everything else [])
        if at == 0 or random.random() < 0.6:
            tool = "wrangler" if tool == "d1migrate" else "d1migrate"
        at = end


def write(project: Project, drawn: Folder, names: Sequence[str]) -> None:
    """Put migrations into the folder."""
    project.write({f"{drawn.directory}/{name}": drawn.files[name] for name in names})


def check_turn(project: Project, turn: Turn, applied: Sequence[str]) -> None:
    """Apply files by one tool, and look at the result with both."""
    if turn.tool == "wrangler":
        assert project.wrangler("apply") == turn.files
        assert project.d1migrate("up").out == "nothing to do\n"
    else:
        project.d1migrate("up", *(["--to", turn.files[-1].removesuffix(".sql")] if turn.pending else []))
        assert project.wrangler("list") == turn.pending
    project.d1migrate("status", "--check", code=3 if turn.pending else 0)
    assert project.pending() == turn.pending
    rows = project.rows()
    assert [(row.id, row.name) for row in rows] == list(enumerate(applied, 1))
    for row in rows:
        datetime.strptime(row.applied_at, "%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize("case", CASES)
def test_in_turns(case: int, tmp_path: Path, wrangler: Wrangler, run: Run) -> None:
    """The order, the tables and the schema are those that wrangler alone leaves; each tool sees what the other did."""
    random = inputs.generator(f"interleaving {case}")
    drawn = folder(random, LAYOUTS[case % len(LAYOUTS)])
    alone, both = [
        Project(tmp_path / name, wrangler, run, drawn.environment, drawn.table) for name in ("alone", "both")
    ]
    for project in (alone, both):
        project.configure(drawn.config)
        project.write(drawn.others)
    write(alone, drawn, list(drawn.files))
    order = alone.wrangler("apply")
    assert sorted(order) == sorted(drawn.files)
    assert alone.d1migrate("up").out == "nothing to do\n"

    applied: list[str] = []
    for turn in turns(random, order):
        write(both, drawn, [*turn.files, *turn.pending])
        applied += turn.files
        check_turn(both, turn, applied)
    assert both.state() == alone.state()
    both.d1migrate("verify", "--check")


@pytest.fixture
def project(tmp_path: Path, wrangler: Wrangler, run: Run) -> Project:
    """A folder without files."""
    made = Project(tmp_path, wrangler, run)
    made.configure({"d1_databases": [{"binding": "DB", "database_name": "shop", "database_id": "0a1b"}]})
    return made


def test_without_its_last_semicolon(project: Project, wrangler: Wrangler) -> None:
    """Wrangler cannot run the file and leaves nothing; d1migrate warns and applies it, and wrangler agrees."""
    project.write(
        {"migrations/0001_a.sql": "CREATE TABLE a (x)", "migrations/0002_b.sql": "CREATE TABLE b (x);"}
    )
    ended = wrangler.run(project.path, "d1", "migrations", "apply", "shop", "--local")
    assert "syntax error" in ended.output
    assert project.rows() == []
    assert "P104" in project.d1migrate("lint").out
    project.d1migrate("up")
    assert [row.name for row in project.rows()] == ["0001_a.sql", "0002_b.sql"]
    assert project.wrangler("list") == []


def test_with_an_unclosed_comment(project: Project) -> None:
    """Wrangler applies the file, reports success and does not record it; d1migrate refuses to run it."""
    project.write({"migrations/0001_a.sql": "CREATE TABLE a (x);\n/* INSERT"})
    assert project.wrangler("apply") == ["0001_a.sql"]
    assert project.rows() == []
    assert project.read("SELECT count(*) FROM a") == [(0,)]
    assert "this comment is not closed" in project.d1migrate("lint", code=3).out
    project.d1migrate("up", code=1)
    assert project.pending() == ["0001_a.sql"]
