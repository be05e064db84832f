"""A project in a temporary folder, and the command line run in it."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any, NamedTuple

from d1migrate.cli import main
from d1migrate.cli.parser import wants_json
from tests import json_schemas

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

ONE = """\
-- Migration: 001_users
-- Description: Users
-- Created: 2026-11-22

CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, email TEXT NOT NULL);

-- Record migration
INSERT INTO schema_migrations (version, name, applied_at)
VALUES (1, '001_users', strftime('%s', 'now'))
ON CONFLICT(version) DO NOTHING;

-- Rollback:
--   DROP TABLE IF EXISTS users;
"""
TWO = """\
CREATE TABLE teams (id INTEGER PRIMARY KEY, owner_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE);
CREATE INDEX idx_teams_owner ON teams(owner_id);
-- Rollback:
-- DROP INDEX idx_teams_owner;
-- DROP TABLE teams;
"""
THREE = """\
ALTER TABLE users ADD COLUMN name TEXT;
-- Rollback:
-- ALTER TABLE users DROP COLUMN name;
"""


class Outcome(NamedTuple):
    """How a command ended: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Stdout as JSON, without the number of its format."""
        return {key: value for key, value in json.loads(self.out).items() if key != "format"}


class Project:
    """A folder with migrations and, once one is made, a database `app.db`."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.migrations = folder / "migrations"
        self.migrations.mkdir()
        self.database = folder / "app.db"

    def write(self, name: str, sql: str | bytes) -> None:
        """Write a migration file."""
        (self.migrations / name).write_bytes(sql if isinstance(sql, bytes) else sql.encode())

    def use_versions(self) -> None:
        """Let schema_migrations hold the history, in which two files cannot have one number."""
        (self.folder / "d1migrate.toml").write_text('table = "schema_migrations"\n')

    def standard(self) -> None:
        """Write three migrations: the first records itself, the others do not."""
        self.write("001_users.sql", ONE)
        self.write("002_teams.sql", TWO)
        self.write("003_names.sql", THREE)

    def run(self, *arguments: str, code: int | None = 0) -> Outcome:
        """Run a command; check its exit code, and its JSON."""
        self._capsys.readouterr()
        try:
            ended = main(arguments)
        except SystemExit as error:
            ended = int(error.code or 0)
        out, err = self._capsys.readouterr()
        assert code is None or ended == code, f"{arguments} ended with {ended}\n{out}\n{err}"
        if wants_json(arguments) and out:
            json_schemas.check(arguments, out)
        return Outcome(ended, out, err)

    def sql(self, script: str) -> list[tuple[Any, ...]]:
        """Run SQL past the tool; the rows of the last statement."""
        connection = sqlite3.connect(self.database, isolation_level=None)
        rows: list[tuple[Any, ...]] = []
        try:
            for statement in script.split(";\n"):
                rows = connection.execute(statement).fetchall()
        finally:
            connection.close()
        return rows

    def versions(self) -> list[int]:
        """The applied versions, as the table has them."""
        return [row[0] for row in self.sql("SELECT version FROM schema_migrations ORDER BY version")]

    def tables(self) -> set[str]:
        """The user tables there are."""
        rows = self.sql("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {row[0] for row in rows} - {"schema_migrations", "d1migrate_log"}

    def states(self) -> dict[int, str]:
        """The state `status` gives each version."""
        found = self.run("status", "--json").json["migrations"]
        return {entry["version"]: entry["state"] for entry in found}
