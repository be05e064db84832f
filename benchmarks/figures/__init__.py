"""The figures: what each one prepares and runs, and what it is compared with."""

from __future__ import annotations

import shutil
import sqlite3
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import data
from benchmarks.figures import rebuild, remote, worker
from benchmarks.measure import Command, Missing, Timing, in_turns, run
from benchmarks.peers import Peer, peers
from benchmarks.table import Row, compared, limited, megabytes, seconds
from benchmarks.tools import ROOT, Tools

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_HERE = ROOT / "benchmarks"
_WAL = "PRAGMA journal_mode = WAL"


class Sizes(NamedTuple):
    """How much of everything: the number of migrations, of rows, and of repetitions."""

    migrations: int
    applied: tuple[int, ...]
    rows: int
    short: int
    middle: int
    long: int


FULL = Sizes(migrations=1000, applied=(1000, 10_000), rows=500_000, short=21, middle=5, long=3)
QUICK = Sizes(migrations=30, applied=(30, 100), rows=5_000, short=2, middle=1, long=1)
_NO_OP_BARS = {1000: 0.25, 10_000: 1.0}  # seconds


class Lab(NamedTuple):
    """What a figure needs: the tools, an empty folder, and the sizes."""

    tools: Tools
    folder: Path
    sizes: Sizes


def status(lab: Lab) -> list[Row]:
    """Cold `status` of HUMMBL's three migrations."""
    folder = lab.folder / "status"
    project = _hummbl(folder / "d1migrate")
    ours = Command("d1migrate", (lab.tools.d1migrate, "status"), project)
    run((lab.tools.d1migrate, "up"), project)
    bare = Command('python -c "import sqlite3"', (lab.tools.python, "-c", "import sqlite3"), project, bar=2.5)
    commands, missing = [ours, bare], []
    for peer in peers(lab.tools, folder, data.read(project / "workers" / "migrations")):
        if isinstance(peer, Missing):
            missing.append(peer)
            continue
        run(peer.up, peer.folder)
        command = Command(" ".join((peer.label, _verb(peer.status))), peer.status, peer.folder, every=2)
        commands.append(command)
    wrangler = _wrangler(lab.tools, folder / "wrangler")
    if isinstance(wrangler, Missing):
        missing.append(wrangler)
    else:
        commands.append(wrangler)
    in_turns(commands, 1)  # fills the caches that are filled on first use
    first, *others = in_turns(commands, lab.sizes.short)
    return compared("cold status, 3 migrations", first, [*others, *missing])


def apply(lab: Lab) -> list[Row]:
    """Many small migrations on a new file, a durable transaction each."""
    folder, count = lab.folder / "apply", lab.sizes.migrations
    files = list(data.small(count))
    migrations = data.write(folder / "migrations", files)
    commands = [
        _on_new_file("d1migrate", partial(_up, lab, migrations), folder / "d1.db", partial(_tables, count)),
        _on_new_file(
            "bare APSW loop, WAL, FULL",
            lambda database: _bare(lab, "apply", database, migrations),
            folder / "bare.db",
            partial(_tables, count),
            bar=1.5,
        ),
    ]
    missing: list[Missing] = []
    for peer in peers(lab.tools, folder, files):
        if isinstance(peer, Missing):
            missing.append(peer)
        else:
            commands.append(_peer_up(peer, count))
    first, *others = in_turns(commands, lab.sizes.middle)
    return compared(f"apply {count:,} migrations", first, [*others, *missing])


def single(lab: Lab) -> list[Row]:
    """The same migrations as one transaction."""
    folder, count = lab.folder / "single", lab.sizes.migrations
    files = list(data.small(count))
    migrations = data.write(folder / "migrations", files)
    script = folder / "all.sql"
    script.write_text("".join(file.sql for file in files), encoding="utf-8")
    ours = _on_new_file(
        "d1migrate",
        lambda database: (*_up(lab, migrations, database), "--single-transaction"),
        folder / "d1.db",
        partial(_tables, count),
    )
    shells = _shells(lab.tools, folder, script, partial(_tables, count), bar=2)
    figure = f"apply {count:,}, --single-transaction"
    return _beside(figure, ours, shells, lab.sizes.middle)[0]


def no_op(lab: Lab) -> list[Row]:
    """`up` with nothing to do."""
    rows: list[Row] = []
    for count in lab.sizes.applied:
        folder = lab.folder / f"no-op-{count}"
        migrations = data.write(folder / "migrations", data.small(count))
        database = folder / "app.db"
        argv = _up(lab, migrations, database)
        run((*argv, "--single-transaction"), folder)
        (timing,) = in_turns([Command("d1migrate", argv, folder)], lab.sizes.middle)
        figure = f"no-op up, {count:,} applied"
        row = limited(figure, timing.median, _NO_OP_BARS.get(count), "s")
        rows.append(row._replace(ours=seconds(timing)))
        sent = _requests(lab, "schema_migrations", "up", database, migrations)
        rows.append(limited(f"{figure}: requests", sent, 1, ""))
    return rows


