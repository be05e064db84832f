"""Several files of a folder changed as one: if a run is killed halfway, the next one finishes it.

The journal holds every new text. It is written first and removed last. While a file to be removed still
exists, the folder is not read as migrations, because some would be in it twice.
"""

from __future__ import annotations

import json
import os
import re
import stat
from contextlib import suppress
from typing import Any

from d1migrate.errors import SourceError, UsageError
from d1migrate.migrate.source import JOURNAL, ROLLBACKS
from d1migrate.named_tuple import NamedTuple
from d1migrate.project import disk
from d1migrate.sha256 import sha256

_FILE = re.compile(rf"(?:\.\./{ROLLBACKS}/)?(?:[^./\0][^/\0]*/)*[^./\0][^/\0]*\.sql")
_COMMAND = re.compile(r"renumber|squash --to [^\x00-\x1f\x7f]+")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Change(NamedTuple):
    """The change of one file.

    Attributes:
        name: the file; a rollback file as `../rollback/NAME.sql`.
        before: the sha256 of its content now; None if it does not exist.
        after: its content afterwards; None if it is to be removed.
    """

    name: str
    before: str | None
    after: str | None


class Journal(NamedTuple):
    """A change of several files.

    Attributes:
        command: the arguments of `d1migrate` that began it and that finish it.
        changes: the change of each file.
        report: what the command prints about it, as JSON.
    """

    command: str
    changes: tuple[Change, ...]
    report: Any


def digest(path: str) -> str | None:
    """Return the sha256 of a file's bytes, None if it does not exist."""
    try:
        with open(path, "rb") as file:
            return sha256(file.read()).hexdigest()
    except FileNotFoundError:
        return None


def run(folder: str, journal: Journal) -> None:
    """Change files as one.

    Raises:
        UsageError: a file cannot be written. If that was a new one, nothing was changed; else the command
            finishes it when it is run again.
    """
    path = os.path.join(folder, JOURNAL)
    try:
        disk.create(path, json.dumps(journal._asdict(), indent=1))
    except OSError as error:
        raise UsageError(f"cannot create {path}: {error.strerror}") from error
    created = [path]
    try:
        for change in _created(journal):
            path = _path(folder, change)
            disk.create_folder_of(path)
            disk.create(path, change.after or "")
            created.append(path)
    except OSError as error:
        for known in reversed(created):
            with suppress(OSError):
                os.unlink(known)
            _remove_empty_folders(folder, known)
        raise UsageError(f"cannot create {path}: {error.strerror}") from error
    finish(folder, journal)


def finish(folder: str, journal: Journal) -> None:
    """Finish a change, in an order in which every new text is on disk before its old file is removed.

    Raises:
        SourceError: a file was edited meanwhile, or another one has the name of a new file.
        UsageError: a file cannot be written or removed.
    """
    _refuse_edited(folder, journal)
    path = folder
    try:
        for change in _created(journal):
            path = _path(folder, change)
            disk.create_folder_of(path)
            with suppress(FileExistsError):
                disk.create(path, change.after or "")
        for change in journal.changes:
            path = _path(folder, change)
            if change.before and change.after is not None and digest(path) == change.before:
                disk.replace(path, change.after)
        removed = [_path(folder, change) for change in journal.changes if change.after is None]
        for path in (*removed, os.path.join(folder, JOURNAL)):
            with suppress(FileNotFoundError):
                os.unlink(path)
            _remove_empty_folders(folder, path)
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}", hint=f"`d1migrate {journal.command}` finishes it"
        ) from error
    disk.sync_folder(path)


def _remove_empty_folders(folder: str, path: str) -> None:
    """Remove the folders of a removed file that are empty now, below the migrations folder."""
    parent = os.path.dirname(path)
    while os.path.normpath(folder) != parent and parent.startswith(os.path.normpath(folder) + os.sep):
        try:
            os.rmdir(parent)
        except OSError:  # it has other files, e.g. a snapshot of drizzle
            return
        parent = os.path.dirname(parent)


