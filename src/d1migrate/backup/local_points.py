"""Restore points of local files: checked copies, made by SQLite's backup API.

Their names contain a number, a time and the last applied migration. The number gives the order: a clock may
have been wrong.
"""

from __future__ import annotations

import filecmp
import os
import re
import shutil
import stat
import time
import zlib
from calendar import timegm
from contextlib import closing, suppress
from urllib.parse import quote, unquote

import apsw

from d1migrate.backup import FOLDER, times
from d1migrate.backup.snapshot import ANY_LENGTH
from d1migrate.drivers.run import run
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import DamagedError, HistoryError, QueryError, UnavailableError, UsageError
from d1migrate.migrate.flows.read import read_current
from d1migrate.migrate.order import number_of
from d1migrate.migrate.selector import Named, is_none, meant
from d1migrate.migrate.table import SUFFIX
from d1migrate.named_tuple import NamedTuple
from d1migrate.project import disk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from d1migrate.drivers.protocol import Driver, LocalFile, Permit
    from d1migrate.migrate.history import AppliedMigration
    from d1migrate.migrate.table_choice import TableChoice

_MAX_POINTS = 10
_LONGEST = 120  # characters of a migration's name; a file name has 255

_NAME = re.compile(
    r"(?P<stem>[\w.-]+)-(?P<number>\d+)-(?P<time>\d{8}T\d{6})\.(?P<ms>\d{3})Z(?:-(?P<current>[\w.~%-]+))?\.db",
    re.ASCII,
)
_EARLIER = "restore an earlier point, or a backup"
_JOURNALS = ("", "-journal", "-wal", "-shm")


class RestorePoint(NamedTuple):
    """A restore point.

    Attributes:
        name: its name for `restore --to` and in the log; a file name or a bookmark.
        path: the file.
        at: when it was taken, in epoch seconds.
        current: the last applied migration then; "" if none was applied. The name of a file has no room for
            a very long one: it ends with `~` there.
        size: its bytes.
        number: each point of a file has a higher number than older ones; 0 for a remote D1.
    """

    name: str
    path: str
    at: float
    current: str
    size: int
    number: int = 0


def folder_of(driver: Driver) -> str | None:
    """Return the folder of the restore points of a driver's file; None if the database is not a file."""
    file = driver.capabilities.file
    return os.path.join(os.path.dirname(file.path), FOLDER) if file else None


def take(
    driver: Driver,
    choice: TableChoice,
    folder: str | None = None,
    *,
    now: float | None = None,
    keep: Collection[str] = (),
) -> RestorePoint | None:
    """Copy a local database as it is now, then remove all but the newest points.

    Args:
        driver: the database, which is only read.
        choice: how to choose its migrations table.
        folder: the folder for the copy; by default `.d1migrate` beside the file.
        now: the time, in epoch seconds.
        keep: names of points to keep, however old.

    Returns:
        The point; the newest existing one if nothing was written since. None if the database is empty, or
        not a file.

    Raises:
        UnavailableError: the database cannot be read or is damaged, or the copy cannot be written.
    """
    file, folder = driver.capabilities.file, folder or folder_of(driver)
    if file is None or folder is None or not os.path.exists(file.path) or not os.path.getsize(file.path):
        return None
    try:
        create_folder(folder, driver.capabilities.permit)
        point = _copy(file, choice, folder, time.time() if now is None else now)
    except OSError as error:
        raise UnavailableError(
            f"cannot write a restore point to {folder}: {error.strerror or error}",
            hint="make it a folder that can be written to; to override, add --no-restore-point REASON",
        ) from error
    if point:
        _prune(folder, file.path, point, keep)
    return point


