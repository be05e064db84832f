"""What may have happened to a database before a Worker runs: as values, and done to it.

d1migrate's own commands, wrangler, an older Worker, people who change the history by hand, other tools.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from d1migrate import Migrator
from d1migrate.drivers.run import run
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import Error
from d1migrate.migrate import log
from d1migrate.migrate.flows.ensure import ensure
from d1migrate.migrate.log import Stamp
from d1migrate.migrate.source import load
from d1migrate.migrate.table import NameTable, VersionTable
from d1migrate.migrate.table_choice import TableChoice
from d1migrate.sql.batch import Batch, Query
from d1migrate.sql.d1 import WORKERD

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from d1migrate.drivers.protocol import Driver
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.table import MigrationsTable
    from tests.workers.typescript.folders import Files


class Step(NamedTuple):
    """Something done to the database.

    Attributes:
        action: a method of `Past`, without its underscore.
        files: the folder at that time.
        argument: what the action needs besides.
    """

    action: str
    files: Files
    argument: Any = None


LOG = "d1migrate_log"
APPLICATION = [
    "CREATE TABLE app (id INTEGER PRIMARY KEY)",
    "CREATE TABLE app (id)",
    "CREATE TABLE b (id INTEGER PRIMARY KEY, x TEXT)",
    'CREATE TABLE "it\'s, é" (x); CREATE VIEW w AS SELECT 1; CREATE INDEX j ON "it\'s, é"(x)',
    "CREATE TABLE t1 (x); CREATE TABLE t2 (x); CREATE TABLE t3 (x); CREATE TABLE t4 (x); CREATE TABLE t5 (x); CREATE TABLE t6 (x)",
    "CREATE VIEW only AS SELECT 1",
    "CREATE TABLE __drizzle_migrations (id INTEGER PRIMARY KEY, hash TEXT, created_at NUMERIC); INSERT INTO __drizzle_migrations VALUES (1, 'x', 1)",
    "CREATE TABLE _prisma_migrations (id TEXT PRIMARY KEY); INSERT INTO _prisma_migrations VALUES ('1'); CREATE TABLE app (id)",
    "CREATE TABLE knex_migrations_lock (x); CREATE TABLE ar_internal_metadata (x)",
    "CREATE TABLE goose_db_version (id); INSERT INTO goose_db_version VALUES (1)",
    "CREATE TABLE _d1m_left (x)",
    "CREATE TABLE Payload_Migrations (x); INSERT INTO Payload_Migrations VALUES (1)",
]
BY_VERSION = [
    "INSERT INTO {own} VALUES (3, NULL, 1)",
    "INSERT INTO {own} VALUES (4, '', 1)",
    "INSERT INTO {own} VALUES (6, 12, 'x')",
    "INSERT INTO {own} VALUES (-3, 'minus', 1)",
    "INSERT INTO {own} VALUES (9007199254740991, 'last', 1)",
    "INSERT INTO {own} VALUES (9007199254740993, 'too large', 1)",
    "INSERT INTO {own} VALUES (200, 'line\nbreak', 1)",
    "INSERT INTO {own} VALUES (201, 'a b  c ', 1), (202, ' ', 1)",
    "INSERT INTO {own} VALUES (20240101, 'newer', CURRENT_TIMESTAMP)",
    "INSERT INTO {own} (version, name, applied_at) SELECT max(version) + 1, 'newer', 1 FROM {own}",
    "INSERT INTO {own} (version, name, applied_at) SELECT max(version) - 1, 'older', 1 FROM {own}",
    "UPDATE {own} SET name = 'other'",
    "UPDATE {own} SET name = ''",
    "UPDATE {own} SET version = version + 1",
    "INSERT INTO {own} VALUES (300, 'a' || char(0) || 'b', 1)",
]
BY_NAME = [
    "INSERT INTO {own} (name) VALUES (NULL)",
    "INSERT INTO {own} (name) VALUES (x'c3a9')",
    "INSERT INTO {own} (name) VALUES (''), ('.sql'), ('x')",
    "INSERT INTO {own} (name) VALUES (12)",
    "INSERT INTO {own} (name) VALUES ('999_newer.sql')",
    "INSERT INTO {own} (name) VALUES ('zzz_newest.sql'), ('zz a b.sql')",
    "INSERT INTO {own} (name) VALUES ('0000_older.sql')",
    "INSERT INTO {own} (name) VALUES ('line\nbreak.sql')",
    "INSERT INTO {own} (name) VALUES ('cr\rlf\u2028.sql')",
    "INSERT INTO {own} (name) VALUES ('b.SQL')",
    "UPDATE {own} SET name = substr(name, 1, length(name) - 4)",
    "UPDATE {own} SET name = name || 'x.sql' WHERE id = 1",
    "UPDATE {own} SET id = id + 10",
    "UPDATE {own} SET id = -id",
    "UPDATE sqlite_sequence SET seq = 99",
    "DELETE FROM sqlite_sequence",
    "INSERT INTO {own} (name) SELECT substr(name, 1, length(name) - 4) FROM {own}",
]
IN_EITHER = [
    "DELETE FROM {own}",
    "DELETE FROM {own} WHERE rowid = (SELECT max(rowid) FROM {own})",
    "DELETE FROM {own} WHERE rowid = (SELECT min(rowid) FROM {own})",
    "DROP TABLE {own}",
    "DROP TABLE {log}",
    "DELETE FROM {log}",
    "DELETE FROM {log} WHERE event = 'done' AND id = (SELECT max(id) FROM {log})",
    "DELETE FROM {log} WHERE event = 'done' AND id = (SELECT min(id) FROM {log} WHERE event = 'done')",
    "DELETE FROM {log} WHERE event = 'begun'",
    "UPDATE {log} SET checksum = NULL, file_digest = NULL",
    "UPDATE {log} SET checksum = 'v1:other' WHERE id = (SELECT max(id) FROM {log})",
    "UPDATE {log} SET checksum = 'b1:' || file_digest, file_digest = NULL WHERE event = 'done'",
    "UPDATE {log} SET file_digest = 'other'",
    "UPDATE {log} SET checksum = x'00' WHERE id = (SELECT max(id) FROM {log})",
    "UPDATE {log} SET version = 'text' WHERE id = (SELECT max(id) FROM {log})",
    "UPDATE {log} SET name = 'other'",
    "UPDATE {log} SET name = '' WHERE id = 2",
    "UPDATE {log} SET action = 'down' WHERE id = (SELECT max(id) FROM {log})",
    "UPDATE {log} SET action = 'adopt'",
    "UPDATE {log} SET event = 'began'",
    "UPDATE {log} SET token = ''",
    "UPDATE {log} SET token = 'x y'",
    "UPDATE {log} SET version = NULL",
    "UPDATE {log} SET detail = 'no json'",
    "ALTER TABLE {log} ADD COLUMN more",
    "ALTER TABLE {log} DROP COLUMN file_digest",
    "ALTER TABLE {log} DROP COLUMN detail",
    "ALTER TABLE {log} RENAME TO schema_migrations_log",
    "CREATE TABLE {log} (id INTEGER PRIMARY KEY, x)",
    "CREATE TABLE schema_migrations_log (a, b)",
    "INSERT INTO {log} (token, event, action, version, name, who, tool, at) VALUES ('t', 'begun', 'up', 7, '007_part', 'w', 't', 1)",
    "INSERT INTO {log} (token, event, action, version, name, who, tool, at) VALUES ('t', 'done', 'gate', NULL, '', 'w', 't', 1)",
    "INSERT INTO {log} (token, event, action, version, name, who, tool, at) SELECT 't', 'begun', 'up', version, name, 'w', 't', 1 FROM {log} ORDER BY id DESC LIMIT 1",
    "INSERT INTO {log} (token, event, action, version, name, who, tool, at) SELECT 't', 'begun', 'down', version, name, 'w', 't', 1 FROM {log} ORDER BY id LIMIT 1",
    "INSERT INTO {log} (token, event, action, version, name, who, tool, at) VALUES ('t', 'begun', 'up', NULL, 'é ''q''', 'w', 't', 1)",
]
SHAPES = [
    "CREATE TABLE {own} (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL)",
    "CREATE TABLE {own} (version INTEGER PRIMARY KEY, name TEXT, applied_at TEXT DEFAULT CURRENT_TIMESTAMP, more TEXT)",
    "CREATE TABLE {own} (version INTEGER PRIMARY KEY, name TEXT, applied_at INTEGER, more TEXT NOT NULL)",
    "CREATE TABLE {own} (VERSION integer primary key, NAME TEXT, Applied_At INTEGER)",
    "CREATE TABLE {own} (version TEXT PRIMARY KEY, name TEXT, applied_at INTEGER)",
    "CREATE TABLE {own} (version VARCHAR(128) PRIMARY KEY)",
    "CREATE TABLE {own} (version varchar NOT NULL)",
    "CREATE TABLE {own} (version uint64, dirty bool)",
    "CREATE TABLE {own} (version INTEGER, name TEXT, applied_at INTEGER)",
    "CREATE TABLE {own} (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)",
    "CREATE TABLE {own} (id INTEGER PRIMARY KEY, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)",
    "CREATE TABLE {own} (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)",
    "CREATE TABLE {own} (name TEXT PRIMARY KEY, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)",
    "CREATE TABLE {own} (name TEXT PRIMARY KEY, applied_at TIMESTAMP) WITHOUT ROWID",
    "CREATE TABLE {own} (id INTEGER PRIMARY KEY AUTOINCREMENT, NAME TEXT UNIQUE, applied_at TIMESTAMP)",
    "CREATE TABLE {own} (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP, version INTEGER)",
    "CREATE VIEW {own} AS SELECT 1 AS version, 'x' AS name, 1 AS applied_at, 1 AS id",
]


def step(random: Random, files: Files, table: MigrationsTable) -> Step:
    """Return a random step.

    Args:
        random: the generator.
        files: the folder at that time.
        table: the migrations table.
    """
    (make,) = random.choices(list(_MAKERS), list(_MAKERS.values()))
    return make(random, files, table)


def _up(random: Random, files: Files, table: MigrationsTable) -> Step:
    names = [name.removesuffix(".sql") for name, _ in files]
    return Step(random.choice(["up", "up", "worker", "up_late"]), files, random.choice([None, None, *names]))


def _wrangler(random: Random, files: Files, table: MigrationsTable) -> Step:
    return Step("wrangler", files, random.choice([1, 2, 99]))


def _one(action: str) -> Callable[[Random, Files, MigrationsTable], Step]:
    def make(random: Random, files: Files, table: MigrationsTable) -> Step:
        names = [name.removesuffix(".sql") for name, _ in files] or ["none"]
        return Step(action, files, random.choice(names))

    return make


def _by_hand(random: Random, files: Files, table: MigrationsTable) -> Step:
    own = BY_NAME if isinstance(table, NameTable) else BY_VERSION
    return Step(
        "sql", (), random.choice([*own, *own, *IN_EITHER]).replace("{own}", table.sql).replace("{log}", LOG)
    )


def _other_by_hand(random: Random, files: Files, table: MigrationsTable) -> Step:
    if isinstance(table, NameTable):
        other, statements = VersionTable().sql, [VersionTable().create, *BY_VERSION[8:12]]
    else:
        other = table.beside.sql
        statements = [table.beside.create, *BY_NAME[4:6]]
    mirrored = [
        *statements,
        f"INSERT INTO {other} (name, applied_at) SELECT name || '.sql', 1 FROM {table.sql}",
        f"INSERT INTO {other} (version, name, applied_at) SELECT row_number() OVER (), replace(name, '.sql', ''), 1 FROM {table.sql}",
    ]
    chosen = random.sample(mirrored, random.choice([1, 2]))
    return Step(
        "sql", (), ";".join([mirrored[0].rstrip(";"), *(sql.replace("{own}", other) for sql in chosen)])
    )


def _shape(random: Random, files: Files, table: MigrationsTable) -> Step:
    other = VersionTable().sql if isinstance(table, NameTable) else table.beside.sql
    return Step("sql", (), random.choice(SHAPES).replace("{own}", random.choice([table.sql, other])))


def _history_table(random: Random, files: Files, table: MigrationsTable) -> Step:
    return Step("sql", (), random.choice([log.CREATE, table.create]))


def _application(random: Random, files: Files, table: MigrationsTable) -> Step:
    return Step("sql", (), random.choice(APPLICATION))


_MAKERS: dict[Callable[[Random, Files, MigrationsTable], Step], int] = {
    _up: 30,
    _wrangler: 10,
    _by_hand: 14,
    _other_by_hand: 5,
    _shape: 3,
    _history_table: 2,
    _application: 3,
    _one("down"): 4,
    _one("baseline"): 4,
    _one("adopt"): 1,
    _one("accept"): 2,
    _one("rename"): 2,
    _one("forget"): 2,
    _one("sync_tables"): 1,
    _one("move_history"): 1,
    _one("out_of_order"): 3,
}
"""What makes a step, and how often it does."""


# --- doing it ---


def choice_of(table: MigrationsTable) -> TableChoice:
    """Return how an index of a Python Worker chooses its table."""
    if isinstance(table, NameTable):
        return TableChoice(table.name, table.name)
    return TableChoice(table.name, table.beside.name)


class Stamps:
    """Makes the token, time and user of every batch."""

    def __init__(self, who: str) -> None:
        self._who, self._count = who, 0

    def __call__(self) -> Stamp:
        """Return the next one."""
        self._count += 1
        return Stamp(f"{self._who} {self._count}", 1_700_000_000 + self._count, self._who, "d1migrate test")


def empty_database() -> SqliteDriver:
    """Return a database in memory, with the limits of D1 in a test."""
    driver = SqliteDriver(":memory:", url="sqlite::memory:", profile=WORKERD)
    driver.batch(Batch([Query("SELECT 1")], reads=True))  # which opens it
    return driver


class Past:
    """A database to which things are done; what is refused changes nothing."""

    def __init__(self, table: MigrationsTable, driver: Driver) -> None:
        self.driver = driver
        self._table, self._stamps = table, Stamps("before")

    def do(self, step: Step) -> None:
        """Do a step."""
        with suppress(Error):
            getattr(self, f"_{step.action}")(load(step.files), step.argument)

    def _migrator(self, migrations: Sequence[Migration], *, late: bool = False) -> Migrator:
        table = self._table
        wrangler = table.name if isinstance(table, NameTable) else table.beside.name
        return Migrator(
            self.driver,
            migrations,
            table=table.name,
            wrangler_table=wrangler,
            by="before",
            allow_out_of_order=late,
        )

    def _up(self, migrations: Sequence[Migration], to: str | None) -> None:
        self._migrator(migrations).up(to=to, lint=False)

    def _up_late(self, migrations: Sequence[Migration], to: str | None) -> None:
        self._migrator(migrations, late=True).up(to=to, lint=False)

    def _worker(self, migrations: Sequence[Migration], to: str | None) -> None:
        run(ensure(migrations, choice_of(self._table), self._stamps, to=to, accept_newer=True), self.driver)

    def _down(self, migrations: Sequence[Migration], _: str) -> None:
        self._migrator(migrations).down(steps=1, allow_loss=["all"], rollback_from="history")

    def _baseline(self, migrations: Sequence[Migration], to: str) -> None:
        self._migrator(migrations).baseline(to=to)

    def _adopt(self, migrations: Sequence[Migration], _: str) -> None:
        migrator = self._migrator(migrations)
        migrator.adopt(migrator.plan_adopt())

    def _accept(self, migrations: Sequence[Migration], name: str) -> None:
        self._migrator(migrations).accept(name, reason="a test")

    def _rename(self, migrations: Sequence[Migration], _: str) -> None:
        migrator = self._migrator(migrations)
        for entry in migrator.status():
            if entry.is_renamed and entry.was:
                migrator.rename(entry.was, entry.name, reason="a test")

    def _forget(self, migrations: Sequence[Migration], _: str) -> None:
        migrator = self._migrator(migrations)
        for entry in migrator.status():
            if entry.state in ("missing", "partial"):
                migrator.forget(entry.name, reason="a test")

    def _sync_tables(self, migrations: Sequence[Migration], _: str) -> None:
        migrator = self._migrator(migrations)
        migrator.sync_tables(migrator.plan_sync_tables(), reason="a test")

    def _move_history(self, migrations: Sequence[Migration], _: str) -> None:
        migrator = self._migrator(migrations)
        migrator.move_history(migrator.plan_move_history(), reason="a test")

    def _wrangler(self, migrations: Sequence[Migration], count: int) -> None:
        """What `wrangler d1 migrations apply` does."""
        table = self._table if isinstance(self._table, NameTable) else self._table.beside
        self._write(table.create)
        (rows,) = self.driver.batch(Batch([Query(f"SELECT name FROM {table.sql}")], reads=True))
        known = {name for (name,) in rows.rows}
        for migration in [m for m in migrations if f"{m.name}.sql" not in known][:count]:
            self._write(*migration.texts(), table.insert_sql(migration))

    def _out_of_order(self, migrations: Sequence[Migration], name: str) -> None:
        """A file that wrangler applied by itself."""
        self._wrangler([m for m in migrations if m.name == name], 1)

    def _sql(self, _: Sequence[Migration], sql: str) -> None:
        (migration,) = load([("0_by_hand.sql", sql)])
        self._write(*migration.texts())

    def _write(self, *statements: str) -> None:
        self.driver.batch(Batch([Query(sql, (), True) for sql in statements]))
