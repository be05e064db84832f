"""The law of the two runtimes: TypeScript does what Python does, whatever happened to the database before.

Folders, histories, edits between two calls, options, lost responses and other runs in between are random. After each
call everything is compared: what was applied or refused, in which words, how many queries it took, each table, and what
can be read then, by verifySchema, too.

A run tries 80 scenarios on D1 and 30 in objects; `python -m tests tests/workers/typescript/test_agreement.py --times 20
--random` tries 2200 others. One in which the runtimes differ is made small, and printed as a value that can be added below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.migrate.table import NameTable, VersionTable
from tests import inputs
from tests.runtime.typescript import TypeScriptWorkerd
from tests.workers.typescript.agreement import difference, shrunk
from tests.workers.typescript.past import Step
from tests.workers.typescript.scenarios import Call, Fault, Scenario, scenario

if TYPE_CHECKING:
    from pathlib import Path

    from d1migrate.migrate.table import MigrationsTable

AT_ONCE = 1000  # scenarios with one server, which has a database for each, and some to make one smaller
VERSIONS, NAMES = VersionTable(), NameTable()
ONE, TWO, THREE = (("001_a.sql", "SELECT 1"), ("002_b.sql", "SELECT 2"), ("003_c.sql", "SELECT 3"))
LAST = "WHERE id = (SELECT max(id) FROM d1migrate_log)"


def by_hand(sql: str) -> Step:
    """Statements that somebody ran."""
    return Step("sql", (), sql)


FOUND: dict[str, tuple[MigrationsTable, tuple[Step, ...], tuple[Call, ...]]] = {
    "a name with capitals": (VersionTable('Quo"te'), (), (Call((ONE,)),)),
    "a rollback without SQL": (NAMES, (), (Call((("001_a.sql", ""),)),)),
    "all was rolled back by hand": (
        VERSIONS,
        (Step("up", (ONE,)), by_hand("DELETE FROM schema_migrations")),
        (Call((ONE, TWO)),),
    ),
    "wrangler alone": (NAMES, (Step("wrangler", (ONE,), 1),), (Call((ONE,)), Call((ONE, TWO)))),
    "a damaged log": (
        VERSIONS,
        (Step("up", (ONE,)), by_hand(f"UPDATE d1migrate_log SET checksum = x'00' {LAST}")),
        (Call((ONE, TWO)),),
    ),
    "an older kind of checksum": (
        NAMES,
        (
            Step("up", (ONE,)),
            by_hand(
                "UPDATE d1migrate_log SET checksum = 'b1:' || file_digest, file_digest = NULL WHERE event = 'done'"
            ),
        ),
        (Call((ONE, TWO)),),
    ),
    "dbmate": (
        VERSIONS,
        (by_hand("CREATE TABLE schema_migrations (version VARCHAR(128) PRIMARY KEY)"),),
        (Call((ONE,)),),
    ),
    "golang-migrate": (
        VERSIONS,
        (by_hand("CREATE TABLE schema_migrations (version uint64, dirty bool)"),),
        (Call((ONE,)),),
    ),
    "SQL that changes the history of others": (
        VERSIONS,
        (),
        (Call((("001_a.sql", "INSERT INTO schema_migrations SELECT 7, 'x', 1"),)),),
    ),
    "an application's table of names": (
        NAMES,
        (by_hand("CREATE TABLE schema_migrations (name TEXT PRIMARY KEY, applied_at TIMESTAMP)"),),
        (Call((ONE,)),),
    ),
    "an application's table of versions": (
        VERSIONS,
        (by_hand("CREATE TABLE d1_migrations (VERSION integer primary key, NAME TEXT, applied_at INTEGER)"),),
        (Call((ONE,)),),
    ),
    "a view with the name of the table": (
        VERSIONS,
        (by_hand("CREATE VIEW schema_migrations AS SELECT 1 AS version, 'x' AS name, 1 AS applied_at"),),
        (Call((ONE,)),),
    ),
    "only the name of the old log": (
        NAMES,
        (by_hand("CREATE TABLE schema_migrations_log (a, b)"),),
        (Call((ONE,)),),
    ),
    "a number that is a name": (NAMES, (), (Call((("3.sql", ""), ("003_a/x.sql", "")), to=3),)),
    "a partial migration, recorded under another name": (
        VERSIONS,
        (
            Step("up", (ONE,)),
            by_hand(f"DELETE FROM d1migrate_log {LAST}; UPDATE schema_migrations SET name = 'other'"),
        ),
        (Call((TWO,)),),
    ),
    "numbers that are not exact": (
        NAMES,
        (),
        (
            Call((("99999999999999999999_a.sql", ""),)),
            Call((("99999999999999999999_a.sql", ""), ("9007199254740991_b.sql", ""))),
        ),
    ),
    "a number that is too large, in the table": (
        VERSIONS,
        (Step("up", (ONE,)), by_hand("INSERT INTO schema_migrations VALUES (9007199254740993, 'large', 1)")),
        (Call((ONE,)),),
    ),
    "missing files, not applied in order": (
        NAMES,
        (Step("wrangler", (THREE,), 1), Step("wrangler", (ONE, TWO, THREE), 9)),
        (Call((TWO,)),),
    ),
    "an edited file whose content has another name now": (
        NAMES,
        (Step("up", (ONE, TWO)),),
        (Call((("001_a.sql", "SELECT 9"), TWO, ("004_d.sql", "SELECT 1"))),),
    ),
    "a renamed file that was recorded without a name": (
        VERSIONS,
        (Step("up", (ONE,)), by_hand("UPDATE schema_migrations SET name = ''")),
        (Call((("004_d.sql", "SELECT 1"),)),),
    ),
    "one content under two new names": (
        NAMES,
        (Step("up", (ONE,)),),
        (Call((("001_x.sql", "SELECT 1"), ("001_y.sql", "SELECT 1"))),),
    ),
    "another file of the same version": (
        VERSIONS,
        (Step("up", (ONE,)),),
        (Call((("001_z.sql", "SELECT 9"),)),),
    ),
    "a response lost after the first migration": (
        VERSIONS,
        (),
        (Call((ONE, TWO, THREE), fault=Fault(4, "throw before")), Call((ONE, TWO, THREE))),
    ),
    "another run was faster": (NAMES, (), (Call((ONE, TWO), fault=Fault(2, "worker")),)),
    "squashed, and all that it replaces is newer": (
        NAMES,
        (Step("wrangler", (ONE, TWO), 2),),
        (Call((("001_a.sql", f"-- Squashes: 002_b v1:{'0' * 64}\nSELECT 1"),)),),
    ),
    "another run created the log": (
        NAMES,
        (by_hand(NAMES.create),),
        (Call((ONE,), max_queries=6, fault=Fault(2, "worker")),),
    ),
    "a row without a name beside another table": (
        NAMES,
        (
            by_hand(f"{NAMES.create}; INSERT INTO d1_migrations (name) VALUES (NULL)"),
            by_hand(f"{VERSIONS.create}; INSERT INTO schema_migrations VALUES (1, '001_a', 1)"),
        ),
        (Call((ONE,)),),
    ),
    "no query left for a lost response": (
        VERSIONS,
        (by_hand(VERSIONS.create),),
        (Call((ONE,), max_queries=4),),
    ),
}
"""Scenarios in which the runtimes differed once."""


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found(typescript: TypeScriptWorkerd, name: str) -> None:
    """The two agree on D1; objects are another matter only where D1 may fail."""
    one = Scenario(*FOUND[name])

    assert difference(one, typescript) is None
    if not any(call.fault for call in one.calls):
        assert difference(one, typescript, in_object=True) is None


@pytest.mark.parametrize(("place", "usual"), [("D1", 80), ("object", 30)])
def test_both_runtimes_agree(place: str, usual: int, tmp_path: Path) -> None:
    """Whatever happened to the database before."""
    in_object, count = place == "object", inputs.scaled(usual)
    for start in range(0, count, AT_ONCE):
        with TypeScriptWorkerd(tmp_path / str(start), isolates=1) as workerd:
            for number in range(start, min(start + AT_ONCE, count)):
                one = scenario(inputs.generator(f"agreement {place} {number}"))
                if in_object:  # SQL is not asked over a network there
                    one = one._replace(calls=tuple(call._replace(fault=None) for call in one.calls))
                found = difference(one, workerd, in_object=in_object)
                if found:
                    pytest.fail("\n".join(map(str, shrunk(one, found, workerd, in_object=in_object))))
