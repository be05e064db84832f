"""A backfill in chunks beside one UPDATE of all rows: what it costs, and how long others wait."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.jobs import Bench, Meter, beside, files, run
from benchmarks.table import Row
from benchmarks.tools import missing_workerd

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.lab import Lab
    from d1migrate.migrate.migration import Migration

_FILL = "UPDATE T SET filled = upper(name)"
_TARGET = 0.25  # seconds of a chunk


def backfill(lab: Lab) -> list[Row]:
    """Measure chunks of one size on D1 and on a file; and on D1, chunks of the size that the job chooses."""
    if why := missing_workerd():
        return [Row("backfill", "-", theirs=why)]
    from tests.runtime.workerd import Workerd

    with Workerd() as workerd:
        bench = Bench(lab, workerd)
        job = files(f"-- d1migrate: batch T rows {bench.chunk}\n{_FILL};\n")
        figure = f"backfill of {bench.rows:,} rows in chunks of {bench.chunk:,}"
        return [
            *_beside_one_statement(figure, bench, job),
            *_lost(figure, bench, job),
            _wait(f"backfill of {bench.rows:,} rows: longest wait of another request", bench, job),
        ]


def _beside_one_statement(figure: str, bench: Bench, job: Sequence[Migration]) -> list[Row]:
    rows, costs = list[Row](), list[Row]()
    for place, make, bar in (("on D1", bench.on_d1, 2.5), ("on a file", bench.in_file, 2.2)):
        ours, theirs = [], []
        for _ in range(bench.rounds):
            one, chunks = make(), make()
            run(one, _FILL)
            chunks.run(job, bench.chunk)
            theirs.append(one.cpu_of())
            ours.append(chunks.cpu_of())
            costs = costs or list(_costs(figure, bench, chunks))
            _check(one, chunks)
        rows.append(beside(f"{figure}, {place}: CPU time", ours, "one UPDATE", theirs, bar))
    return rows + costs


def _costs(figure: str, bench: Bench, meter: Meter) -> Iterator[Row]:
    chunks = [sent for sent in meter.sent if sent.written >= bench.chunk]
    read, written = (
        sum(cost) / bench.rows for cost in zip(*((sent.read, sent.written) for sent in chunks), strict=True)
    )
    most = 1 + 3 * len(chunks) / bench.rows
    yield Row(f"{figure}: rows read for each row", f"{read:.2f}", bar="≤ 6", ok=read <= 6)
    yield Row(
        *(f"{figure}: rows written for each row", f"{written:.4f}"), bar=f"≤ {most:.4f}", ok=written <= most
    )
    last, first = ([sent.cpu for sent in part] for part in (chunks[-10:], chunks[1:11]))
    yield beside(f"{figure}: CPU time of the last chunks", last, "the first ones", first, 1.2)


def _check(expected: Meter, found: Meter) -> None:
    """Raise if two databases have other rows; the data of each row is random."""
    query = "SELECT count(*), sum(id), count(filled), sum(length(filled)) FROM T"
    if run(expected, query)[-1].rows != run(found, query)[-1].rows:
        raise RuntimeError("the chunks did not fill what one UPDATE fills")
    for meter in (expected, found):
        meter.close()


def _lost(figure: str, bench: Bench, job: Sequence[Migration]) -> Iterator[Row]:
    undisturbed, disturbed = bench.in_file(), bench.in_file(loses=2)
    requests = [len(meter.run(job, bench.chunk).sent) for meter in (disturbed, undisturbed)]
    disturbed.loses = 0
    _check(undisturbed, disturbed)
    ratio, bar = requests[0] / requests[1], 2.2
    yield Row(
        *(
            f"{figure}: requests if every second answer is lost",
            f"{requests[0]}",
            "none lost",
            f"{requests[1]}",
        ),
        *(f"{ratio:.2f} x", f"≤ {bar:g} x", ratio <= bar),
    )


def _wait(figure: str, bench: Bench, job: Sequence[Migration]) -> Row:
    meter = bench.on_d1(paced=True)
    with _other_requests(meter) as waits:
        meter.run(job, bench.chunk)
    longest, bar = max(waits), 3 * _TARGET
    return Row(figure, f"{longest:.3f} s", bar=f"≤ {bar:g} s", ok=longest <= bar)


@contextmanager
def _other_requests(meter: Meter) -> Iterator[list[float]]:
    """Send requests of another client; the list gets the seconds of each."""
    ended, waits = threading.Event(), list[float]()

    def send() -> None:
        while not ended.wait(0.005):
            began = time.perf_counter()
            run(meter.driver, "UPDATE T SET created = 7 WHERE id = 77")
            waits.append(time.perf_counter() - began)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield waits
    finally:
        ended.set()
        thread.join()
