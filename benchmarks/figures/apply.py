"""Many small migrations on a new file."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks import data
from benchmarks.lab import Lab, beside, has_tables, on_new_file
from benchmarks.measure import Command, Missing
from benchmarks.peers import Peer, peers

if TYPE_CHECKING:
    from benchmarks.table import Row


def apply(lab: Lab) -> list[Row]:
    """A durable transaction each."""
    folder, count = lab.folder / "apply", lab.sizes.migrations
    files, done = list(data.small(count)), partial(has_tables, count)
    migrations = data.write(folder / "migrations", files)
    database, loop = folder / "d1.db", folder / "bare.db"
    ours = on_new_file("d1migrate", lab.up(migrations, database, "--no-lint"), database, done)
    argv = lab.bare("apply", loop, migrations)
    bare = on_new_file("bare APSW loop, WAL, FULL", argv, loop, done, bar=1.5)
    others = [
        peer if isinstance(peer, Missing) else _up(peer, count) for peer in peers(lab.tools, folder, files)
    ]
    return beside(f"apply {count:,} migrations", ours, [bare, *others], lab.sizes.middle)[0]


def single(lab: Lab) -> list[Row]:
    """The same migrations as one transaction."""
    folder, count = lab.folder / "single", lab.sizes.migrations
    files, done = list(data.small(count)), partial(has_tables, count)
    migrations = data.write(folder / "migrations", files)
    script = folder / "all.sql"
    script.write_text("".join(file.sql for file in files), encoding="utf-8")
    database = folder / "d1.db"
    argv = lab.up(migrations, database, "--no-lint", "--single-transaction")
    ours = on_new_file("d1migrate", argv, database, done)
    shells = lab.shells(folder, script, done, bar=1.5)
    return beside(f"apply {count:,}, --single-transaction", ours, shells, lab.sizes.middle)[0]


def _up(peer: Peer, count: int) -> Command:
    bar, every = (0.8, 1) if peer.label == "dbmate" else (None, 2)
    done = partial(has_tables, count)
    command = on_new_file(peer.label_of("up"), peer.up, peer.database, done, bar)
    return command._replace(folder=peer.folder, every=every)
