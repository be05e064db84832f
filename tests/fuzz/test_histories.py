"""Random history tables: of other shapes, with values of any type, and those of other tools."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from d1migrate.migrate.other_tools import OTHER_TOOLS
from d1migrate.migrate.table import LOG_TABLE, VERSIONS, WRANGLER
from tests.fuzz import project, values

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence
    from pathlib import Path

    from tests.fuzz.conftest import Run

_TABLES = (VERSIONS, WRANGLER, LOG_TABLE)
_COLUMNS = {
    "schema_migrations": ("version", "name", "applied_at"),
    "d1_migrations": ("id", "name", "applied_at"),
    "d1migrate_log": (
        *(
            "id",
            "token",
            "event",
            "action",
            "version",
            "name",
            "checksum",
            "who",
            "tool",
            "at",
            "restore_point",
        ),
        *("detail", "rollback_digest", "rollback_sql"),
    ),
}
_OTHERS = (
    *(
        "id",
        "name",
        "applied_at",
        "hash",
        "created_at",
        "version",
        "version_id",
        "is_applied",
        "tstamp",
        "dirty",
    ),
    *(
        "migration_name",
        "checksum",
        "started_at",
        "finished_at",
        "rolled_back_at",
        "version_num",
        "description",
    ),
    *("installed_on", "success"),
)
_LITERALS = (
    *(
        "NULL",
        "0",
        "1",
        "2",
        "3",
        "-1",
        "1.5",
        "9e999",
        "-9223372036854775808",
        "9223372036854775807",
        "x'00ff'",
        "''",
    ),
    *(
        "'up'",
        "'down'",
        "'done'",
        "'begun'",
        "'baseline'",
        "'accept'",
        "'restore'",
        "'rewind'",
        "'forget'",
        "'x'",
    ),
    *(
        "'{\"rows\": 3}'",
        "'{\"overridden\": []}'",
        "'[[[['",
        "'{\"lint\": false}'",
        "zeroblob(3000)",
        "'2026-01-01'",
    ),
    *(
        "'001_users.sql'",
        "'002_posts.sql'",
        "'003_names.sql'",
        "CAST(x'ff' AS TEXT)",
        "CAST(x'6100ff' AS TEXT)",
        "random()",
        "'v1:' || hex(randomblob(32))",
        "'DROP TABLE users'",
    ),
    *(
        "char(27, 91, 51, 49, 109)",
        "char(10) || '::error::x'",
        "char(8238)",
        "char(0)",
        "printf('%.*c', 70000, 'x')",
    ),
)
_COMMANDS = (
    *(
        "status",
        "history",
        "plan",
        "verify",
        "up",
        "down",
        "current",
        "adopt --dry-run",
        "adopt --yes",
        "env",
        "schema",
    ),
    *(
        "repair --accept 2 --reason x --yes",
        "repair --forget 2 --reason x --yes",
        "repair --sync-tables --reason x --yes",
        "repair --move-history --reason x --yes",
        "repair --rename 002_posts 003_names --reason x --yes",
        "baseline --to 3 --yes",
        "gate --code-version 2",
    ),
    *(
        "history --json",
        "status --json",
        "plan --down --to 0",
        "down --to 0 --allow-loss all",
        "rehearse --data --rows 3",
    ),
    *(
        "up --single-transaction",
        "restore",
        "restore --to 1 --yes",
        "backup --output b.sql",
        "renumber --yes",
        "baseline x",
    ),
)


def histories(generator: random.Random, folder: Path) -> Sequence[Sequence[str]]:
    """A database with a history that was changed by anybody."""
    table, other = generator.sample((VERSIONS, WRANGLER), 2)
    project.write(folder, table=table)
    if generator.random() < 0.3:
        (folder / "d1migrate.toml").write_text(f'table = "{generator.choice((table, other))}"\n')
    if generator.random() < 0.3:
        (folder / "migrations" / generator.choice(list(project.FILES))).unlink()
    with closing(sqlite3.connect(folder / "app.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        for _ in range(generator.randint(1, 5)):
            with suppress(sqlite3.Error):
                connection.execute(_change(generator))
    return [command.split() for command in values.some(generator, _COMMANDS, 3)]


def _change(generator: random.Random) -> str:
    table = generator.choice(_TABLES)
    columns = _COLUMNS[table]
    column, literal = generator.choice(columns), generator.choice(_LITERALS)
    kind = generator.randrange(12)
    if kind < 4:
        where = generator.choice(("", f" WHERE version = {generator.randint(1, 2)}", " WHERE event = 'done'"))
        return f"UPDATE {table} SET {column} = {literal}{where}"
    if kind < 7:
        given = [
            generator.choice(_LITERALS) if generator.random() < 0.5 else _usual(name) for name in columns
        ]
        return f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) VALUES ({', '.join(given)})"
    if kind == 7:
        return generator.choice(
            (f"DROP TABLE {table}", f"DELETE FROM {table}", f"ALTER TABLE {table} DROP COLUMN {column}")
        )
    if kind == 8:
        made = ", ".join(
            f"{name} {generator.choice(('', 'TEXT', 'INTEGER', 'INTEGER PRIMARY KEY', 'BLOB NOT NULL'))}"
            for name in columns
        )
        return f"CREATE TABLE {generator.choice((table, table.upper()))} ({made})"
    if kind == 9:
        return f"ALTER TABLE {table} RENAME TO {generator.choice(('x', 'old_schema_migrations'))}"
    if kind == 10:
        other = generator.choice(list(OTHER_TOOLS))
        return f"CREATE TABLE {other} AS SELECT {', '.join(f'{generator.choice(_LITERALS)} AS {name}' for name in _OTHERS)}"
    return generator.choice(
        (f"CREATE VIEW {table} AS SELECT 1", f"CREATE TABLE {table} (x, y)", "CREATE TABLE _d1m_x (y)")
    )


def _usual(column: str) -> str:
    return {
        "version": "2",
        "id": "99",
        "at": "1",
        "applied_at": "1",
        "event": "'begun'",
        "action": "'up'",
    }.get(column, "'n'")


def test_histories(run: Run) -> None:
    """No history makes a command stumble."""
    run("histories", histories)
