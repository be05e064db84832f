"""A project on disk with a local D1, in which wrangler and d1migrate work."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import apsw

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.cli.project import Outcome
    from tests.runtime.conftest import Run
    from tests.runtime.wrangler import Wrangler


class Row(NamedTuple):
    """A row of wrangler's table."""

    id: int
    name: str
    applied_at: str


class Project:
    """A folder with a wrangler configuration.

    Args:
        path: of the folder.
        environment: of the configuration, that has the database `shop`, whose binding is `DB`.
        table: wrangler's.
    """

    def __init__(
        self,
        path: Path,
        wrangler: Wrangler,
        run: Run,
        environment: str | None = None,
        table: str = "d1_migrations",
    ) -> None:
        self.path, self._wrangler, self._run, self._table = path, wrangler, run, table
        self._options = ["--env", environment] if environment else []
        self._database = f"wrangler:DB?env={environment}" if environment else "wrangler:DB"

    def write(self, files: Mapping[str, str]) -> None:
        """Write files, by their path in the project."""
        for name, text in files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())

    def configure(self, config: object) -> None:
        """Write wrangler's configuration."""
        self.write({"wrangler.json": json.dumps(config)})

    def wrangler(self, action: str) -> list[str]:
        """Run `wrangler d1 migrations list` or `apply`, without errors; the names in the table it prints."""
        ended = self._wrangler.run(self.path, "d1", "migrations", action, "shop", "--local", *self._options)
        assert not ended.failed, ended.output
        assert bool(ended.names) != ("No migrations to apply" in ended.output), ended.output
        return ended.names

    def execute(self, file: str) -> None:
        """Run `wrangler d1 execute --file`."""
        options = ["--local", "--file", file, *self._options]
        ended = self._wrangler.run(self.path, "d1", "execute", "shop", *options)
        assert not ended.failed, ended.output

    def d1migrate(self, *arguments: str, code: int | None = 0) -> Outcome:
        """Run a command of d1migrate."""
        return self._run(self.path, *arguments, "--database", self._database, code=code)

    def pending(self) -> list[str]:
        """The names that `status` calls pending, as wrangler writes them; no other state but applied."""
        entries = self.d1migrate("status", "--json").json["migrations"]
        assert {entry["state"] for entry in entries} <= {"applied", "pending"}
        return [f"{entry['name']}.sql" for entry in entries if entry["state"] == "pending"]

    def rows(self) -> list[Row]:
        """Wrangler's table."""
        query = f"SELECT id, name, applied_at FROM {quoted(self._table)} ORDER BY id"
        return [Row(*row) for row in self.read(query)]

    def state(self) -> tuple[Any, ...]:
        """The schema, and the rows of all tables; without the log, and without the times in wrangler's table."""
        objects = self.read("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name")
        kept = [o for o in objects if not o[2].startswith(("d1migrate_log", "_cf_"))]
        tables = sorted(
            {name for kind, name, *_ in kept if kind == "table"} - {self._table, "sqlite_sequence"}
        )
        sequences = "SELECT * FROM sqlite_sequence WHERE name <> 'd1migrate_log' ORDER BY name"
        return (
            [(*what, "".join((sql or "").split())) for *what, sql in kept],
            {name: self.read(f"SELECT * FROM {quoted(name)}") for name in tables},
            self.read(sequences) if any(o[1] == "sqlite_sequence" for o in objects) else [],
        )

    def read(self, query: str) -> list[Any]:
        """The rows of a query."""
        return self._sql(query, apsw.SQLITE_OPEN_READONLY)

    def change(self, script: str) -> None:
        """Change the database as an application does."""
        self._sql(script, apsw.SQLITE_OPEN_READWRITE)

    def _sql(self, script: str, flags: int) -> list[Any]:
        (file,) = self.databases()
        connection = apsw.Connection(str(file), flags)
        try:
            return list(connection.execute(script))
        finally:
            connection.close()

    def databases(self) -> list[Path]:
        """The files of all local D1 databases here."""
        found = self.path.rglob("miniflare-D1DatabaseObject/*.sqlite")
        return [file for file in found if file.name != "metadata.sqlite"]


def quoted(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'
