"""The same migrations in the form of other tools, and the commands that apply and list them.

Each tool runs as it comes: its own journal mode and its own idea of a transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from benchmarks import data
from benchmarks.measure import Missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from benchmarks.data import File
    from benchmarks.tools import Tools

_ALEMBIC_INI = "[alembic]\nscript_location = {folder}\nsqlalchemy.url = sqlite:///{database}\n"
_ALEMBIC_ENV = """\
from alembic import context
from sqlalchemy import create_engine

engine = create_engine(context.config.get_main_option("sqlalchemy.url"))
with engine.connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
"""
_ALEMBIC_REVISION = """\
from alembic import op

revision = {revision!r}
down_revision = {previous!r}


def upgrade():
    for statement in {statements!r}:
        op.execute(statement)
"""


_VERBS = {
    "dbmate": {"up": "up", "status": "status"},
    "yoyo": {"up": "apply", "status": "list"},
    "alembic": {"up": "upgrade", "status": "current"},
}


class Peer(NamedTuple):
    """A tool with a project of its own: the commands that apply and that list its migrations."""

    label: str
    folder: Path
    database: Path
    up: tuple[str, ...]
    status: tuple[str, ...]

    def label_of(self, command: str) -> str:
        """Return what the table calls the peer's `up` or `status`."""
        return f"{self.label} {_VERBS[self.label][command]}"


def peers(tools: Tools, folder: Path, files: Sequence[File]) -> Iterator[Peer | Missing]:
    """Make a project for each peer in a folder of its own, or give the reason why there is none."""
    makers: Sequence[
        tuple[str, tuple[str, ...] | str, Callable[[tuple[str, ...], Path, Sequence[File]], Peer]]
    ]
    makers = (
        ("dbmate", tools.dbmate, _dbmate),
        ("yoyo", tools.yoyo, _yoyo),
        ("alembic", tools.alembic, _alembic),
    )
    for label, tool, make in makers:
        yield Missing(label, tool) if isinstance(tool, str) else make(tool, folder / label, files)


def _dbmate(tool: tuple[str, ...], folder: Path, files: Sequence[File]) -> Peer:
    marked = (f._replace(sql=f"-- migrate:up\n{f.sql}\n-- migrate:down\n") for f in files)
    migrations, database = data.write(folder / "migrations", marked), folder / "app.db"
    # HUMMBL's files create a schema_migrations of their own; a schema dump is not part of the comparison.
    options = ("--url", f"sqlite:{database}", "--migrations-dir", str(migrations), "--no-dump-schema")
    command = (*tool, *options, "--migrations-table", "dbmate_migrations")
    return Peer("dbmate", folder, database, (*command, "up"), (*command, "status"))


def _yoyo(tool: tuple[str, ...], folder: Path, files: Sequence[File]) -> Peer:
    migrations, database = data.write(folder / "migrations", files), folder / "app.db"
    options = ("--batch", "--no-config-file", "--database", f"sqlite:///{database}", str(migrations))
    return Peer("yoyo", folder, database, (*tool, "apply", *options), (*tool, "list", *options))


def _alembic(tool: tuple[str, ...], folder: Path, files: Sequence[File]) -> Peer:
    database, previous = folder / "app.db", None
    versions = folder / "versions"
    versions.mkdir(parents=True)
    (folder / "env.py").write_text(_ALEMBIC_ENV, encoding="utf-8")
    (folder / "alembic.ini").write_text(
        _ALEMBIC_INI.format(folder=folder, database=database), encoding="utf-8"
    )
    for file in files:
        revision = file.name.partition("_")[0]
        statements = list(data.statements(file.sql))
        text = _ALEMBIC_REVISION.format(revision=revision, previous=previous, statements=statements)
        (versions / f"{revision}.py").write_text(text, encoding="utf-8")
        previous = revision
    command = (*tool, "--config", str(folder / "alembic.ini"))
    return Peer("alembic", folder, database, (*command, "upgrade", "head"), (*command, "current"))