def set_aside(file: LocalFile, folder: str | None = None) -> str:
    """Copy a damaged file byte by byte, with its journals, to the restore points; return the copy's path.

    Raises:
        UnavailableError: it cannot be copied.
    """
    path, folder = file.path, folder or folder_of(file) or FOLDER
    kept = os.path.join(
        folder, f"{os.path.basename(path)}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    )
    try:
        create_folder(folder, file.capabilities.permit)
        for end in _JOURNALS:
            if os.path.exists(path + end):
                disk.copy(path + end, kept + end)
    except OSError as error:
        raise UnavailableError(f"cannot keep {path} as {kept}: {error.strerror}") from error
    return kept


def listed(driver: Driver, folder: str | None = None) -> list[RestorePoint]:
    """Return the restore points of a driver's file, oldest first; arguments as `take`."""
    file, folder = driver.capabilities.file, folder or folder_of(driver)
    return [] if file is None or folder is None else _points(folder, file.path)


def find(points: Sequence[RestorePoint], wanted: str) -> RestorePoint:
    """Return the point that a name, a migration or a time means.

    Args:
        points: the existing points.
        wanted: a point's name; a migration, for the newest point at which it was the last one (NONE for
            none, or 0 unless one has that number); or a time (as `times.parse`), for the newest point not
            after it.

    Raises:
        UsageError: there is none, and the hint lists the newest points; or as `times.parse`.
    """
    if named := [p for p in points if p.name == wanted]:
        return named[0]
    if not wanted.isdecimal() and (at := times.parse(wanted)) is not None:
        end = at + 1 if at.is_integer() else at  # a list shows no fractions of a second
        fitting = sorted((p for p in points if p.at < end), key=lambda point: point.at)
        problem = f"no restore point was taken before {wanted}"
    else:
        names = _meant({p.current for p in points}, wanted)
        fitting = [p for p in points if p.current in names]
        problem = f"no restore point has {wanted} as its last migration"
        if len(names) > 1:
            problem = f"{wanted} can be {', '.join(sorted(names))}"
        elif not fitting and not wanted.isdecimal():
            problem = f"{wanted} is not a restore point, a migration or a time"
    if not fitting or "can be" in problem:
        listed = ", ".join(f"{p.name} (at {p.current or 'no migration'})" for p in points[-5:])
        none = "there is no restore point yet: the next `up` or `down` takes one before it writes"
        raise UsageError(problem, hint=f"restore points: {listed}" if listed else none)
    return fitting[-1]


def _meant(labels: Collection[str], wanted: str) -> set[str]:
    """Return the last migrations that can be meant, of points with these; "" if no migration is.

    The points of d1migrate 0.1 have a number: v2, or v0 for none.
    """
    known = {label for label in labels if label}
    if is_none(map(Named, known), wanted):
        return {""} if "" in labels else {"v0"}
    old = {f"v{wanted}"} & known
    return meant(known, wanted) or meant(known, _shortened(wanted.removesuffix(SUFFIX))) or old


def copy_out(point: RestorePoint, choice: TableChoice, path: str) -> None:
    """Copy a point to a file that may be changed, and check that it holds what its name says.

    Raises:
        UnavailableError: it cannot be read. DamagedError: it is damaged, or has another last migration.
    """
    try:
        shutil.copyfile(point.path, path)
    except OSError as error:
        raise UnavailableError(f"cannot copy {point.path} to {path}: {error.strerror}") from error
    holds = current_in(path, choice) if _checked(path, point.path) else "nothing"
    if holds != point.current and not _is_version(holds, point.current):
        raise DamagedError(
            f"{point.path} is damaged: it holds {holds or 'no migration'}, expected"
            f" {point.current or 'no migration'}",
            hint=_EARLIER,
        )


def _is_version(name: str, label: str) -> bool:
    """Whether a label of d1migrate 0.1 has the number of a migration, or 0 for none."""
    return label == f"v{(number_of(name) if name else 0)}"


# --- files ---


def create_folder(folder: str, permit: Permit | None) -> None:
    """Create the folder for the points of a database, and keep what it holds out of git.

    Raises:
        UsageError: `permit` refuses the folder.
    """
    if permit:
        permit(folder, "the folder of restore points")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    if not os.path.lexists(ignore := os.path.join(folder, ".gitignore")):
        with suppress(FileExistsError):
            disk.create(ignore, "*\n")


def _copy(file: LocalFile, choice: TableChoice, folder: str, now: float) -> RestorePoint | None:
    stem, known = _stem(folder, file.path), _points(folder, file.path)
    mode = stat.S_IMODE(os.stat(file.path).st_mode)  # whoever may not read the file may not read the copy
    with disk.hidden_beside(os.path.join(folder, stem), mode) as hidden:
        file.copy_to(hidden)
        if not _checked(hidden, file.path):
            return None
        current = current_in(hidden, choice)
        if known and filecmp.cmp(known[-1].path, hidden, shallow=False):
            return known[-1]  # runs that fail one after another push out no older point
        at = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03}Z"
        number = known[-1].number + 1 if known else 1
        name = f"{stem}-{number:04}-{at}{'-' if current else ''}{_quoted(current)}.db"
        disk.publish(hidden, os.path.join(folder, name))
    return _point(folder, name, stem)


