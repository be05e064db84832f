"""Random scenarios: a database with a past, and the calls of a Worker that follow.

A scenario is a plain value, so that one in which the runtimes differ can be made smaller and written down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate.migrate.order import number_of
from d1migrate.migrate.table import MAX_VERSION, VERSIONS, WRANGLER, NameTable, VersionTable
from tests.workers.typescript.folders import edited, folder
from tests.workers.typescript.past import step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from d1migrate.migrate.table import MigrationsTable
    from tests.workers.typescript.folders import Files
    from tests.workers.typescript.past import Step


class Fault(NamedTuple):
    """What happens to one of the batches of a call, or before it.

    Attributes:
        at: the number of the batch, from 0.
        what: see binding_faults.mjs; or an action of `Past` that is done before, with the files of the call.
    """

    at: int
    what: str

    @property
    def is_of_d1(self) -> bool:
        """Whether it is D1 that fails."""
        return self.what in ("throw before", "lose answer")


class Call(NamedTuple):
    """A call of `runMigrations`, with the index that the Worker has then."""

    files: Files
    to: int | str | None = None
    accept_newer: bool = True
    max_queries: int = 50
    fault: Fault | None = None


class Scenario(NamedTuple):
    """What was done to a database, and the calls that follow.

    Attributes:
        table: the migrations table of the index.
        steps: what was done before.
        calls: the calls.
    """

    table: MigrationsTable
    steps: tuple[Step, ...]
    calls: tuple[Call, ...]


def scenario(random: Random) -> Scenario:
    """Return a scenario."""
    by_name = random.random() < 0.5
    table = table_of(random, by_name=by_name)
    numbered = not by_name or random.random() < 0.3
    files = folder(random, numbered=numbered, size=random.choice([1, 2, 2, 3, 3, 4, 5, 8]))
    steps: list[Step] = []
    for _ in range(random.choice([0, 0, 1, 1, 1, 2, 2, 3, 4])):
        steps.append(step(random, files, table))
        while random.random() < 0.35:
            files = edited(random, files, numbered=numbered)
    calls = []
    for _ in range(random.choice([1, 2, 2, 3])):
        calls.append(_call(random, files))
        while random.random() < 0.4:
            files = edited(random, files, numbered=numbered)
    return Scenario(table, tuple(steps), tuple(calls))


def table_of(random: Random, *, by_name: bool) -> MigrationsTable:
    """Return the migrations table of an index."""
    if by_name:
        return NameTable(random.choice([WRANGLER] * 5 + ["my migrations", "it's", "d1_Migrations"]))
    versions = random.choice([VERSIONS] * 6 + ["my versions", 'Quo"te'])
    return VersionTable(versions, NameTable(random.choice([WRANGLER] * 6 + ["my migrations"])))


def _call(random: Random, files: Files) -> Call:
    to: int | str | None = None
    fault: Fault | None = None
    if files and random.random() < 0.25:
        name, _ = random.choice(files)
        number = number_of(name)
        if number is None or abs(number) > MAX_VERSION:  # the runtime does not know such a number
            number = 12345
        selectors: list[int | str] = [number, number, str(number), name, name.removesuffix(".sql")]
        to = random.choice(selectors)
    if random.random() < 0.15:
        what = random.choice(["throw before", "lose answer", "up", "worker", "wrangler", "down", "baseline"])
        fault = Fault(random.choice([0, 1, 2, 2, 3, 3, 4, 5]), what)
    return Call(files, to, random.random() < 0.8, random.choice([50] * 8 + [3, 4, 5, 6, 7]), fault)


def smaller(one: Scenario) -> Iterator[Scenario]:
    """Yield scenarios that have a little less."""
    for at in range(len(one.steps)):
        yield one._replace(steps=one.steps[:at] + one.steps[at + 1 :])
    for at, call in enumerate(one.calls):
        if len(one.calls) > 1:
            yield one._replace(calls=one.calls[:at] + one.calls[at + 1 :])
        for plain in (Call(call.files), call._replace(to=None), call._replace(fault=None)):
            if plain != call:
                yield one._replace(calls=(*one.calls[:at], plain, *one.calls[at + 1 :]))
    folders = [step.files for step in one.steps] + [call.files for call in one.calls]
    every = {file for files in folders for file in files}
    for name in sorted({name for name, _ in every}):
        yield _with(one, name, lambda _: None)
    for name, text in sorted(every):
        for less in ("", "SELECT 1", *_shorter(text)):
            if len(less) < len(text):
                yield _with(one, name, _replacing(text, less))


def _replacing(text: str, less: str) -> Callable[[str], str]:
    return lambda known: less if known == text else known


def _shorter(text: str) -> Iterator[str]:
    parts = text.split(";")
    for at in range(len(parts)):
        yield ";".join(parts[:at] + parts[at + 1 :])


def _with(one: Scenario, changed: str, change: Callable[[str], str | None]) -> Scenario:
    """Return a scenario in which the texts of a file are changed; without the file where that returns None."""

    def folder(files: Files) -> Files:
        texts = [(name, change(text) if name == changed else text) for name, text in files]
        return tuple((name, text) for name, text in texts if text is not None)

    return one._replace(
        steps=tuple(step._replace(files=folder(step.files)) for step in one.steps),
        calls=tuple(call._replace(files=folder(call.files)) for call in one.calls),
    )
