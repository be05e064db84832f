"""Which files of a folder are migrations: those that wrangler takes, in its order. Reads no file."""

from __future__ import annotations

import os
from itertools import accumulate

from d1migrate.errors import UsageError
from d1migrate.hints import listed, nearest
from d1migrate.migrate.order import in_order, is_plain
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

DEFAULT_PATTERN = "*.sql"
_NEVER_FIRST = ".\n\r\u2028\u2029"  # minimatch's `*` does not match what begins with a line break, either
_NESTED = "migration.sql"
_SHOWN = 3
_ELSEWHERE = "if it is elsewhere, pass --migrations DIR, or set `migrations = …` in d1migrate.toml"


class Folder(NamedTuple):
    """A migrations folder.

    Attributes:
        path: the folder.
        pattern: which paths below it are migrations, in the language of wrangler's `migrations_pattern`.
        setting: how to set another pattern; `{}` is the pattern.
    """

    path: str
    pattern: str = DEFAULT_PATTERN
    setting: str = 'set `pattern = "{}"` in d1migrate.toml'


class Listing(NamedTuple):
    """The files of a migrations folder.

    Attributes:
        names: paths of the migrations below the folder, in wrangler's order, with `.sql`.
        skipped: paths that wrangler skips although they look like migrations: links, hidden files, `.SQL`,
            and `migration.sql` in folders that the pattern does not reach, as after an upgrade of drizzle.
    """

    names: tuple[str, ...]
    skipped: tuple[str, ...] = ()


def list_files(folder: Folder) -> Listing:
    """List a folder.

    Raises:
        UsageError: there is no such folder, or it cannot be read; the pattern matches none of the SQL files
            below it, or a file that is not SQL.
    """
    matches, may_match_in = _matchers(folder.pattern)
    names, skipped = [], []
    for path, entry in walk(folder.path, may_match_in):
        if entry.is_dir(follow_symlinks=False):
            skipped += [f"{path}/{_NESTED}"] if os.path.isfile(os.path.join(entry.path, _NESTED)) else []
        elif entry.is_file(follow_symlinks=False) and matches(path) and _is_unicode(path):
            names.append(path)
        elif matches(_as_migration(path)) or (entry.is_dir() and may_match_in(path)):
            skipped.append(path)
    sql = [path for path in names if path.endswith(".sql")]
    if other := sorted(set(names) - set(sql)):
        raise UsageError(
            f"{folder.path}: the pattern {folder.pattern!r} matches {listed(other, _SHOWN)},"
            " which is not SQL",
            hint="narrow it: " + folder.setting.format(pattern_of(sql or [DEFAULT_PATTERN])),
        )
    if not names and (missed := sql_files(folder.path)):
        raise UsageError(
            f"{folder.path}: no file matches {folder.pattern!r}, but there are SQL files:"
            f" {listed(missed, _SHOWN)}",
            hint=folder.setting.format(pattern_of(missed)),
        )
    return Listing(tuple(in_order(names, str)), tuple(sorted(skipped)))


def warnings(listing: Listing, pending: Iterable[str] | None = None) -> list[str]:
    """Return what people should know about the files of a folder, a line each.

    Args:
        listing: the files.
        pending: names of migrations, without `.sql`; an order that surprises matters only among these.
    """
    found = []
    if listing.skipped:
        why = (
            "wrangler skips links, hidden files, endings other than .sql, and what the pattern does not match"
        )
        if all(path.endswith(".SQL") for path in listing.skipped):
            rename = (
                f": rename it to {_as_migration(listing.skipped[0])}" if len(listing.skipped) == 1 else ""
            )
            why = f"wrangler skips them unless their ending is .sql{rename}"
        found.append(f"not run: {listed(listing.skipped, _SHOWN)}; {why}")
    if is_plain(listing.names):
        return found
    from d1migrate.migrate.surprises import surprises, warning

    surprising = surprises(listing.names)
    if surprising and pending is not None:
        paths = {path for name in pending for path in accumulate(name.split("/"), "{}/{}".format)}
        surprising = tuple(one for one in surprising if not paths.isdisjoint(one.names))
    return [*found, warning(surprising)] if surprising else found


