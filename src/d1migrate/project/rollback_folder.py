"""The folder of rollback files, beside the migrations folder: `rollback/NAME.sql` for `migrations/NAME.sql`.

Several migrations folders side by side share it. Each may have a folder of its own name there, e.g.
`rollback/shop/NAME.sql`, and needs it if a name is used twice.
"""

from __future__ import annotations

import os

from d1migrate.errors import SourceError
from d1migrate.migrate.rollback_file import RollbackFile
from d1migrate.migrate.source import ROLLBACKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from d1migrate.migrate.migration import Migration

_END = ".sql"


def beside(folder: str) -> str:
    """Return where the rollback files of a migrations folder are, whether or not there are any."""
    return os.path.normpath(os.path.join(folder, os.pardir, ROLLBACKS))


def attach(folder: str, migrations: Iterable[Migration]) -> Iterator[Migration]:
    """Yield the migrations of a folder, with their rollback files.

    A file that cannot be used is attached with its problem, which stops only its own migration.
    """
    root, shared = _root(folder)
    paths = dict(_files(root))
    others = _siblings(folder) if shared and paths else []
    for migration in migrations:
        path = paths.get(migration.name)
        yield migration.with_rollback_file(_read(path, folder, migration.name, others)) if path else migration


def strays(folder: str, migrations: Iterable[Migration]) -> list[str]:
    """Return the rollback files that belong to no migration of the folder."""
    root, shared = _root(folder)
    known = {migration.name for migration in migrations}
    others = {os.path.basename(other) for other in _siblings(folder)} if shared else set[str]()
    return [
        path
        for name, path in _files(root)
        if name not in known and not ("/" in name and name.partition("/")[0] in others)
    ]


def path_of(folder: str, name: str) -> str:
    """Return the path of the rollback file of a migration, whether or not it exists."""
    return os.path.join(_root(folder)[0], *name.split("/")) + _END


def _root(folder: str) -> tuple[str, bool]:
    """Return the folder that mirrors a migrations folder, and whether others may share it."""
    root = beside(folder)
    own = os.path.join(root, os.path.basename(os.path.abspath(folder)))
    return (own, False) if os.path.isdir(own) else (root, True)


def _files(root: str) -> Iterator[tuple[str, str]]:
    """Yield (name of the migration, path) of the rollback files, in the order of their paths."""
    for path, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.endswith(_END) and not name.startswith("."):
                file = os.path.join(path, name)
                yield os.path.relpath(file, root).removesuffix(_END).replace(os.sep, "/"), file


def _siblings(folder: str) -> list[str]:
    """Return the folders beside a migrations folder that may have migrations, too."""
    parent = os.path.normpath(os.path.join(folder, os.pardir))
    with os.scandir(parent) as entries:
        found = sorted(entry.path for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    here = {os.path.realpath(folder), os.path.realpath(beside(folder))}
    return [path for path in found if os.path.realpath(path) not in here]


def _read(path: str, folder: str, name: str, others: Iterable[str]) -> RollbackFile:
    """Return a rollback file, with the reason if it cannot be used."""
    text, problem = "", _misplaced(path, folder, name, others)
    if problem is None:
        try:
            with open(path, encoding="utf-8-sig") as file:
                text = file.read()
        except UnicodeDecodeError:
            problem = SourceError(f"{path}: not UTF-8", hint="save the file as UTF-8")
        except OSError as error:
            problem = SourceError(f"cannot read {path}: {error.strerror}")
    return RollbackFile(path, text, problem)


def _misplaced(path: str, folder: str, name: str, others: Iterable[str]) -> SourceError | None:
    """Return the error for a file that wrangler could run, or that may belong to another migration."""
    if os.path.realpath(path).startswith(os.path.realpath(folder) + os.sep):
        return SourceError(
            f"{path} is in the migrations folder, where wrangler would run it",
            hint=f"write the file into a folder {ROLLBACKS} beside it",
        )
    for other in others:
        file = os.path.join(other, *name.split("/")) + _END
        if os.path.exists(file):
            own = os.path.join(beside(folder), os.path.basename(os.path.abspath(folder)))
            return SourceError(
                f"{path} may be the rollback of a file in {folder} or in {other}: both have {name}{_END}",
                hint=f"move it to {own}, or to the folder of that name for {other}",
            )
    return None
