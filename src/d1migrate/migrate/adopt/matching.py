"""Match the records of other tools with our files."""

from __future__ import annotations

import re
from collections import Counter
from hashlib import new

from d1migrate.migrate.adopt.histories import stem
from d1migrate.migrate.adopt.model import Record
from d1migrate.migrate.squash import alternatives, every_replaced

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from typing import TypeVar

    from d1migrate.migrate.adopt.histories import Row, Tool
    from d1migrate.migrate.migration import Migration

    _K = TypeVar("_K")

_NUMBERED = re.compile(r"(\d+)[-_]?(.*)", re.DOTALL)
_LEADS_TO = re.compile(r"^-- Running (?:upgrade|downgrade) .*?-> (\w+)", re.MULTILINE)


def match(
    migrations: Sequence[Migration], histories: Iterable[tuple[Tool, Sequence[Row]]]
) -> tuple[dict[str, tuple[Record, ...]], tuple[Record, ...]]:
    """Match records of other tools with files.

    Returns:
        {name of a migration: its records}, and the records that match no file.
    """
    found: dict[str, tuple[Record, ...]] = {}
    unmatched: list[Record] = []
    for tool, rows in histories:
        files = _Files(migrations, tool, rows)
        for row in rows:
            position, how, note = files.find(row)
            if position is None and row.name in files.squashed:
                one = files.squashed[row.name]
                if one is None:
                    continue
                position, how = one
            record = Record(tool.name, tool.table, row.entry, how, row.at, row.state, note)
            if position is None:
                unmatched.append(record)
                continue
            for before in migrations[: position if row.and_before else 0]:
                earlier = record._replace(state="applied", how="it comes before that", note=None)
                found[before.name] = (*found.get(before.name, ()), earlier)
            name = migrations[position].name
            found[name] = (*found.get(name, ()), record)
    return found, tuple(unmatched)


class _Files:
    """Our files, found by the names that one tool uses.

    Attributes:
        squashed: {name of a replaced file: the position of the squashed file, and how it was matched}, if
            the tool has all replaced files; None for all but the last of them.
    """

    def __init__(self, migrations: Sequence[Migration], tool: Tool, rows: Sequence[Row]) -> None:
        self._migrations = migrations
        self._digests: dict[str, list[int]] = {}
        for position, migration in enumerate(migrations) if tool.digest else ():
            for digest in _digests(migration, tool.digest or ""):
                self._digests.setdefault(digest, []).append(position)
        self.squashed = _squashed(migrations, {row.name for row in rows})
        self._replaced = {file.name for migration in migrations for file in every_replaced(migration)}
        self._names = _clear((name, i) for i, m in enumerate(migrations) for name in _names(m.name))
        self._numbers = _clear((m.version, i) for i, m in enumerate(migrations))
        theirs = Counter(
            _split(name)[1] for row in rows for name in {row.name, row.other_name} if name is not None
        )
        words = _clear((words, i) for i, m in enumerate(migrations) for words in {_split(stem(m.name))[1]})
        self._words = {text: position for text, position in words.items() if theirs[text] == 1}

    def find(self, row: Row) -> tuple[int | None, str, str | None]:
        """Return the position of the file, how it was matched, and a remark."""
        position, how = self._by_name(row)
        if row.digest is None:
            return position, how, None
        same = self._digests.get(row.digest, [])
        if position is None and len(same) == 1:
            return same[0], "by its checksum", None
        if position is None or position in same:
            return position, how, None
        return position, how, "its checksum there is that of another text"

    def _by_name(self, row: Row) -> tuple[int | None, str]:
        if row.number is not None:
            return self._numbers.get(row.number), "by its number"
        path = row.entry.removesuffix(".sql")
        if row.name and path in self._names:  # two folders may have files of one name
            return self._names[path], "by its name"
        for name in filter(None, (row.name, row.other_name)):
            position, how = self._named(name)
            if position is not None:
                return position, how
        return (self._by_revision(row.name), "by its revision") if row.name and row.and_before else (None, "")

    def _named(self, name: str) -> tuple[int | None, str]:
        if name in self._names:
            return self._names[name], "by its name"
        if name in self._replaced:  # found in `squashed`, and only if all of them are recorded
            return None, ""
        number, words = _split(name)
        position = self._numbers.get(number) if number is not None else None
        if position is not None and _split(stem(self._migrations[position].name))[1] == words:
            return position, "by its name"
        if words in self._words:
            return self._words[words], "by its name, under another number"
        return None, ""

    def _by_revision(self, revision: str) -> int | None:
        """Return the last file that names an Alembic revision, as the output of its offline mode does."""
        found = [position for position, m in enumerate(self._migrations) if revision in _revisions(m)]
        return found[-1] if found else None


def _clear(found: Iterable[tuple[_K, int]]) -> dict[_K, int]:
    """Return {name or number: the position of its file}, without those of several files."""
    positions: dict[_K, set[int]] = {}
    for key, position in found:
        positions.setdefault(key, set()).add(position)
    return {key: min(all_of_it) for key, all_of_it in positions.items() if len(all_of_it) == 1}


def _names(name: str) -> tuple[str, ...]:
    """Return what tools call a migration: its path, the part that names it, and Django's `app_name`."""
    return name, stem(name), name.replace("/", "_")


def _squashed(
    migrations: Sequence[Migration], recorded: Collection[str | None]
) -> dict[str | None, tuple[int, str] | None]:
    found: dict[str | None, tuple[int, str] | None] = {}
    for position, migration in enumerate(migrations):
        for files in alternatives(migration):
            names = [file.name for file in files]
            if all(name in recorded for name in names):
                found.update(dict.fromkeys(names))
                found[names[-1]] = (position, f"it replaces {', '.join(names)}")
    return found


def _revisions(migration: Migration) -> list[str]:
    return [*migration.name.split("_"), *_LEADS_TO.findall(migration.text)]


def _digests(migration: Migration, kind: str) -> set[str]:
    """Return the checksums of a file's bytes, with either line end."""
    text = migration.text
    return {new(kind, one.encode()).hexdigest() for one in (text, text.replace("\n", "\r\n"))}


def _split(name: str | None) -> tuple[int | None, str]:
    """Cut a name into its number and its words."""
    match = _NUMBERED.fullmatch(name or "")
    return (int(match[1]), match[2].lower()) if match else (None, (name or "").lower())
