"""The law of a tenant: `migrate_one` and `up` leave the same database, or refuse it with the same error.

Both get copies of one file: with a random history in either table, and whatever people and interrupted runs do to it; and
random files, edited, missing, renamed, late and failing ones among them. What the plan expects is the state of another such file.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import event, given, settings
from hypothesis import strategies as st

from d1migrate import Migration, Migrator, connect
from d1migrate.errors import ApplyError, Error
from d1migrate.fleet import FleetPlan, migrate_one
from d1migrate.migrate.order import number_of
from d1migrate.migrate.source import ordered
from d1migrate.migrate.table import VERSIONS
from tests.inputs import scaled
from tests.laws.test_history import NAMES, in_either_table, scripts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hypothesis.strategies import DataObject, DrawFn


def tampering(table: str) -> dict[str, str]:
    """What others do to a history, as SQL in which {key} finds a migration."""
    found = "version = (SELECT max(version) FROM schema_migrations)"
    logged = found
    if table != VERSIONS:
        found = "id = (SELECT max(id) FROM d1_migrations)"
        logged = (
            "name = (SELECT substr(name, 1, length(name) - 4) FROM d1_migrations ORDER BY id DESC LIMIT 1)"
        )
    unknown = "VALUES (99, '099_x', 1)" if table == VERSIONS else "(name) VALUES ('9999_x.sql')"
    return {
        "partial": f"DELETE FROM d1migrate_log WHERE event = 'done' AND {logged}",
        "forgotten": f"DELETE FROM {table} WHERE {found}",
        "not logged": f"DELETE FROM d1migrate_log WHERE {logged}",
        "no log": "DROP TABLE d1migrate_log",
        "an old log": "ALTER TABLE d1migrate_log DROP COLUMN file_digest",
        "edited": f"UPDATE d1migrate_log SET checksum = 'v1:other', file_digest = 'x' WHERE {logged}",
        "unknown": f"INSERT INTO {table} {unknown}",
        "renamed": f"UPDATE {table} SET name = 'x' || name WHERE {found}",
        "a table of others": "CREATE TABLE others (x)",
        "a leftover": "CREATE TABLE _d1m_new_a (x)",
        "rows that break keys": "CREATE TABLE orphan (x REFERENCES nowhere (y) DEFERRABLE INITIALLY DEFERRED)",
        "empty table": f"DELETE FROM {table}",
        "no token": "UPDATE d1migrate_log SET token = ''",
        "a number": "UPDATE d1migrate_log SET rollback_digest = x'07'",
        "a blob": f"UPDATE {table} SET name = x'00ff' WHERE {found}",
        "no table": f"DROP TABLE {table}",
    }


class Start(NamedTuple):
    """What a database has seen: migrations up to a place, rollbacks, and tampering."""

    up: int
    down: int
    tampering: tuple[str, ...]

    def make(self, path: Path, files: Sequence[Migration], table: str) -> None:
        """Create the file."""
        if self.up:
            with closing(connect(f"sqlite:{path}")) as driver:
                migrator = Migrator(driver, files[: self.up], table=table)
                migrator.up(lint=False)
                if self.down:
                    migrator.down(steps=min(self.down, self.up), allow_loss=["all"])
                    migrator.up(lint=False, to=files[0].name)
        with closing(sqlite3.connect(path)) as database:
            for what in self.tampering:
                try:
                    database.execute(tampering(table)[what])
                except sqlite3.Error:
                    event("no such tampering here")
            database.commit()


@st.composite
def starts(draw: DrawFn, most: int) -> Start:
    """Mostly a plain history."""
    kinds = st.lists(st.sampled_from(sorted(tampering(VERSIONS))), max_size=2)
    return Start(
        draw(st.integers(0, most)),
        draw(st.sampled_from([0, 0, 0, 1, 2])),
        tuple(draw(st.sampled_from([True, False]).flatmap(lambda plain: st.just([]) if plain else kinds))),
    )


@st.composite
def texts_of(draw: DrawFn, table: str) -> list[tuple[str, str]]:
    """Names and texts of files; perhaps one of them fails."""
    texts = draw(scripts())
    if draw(st.integers(0, 3)) == 0:
        place = draw(st.integers(1, len(texts)))
        texts[place:] = ["CREATE TABLE fine (x);\nINSERT INTO nowhere VALUES (1);\n", *texts[place:]]
    return list(zip(NAMES[table], texts, strict=False))


def files_of(texts: Iterable[tuple[str, str]]) -> tuple[Migration, ...]:
    """Names and texts as migrations."""
    return ordered([Migration(number_of(name), name, text) for name, text in texts])


def changed(data: DataObject, texts: list[tuple[str, str]]) -> tuple[Migration, ...]:
    """The files that a later checkout has."""
    what = data.draw(st.sampled_from(["same"] * 4 + ["edit", "remove", "rename"]))
    at = data.draw(st.integers(0, len(texts) - 1))
    name, text = texts[at]
    instead = {"same": [(name, text)], "edit": [(name, f"{text}SELECT 1;\n")], "remove": []}
    return files_of([*texts[:at], *instead.get(what, [(f"{name}_new", text)]), *texts[at + 1 :]])


def contents(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The schema and every row, without tokens and times."""
    with closing(sqlite3.connect(path)) as database:
        schema = database.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name, type"
        ).fetchall()
        found = {"": schema}
        for kind, name, _, _ in schema:
            if kind == "table":
                cursor = database.execute(f'SELECT * FROM "{name}"')
                columns = [one[0] for one in cursor.description]
                kept = [n for n, column in enumerate(columns) if column not in ("token", "at", "applied_at")]
                found[name] = [tuple(row[n] for n in kept) for row in cursor]
    return found