def load(lab: Lab) -> list[Row]:
    """One large data migration of single-row INSERTs."""
    folder, rows = lab.folder / "load", lab.sizes.rows
    script = data.write_dump(folder / "migrations" / "0001_load_events.sql", rows)
    done = partial(_rows, rows)
    ours = _on_new_file("d1migrate", partial(_up, lab, script.parent), folder / "d1.db", done)
    others = [
        *_shells(lab.tools, folder, script, done, bar=1.2),
        _on_new_file(
            "bare APSW, whole file",
            lambda database: _bare(lab, "script", database, script),
            folder / "bare.db",
            done,
        ),
    ]
    figure = f"data migration, {rows:,} INSERTs, {_size(script)}"
    table, timings = _beside(figure, ours, others, lab.sizes.long)
    memory = [limited(f"{figure}: peak memory", megabytes(timings[0].peak), 80, "MB")]
    memory += [
        memory[0]._replace(other=t.command.label, theirs=_peak(t), bar="-", ok=None) for t in timings[1:]
    ]
    return table + memory


def splitting(lab: Lab) -> list[Row]:
    """Splitting a dump, streaming, without running it."""
    folder, rows = lab.folder / "split", lab.sizes.rows
    script = data.write_dump(folder / "dump.sql", rows)
    argv = (lab.tools.python, str(_HERE / "split_file.py"), str(script), str(rows + 1))
    (timing,) = in_turns([Command("split", argv, folder)], lab.sizes.middle)
    speed = megabytes(script.stat().st_size) / timing.median
    figure = f"splitting a dump of {_size(script)}"
    return [
        limited(figure, speed, 50, "MB/s", at_least=True),
        limited(f"{figure}: peak memory", megabytes(timing.peak), None, "MB"),
    ]


def requests(lab: Lab) -> list[Row]:
    """Batches sent to a database whose history tables exist."""
    folder, count = lab.folder / "requests", 10
    files = list(data.small(1 + count))
    first = data.write(folder / "first", files[:1])
    migrations = data.write(folder / "migrations", files)
    rows = []
    for table in ("schema_migrations", "d1_migrations"):
        send, suffix = partial(_requests, lab, table), f", {table}"
        for what, bar in (("up", count + 2), ("single", 3)):
            database = folder / f"{what}-{table}.db"
            send("up", database, first)
            name = f"up of {count}" + (", --single-transaction" if what == "single" else "")
            rows.append(limited(f"requests: {name}{suffix}", send(what, database, migrations), bar, ""))
        database = folder / f"linted-{table}.db"
        send("up", database, first)
        sent = send("linted", database, migrations)
        rows.append(limited(f"requests: up of {count}, with lint{suffix}", sent, count + 3, ""))
        for what, name in (("status", "status"), ("up", "no-op up")):
            sent = send(what, folder / f"up-{table}.db", migrations)
            rows.append(limited(f"requests: {name}{suffix}", sent, 1, ""))
    return rows + remote.requests(lab.tools.d1migrate, folder / "remote", count)


def lint(lab: Lab) -> list[Row]:
    """`up` with the linter compared with `up --no-lint`, and the linter alone."""
    rows: list[Row] = []
    count = lab.sizes.migrations
    sets = {
        f"{count:,} migrations": (data.small(count), partial(_tables, count)),
        f"{lab.sizes.rows:,} INSERTs": (data.loading(lab.sizes.rows), partial(_rows, lab.sizes.rows)),
    }
    for name, (files, done) in sets.items():
        folder = lab.folder / f"lint-{name.split()[1]}"
        migrations = data.write(folder / "migrations", files)
        up = partial(_up_linted, lab, migrations)
        commands = [
            _on_new_file("d1migrate up", up, folder / "linted.db", done),
            _on_new_file("up --no-lint", partial(_up, lab, migrations), folder / "not.db", done, bar=2),
        ]
        first, other = in_turns(commands, lab.sizes.middle if "migrations" in name else lab.sizes.long)
        rows += compared(f"up with lint, {name}", first, [other])
    for name, files in (("", data.small(count)), (", every third alters", data.altering(count))):
        folder = lab.folder / f"lint-all{len(rows)}"
        migrations = data.write(folder / "migrations", files)
        argv = (lab.tools.d1migrate, "lint", "--all", "--json", "--migrations", str(migrations))
        (timing,) = in_turns([Command("d1migrate lint", argv, folder)], lab.sizes.middle)
        bar = 3.0 if count == FULL.migrations else None
        row = limited(f"lint {count:,} migrations{name}", timing.median, bar, "s")
        rows.append(row._replace(ours=seconds(timing)))
    return rows


