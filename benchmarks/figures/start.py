"""What a command costs that has nothing to apply."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import data
from benchmarks.figures.requests import sent
from benchmarks.lab import Lab, beside, hummbl
from benchmarks.measure import Command, Missing, in_turns, run
from benchmarks.peers import peers
from benchmarks.table import Row, compared, limited, timed

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.tools import Tools

_NO_OP_BARS = {1000: (6, 0.15), 10_000: (25, 0.6)}
"""{applied migrations: (times the start of Python with `import sqlite3`, seconds)}"""


def status(lab: Lab) -> list[Row]:
    """Cold `status` of HUMMBL's three migrations."""
    folder = lab.folder / "status"
    project = hummbl(folder / "d1migrate")
    run((lab.tools.d1migrate, "up"), project)
    ours = Command("d1migrate", (lab.tools.d1migrate, "status"), project)
    commands, missing = [ours, lab.import_sqlite3(bar=2.2)], []
    for peer in peers(lab.tools, folder, data.read(project / "workers" / "migrations")):
        if isinstance(peer, Missing):
            missing.append(peer)
            continue
        run(peer.up, peer.folder)
        commands.append(Command(peer.label_of("status"), peer.status, peer.folder, every=2))
    wrangler = _wrangler(lab.tools, folder / "wrangler")
    if isinstance(wrangler, Missing):
        missing.append(wrangler)
    else:
        commands.append(wrangler)
    in_turns(commands, 1)  # fills the caches that are filled on first use
    first, *others = in_turns(commands, lab.sizes.short)
    return compared("cold status, 3 migrations", first, [*others, *missing])


def no_op(lab: Lab) -> list[Row]:
    """`up` with nothing to do."""
    rows: list[Row] = []
    for count in lab.sizes.applied:
        folder = lab.folder / f"no-op-{count}"
        migrations = data.write(folder / "migrations", data.small(count))
        database = folder / "app.db"
        argv = lab.up(migrations, database, "--no-lint")
        run((*argv, "--single-transaction"), folder)
        ratio, limit = _NO_OP_BARS.get(count, (None, None))
        figure = f"no-op up, {count:,} applied"
        start = lab.import_sqlite3(bar=ratio)
        table, (ours, _) = beside(figure, Command("d1migrate", argv, folder), [start], lab.sizes.short)
        rows += [*table, timed(figure, ours, limit)]
        requests = sent(lab, "schema_migrations", "up", database, migrations)
        rows.append(limited(f"{figure}: requests", requests, 1, ""))
    return rows


def _wrangler(tools: Tools, folder: Path) -> Command | Missing:
    if isinstance(tools.wrangler, str):
        return Missing("wrangler d1 migrations list --local", tools.wrangler)
    project = hummbl(folder)
    options = ("hummbl-workflows", "--local", "-c", "workers/wrangler.jsonc")
    run((*tools.wrangler, "d1", "migrations", "apply", *options), project)
    argv = (*tools.wrangler, "d1", "migrations", "list", *options)
    return Command("wrangler d1 migrations list --local", argv, project, every=7)
