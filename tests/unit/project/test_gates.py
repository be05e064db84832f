"""Windows on the wall clock, and the decisions of gates."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from d1migrate import errors
from d1migrate.errors import UsageError
from d1migrate.migrate.history import AppliedMigration
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.status import Entry
from d1migrate.project import gates
from d1migrate.project.environment import Environment
from d1migrate.project.windows import look, parse

if TYPE_CHECKING:
    from d1migrate.project.gates import GateResult

WITH_ROLLBACK = "CREATE TABLE a (x);\n-- Rollback:\n--   DROP TABLE a;\n"


def at(text: str, zone: str = "UTC", fold: int = 0) -> float:
    """A time of a zone's wall clock, in epoch seconds."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


def utc(moment: int | None) -> str | None:
    """A time as UTC text."""
    return None if moment is None else f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M}"


# --- windows; 2026-11-29 is a Sunday ---


@pytest.mark.parametrize(
    ("window", "now", "is_open", "changes"),
    [
        ("Sun 02:00-04:00 UTC", "2026-11-29 01:59:59", False, "2026-11-29 02:00"),
        ("Sun 02:00-04:00 UTC", "2026-11-29 02:00:00", True, "2026-11-29 04:00"),
        ("Sun 02:00-04:00 UTC", "2026-11-29 03:59:59", True, "2026-11-29 04:00"),
        ("Sun 02:00-04:00 UTC", "2026-11-29 04:00:00", False, "2026-12-06 02:00"),
        ("Sun 02:00-04:00 UTC", "2026-11-30 03:00:00", False, "2026-12-06 02:00"),
        ("Mon-Fri 22:00-06:00 UTC", "2026-11-28 05:59:00", True, "2026-11-28 06:00"),  # began on Friday
        ("Mon-Fri 22:00-06:00 UTC", "2026-11-30 05:00:00", False, "2026-11-30 22:00"),  # Sunday has none
        ("Fri-Mon 10:00-11:00 UTC", "2026-11-29 10:30:00", True, "2026-11-29 11:00"),
        ("Tue,Sun 10:00-11:00 UTC", "2026-11-29 11:00:00", False, "2026-12-01 10:00"),
        ("sun 02:00 - 04:00 UTC", "2026-11-29 03:00:00", True, "2026-11-29 04:00"),
        ("22:00-24:00 UTC; 00:00-01:00 UTC", "2026-11-29 23:00:00", True, "2026-11-30 01:00"),
        ("Sat 02:00-03:00 UTC; Mon 02:00-03:00 UTC", "2026-11-29 00:00:00", False, "2026-11-30 02:00"),
        ("daily 00:00-24:00 UTC", "2026-11-29 00:00:00", True, None),
        ("Sun 02:00-04:00 Asia/Kolkata", "2026-11-28 20:30:00", True, "2026-11-28 22:30"),
    ],
)  # fmt: skip
def test_windows(window: str, now: str, is_open: bool, changes: str | None) -> None:
    """Open or closed, and when that changes: overnight, across the end of the week, adjacent windows."""
    found = look(parse(window), at(now))
    assert (found.is_open, utc(found.changes)) == (is_open, changes)


@pytest.mark.parametrize(
    ("window", "now", "is_open", "changes"),
    [
        # 2027-03-28: at 02:00 the clocks of Berlin go to 03:00.
        ("Sun 01:30-02:30 Europe/Berlin", "2027-03-28 00:15", False, "2027-03-28 00:30"),
        ("Sun 01:30-02:30 Europe/Berlin", "2027-03-28 00:45", True, "2027-03-28 01:00"),
        ("Sun 02:45-03:15 Europe/Berlin", "2027-03-28 00:59", False, "2027-03-28 01:00"),
        ("Sun 02:45-03:15 Europe/Berlin", "2027-03-28 01:00", True, "2027-03-28 01:15"),
        ("Sun 02:15-02:45 Europe/Berlin", "2027-03-28 00:00", False, "2027-04-04 00:15"),  # skipped
        # 2026-10-25: at 03:00 they go back to 02:00.
        ("Sun 02:15-02:45 Europe/Berlin", "2026-10-25 00:20", True, "2026-10-25 00:45"),
        ("Sun 02:15-02:45 Europe/Berlin", "2026-10-25 00:50", False, "2026-10-25 01:15"),  # once more
        ("Sat 22:00-06:00 Europe/Berlin", "2026-10-25 04:30", True, "2026-10-25 05:00"),
    ],
)
def test_windows_follow_daylight_saving_time(window: str, now: str, is_open: bool, changes: str) -> None:
    """The wall clock of the zone decides, also on the two days on which it changes."""
    found = look(parse(window), at(now))
    assert (found.is_open, utc(found.changes)) == (is_open, changes)