def importing(lab: Lab) -> list[Row]:
    """A data file sent to a remote D1 by its import, and one of ten times the size."""
    folder = lab.folder / "import"
    folder.mkdir()
    return remote.imports(lab.tools.d1migrate, folder, (lab.sizes.rows // 5, lab.sizes.rows * 2))


def in_a_worker(lab: Lab) -> list[Row]:
    """The import of the library in a Worker, and `run_migrations` with nothing pending."""
    return worker.measure(lab.folder, rounds=100 * lab.sizes.middle)


def rebuilding(lab: Lab) -> list[Row]:
    """A guarded rebuild of a table with children on the real D1."""
    return rebuild.measure(rounds=lab.sizes.middle, scale=lab.sizes.rows / FULL.rows)


FIGURES: dict[str, Callable[[Lab], list[Row]]] = {
    "status": status,
    "apply": apply,
    "single": single,
    "no-op": no_op,
    "load": load,
    "split": splitting,
    "requests": requests,
    "import": importing,
    "lint": lint,
    "worker": in_a_worker,
    "rebuild": rebuilding,
}
"""The figures by the names that the command line takes."""


# --- commands ---


def _up(lab: Lab, migrations: Path, database: Path) -> tuple[str, ...]:
    return (*_up_linted(lab, migrations, database), "--no-lint")


def _up_linted(lab: Lab, migrations: Path, database: Path) -> tuple[str, ...]:
    return (lab.tools.d1migrate, "up", "--database", f"sqlite:{database}", "--migrations", str(migrations))


def _bare(lab: Lab, what: str, database: Path, path: Path) -> tuple[str, ...]:
    return (lab.tools.python, str(_HERE / "bare.py"), what, str(database), str(path))


def _requests(lab: Lab, table: str, what: str, database: Path, migrations: Path) -> int:
    script = str(_HERE / "count_requests.py")
    return int(run((lab.tools.python, script, what, str(database), str(migrations), table), lab.folder))


def _on_new_file(
    label: str,
    command: Callable[[Path], tuple[str, ...]],
    database: Path,
    done: Callable[[Path], None],
    bar: float | None = None,
) -> Command:
    """Return a command that starts without a database, and whose work is checked afterward."""
    return Command(
        label,
        command(database),
        database.parent,
        before=partial(_remove, database),
        after=partial(done, database),
        bar=bar,
    )


def _peer_up(peer: Peer, count: int) -> Command:
    label = f"{peer.label} {_verb(peer.up)}"
    bar = 0.5 if peer.label == "dbmate" else None
    every = 1 if peer.label == "dbmate" else 2
    command = _on_new_file(label, lambda _: peer.up, peer.database, partial(_tables, count), bar)
    return command._replace(folder=peer.folder, every=every)


def _shells(
    tools: Tools, folder: Path, script: Path, done: Callable[[Path], None], bar: float
) -> list[Command | Missing]:
    """Return the sqlite3 shell reading a file in one transaction, in WAL and with its defaults."""
    if isinstance(tools.shell, str):
        return [Missing("sqlite3 shell", tools.shell)]
    shell, steps = tools.shell, ("BEGIN", f".read '{script}'", "COMMIT")
    return [
        _on_new_file(
            "sqlite3 shell, WAL",
            lambda database: (*shell, "-bail", str(database), _WAL, *steps),
            folder / "shell-wal.db",
            done,
            bar,
        ),
        _on_new_file(
            "sqlite3 shell, rollback journal",
            lambda database: (*shell, "-bail", str(database), *steps),
            folder / "shell.db",
            done,
        ),
    ]


def _wrangler(tools: Tools, folder: Path) -> Command | Missing:
    if isinstance(tools.wrangler, str):
        return Missing("wrangler d1 migrations list --local", tools.wrangler)
    project = _hummbl(folder)
    options = ("hummbl-workflows", "--local", "-c", "workers/wrangler.jsonc")
    run((*tools.wrangler, "d1", "migrations", "apply", *options), project)
    argv = (*tools.wrangler, "d1", "migrations", "list", *options)
    return Command("wrangler d1 migrations list --local", argv, project, every=7)


def _beside(
    figure: str, ours: Command, others: Sequence[Command | Missing], rounds: int
) -> tuple[list[Row], list[Timing]]:
    timings = in_turns([ours, *(other for other in others if isinstance(other, Command))], rounds)
    missing = [other for other in others if isinstance(other, Missing)]
    return compared(figure, timings[0], [*timings[1:], *missing]), timings


def _verb(argv: tuple[str, ...]) -> str:
    return next(word for word in argv if word in ("apply", "up", "upgrade", "status", "list", "current"))


# --- files ---


def _hummbl(folder: Path) -> Path:
    """Copy HUMMBL's project, without the state that tools left in it."""
    shutil.copytree(ROOT / "workers", folder / "workers", ignore=shutil.ignore_patterns(".wrangler"))
    shutil.copy(ROOT / "d1migrate.toml", folder)
    return folder


def _remove(database: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)


def _tables(expected: int, database: Path) -> None:
    _check(database, "SELECT count(*) FROM sqlite_master WHERE name LIKE 'idx_t0%'", expected)


def _rows(expected: int, database: Path) -> None:
    _check(database, "SELECT count(*) FROM events", expected)


def _check(database: Path, query: str, expected: int) -> None:
    connection = sqlite3.connect(database)
    (found,) = connection.execute(query).fetchone()
    connection.close()
    if found != expected:
        raise RuntimeError(f"{database.name}: {query} is {found}, not {expected}")


def _size(path: Path) -> str:
    return f"{megabytes(path.stat().st_size):.0f} MB"


def _peak(timing: Timing) -> str:
    return f"{megabytes(timing.peak):.0f} MB"
