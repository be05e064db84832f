"""However far files ran, and whatever they did, no look takes one that ran for pending, or the other way round."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apsw
from hypothesis import given, settings
from hypothesis import strategies as st

from d1migrate.lint.replay.footprints import footprints
from d1migrate.lint.replay.replayer import replay
from d1migrate.migrate.adopt.evidence import assess
from d1migrate.migrate.adopt.facts import facts
from d1migrate.migrate.source import load
from tests.inputs import scaled

if TYPE_CHECKING:
    from d1migrate.migrate.adopt.facts import FactKey

TABLES = ("a", "b", "c")
COLUMNS = ("x", "y", "z")
STATEMENTS = [
    *(f"CREATE TABLE {t} (id INTEGER PRIMARY KEY, x TEXT)" for t in TABLES),
    *(f"CREATE TABLE IF NOT EXISTS {t} (id INTEGER PRIMARY KEY, x TEXT, y INT)" for t in TABLES),
    *(f"ALTER TABLE {t} ADD COLUMN {c} TEXT" for t in TABLES for c in COLUMNS),
    *(f"ALTER TABLE {t} DROP COLUMN {c}" for t in TABLES for c in COLUMNS),
    *(f"ALTER TABLE {t} RENAME COLUMN {c} TO {d}" for t in TABLES for c in COLUMNS for d in COLUMNS if c < d),
    *(f"ALTER TABLE {t} RENAME TO {u}" for t in TABLES for u in TABLES if t != u),
    *(f"CREATE INDEX i_{t} ON {t}(x)" for t in TABLES),
    *(f"DROP INDEX IF EXISTS i_{t}" for t in TABLES),
    *(f"CREATE VIEW v_{t} AS SELECT x FROM {t}" for t in TABLES),
    *(f"DROP VIEW IF EXISTS v_{t}" for t in TABLES),
    *(f"CREATE TRIGGER t_{t} AFTER DELETE ON {t} BEGIN SELECT 1; END" for t in TABLES),
    *(f"DROP TABLE IF EXISTS {t}" for t in TABLES),
    *(f"INSERT INTO {t} (x) VALUES ('1')" for t in TABLES),
]


def runnable(files: list[list[str]]) -> list[list[str]]:
    """The statements that SQLite takes, in files none of which is empty."""
    connection = apsw.Connection(":memory:")
    kept: list[list[str]] = []
    for file in files:
        good = []
        for sql in file:
            try:
                connection.execute(sql)
            except apsw.SQLError:
                continue
            good.append(sql)
        kept += [good] if good else []
    connection.close()
    return kept


def live(files: list[list[str]]) -> dict[FactKey, str]:
    """The facts of a database in which some files ran."""
    text = ";\n".join(sql for file in files for sql in file)
    (ran,) = replay(load([("001_all.sql", text or "SELECT 1")]), probe=False)
    return facts(ran.after.schema)


@settings(max_examples=scaled(300))
@given(st.lists(st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=4), min_size=1, max_size=7))
def test_no_file_is_taken_for_the_opposite(files: list[list[str]]) -> None:
    """What ran is applied or unknown, what did not is pending or unknown, and nothing is half-way."""
    files = runnable(files)
    migrations = load((f"{n:03}_f.sql", ";\n".join(file)) for n, file in enumerate(files, 1))
    prints = footprints(migrations)
    for count in range(len(files) + 1):
        there = live(files[:count])
        found = assess(prints, there) if there else ()  # of an empty one nothing ran, as far as it matters
        for place, assessment in enumerate(found):
            allowed = {"applied", "unknown"} if place < count else {"pending", "unknown"}
            assert assessment.state in allowed, (count, [(j.state, j.because) for j in found])
