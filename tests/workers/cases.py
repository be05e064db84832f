"""The table of cases that every runtime is held to, `cases.json`.

A case: files are applied to a database; what came before, what goes wrong meanwhile, and what is expected.

    name      what happens, as a sentence
    why       if the sentence does not say it
    table     the shape of the migrations table; without it, the case is played with either
    named     the name of the migrations table, if it is not the usual one
    on        "d1" or "object"; without it, on both
    runtime   the only runtime that can be called like this, and `why`
    files     the migrations of the index: keys of `files` of the table, or {name: SQL}
    before    steps, each the SQL of a statement, or files that are applied
    options   of the call
    times     how many calls there are at once, over how many `isolates`
    faults    see binding_faults.mjs and storage_faults.mjs
    instead   what is passed instead of the database
    edit      what is edited in the compiled index: {path: value}
    expect    see `play.check`
    differs   {what: why} of what is not compared between the runtimes

A value of `expect` may be one for each table, target or runtime: {"d1": 1, "object": 2}.
"""

from __future__ import annotations

import json
from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from d1migrate.migrate.table import VERSIONS, WRANGLER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from d1migrate.migrate.table import Shape

Target: TypeAlias = Literal["d1", "object"]
TABLES: tuple[Shape, ...] = ("versions", "names")
TARGETS: tuple[Target, ...] = ("d1", "object")
CASES = Path(__file__).with_name("cases.json")


class Case(NamedTuple):
    """A case, with one table and on one target."""

    name: str
    table: Shape
    target: Target
    data: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Its name in a test run."""
        return f"{self.name}, {self.table}, {self.target}"

    @property
    def named(self) -> str | None:
        """The name of the migrations table, if it is not the usual one."""
        return self.data.get("named")

    @property
    def history(self) -> str:
        """The name of the migrations table."""
        return self.named or (VERSIONS if self.table == "versions" else WRANGLER)

    @property
    def files(self) -> list[tuple[str, str]]:
        """The files of the index."""
        return expanded(self.data["files"])

    @property
    def before(self) -> list[str | list[tuple[str, str]]]:
        """What came before."""
        steps = self.chosen(self.data.get("before", ()))
        return [step if isinstance(step, str) else expanded(step) for step in map(self.chosen, steps)]

    def expected(self, what: str, runtime: str) -> Any:
        """Return what is expected; None if nothing is."""
        return self.chosen(self.data["expect"].get(what), runtime)

    def chosen(self, value: Any, runtime: str = "") -> Any:
        """Return the value for the table, the target and the runtime."""
        return _chosen(value, {self.table, self.target, runtime})


def _chosen(value: Any, ours: set[str]) -> Any:
    while isinstance(value, dict) and value and value.keys() <= _CHOICES:
        value = next((one for key, one in value.items() if key in ours), None)
    return {key: _chosen(one, ours) for key, one in value.items()} if isinstance(value, dict) else value


_CHOICES = {*TABLES, *TARGETS, "python", "typescript"}


@cache
def _table() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(CASES.read_text("utf-8"))
    return found


def cases() -> Iterator[Case]:
    """Yield every case with each table and on each target that it is for."""
    for data in _table()["cases"]:
        tables = [data["table"]] if "table" in data else TABLES
        targets = [data["on"]] if "on" in data else TARGETS
        for table, target in product(tables, targets):
            yield Case(data["name"], table, target, data)


def expanded(files: Sequence[str | Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return (name, SQL) of files: keys of the table's `files`, {name: SQL}, or {"count": N, name: SQL}."""
    found: list[tuple[str, str]] = []
    for file in files:
        if isinstance(file, str):
            found.append((f"{file}.sql", _table()["files"][file]))
            continue
        named = [(name, sql) for name, sql in file.items() if name != "count"]
        for n in range(1, file.get("count", 1) + 1):
            found += [
                (f"{name.replace('#', f'{n:03}')}.sql", sql.replace("#", f"{n}")) for name, sql in named
            ]
    return found