@pytest.mark.parametrize(
    ("window", "now", "is_open", "changes"),
    [
        ("0 2 * * SUN for 2h UTC", "2026-11-29 01:59:59", False, "2026-11-29 02:00"),
        ("0 2 * * SUN for 2h UTC", "2026-11-29 02:00:00", True, "2026-11-29 04:00"),
        ("0 2 * * 0 for 2h UTC", "2026-11-29 03:59:59", True, "2026-11-29 04:00"),
        ("0 2 * * 7 for 2h UTC", "2026-11-29 04:00:00", False, "2026-12-06 02:00"),
        ("30 22 * * MON-FRI for 90m UTC", "2026-11-27 23:59:00", True, "2026-11-28 00:00"),
        ("0 23 * * FRI for 1h30m UTC", "2026-11-28 00:29:59", True, "2026-11-28 00:30"),  # over midnight
        ("0 2 1 * * for 4h UTC", "2026-11-29 03:00", False, "2026-12-01 02:00"),
        ("0 2 1 1 * for 4h UTC", "2026-01-02 00:00", False, "2027-01-01 02:00"),  # once a year
        ("0 2 * * SUN#1 for 1h UTC", "2026-11-29 03:00", False, "2026-12-06 02:00"),  # the first Sunday
        ("0 2 L * * for 1h UTC", "2026-11-29 03:00", False, "2026-11-30 02:00"),  # the last day
        ("0 */2 * * * for 30m UTC", "2026-11-29 03:00", False, "2026-11-29 04:00"),
        ("0 * * * * for 90m UTC", "2026-11-29 03:10", True, None),  # one begins before the last one ends
        ("0 22 * * * for 2h UTC; Mon 00:00-01:00 UTC", "2026-11-29 22:30", True, "2026-11-30 01:00"),
        ("0 2 1 1 * for 1h UTC; Sun 02:00-03:00 UTC", "2026-11-28 00:00", False, "2026-11-29 02:00"),
        ("0 2 * * SUN for 2h Asia/Kolkata", "2026-11-28 20:30:00", True, "2026-11-28 22:30"),
        # At 02:00 the clocks of Berlin go to 03:00: it begins then, and lasts no shorter.
        ("30 2 * * SUN for 2h Europe/Berlin", "2027-03-28 00:59", False, "2027-03-28 01:00"),
        ("30 2 * * SUN for 2h Europe/Berlin", "2027-03-28 01:00", True, "2027-03-28 03:00"),
        ("30 1 * * SUN for 1h Europe/Berlin", "2027-03-28 00:45", True, "2027-03-28 01:30"),
        # At 03:00 they go back to 02:00: it begins once.
        ("15 2 * * SUN for 30m Europe/Berlin", "2026-10-25 00:20", True, "2026-10-25 00:45"),
        ("15 2 * * SUN for 30m Europe/Berlin", "2026-10-25 01:20", False, "2026-11-01 01:15"),
    ],
)  # fmt: skip
def test_windows_in_crons_form(window: str, now: str, is_open: bool, changes: str | None) -> None:
    """A window begins when cron would start a job, also on the days on which the clock changes, and then lasts."""
    found = look(parse(window), at(now))
    assert (found.is_open, utc(found.changes)) == (is_open, changes)


def test_when_it_opens_is_shown_in_both_zones() -> None:
    """In the window's zone and in UTC; once if they are equal."""
    assert look(parse("Sun 02:00-04:00 UTC"), at("2026-11-23 00:00")).shown() == "Sun 2026-11-29 02:00 UTC"
    berlin = look(parse("Sun 00:30-04:00 Europe/Berlin"), at("2026-11-23 00:00")).shown()
    assert berlin == "Sun 2026-11-29 00:30 Europe/Berlin (Sat 23:30 UTC)"


