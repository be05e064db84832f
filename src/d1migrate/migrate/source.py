"""From file names and texts to ordered Migrations. No disk."""

from __future__ import annotations

from d1migrate.migrate.migration import Migration, Script
from d1migrate.migrate.order import in_order, number_of
from d1migrate.migrate.table import SUFFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

JOURNAL = ".d1migrate-journal.json"
"""The file in a migrations folder that records an unfinished change of several files."""

ROLLBACKS = "rollback"
"""The folder of rollback files, beside the migrations folder."""


def load(files: Iterable[tuple[str, str | Script]], *, folder: str = "") -> tuple[Migration, ...]:
    """Return the files of a folder in wrangler's order.

    Args:
        files: (path below the folder, text or Script) pairs, in any order; line ends may be LF or CR LF.
        folder: their folder, for errors.
    """
    found = []
    for name, script in in_order(files, lambda file: file[0]):
        path = f"{folder}/{name}" if folder else name
        found.append(read(number_of(name), name.removesuffix(SUFFIX), script, path))
    return tuple(found)


def read(version: int | None, name: str, script: str | Script, path: str) -> Migration:
    """Return the migration of a text with LF or CR LF line ends."""
    has_crlf = isinstance(script, str) and "\r\n" in script
    if isinstance(script, str) and has_crlf:
        script = script.replace("\r\n", "\n")
    return Migration(version, name, script, file=path, has_crlf=has_crlf)


def ordered(migrations: Sequence[Migration]) -> tuple[Migration, ...]:
    """Return migrations in wrangler's order."""
    return tuple(in_order(migrations, lambda migration: migration.name + SUFFIX))
