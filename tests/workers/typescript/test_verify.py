"""verifySchema: Python's verdict, on D1 and in objects, and nothing of it in a bundle that does not import it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from d1migrate.drivers.connect import connect
from d1migrate.drivers.run import run
from d1migrate.lint.replay.replayer import schemas_after
from d1migrate.migrate.compiled_index import compile_index
from d1migrate.migrate.flows.verify import WITHOUT_DIGESTS, Verification, verify_by_digests
from d1migrate.migrate.source import load
from d1migrate.migrate.table import NameTable, VersionTable
from d1migrate.migrate.table_choice import TableChoice
from d1migrate.schema import digest, text_digest
from d1migrate.sql.split import split
from tests.runtime.answers import InsideError
from tests.workers.typescript.runs import TABLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.migrate.table import Shape
    from tests.runtime.typescript import TypeScriptWorkerd

USERS = (
    "001_users.sql",
    """
CREATE TABLE Users (id INTEGER PRIMARY KEY, name TEXT DEFAULT Anonymous);
CREATE INDEX by_name ON users (name);
CREATE VIEW names AS SELECT name FROM users;
""",
)
AUDIT = (
    "002_audit.sql",
    """
CREATE TABLE audit (at TEXT);
CREATE TRIGGER note AFTER DELETE ON users BEGIN
  INSERT INTO audit VALUES ('deleted; really');
END;
""",
)
MORE = (
    "003_more.sql",
    """
