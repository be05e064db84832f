"""`file`: the tenants in a CSV file, or in a file with an id on each line."""

from __future__ import annotations

import csv
import os
import stat

from d1migrate.drivers.database_id import is_database_id
from d1migrate.errors import UsageError, placed, with_caret
from d1migrate.fleet.sources.rows import IDS, NAME, read_row
from d1migrate.hints import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from d1migrate.fleet.tenant import Listed

_NAMES = " or ".join(IDS)
_HEADER = "the first line names the columns, for example: database_id,name"


def list_csv(path: str) -> Iterator[Listed]:
    """Yield the tenants of a file, in its order.

    Raises:
        UsageError: the file cannot be read, or a line of it is not a tenant.
    """
    folder = os.path.dirname(path)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # reading a device or a pipe may never end
            raise UsageError(f"{path} is not a file")
        with open(path, encoding="utf-8-sig", newline="") as file:
            yield from _Reader(path, file).tenants(folder)
    except UnicodeDecodeError as error:
        raise UsageError(f"cannot read {path}: not UTF-8: {error}", hint="save the file as UTF-8") from error
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


class _Reader:
    """The records of a file. It keeps the lines of the current one, which errors show."""

    def __init__(self, path: str, lines: Iterable[str]) -> None:
        self._path, self._lines = path, lines
        self._record: list[str] = []
        self._reader = csv.reader(self._noted(), strict=True)
        self._first = 1

    def _noted(self) -> Iterator[str]:
        for line in self._lines:
            self._record.append(line)
            yield line

    def _records(self) -> Iterator[list[str]]:
        """Yield the records that are not blank lines."""
        while True:
            self._record.clear()
            self._first = self._reader.line_num + 1
            try:
                found = next(self._reader, None)
            except csv.Error as error:
                raise self._error(str(error), hint='a quote within quotes is doubled: "a ""b"" c"') from error
            if found is None:
                return
            if any(part.strip() for part in found):
                yield [part.strip() for part in found]

    def tenants(self, folder: str) -> Iterator[Listed]:
        """Yield the tenants; paths are relative to a folder."""
        records = self._records()
        header = next(records, None)
        if header is None:
            return
        columns = [name.casefold() for name in header]
        column = next((name for name in IDS if name in columns), None)
        if column is None:
            column, columns = self._no_header(header), []
            yield self._tenant(column, header[0], None, folder)
        elif len(set(columns)) < len(columns):
            raise self._error("two columns have one name", hint=_HEADER)
        at = columns.index(column) if columns else 0
        name_at = columns.index(NAME) if NAME in columns else None
        for record in records:
            if len(record) != (len(columns) or 1):
                count = f"{len(record)} value{'' if len(record) == 1 else 's'}"
                raise self._error(f"{count}, expected {len(columns) or 1}", hint="quote a value with a comma")
            name = None if name_at is None else record[name_at]
            yield self._tenant(column, record[at], name, folder)

    def _no_header(self, first: list[str]) -> str:
        """Return the column that a list of ids or urls is, by its first line."""
        value = first[0]
        if len(first) == 1 and (is_database_id(value) or ":" in value):
            return "id" if is_database_id(value) else "url"
        if len(first) == 1 and any(mark in value for mark in ";\t|"):
            raise self._error(f"no column {_NAMES}", value, hint="separate the values with commas")
        for part in first:
            if hint := did_you_mean(part, IDS):
                raise self._error(f"no column {_NAMES}", part, hint=hint)
        raise self._error(f"no column {_NAMES}", hint=_HEADER)

    def _tenant(self, column: str, value: str, name: str | None, folder: str) -> Listed:
        place = f"{self._path}:{self._first}"
        try:
            return read_row(column, value, name, place, folder)
        except UsageError as error:
            raise self._error(str(error), value, hint=error.hint) from None

    def _error(self, message: str, value: str = "", *, hint: str | None = None) -> UsageError:
        """Return an error with the line, and a caret under a value in it."""
        source = self._record[0].rstrip("\r\n") if self._record else ""
        at = source.find(value) + 1 if value else 0
        if at:
            return UsageError(placed(self._path, self._first, at, message, source), hint=hint)
        return UsageError(with_caret(f"{self._path}:{self._first}: {message}", source, None), hint=hint)