def is_migration(path: str, pattern: str) -> bool:
    """Whether a file with that path below a migrations folder is a migration.

    Raises:
        UsageError: the pattern cannot be read.
    """
    matches, _ = _matchers(pattern)
    return matches(path) and path.endswith(".sql")


def _matchers(pattern: str) -> tuple[Callable[[str], bool], Callable[[str], bool]]:
    """Return whether a path matches a pattern, and whether wrangler looks into a folder."""
    if pattern == DEFAULT_PATTERN:
        return _is_visible_sql, lambda _: False
    from d1migrate.project.pattern import Pattern

    compiled = Pattern(pattern)
    return compiled.matches, compiled.may_match_in


def _is_visible_sql(path: str) -> bool:
    return path.endswith(".sql") and path[0] not in _NEVER_FIRST


def walk(folder: str, may_match_in: Callable[[str], bool]) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield each entry below a folder, with its path there, except for the folders that it looks into."""
    waiting = [""]
    while waiting:
        parent = waiting.pop()
        for entry in _scan(os.path.join(folder, parent) if parent else folder):
            path = parent + entry.name
            if entry.is_dir(follow_symlinks=False) and may_match_in(path):
                waiting.append(f"{path}/")
            else:
                yield path, entry


def _scan(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except NotADirectoryError:
        hint = f"--migrations {os.path.dirname(folder) or '.'}" if folder.endswith(".sql") else _ELSEWHERE
        raise UsageError(f"the migrations folder {folder} is not a folder", hint=hint) from None
    except FileNotFoundError:
        raise UsageError(
            f"the migrations folder {folder} does not exist",
            hint=f"`d1migrate new DESCRIPTION` creates it; {_ELSEWHERE}",
        ) from None
    except OSError as error:
        raise UsageError(f"cannot read the migrations folder {folder}: {error.strerror}") from error


def no_such_file(path: str, message: str, *, otherwise: str | None = None) -> UsageError:
    """Return the error of a file that does not exist, with the nearest one beside it of the same ending."""
    folder, name = os.path.split(path)
    try:
        known = [one for one in os.listdir(folder or ".") if one.endswith(os.path.splitext(name)[1])]
    except OSError:
        known = []
    meant = nearest(name, known)
    return UsageError(message, hint=f"did you mean {os.path.join(folder, meant)}?" if meant else otherwise)


def _as_migration(path: str) -> str:
    """Return the path that would make a migration of a hidden file or a `.SQL`."""
    parent, slash, name = path.rpartition("/")
    stem, dot, suffix = name.lstrip(_NEVER_FIRST).rpartition(".")
    return f"{parent}{slash}{stem}{dot}{suffix.lower() if suffix.lower() == 'sql' else suffix}"


def _is_unicode(path: str) -> bool:
    """Whether the name of a file is UTF-8 on disk; wrangler cannot open it otherwise."""
    return path.isascii() or not any("\udc80" <= character <= "\udcff" for character in path)


def sql_files(folder: str) -> list[str]:
    """Return the visible SQL files below a folder."""

    def is_visible(path: str) -> bool:
        return not path.rpartition("/")[2].startswith(".") and not path.endswith("node_modules")

    found = [path for path, entry in walk(folder, is_visible) if entry.is_file(follow_symlinks=False)]
    return in_order((path for path in found if is_visible(path) and path.endswith(".sql")), str)


def likely_pattern(paths: Sequence[str]) -> str:
    """Return the pattern that the SQL files of a folder suggest: wrangler's own if one is directly in it."""
    return pattern_of(paths) if paths and all("/" in path for path in paths) else DEFAULT_PATTERN


def pattern_of(paths: Sequence[str]) -> str:
    """Return a pattern for paths, such as `*/migration.sql`; `*/down.sql` is not what runs forward."""
    depths = {path.count("/") for path in paths}
    names = {path.rpartition("/")[2] for path in paths} - {"down.sql"}
    folders = "*/" * max(depths) if len(depths) == 1 else "**/"
    return folders + (names.pop() if folders and len(names) == 1 else DEFAULT_PATTERN)