DROP VIEW names;
ALTER TABLE users ADD COLUMN mail TEXT;
CREATE UNIQUE INDEX by_mail ON users (mail);
""",
)
THREE = [USERS, AUDIT, MORE]
EDITED = (AUDIT[0], AUDIT[1].replace("really", "indeed"))
SEARCH = ("004_search.sql", "CREATE VIRTUAL TABLE pages USING fts5 (body, tokenize = 'porter');\n")
WRONG = ("004_wrong.sql", "ALTER TABLE nosuch ADD x;\n")
LATER = ("004_later.sql", "CREATE TABLE later (x);\n")

Files = list[tuple[str, str]]


class Case(NamedTuple):
    """What was applied, then run past the migrations; and what the index has."""

    name: str
    files: Files = THREE
    applied: Sequence[Files] = (THREE,)
    sql: Sequence[str] = ()
    differences: Sequence[str] = ()
    not_compared: str | None = None
    table: Shape | None = None


RESPELLED = """create trigger "note" after delete on [users]
begin insert into `audit` /* x */ values('deleted; really'); end"""
REBUILT = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT DEFAULT {}, mail TEXT)"
BEGAN = """INSERT INTO d1migrate_log (token, event, action, version, name, who, tool, at)
VALUES ('t', 'begun', 'up', 3, '003_more', 'w', 't', 1)"""
OTHER = [VersionTable().create, "INSERT INTO schema_migrations VALUES (9, '009_other', 1)"]
BESIDE = [NameTable().create, "INSERT INTO d1_migrations (name) VALUES ('001_users.sql')"]
GONE = "the file of 002_audit is missing"
WRANGLER = [
    *(
        NameTable().create,
        "INSERT INTO d1_migrations (name) VALUES ('004_wrong.sql')",
        "CREATE TABLE nosuch (y, x)",
    ),
]
NO_DIGESTS = WITHOUT_DIGESTS.format(name="004_wrong")
CASES = [
    Case("nothing is wrong"),
    Case("no history", applied=()),
    Case("no history, and tables", applied=(), sql=["CREATE TABLE x (y)"], differences=["table x extra"]),
    Case("some are pending", applied=([USERS],)),
    Case("a column was added", sql=["ALTER TABLE users ADD x"], differences=["table Users different"]),
    Case("an index was dropped", sql=["DROP INDEX by_mail"], differences=["index by_mail missing"]),
    Case(
        "a trigger was changed",
        sql=["DROP TRIGGER note", "CREATE TRIGGER note AFTER DELETE ON users BEGIN SELECT 1; END"],
        differences=["trigger note different"],
    ),
    Case("a view is missing", [USERS], ([USERS],), ["DROP VIEW names"], ["view names missing"]),
    Case("an extra table", sql=["CREATE TABLE x (y)"], differences=["table x extra"]),
    Case(
        "spelled in another way",
        sql=[
            "DROP TRIGGER note",
            RESPELLED,
            "DROP INDEX by_mail",
            "create unique index BY_MAIL on `Users` (MAIL)",
        ],
    ),
    Case(
        "a default in capitals",
        sql=[
            *("DROP TABLE users", REBUILT.format("anonymous"), "CREATE INDEX by_name ON users (name)"),
            *(
                "CREATE UNIQUE INDEX by_mail ON users (mail)",
                "DROP TABLE audit",
                "CREATE TABLE audit (at TEXT)",
            ),
        ],
        differences=["table users different", "trigger note missing"],
    ),
    Case("a full-text table", [*THREE, SEARCH], ([*THREE, SEARCH],)),
    Case(
        "tables of other tools",
        sql=[
            "CREATE TABLE __drizzle_migrations (id)",
            "CREATE TABLE _d1m_hold (x)",
            "CREATE TABLE Kysely_migration_lock (id)",
            "CREATE INDEX locks ON kysely_migration_lock (id)",
        ],
    ),
    Case("an edited file", [USERS, EDITED, MORE], differences=["trigger note different"]),
    Case("a missing file", [USERS, MORE], not_compared="the file of 002_audit is missing"),
    Case("two missing files", [USERS], not_compared="the file of 002_audit, 003_more is missing"),
    Case("a renamed file", [USERS, ("002_log.sql", AUDIT[1]), MORE]),
    Case("another number", [USERS, ("007_audit.sql", AUDIT[1]), MORE]),
    Case("out of order", THREE, ([USERS, LATER],), [], [], "the file of 004_later is missing"),
    Case(
        "skipped", [*THREE, LATER], ([USERS, LATER],), [], [], "002_audit is not applied, but newer files are"
    ),
    Case("a gap", [USERS, LATER], ([USERS, LATER],)),
    Case("a migration that began", sql=[BEGAN]),
    Case("a name that no file has", sql=["INSERT INTO d1_migrations (name) VALUES ('x')"], table="names"),
    Case("the other table, too", sql=OTHER, table="names"),
    Case("beside wrangler's table, which is empty", sql=BESIDE[:1], table="versions"),
    Case("beside wrangler's table, which records less", sql=BESIDE, table="versions"),
    Case(
        "a file that is not the last is missing", [USERS, MORE], ([USERS], [USERS, AUDIT]), not_compared=GONE
    ),
    Case("a pending file cannot be replayed", [*THREE, WRONG]),
    Case("an applied file cannot be replayed", [WRONG], (), WRANGLER, not_compared=NO_DIGESTS, table="names"),
]


def index(files: Files, shape: Shape) -> dict[str, Any]:
    """The index of files, with digests."""
    migrations, table = load(files), TABLES[shape]
    schemas = digest.changes_of_each(schemas_after(migrations, table), text_digest.changes)
    return compile_index(migrations, table, schemas)


def in_python(workerd: TypeScriptWorkerd, place: str, files: Files, shape: Shape) -> Verification:
    """What Python finds in the same database, with digests that come of a parser."""
    migrations, table = load(files), TABLES[shape]
    choice = TableChoice(table.name, "d1_migrations")
    schemas = digest.changes_of_each(schemas_after(migrations, table))
    with closing(connect(f"sqlite:{workerd.file(place)}")) as driver:
        return run(verify_by_digests(migrations, choice, schemas), driver)


@pytest.mark.parametrize(
    ("case", "shape"),
    [
        pytest.param(case, shape, id=f"{case.name}-{shape}")
        for case in CASES
        for shape in ([case.table] if case.table else TABLES)
    ],
)
def test_the_verdict_is_python_s(typescript: TypeScriptWorkerd, place: str, shape: Shape, case: Case) -> None:
    """Entries, differences, problems, and why nothing could be compared, in the same words."""
    for files in case.applied:
        typescript.call("runMigrations", index(files, shape), database=place)
    typescript.sql(place, "SELECT 1", *case.sql)

    answer = typescript.call("verifySchema", index(case.files, shape), database=place)

    found, expected = answer.result, in_python(typescript, place, case.files, shape)
    assert found["entries"] == [
        {"name": e.name, "version": e.version, "state": e.state} for e in expected.entries
    ]
    differences = [f"{d['kind']} {d['name']} {d['problem']}" for d in found["differences"]]
    assert differences == [f"{d.kind} {d.name} {d.problem}" for d in expected.differences]
    assert sorted(differences) == sorted(case.differences)
    assert found["notCompared"] == expected.not_compared == case.not_compared
    for one, other in zip(found["problems"], expected.problems, strict=True):
        assert (one["kind"], one["name"]) == (other.kind, other.name)
        assert other.message.startswith(one["message"])  # Python's may have an example, and what to do
    for name, value in (
        *(("ok", expected.ok), ("gaps", list(expected.gaps)), ("pending", list(expected.pending))),
        *(("current", expected.current), ("currentVersion", expected.current_version)),
    ):
        assert found[name] == value, name
    if "/" not in place:
        assert answer.calls["batch"] == 2 + bool(case.differences and shape == "versions" and case.applied)


@pytest.mark.parametrize("is_different", [False, True])
def test_applied_after_newer_ones(
    typescript: TypeScriptWorkerd, place: str, shape: Shape, is_different: bool
) -> None:
    """Digests follow the order of the files, so that a difference may be none."""
    typescript.call("runMigrations", index([USERS, LATER], shape), database=place)
    record = """INSERT INTO d1migrate_log (token, event, action, version, name, who, tool, at)
        VALUES ('t', 'done', 'up', 2, '002_audit', 'w', 't', 1)"""
    row = {
        "versions": "INSERT INTO schema_migrations VALUES (2, '002_audit', 1)",
        "names": "INSERT INTO d1_migrations (name) VALUES ('002_audit.sql')",
    }
    typescript.sql(place, *(piece.sql for piece in split(AUDIT[1], file="") if piece.sql), row[shape], record)
    typescript.sql(place, "SELECT 1", *(["CREATE TABLE x (y)"] if is_different else []))

    files = [USERS, AUDIT, LATER]
    found = typescript.call("verifySchema", index(files, shape), database=place).result

    assert found["notCompared"] == in_python(typescript, place, files, shape).not_compared
    assert found["notCompared"] == ("002_audit was applied after newer files" if is_different else None)
    assert found["differences"] == []
    assert found["ok"] is not is_different


def test_the_tables_of_an_object(typescript: TypeScriptWorkerd) -> None:
    """Those of its key-value storage and of SQLite are nobody's drift."""
    place, counted = typescript.new_object(), "CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT)"
    files = [("001_a.sql", f"{counted};\nCREATE INDEX i ON a (id);\nANALYZE;\n")]
    typescript.call("runMigrations", index(files, "versions"), database=place)
    typescript.call("put", "key", "value", database=place)
    names = [name for (name,) in typescript.sql(place, "SELECT name FROM sqlite_schema")[0]]
    assert {"_cf_KV", "sqlite_sequence", "sqlite_stat1"} <= set(names)

    found = typescript.call("verifySchema", index(files, "versions"), database=place).result

    assert (found["ok"], found["differences"]) == (True, [])


def test_a_history_that_cannot_be_read(typescript: TypeScriptWorkerd, place: str) -> None:
    """It is an error, as everywhere."""
    typescript.sql(
        place, "CREATE TABLE schema_migrations (version BIGINT NOT NULL PRIMARY KEY, dirty BOOLEAN)"
    )

    with pytest.raises(InsideError) as caught:
        typescript.call("verifySchema", index(THREE, "versions"), database=place)

    assert caught.value.type == "HistoryError"


def test_an_index_without_digests(typescript: TypeScriptWorkerd, place: str) -> None:
    """The history is compared, and the result says what is missing."""
    without = compile_index(load(THREE), TABLES["versions"])
    typescript.call("runMigrations", without, database=place)

    found = typescript.call("verifySchema", without, database=place).result

    assert [entry["state"] for entry in found["entries"]] == ["applied"] * 3
    assert found["notCompared"] == WITHOUT_DIGESTS.format(name="001_users")
    assert not found["ok"]