@pytest.mark.parametrize(
    ("window", "message"),
    [
        ("", "is malformed"),
        ("Sun 02:00-04:00", "is malformed"),
        ("Sun 2-4 UTC", "is malformed"),
        ("Sunday 02:00-04:00 UTC", "'Sunday' is not a day of the week"),
        ("Mon-Foo 02:00-04:00 UTC", "'Mon-Foo' is not a day of the week"),
        ("Sun 25:00-26:00 UTC", "25:00 is not a time"),
        ("Sun 02:60-03:00 UTC", "02:60 is not a time"),
        ("Sun 02:00-02:00 UTC", "never open"),
        ("Sun 02:00-04:00 Mars/Olympus", "no time zone 'Mars/Olympus'"),
        ("Sun 02:00-04:00 ../etc/passwd", "no time zone"),
        ("Sun 02:00-04:00 Europe", "no time zone"),
        ("Sun 02:00-04:00 UTC;", "is malformed"),
        ("0 2 * * SUN UTC", "is malformed"),
        ("0 2 * * SUN for 2h", "is malformed"),
        ("0 2 * * for 2h UTC", "is malformed"),
        ("0 2 * * SUN for 2 hours UTC", "is malformed"),
        ("0 25 * * SUN for 2h UTC", "bad hour"),
        ("0 2 * * FOO for 2h UTC", "bad day-of-week"),
        ("0 2 30 2 * for 2h UTC", "bad day-of-month"),
        ("0 2 * * SUN for 0h UTC", "never open"),
        ("0 2 * * SUN for 2h Mars/Olympus", "no time zone 'Mars/Olympus'"),
    ],
)
def test_a_wrong_window(window: str, message: str) -> None:
    """Each mistake is named, with the valid forms in the hint."""
    with pytest.raises(UsageError, match=message) as raised:
        parse(window)
    assert raised.value.hint


# --- gates ---


def window_gate(now: str, count: int = 1, reasons: dict[str, str] | None = None) -> GateResult:
    """The result of the gate of one window."""
    opening = look(parse("Sun 02:00-04:00 UTC"), at(now))
    return gates.window("Sun 02:00-04:00 UTC", opening, at(now), count, reasons or {})


def test_the_window_gate() -> None:
    """Open, closed with its next opening, and a run that may outlast it."""
    assert window_gate("2026-11-29 03:00").message == "open until Sun 2026-11-29 04:00 UTC"
    closed = window_gate("2026-11-30 03:00")
    assert closed.state == "refused"
    assert closed.message == "the window Sun 02:00-04:00 UTC is closed; it opens Sun 2026-12-06 02:00 UTC"
    tight = window_gate("2026-11-29 03:59:30", 3)
    assert tight.passed
    assert tight.warning == "the window closes in 0 min 30 s, and D1 gives 3 transactions up to 90 s"
    assert window_gate("2026-11-29 03:59:30", 1).warning is None


def test_a_reason_counts_where_the_gate_is_closed_only() -> None:
    """It overrides a closed gate; for an open one it is not needed, and is not logged."""
    closed = window_gate("2026-11-30 03:00", reasons={"window": "hotfix", "after": "other"})
    opened = window_gate("2026-11-29 03:00", reasons={"window": "hotfix"})
    assert (closed.state, opened.state) == ("overridden", "passed")
    assert gates.overridden([closed, opened]) == {"window": "hotfix"}


def test_after() -> None:
    """Each reason why a migration is not applied elsewhere has its own message."""
    one = Migration(1, "001_a", "CREATE TABLE a (x);")
    row = AppliedMigration(1, "001_a", 5, one.checksum)
    cases: list[tuple[Entry | None, str]] = [
        (None, "001_a is not applied in staging"),
        (Entry(1, "001_a", "pending", one, None), "001_a is not applied in staging"),
        (Entry(1, "001_a", "partial", one, row), "001_a is not applied in staging"),
        (Entry(1, "001_a", "changed", one, row), "001_a was applied in staging with different content"),
        (Entry(1, "001_a", "applied", one, row._replace(checksum=None)), "by wrangler, which keeps no checksum"),
    ]  # fmt: skip
    for entry, message in cases:
        gate = gates.after("staging", [one], [entry] if entry else [], {})
        assert (gate.state, message in gate.message) == ("refused", True), gate
    fine = gates.after("staging", [one], [Entry(1, "001_a", "applied", one, row)], {})
    assert (fine.state, fine.message) == ("passed", "staging has 001_a, with the same content")
    lost = gates.after("staging", [one], UsageError("gone", hint="look for it"), {})
    assert (lost.message, lost.step) == ("staging cannot be read: gone", "look for it")