def _checked(path: str, original: str) -> bool:
    """Check a copy; return whether it has anything.

    Raises:
        DamagedError: SQLite finds it damaged; then the original is damaged too.
    """
    try:
        with closing(apsw.Connection(path)) as copy:
            copy.execute(
                "PRAGMA journal_mode = DELETE"
            )  # otherwise the copy of a WAL database may be three files
            problems = [str(row[0]) for row in copy.execute("PRAGMA quick_check(3)")]
            if problems != ["ok"]:
                raise DamagedError(
                    f"{original} is damaged: {' '.join('; '.join(problems).split())}", hint=_EARLIER
                )
            return bool(copy.execute("SELECT count(*) FROM sqlite_schema").get)
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise DamagedError(f"{original} is damaged: {error}", hint=_EARLIER) from error
    except apsw.Error as error:
        raise UnavailableError(f"{original}: {error}") from error


def current_in(path: str, choice: TableChoice) -> str:
    """Return the last applied migration of a file as names of points have it; "" if it has no history."""
    try:
        with closing(SqliteDriver(path, url=f"sqlite:{path}", profile=ANY_LENGTH)) as copy:
            return label(run(read_current(choice), copy))
    except (HistoryError, QueryError):  # another tool's tables, or damaged ones
        return ""


def label(row: AppliedMigration | None) -> str:
    """Return the name of a migration as points have it; "" for none."""
    return _shortened(row.name) if row else ""


def _shortened(name: str) -> str:
    """Return a name that fits into the name of a file; `~` replaces its end."""
    text = name
    while len(_quoted(text)) > _LONGEST:
        text = text[:-1]
    return text if text == name else f"{text}~"


def _quoted(name: str) -> str:
    return quote(name, safe="", errors="surrogatepass")


def _prune(folder: str, path: str, newest: RestorePoint, keep: Collection[str]) -> None:
    """Remove points beyond _MAX_POINTS, never the newest.

    None is removed for its age: a clock that was ahead once would make all others old.
    """
    for place, point in enumerate(reversed(_points(folder, path))):
        if place >= _MAX_POINTS and point.name != newest.name and point.name not in keep:
            with suppress(OSError):
                os.unlink(point.path)


def _points(folder: str, path: str) -> list[RestorePoint]:
    """Return the points of one file, oldest first; the folder may contain points of other files."""
    stem = _stem(folder, path)
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    found = (point for name in names if (point := _point(folder, name, stem)))
    return sorted(found, key=lambda point: (point.number, point.at))


def _point(folder: str, name: str, stem: str) -> RestorePoint | None:
    match = _NAME.fullmatch(name)
    if match is None or match["stem"] != stem:
        return None
    path = os.path.join(folder, name)
    try:
        at = timegm(time.strptime(match["time"], "%Y%m%dT%H%M%S")) + int(match["ms"]) / 1000
        status = os.lstat(path)
    except (ValueError, OSError):
        return None
    current = unquote(match["current"] or "", errors="surrogatepass")
    if not stat.S_ISREG(status.st_mode):  # a link may lead out of the folder
        return None
    return RestorePoint(name, path, at, current, status.st_size, int(match["number"]))


def _stem(folder: str, path: str) -> str:
    """Return the prefix of the names of a file's points, unique in the folder."""
    name, full = os.path.basename(path), os.path.abspath(path)
    beside = os.path.abspath(folder) == os.path.join(os.path.dirname(full), FOLDER)
    plain = re.sub(r"[^\w.-]", "_", os.path.splitext(name)[0], flags=re.ASCII).lstrip(".")[:40]
    if beside and name == f"{plain}.db":
        return plain
    return f"{plain or 'database'}-{zlib.crc32(os.fsencode(name if beside else full)):08x}"
