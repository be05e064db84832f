"""Fleets: many files in one process, and many databases behind the API, which enforces its limit."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.figures.remote import Remote, with_server
from benchmarks.measure import Command, Timing, in_turns
from benchmarks.table import Row, compared, megabytes
from benchmarks.tools import missing_workerd

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.lab import Lab
    from tests.runtime.cloudflare import Cloudflare

_APPLIED = 10
"""Migrations of a tenant; one more is applied."""
_BEHIND = 50
"""Every so many tenants, one has applied fewer than the others."""
_RATE = 40
"""Requests a second that the quota permits: fewer than workerd answers on two processors."""
_WINDOW = 30


def files(lab: Lab) -> list[Row]:
    """One migration on each of many files, beside a loop of the same SQL; and the memory of a tenth."""
    folder, count = lab.folder / "fleet-files", lab.sizes.tenants
    fleet = _FleetOfFiles(lab, folder, count)
    tenth = _FleetOfFiles(lab, lab.folder / "fleet-tenth", count // 10)
    ours, bare = in_turns([fleet.up, fleet.bare], 1)
    (smaller,) = in_turns([tenth.up], 1)
    figure = f"fleet of {count:,} files, a migration each"
    return [*compared(figure, ours, [bare]), _memory(f"{figure}: peak memory", ours, smaller, count // 10)]


def _memory(figure: str, ours: Timing, smaller: Timing, count: int) -> Row:
    peaks = [f"{megabytes(timing.peak):.0f} MB" for timing in (ours, smaller)]
    ratio, bar = ours.peak / smaller.peak, 1.2  # their paths are sorted, and so in memory
    return Row(figure, peaks[0], f"{count:,} files", peaks[1], f"{ratio:.2f} x", f"≤ {bar:g} x", ratio <= bar)


class _FleetOfFiles:
    """Files that lack the last migration, and what applies it to all of them."""

    def __init__(self, lab: Lab, folder: Path, count: int) -> None:
        from tests.runtime import tenants

        self._folder, self._count = folder, count
        migrations = tenants.write(folder / "migrations", _APPLIED + 1)
        self._original = tenants.template(folder / "original.db", tenants.write(folder / "old", _APPLIED))
        _configure(folder, "sqlite:tenants/*/*.db")
        last = migrations / f"{tenants.names(_APPLIED + 1)[-1]}.sql"
        self.up = self._command("d1migrate", (lab.tools.d1migrate, "fleet", "up"))._replace(after=self._check)
        self.bare = self._command("bare APSW loop", lab.bare("fleet", folder / "tenants", last))._replace(
            bar=4
        )

    def _command(self, label: str, argv: tuple[str, ...]) -> Command:
        return Command(label, argv, self._folder, before=self._create)

    def _create(self) -> None:
        from tests.runtime import tenants

        for name in (".d1migrate", "tenants"):
            shutil.rmtree(self._folder / name, ignore_errors=True)
        tenants.copies(self._original, self._folder / "tenants", self._count)

    def _check(self) -> None:
        from tests.runtime import tenants

        found = sorted(self._folder.glob("tenants/*/*.db"))
        if len(found) != self._count:
            raise RuntimeError(f"{len(found)} of {self._count} tenants are left")
        tenants.check(found, _APPLIED + 1)


class _Traffic(NamedTuple):
    """The requests of one command.

    Attributes:
        each: how many a tenant took, on average: of those in the state that most are in, and of the others.
        refused: how many were over the limit.
    """

    each: tuple[float, float]
    refused: int


def databases(lab: Lab) -> list[Row]:
    """One migration on each of many D1 databases, then nothing to do; the API enforces its limit."""
    folder, count = lab.folder / "fleet-d1", lab.sizes.tenants
    if why := missing_workerd():
        return [Row(f"fleet of {count:,} D1 databases", "-", theirs=why)]
    from tests.runtime.cloudflare import Cloudflare

    figure = f"fleet of {count:,} D1 databases"
    with Cloudflare(states=count + 100) as server:
        fleet = _FleetOfDatabases(lab, server, folder, count)
        server.settings(quota=_RATE * _WINDOW, window=_WINDOW, enforce_quota=True)
        timing, traffic = fleet.run()
        rows = [
            _beside_quota(f"{figure}, a migration each", timing, count),
            Row(
                f"{figure}: requests over the limit", f"{traffic.refused}", bar="≤ 0", ok=not traffic.refused
            ),
            _each(f"{figure}: requests each, in the expected state", traffic.each[0], 1),
            _each(f"{figure}: requests each, in another state", traffic.each[1], 2),
        ]
        server.settings(enforce_quota=False, quota=1_000_000)
        _, traffic = fleet.run()
        rows.append(_each(f"{figure}: requests each, nothing to do", traffic.each[0], 1))
        fleet.check()
    return rows


class _FleetOfDatabases:
    """Databases that most of the migrations are applied to, and the command that applies all."""

    def __init__(self, lab: Lab, server: Cloudflare, folder: Path, count: int) -> None:
        from tests.runtime import tenants

        self._server = server
        server.settings(keep_past=False)
        tenants.write(folder / "migrations", _APPLIED + 1)
        few = max(1, count // _BEHIND)
        self._behind, self._expected = (
            self._copies(lab, folder, applied, f"tenant-{applied}", size)
            for applied, size in ((_APPLIED - 3, few), (_APPLIED, count - few))
        )
        _configure(folder, "d1:tenant-*")
        argv = (*with_server(server, lab.tools.d1migrate), "fleet", "up")
        self._command = Command("d1migrate", argv, folder)

    def _copies(self, lab: Lab, folder: Path, applied: int, name: str, count: int) -> Sequence[str]:
        from tests.runtime import tenants

        original = Remote(self._server, lab.tools.d1migrate, folder)
        original.run(tenants.write(folder / name, applied), "up", "--no-lint", "measured")
        return self._server.copies(original.id, [f"{name}-{number:05}" for number in range(count)])

    def run(self) -> tuple[Timing, _Traffic]:
        """Run the command; return its time and its requests."""
        before = self._server.traffic()
        (timing,) = in_turns([self._command], 1)
        after = self._server.traffic()
        expected, behind = (
            sum(after.databases.get(each, 0) - before.databases.get(each, 0) for each in ids) / len(ids)
            for ids in (self._expected, self._behind)
        )
        refused = after.statuses.get("429", 0) - before.statuses.get("429", 0)
        return timing, _Traffic((expected, behind), refused)

    def check(self) -> None:
        """Check that all migrations are applied to all databases."""
        from tests.runtime import tenants

        found = map(self._server.file, (*self._behind, *self._expected))
        tenants.check(found, _APPLIED + 1)


def _configure(folder: Path, databases: str) -> None:
    text = f'[fleet.tenants]\ndatabases = "{databases}"\nmigrations = "migrations"\n'
    folder.joinpath("d1migrate.toml").write_text(text, encoding="utf-8")


def _beside_quota(figure: str, timing: Timing, count: int) -> Row:
    ideal, bar = count / _RATE, 1.35
    ratio = timing.median / ideal
    ours, theirs = f"{timing.median:.1f} s", f"{ideal:.1f} s"
    return Row(
        figure, ours, f"{_RATE} requests a second", theirs, f"{ratio:.2f} x", f"≤ {bar:g} x", ratio <= bar
    )


def _each(figure: str, value: float, bar: float) -> Row:
    """Return the row of an average, of which one digit counts: a few tenants are inspected, too."""
    return Row(figure, f"{value:.2f}", bar=f"≤ {bar:g}", ok=round(value, 1) <= bar)
