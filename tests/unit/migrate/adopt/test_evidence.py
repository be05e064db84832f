"""Which files a database has: files replayed, objects assessed, no database."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import HistoryError, UsageError
from d1migrate.lint.replay.footprints import footprints
from d1migrate.lint.replay.replayer import replay
from d1migrate.migrate.adopt.evidence import assess, decide, refuse_undecided, unmanaged_objects
from d1migrate.migrate.adopt.facts import facts
from d1migrate.migrate.adopt.model import Record
from d1migrate.migrate.source import load

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from d1migrate.migrate.adopt.facts import FactKey, Footprint
    from d1migrate.migrate.adopt.model import Assessment
    from d1migrate.migrate.selector import Selector


def prints(*texts: str) -> tuple[Footprint, ...]:
    """The footprints of some files."""
    return footprints(load((f"{n:03}_f.sql", sql) for n, sql in enumerate(texts, 1)))


def live(*texts: str) -> dict[FactKey, str]:
    """The facts of a database in which some SQL ran."""
    found = list(replay(load([("001_all.sql", ";\n".join(texts))]), probe=False))
    return facts(found[0].after.schema)


def states(found: Sequence[Assessment]) -> list[str]:
    """The states alone."""
    return [assessment.state for assessment in found]


def seen(assessment: Assessment) -> dict[str, str]:
    """What was seen of each object."""
    return {f"{one.kind} {one.name}": one.seen for one in assessment.evidence}


INDEPENDENT = (
    "CREATE TABLE a (id INTEGER PRIMARY KEY, n TEXT)",
    "CREATE TABLE b (id INTEGER PRIMARY KEY, a_id INTEGER REFERENCES a(id)); CREATE INDEX ib ON b(a_id)",
    "CREATE TRIGGER ta AFTER INSERT ON c BEGIN SELECT 1; END",
    "CREATE VIEW v AS SELECT 1 AS one",
    "ALTER TABLE c ADD COLUMN x TEXT",
    "ALTER TABLE c ADD COLUMN y TEXT",
    "CREATE UNIQUE INDEX ic ON c(n)",
)


def test_any_choice_of_files_is_found_out() -> None:
    """Files that do not build on each other are told apart, whichever of them ran."""
    base = "CREATE TABLE c (id INTEGER PRIMARY KEY, n TEXT)"
    files = prints(base, *INDEPENDENT)
    for size in range(len(INDEPENDENT) + 1):
        for chosen in itertools.combinations(range(len(INDEPENDENT)), size):
            there = live(base, *(INDEPENDENT[i] for i in chosen))
            expected = [
                "applied",
                *("applied" if i in chosen else "pending" for i in range(len(INDEPENDENT))),
            ]
            assert states(assess(files, there)) == expected
            assert unmanaged_objects(files, there) == ()


REBUILD = """\
CREATE TABLE new (id INTEGER PRIMARY KEY, email TEXT NOT NULL CHECK (email <> ''));
INSERT INTO new SELECT id, email FROM people;
DROP TABLE people;
ALTER TABLE new RENAME TO people;
"""
GROWING = (
    "CREATE TABLE users (id INTEGER PRIMARY KEY, mail TEXT NOT NULL)",
    "CREATE INDEX iu ON users(mail)",
    "ALTER TABLE users RENAME COLUMN mail TO email",
    "ALTER TABLE users RENAME TO people",
    REBUILD,
    "DROP TABLE people",
    "CREATE TABLE people (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID",
)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7])  # nothing comes after the sixth
def test_files_that_build_on_each_other(count: int) -> None:
    """However far they ran: what was renamed, rebuilt or dropped since does not look as if it never ran."""
    found = assess(prints(*GROWING), live(*GROWING[:count]))
    assert states(found) == ["applied"] * count + ["pending"] * (len(GROWING) - count)


def test_an_empty_database_has_nothing_to_tell() -> None:
    """All is pending, also what leaves no trace; a table that came and went may have been there or not."""
    assert states(assess(prints("SELECT 1", *GROWING[:6]), {})) == ["pending"] * 7


def test_what_leaves_no_trace_is_not_guessed() -> None:
    """Rows leave no trace: before a file that ran it is unknown, after one that did not it is pending."""
    files = prints("CREATE TABLE a (x)", "INSERT INTO a VALUES (1)", "CREATE TABLE b (x)", "DELETE FROM a")
    both = assess(files, live("CREATE TABLE a (x)", "CREATE TABLE b (x)"))
    assert states(both) == ["applied", "unknown", "applied", "unknown"]
    first = assess(files, live("CREATE TABLE a (x)"))
    assert states(first) == ["applied", "unknown", "pending", "pending"]
    assert first[3].because == "003_f comes before it and is pending"
    known = assess(files, live("CREATE TABLE a (x)"), recorded={"001_f": "it is in the history"})
    assert states(known) == ["recorded", "pending", "pending", "pending"]
    assert known[1].because == "it is newer than all that the history has"


def test_a_half_run_file_names_both_halves() -> None:
    """What is there, what is missing, and nothing of a table beside the table."""
    files = prints("CREATE TABLE a (x, y); CREATE INDEX ia ON a(x); CREATE VIEW v AS SELECT x FROM a")
    (found,) = assess(files, live("CREATE TABLE a (x, y); CREATE VIEW v AS SELECT x FROM a"))
    assert found.state == "partly applied"
    assert seen(found) == {"table a": "present", "index ia": "missing", "view v": "present"}
    assert found.because == "table a and view v are present, yet index ia is missing"


def test_what_no_file_makes_contradicts() -> None:
    """A column of another type, with what the file says and what is live; white space and case do not count."""
    files = prints("CREATE TABLE a (x TEXT NOT NULL, y INTEGER DEFAULT 0, UNIQUE (x, y))")
    (found,) = assess(files, live('create table "A" ([x]  text  not null, y INTEGER DEFAULT 1, UNIQUE(x,y))'))
    assert (found.state, seen(found)) == ("contradicted", {"table a": "present", "column a.y": "different"})
    different = found.evidence[1]
    assert (different.expected, different.actual) == ("y integer DEFAULT 0", "y integer DEFAULT 1")


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("CREATE TABLE a (x CHECK (x > 0))", "CREATE TABLE a (x CHECK (x > 1))"),
        ("CREATE TABLE a (x REFERENCES b(id) ON DELETE CASCADE)", "CREATE TABLE a (x REFERENCES b(id))"),
        ("CREATE TABLE a (x TEXT COLLATE NOCASE)", "CREATE TABLE a (x TEXT)"),
        ("CREATE TABLE a (x, y, PRIMARY KEY (x, y))", "CREATE TABLE a (x, y, PRIMARY KEY (y, x))"),
        ("CREATE TABLE a (x, y AS (x + 1))", "CREATE TABLE a (x, y AS (x + 2))"),
        ("CREATE TABLE a (x INTEGER PRIMARY KEY) STRICT", "CREATE TABLE a (x INTEGER PRIMARY KEY)"),
        ("CREATE TABLE a (x INTEGER PRIMARY KEY AUTOINCREMENT)", "CREATE TABLE a (x INTEGER PRIMARY KEY)"),
        ("CREATE VIRTUAL TABLE a USING fts5(x)", "CREATE VIRTUAL TABLE a USING fts5(x, y)"),
        ("CREATE TABLE a (x); CREATE INDEX i ON a(x)", "CREATE TABLE a (x); CREATE INDEX i ON a(x DESC)"),
        ("CREATE VIEW a AS SELECT 'A'", "CREATE VIEW a AS SELECT 'a'"),
    ],
)
def test_no_difference_is_overlooked(was: str, now: str) -> None:
    """Whatever else the text says, a file whose object is live in another form is not applied."""
    assert states(assess(prints(was), live(was))) == ["applied"]
    assert states(assess(prints(was), live(now)))[0] in ("contradicted", "partly applied")


def test_columns_of_another_order_and_extra_ones_are_no_contradiction() -> None:
    """A column added out of order is the same column; one that no file makes is named as such."""
    files = prints("CREATE TABLE a (x TEXT)", "ALTER TABLE a ADD COLUMN y TEXT", "CREATE TABLE q (z)")
    there = live("CREATE TABLE a (y TEXT, extra, x TEXT)", "CREATE TABLE other (a, b)")
    assert states(assess(files, there)) == ["applied", "applied", "pending"]
    assert [key.shown for key in unmanaged_objects(files, there)] == ["a.extra", "other"]


def test_a_file_that_cannot_be_replayed_is_not_judged() -> None:
    """Its tables began elsewhere; the files that build on it are unknown too, others are not."""
    files = prints(
        "ALTER TABLE legacy ADD COLUMN x", "ALTER TABLE legacy ADD COLUMN y", "CREATE TABLE a (x)", "SELECT 1"
    )
    found = assess(files, live("CREATE TABLE legacy (x, y)", "CREATE TABLE a (x)"))
    assert states(found) == ["unknown", "unknown", "applied", "unknown"]
    assert "001_f.sql:1: no such table: legacy" in found[0].because
    assert found[1].because == "it builds on 001_f, which cannot be replayed on an empty database"


def test_rows_beside_a_table_are_mentioned() -> None:
    """A table may have been created without the rows of its file, e.g. from a dump of the schema."""
    files = prints(
        "CREATE TABLE a (x); INSERT INTO a VALUES (1); INSERT INTO schema_migrations VALUES (1, 'a', 0)"
    )
    there = live("CREATE TABLE a (x)")
    assert assess(files, there)[0].because == "table a is present; its rows were not checked"
    recorded = assess(files, there, records={"001_f": [RECORD]})[0].because
    assert recorded == "table a is present; wrangler recorded it as 001_f.sql"


def test_a_file_that_d1_refuses_says_so() -> None:
    """Not that it leaves no trace."""
    (found,) = assess(prints("SELEC 1"), live("CREATE TABLE a (x)"))
    assert (found.state, 'near "SELEC": syntax error' in found.because) == ("unknown", True)


RECORD = Record("wrangler", "d1_migrations", "001_f.sql", "by its name", 1000)


@pytest.mark.parametrize(
    ("there", "state"),
    [
        ("CREATE TABLE a (x)", "applied"),
        ("CREATE TABLE z (x)", "contradicted"),
        ("CREATE TABLE a (y)", "contradicted"),
    ],
)
def test_a_record_without_its_objects_contradicts(there: str, state: str) -> None:
    """What another tool has as applied, and what is there, must agree."""
    (found,) = assess(prints("CREATE TABLE a (x)"), live(there), records={"001_f": [RECORD]})
    assert found.state == state or seen(found)["column a.x"] == "missing"


def test_a_record_decides_what_leaves_no_trace() -> None:
    """Recorded is applied, with the time it has; after all that are recorded is pending."""
    files = prints("CREATE TABLE a (x)", "INSERT INTO a VALUES (1)", "DELETE FROM a", "DELETE FROM a")
    records: Mapping[str, Sequence[Record]] = {"001_f": [RECORD], "002_f": [RECORD]}
    found = assess(files, live("CREATE TABLE a (x)"), records=records)
    assert states(found) == ["applied", "applied", "pending", "pending"]
    assert found[1].at == 1000
    failed = assess(files, live("CREATE TABLE a (x)"), records={"001_f": [RECORD._replace(state="failed")]})
    assert failed[0].state == "contradicted"


def test_a_failed_record_of_nothing_is_pending() -> None:
    """A tool that says it failed agrees with a database in which nothing of it is."""
    failed = RECORD._replace(state="failed")
    assert states(
        assess(prints("CREATE TABLE a (x)"), live("CREATE TABLE b (x)"), records={"001_f": [failed]})
    ) == ["pending"]


@pytest.mark.parametrize(
    ("assume", "pending", "message"),
    [
        ([9], [], "--assume 9: there is no migration 9"),
        ([3], [], "--assume 3: 003_f is pending: table b is missing"),
        ([], [1], "--pending 1: 001_f is applied: table a is present"),
        ([2], ["002_f"], "--assume 002_f and --pending 002_f cannot be used together"),
    ],
)
def test_a_decision_must_not_contradict_the_database(
    assume: Collection[Selector], pending: Collection[Selector], message: str
) -> None:
    """Nor be about a file that does not exist, nor be two."""
    found = assess(prints("CREATE TABLE a (x)", "SELECT 1", "CREATE TABLE b (x)"), live("CREATE TABLE a (x)"))
    with pytest.raises(UsageError, match=message):
        decide(found, assume=assume, pending=pending)


def test_a_decision_that_the_database_confirms() -> None:
    """It changes nothing: the same command may run on several databases."""
    found = assess(prints("CREATE TABLE a (x)", "CREATE TABLE b (x)"), live("CREATE TABLE a (x)"))
    assert decide(found, assume=[1], pending=[2]) == found


def test_nothing_is_recorded_while_a_file_is_open() -> None:
    """The error names each with its reason; with a word for each there is none."""
    found = assess(
        prints("CREATE TABLE a (x)", "SELECT 1", "CREATE TABLE b (x); CREATE INDEX ib ON b(x)"),
        live("CREATE TABLE a (x)", "CREATE TABLE b (x)"),
    )
    with pytest.raises(
        HistoryError, match=r"002_f is unknown: .*\n003_f is partly applied: table b is present"
    ) as error:
        refuse_undecided(found)
    assert error.value.names == ("002_f", "003_f")
    decided = decide(found, assume=[2], pending=[3])
    refuse_undecided(decided)
    assert states(decided) == ["applied", "assumed", "pending"]