def test_the_step_before_an_environment() -> None:
    """Each way to lack a migration has its own, once."""
    files = [
        Migration(n, name, WITH_ROLLBACK) for n, name in enumerate(("001_a", "002_b", "003_c", "004_d"), 1)
    ]
    ran, by_wrangler = (AppliedMigration(1, "001_a", 5, checksum) for checksum in (files[0].checksum, None))
    there = [
        Entry(1, "001_a", "changed", files[0], ran),
        Entry(2, "002_b", "applied", files[1], by_wrangler),
        Entry(3, "003_c", "pending", files[2], None),
    ]
    steps = {
        0: "restore the file; or if the edit changes nothing there,"
        " `d1migrate repair --env staging --accept 001_a --reason …`",
        1: "`d1migrate repair --env staging --accept 002_b --reason …` records the checksum",
        2: "first run `d1migrate up --env staging`",
    }
    for place, step in steps.items():
        assert gates.after("staging", [files[place]], there, {}).step == step
    assert gates.after("staging", files[2:], there, {}).step == steps[2]
    assert gates.after("staging", files, there, {}).step == "; ".join(steps.values())


def test_require_rollback() -> None:
    """A block is a rollback; a missing one and `-- Rollback: none` are not."""
    files = [
        Migration(1, "001_a", WITH_ROLLBACK),
        Migration(2, "002_b", "SELECT 1;"),
        Migration(3, "003_c", "SELECT 1;\n-- Rollback: none, mails were sent\n"),
    ]
    assert gates.require_rollback(files[:1], {}).passed
    gate = gates.require_rollback(files, {})
    assert gate.message == ("002_b has no rollback block; 003_c is declared irreversible: mails were sent")


def test_refusing_names_every_closed_gate() -> None:
    """One error lists all of them, with the flags in the hint; none is raised if all pass or are overridden."""
    closed = window_gate("2026-11-30 03:00")
    name = gates.protected("production", None)
    gates.refuse("production", [closed._replace(reason="hotfix"), gates.protected("p", "p")])
    with pytest.raises(errors.Gate) as raised:
        gates.refuse("production", [closed, name])
    assert (raised.value.gate, raised.value.gates) == ("window", ("window", "protected"))
    assert raised.value.exit_code == 1
    assert raised.value.hint == (
        "run the command again when the window opens; to confirm, add --confirm production;"
        " to override, add --outside-window REASON"
    )
    assert "production refuses (protected): it is protected, and its name was not given" in str(raised.value)


def test_check_decides_all_gates_of_an_environment_in_order() -> None:
    """An `up` passes every gate; a `down` only those about the moment, the way to undo it, and the name."""
    environment = Environment(
        "production", "d1:shop", after="staging", window="daily 00:00-24:00 UTC", protected=True,
        require_rollback=True, rehearse="error",
    )  # fmt: skip
    opening = look(parse("daily 00:00-24:00 UTC"), at("2026-11-29 03:00"))
    down = gates.Facts(
        1, at("2026-11-29 03:00"), opening=opening, restore_point="a bookmark", confirmed="production"
    )
    up = down._replace(
        pending=[Migration(1, "001_a", WITH_ROLLBACK)],
        rehearsed=gates.Findings(["a.sql:1: X101 rows are lost"]),
    )
    linted = gates.Findings(warnings=2)
    found = gates.check(environment, up._replace(linted=linted), {})
    assert [gate.name for gate in found] == list(gates.OVERRIDES)
    assert [gate.message for gate in found if gate.name == "lint"] == ["no errors, 2 warnings"]
    assert [gate.name for gate in gates.check(environment, down, {})] == [
        "window",
        "restore_point",
        "protected",
    ]
    assert {gate.name for gate in gates.check(environment, up, {}) if not gate.passed} == {
        "after",
        "rehearse",
    }
    assert "lint" not in [gate.name for gate in gates.check(environment, up, {})]  # the run itself lints
    assert gates.check(Environment("local", "sqlite:app.db"), up, {}) == ()


def test_a_run_that_continues_checks_the_window() -> None:
    """Closed, open, and overridden with a reason."""
    environment = Environment("production", "d1:control", window="Sun 02:00-04:00 UTC")
    sunday = at("2026-11-29 03:00")
    gates.refuse_closed(environment, sunday, {})
    with pytest.raises(errors.Gate, match="closed; it opens Sun 2026-12-06 02:00 UTC"):
        gates.refuse_closed(environment, sunday + 7200, {})
    gates.refuse_closed(environment, sunday + 7200, {"window": "a hotfix"})
    gates.refuse_closed(environment._replace(window=None), sunday, {})
