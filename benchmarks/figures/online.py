"""An online rebuild beside the guarded one: its longest batch, its swap, and the writes of an application."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from benchmarks.jobs import SCHEMA, TABLE, Bench, Meter, apply, beside, files, run
from benchmarks.table import Row
from benchmarks.tools import missing_workerd

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.lab import Lab
    from d1migrate.migrate.migration import Migration

_AFTER = f"CREATE TABLE T ({TABLE}, CHECK (name <> ''));\nCREATE INDEX T_created ON T (created);\n"
_MORE = "".join(
    f"CREATE INDEX T_{number} ON T ({columns});\n"
    for number, columns in enumerate(("name", "data", "name, data"))
)
_WRITES = {
    "INSERT": "INSERT INTO T (id, email, name) VALUES ({new}, 'i{new}', 'n')",
    "UPDATE": "UPDATE T SET name = 'z{new}' WHERE id = {old}",
    "UPDATE of one row": "UPDATE T SET name = 'z{new}' WHERE id = 77",
    "upsert": (
        "INSERT INTO T (id, email) VALUES ({old}, 'e{new}')"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.email"
    ),
    "REPLACE": "INSERT OR REPLACE INTO T (id, email, name) VALUES ({old}, 'r{new}', 'n')",
    "DELETE": "DELETE FROM T WHERE id = {old}",
}
_STATEMENTS, _TIMES = 400, 5


def online_rebuild(lab: Lab) -> list[Row]:
    """Measure on D1."""
    if why := missing_workerd():
        return [Row("online rebuild", "-", theirs=why)]
    from tests.application.jobs import guarded, online
    from tests.runtime.workerd import Workerd

    text = online(SCHEMA, _AFTER)
    with Workerd() as workerd:
        bench = Bench(lab, workerd)
        figure = f"online rebuild of {bench.rows:,} rows"
        return [
            *_beside_guarded(figure, bench, files(text), files(guarded(text))),
            *_writes(figure, bench, files(text)),
            _late_indexes(bench),
            _adversarial(lab),
        ]


def _beside_guarded(
    figure: str, bench: Bench, job: Sequence[Migration], whole: Sequence[Migration]
) -> Iterator[Row]:
    ours, theirs, swaps = list[Meter](), list[Meter](), list[float]()
    for _ in range(bench.rounds):
        theirs.append(apply(bench.on_d1(), whole))
        ours.append(bench.on_d1().run(job, bench.chunk))
        swaps.append(_swap(bench))
    longest = [meter.longest() for meter in theirs]
    states = {sent.state for sent in ours[0].sent} - {"indexes"}
    for what, values, other, others, bar in (
        ("the longest batch", [m.longest(*states) for m in ours], "the guarded rebuild", longest, 1 / 20),
        ("the longest index", [m.longest("indexes") for m in ours], "the guarded rebuild", longest, 1),
        ("all of it", [m.cpu_of() for m in ours], "the guarded rebuild", [m.cpu_of() for m in theirs], 3),
        ("the swap", [m.cpu_of("verified") for m in ours], "DROP, RENAME and two counts", swaps, 1.5),
    ):
        yield beside(f"{figure}: CPU time of {what}", values, other, others, bar)


def _swap(bench: Bench) -> float:
    """Return the CPU seconds of a swap without anything else."""
    meter, shadow = (
        bench.on_d1(),
        _AFTER.replace("TABLE T", "TABLE S").replace("T_", "S_").replace("ON T", "ON S"),
    )
    run(meter, *shadow.split(";\n")[:-1])
    for first in range(1, bench.rows + 1, bench.chunk):
        page = f"id >= {first} AND id < {first + bench.chunk}"
        run(meter, f"INSERT INTO S SELECT id, email, name, created, data FROM T WHERE {page}")
    meter.sent.clear()
    counts = ("SELECT count(*) FROM T", "SELECT count(*) FROM S")
    run(meter, *counts, "DROP TABLE T", "ALTER TABLE S RENAME TO T")
    return meter.cpu_of()


def _writes(figure: str, bench: Bench, job: Sequence[Migration]) -> Iterator[Row]:
    """Compare the writes of an application during a rebuild with those on a table of the same size."""
    from d1migrate.migrate.jobs.pace import Pace
    from tests.application.jobs import Process

    during, plain = bench.on_d1(), bench.on_d1()
    process = Process(job, Pace(size=bench.chunk, most=bench.chunk))
    for _ in range(12):  # the start, and some chunks
        process.step(during.batch)
    numbers, other = count(10_000_000), "without a rebuild"
    for name, sql in _WRITES.items():
        cpu = list[list[float]]([[], []])
        for _ in range(_TIMES):
            new = [next(numbers) for _ in range(_STATEMENTS)]
            statements = [sql.format(new=n, old=1 + n * 7919 % bench.rows) for n in new]
            for meter, times in zip((during, plain), cpu, strict=True):
                run(meter, *statements)
                times.append(meter.sent[-1].cpu / _STATEMENTS)
        yield beside(f"{figure}: CPU time of an application's {name}", cpu[0], other, cpu[1], 2.2, "us")
    seconds = list[list[float]]([[], []])
    for _ in range(_STATEMENTS):
        sql = f"UPDATE T SET name = 'w' WHERE id = {1 + next(numbers) * 7919 % bench.rows}"
        for meter, times in zip((during, plain), seconds, strict=True):
            run(meter, sql)
            times.append(meter.sent[-1].seconds)
    yield beside(f"{figure}: an application's request", seconds[0], other, seconds[1], 1.2)


def _late_indexes(bench: Bench) -> Row:
    """Compare the guarded rebuild of a table with four indexes with one that creates them before the rows."""
    from tests.application.jobs import guarded, online

    late = guarded(online(SCHEMA + _MORE, _AFTER + _MORE))
    lines = late.splitlines(keepends=True)
    indexes = [line for line in lines if line.startswith("CREATE INDEX T_")]
    rest = [line for line in lines if line not in indexes]
    at = next(n for n, line in enumerate(rest) if line.startswith('INSERT INTO "T"'))
    early = "".join((*rest[:at], *indexes, *rest[at:]))
    cpu: dict[str, list[float]] = {late: [], early: []}
    for _ in range(bench.rounds):
        for script, times in cpu.items():
            meter = bench.on_d1()
            run(meter, *_MORE.split(";\n")[:-1])
            meter.sent.clear()
            times.append(apply(meter, files(script)).longest())
    figure = f"guarded rebuild of {bench.rows:,} rows with 4 indexes: CPU time"
    return beside(figure, cpu[late], "indexes before the rows", cpu[early], 0.4)


def _adversarial(lab: Lab) -> Row:
    """Compare tables that are rebuilt while an application writes with controls that are not."""
    from random import Random

    from tests.application.jobs import World, rebuild
    from tests.application.pair import Pair, in_memory
    from tests.application.tables import KINDS

    runs, wrong = 20 if lab.quick else 1000, 0
    for number in range(runs):
        kind, chance = KINDS[number % len(KINDS)], Random(number)  # noqa: S311 - not a secret
        subject, control = in_memory(), in_memory()
        try:
            files = rebuild(kind, triggers=chance.random() < 0.5)
            World(Pair(subject, control), kind, files, chance, faults=chance.choice([0, 0.2])).run()
        except Exception as error:
            print(f"run {number}, {kind.name}: {error}")
            wrong += 1
        subject.close()
        control.close()
    return Row(f"{runs:,} runs beside an application: those that differ", f"{wrong}", bar="≤ 0", ok=not wrong)