def _refuse_edited(folder: str, journal: Journal) -> None:
    """Refuse to remove a text that was edited since, or that exists nowhere else."""
    for change in journal.changes:
        found = digest(_path(folder, change))
        after = None if change.after is None else sha256(change.after.encode()).hexdigest()
        if found in (None, change.before, after):
            continue
        if change.after is None:
            raise SourceError(
                f"`d1migrate {journal.command}` was interrupted, and {change.name} has been edited since",
                hint=f"the folder also contains its new version; keep one of them, then delete {JOURNAL}",
            )
        raise SourceError(
            f"`d1migrate {journal.command}` was interrupted, and {change.name} has unexpected content",
            hint=f"move that file away, and run `d1migrate {journal.command}` again; {JOURNAL} has the text",
        )


def read(folder: str) -> Journal | None:
    """Return the change of a folder that a killed run left unfinished, if there is one.

    Raises:
        SourceError: there is a journal that cannot be read.
    """
    path = os.path.join(folder, JOURNAL)
    try:
        found = _parsed(_loaded(path))
        _refuse_links(folder, found)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise SourceError(
            f"{path} is not the journal of an interrupted command: {error}", hint="delete it"
        ) from error
    return found if any(_is_left(folder, change) for change in found.changes) else None


def _refuse_links(folder: str, journal: Journal) -> None:
    """Raise ValueError for a file that is reached by a link in the folder: no migration is."""
    root = os.path.realpath(folder)
    for change in journal.changes:
        parent = os.path.dirname(os.path.join(root, change.name))
        if not change.name.startswith(os.pardir) and os.path.realpath(parent) != parent:
            raise ValueError(f"{change.name!r} is reached by a link")


def _loaded(path: str) -> Any:
    if not stat.S_ISREG(os.lstat(path).st_mode):
        raise ValueError("not a regular file")
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def _parsed(value: Any) -> Journal:
    """Return a journal from its JSON.

    Raises:
        ValueError, TypeError, KeyError: a value is not one that `run` writes.
    """
    command, report = value["command"], value["report"]
    if not _COMMAND.fullmatch(command):
        raise ValueError(f"not a command that changes several files: {command!r}")
    changes = tuple(Change(*change) for change in value["changes"])
    for name, before, after in changes:
        if not _FILE.fullmatch(name):
            raise ValueError(f"{name!r} is not a migration")
        if before is None and after is None:
            raise ValueError(f"it does nothing with {name}")
        if before is not None and not _DIGEST.fullmatch(before):
            raise ValueError(f"{before!r} is not the sha256 of {name}")
        if after is not None:
            str.encode(after)
    if command == "renumber":
        texts = [text for moved in report for text in (moved["was"], moved["name"])]
    else:
        texts = [report["file"], *report["squashed"]]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("its report does not match the command")
    return Journal(command, changes, report)


def refuse_unfinished(folder: str) -> None:
    """Refuse to read migrations from a folder that contains some of them twice.

    Raises:
        SourceError: a run was killed before it had removed what it replaces.
    """
    journal = read(folder)
    if journal:
        left = ", ".join(change.name for change in journal.changes if _is_left(folder, change))
        raise SourceError(
            f"`d1migrate {journal.command}` was interrupted in {folder}: it has not replaced {left} yet",
            hint=f"`d1migrate {journal.command}` finishes it",
        )


def resume(folder: str, command: str, *, dry_run: bool) -> Any:
    """Finish what a killed run of a command began; return its report, None if there is nothing to finish.

    Raises:
        SourceError: another command was killed; or as `finish`.
    """
    journal = read(folder)
    if journal is None:
        if not dry_run:  # killed after the last change: only the journal is left
            with suppress(OSError):
                os.unlink(os.path.join(folder, JOURNAL))
        return None
    if journal.command != command:
        refuse_unfinished(folder)
    if not dry_run:
        finish(folder, journal)
    return journal.report


def _path(folder: str, change: Change) -> str:
    """Return the path of a file; as `rollback_folder` does, `..` is taken from the name of the folder."""
    return os.path.normpath(os.path.join(folder, change.name))


def _created(journal: Journal) -> list[Change]:
    return [change for change in journal.changes if change.before is None]


def _is_left(folder: str, change: Change) -> bool:
    """Whether a file is still what it was before."""
    found = digest(_path(folder, change))
    if change.after is None:
        return found is not None
    return found == change.before