def outcome(call: Any) -> tuple[Any, ...]:
    """What a call reports, or what it raises."""
    try:
        return ("done", *call())
    except ApplyError as error:
        return ("ApplyError", str(error), error.migration, error.line, error.applied, error.pending)
    except Error as error:
        return (type(error).__name__, str(error), getattr(error, "names", None))


@in_either_table
@given(st.data())
@settings(max_examples=scaled(80))
def test_migrate_one_and_up_are_the_same(table: str, data: DataObject) -> None:
    """In schema, rows, migrations table and log, or in the error."""
    texts = data.draw(texts_of(table))
    files = files_of(texts)
    start, other = (data.draw(starts(len(files))) for _ in range(2))
    wanted = changed(data, texts)
    options = {
        "to": data.draw(st.sampled_from([None, None, None, *(one.name for one in wanted)])),
        "allow_out_of_order": data.draw(st.booleans()),
    }
    with tempfile.TemporaryDirectory() as folder:
        one, up, expected = (Path(folder, name) for name in ("one.db", "up.db", "expected.db"))
        try:
            start.make(one, files, table)
            other.make(expected, files, table)
        except Error:
            return  # a failing file among those from before
        shutil.copyfile(one, up)
        check(wanted, table, options, one, up, expected)


def check(
    files: Sequence[Migration], table: str, options: dict[str, Any], one: Path, up: Path, expected: Path
) -> None:
    """Compare the two, after the plan met a database in the expected state."""
    with closing(connect(f"sqlite:{up}")) as driver:
        migrator = Migrator(
            driver, files, table=table, by="test", allow_out_of_order=options["allow_out_of_order"]
        )
        by_up = outcome(lambda: [tuple(s.name for s in migrator.up(lint=False, to=options["to"]).steps)])
    plan = FleetPlan(files, table=table, by="test", create=True, **options)
    outcome(lambda: migrate_one(f"sqlite:{expected}", plan))
    by_one = outcome(lambda: migrate_one(f"sqlite:{one}", plan)[:1])
    event(by_up[0])
    assert by_one == by_up
    assert contents(one) == contents(up)
    if by_up[0] == "done":
        again = migrate_one(f"sqlite:{one}", plan)
        assert again.applied == ()
        assert again.requests <= 3
