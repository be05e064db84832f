"""Times have a zone wherever they are shown, and `restore --to` reads what is shown, in every zone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.project import Outcome

if TYPE_CHECKING:
    from tests.cli.project import Project

NEW_YORK, TOKYO = "America/New_York", "Asia/Tokyo"
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")
WITH_ZONE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}(?= \()")
LATER = "import sys, time; real = time.time; time.time = lambda: real() + 60;"
RUN = "from d1migrate.cli import main; sys.exit(main(sys.argv[1:]))"


def in_zone(zone: str, *arguments: str, code: int = 0, first: str = "import sys;") -> Outcome:
    """Run a command whose local time is that of a zone."""
    ran = subprocess.run(
        [sys.executable, "-c", first + RUN, *arguments],
        env=os.environ | {"TZ": zone},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == code, ran.stdout + ran.stderr
    return Outcome(ran.returncode, ran.stdout, ran.stderr)


@pytest.mark.parametrize(("zone", "offset"), [("UTC", r"\+0000"), (TOKYO, r"\+0900"), (NEW_YORK, "-0[45]00")])
def test_every_time_has_its_offset(zone: str, offset: str, project: Project) -> None:
    """In the tables, and before a restore."""
    project.standard()
    in_zone(zone, "up", "--to", "2")
    in_zone(zone, "up")
    seen = [in_zone(zone, command).out for command in ("status", "history", "restore")]
    (name,) = (point["name"] for point in in_zone(zone, "restore", "--json").json["restore_points"][-1:])
    seen.append(in_zone(zone, "restore", "--to", name, "--yes").err)
    for shown in seen:
        assert len(TIME.findall(shown)) == len(WITH_ZONE.findall(shown)) > 0, shown
        assert all(re.fullmatch(offset, time[-5:]) for time in WITH_ZONE.findall(shown)), shown


@pytest.mark.parametrize("zone", ["UTC", TOKYO, NEW_YORK])
@pytest.mark.parametrize("reader", ["UTC", TOKYO, NEW_YORK])
def test_restore_reads_the_time_that_the_list_shows(zone: str, reader: str, project: Project) -> None:
    """It means the point of that line, even for a colleague in another zone."""
    project.standard()
    for number, later in ((1, ""), (2, ""), (3, LATER)):
        in_zone(zone, "up", "--to", str(number), first=later or "import sys;")
    *_, older, newest = in_zone(zone, "restore").out.splitlines()
    (shown,) = WITH_ZONE.findall(older)
    restored = in_zone(reader, "restore", "--to", shown, "--yes")
    assert restored.out.startswith(f"restored to {older.split()[0]}: 001_users\n")
    assert newest.split()[0] != older.split()[0]


@pytest.mark.parametrize(
    ("zone", "typed", "readings"),
    [
        (TOKYO, "2026-11-22 10:15", ["2026-11-22 10:15:00 +0900", "2026-11-22 10:15:00 +0000"]),
        (NEW_YORK, "2026-11-22T10:15", ["2026-11-22 10:15:00 -0500", "2026-11-22 10:15:00 +0000"]),
        (NEW_YORK, "2026-11-01 01:30", ["2026-11-01 01:30:00 -0400", "2026-11-01 01:30:00 -0500"]),
        (NEW_YORK, "2026-03-08 02:30", ["the clocks skipped it", "2026-03-08 01:30:00 -0500"]),
    ],
)
def test_a_time_without_a_zone_is_an_error(
    zone: str, typed: str, readings: list[str], project: Project
) -> None:
    """It names what the time can be, and the hint can be pasted. Nothing is restored."""
    project.standard()
    project.run("up")
    before = project.database.read_bytes()
    err = in_zone(zone, "restore", "--to", typed, "--yes", code=2).err
    assert f"error: {typed} has no time zone" in err
    assert all(reading in err for reading in readings)
    (line,) = re.findall(r'`d1migrate restore --to "(.*)"`', err)
    assert f"no restore point was taken before {line}" in in_zone(zone, "restore", "--to", line, code=2).err
    assert project.database.read_bytes() == before


@pytest.mark.parametrize("offset", ["+0100", "-0500", ""])
def test_a_time_without_quotes(offset: str, project: Project) -> None:
    """The shell splits it; the hint shows the quotes."""
    project.standard()
    words = ["2026-11-22", "13:59:05", *([offset] if offset else [])]
    err = project.run("restore", "--to", *words, code=2).err
    assert f"error: restore does not take {' '.join(words[1:])}\n" in err
    assert 'hint: a time needs quotes: d1migrate restore --to "2026-11-22 13:59:05 +0100"\n' in err


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("yesterday", "yesterday is not a restore point, a migration or a time"),
        ("2020-01-01T00:00Z", "no restore point was taken before 2020-01-01T00:00Z"),
    ],
)
def test_no_point_for_it(typed: str, problem: str, project: Project) -> None:
    """The hint lists the points, or says where they come from."""
    project.standard()
    none = "hint: there is no restore point yet: the next `up` or `down` takes one before it writes"
    assert none in project.run("restore", "--to", typed, code=2).err
    project.run("up", "--to", "1")
    project.run("up")
    err = project.run("restore", "--to", typed, code=2).err
    assert f"error: {problem}\n" in err
    assert "hint: restore points: app-0001-" in err
    assert "(at 001_users)" in err
