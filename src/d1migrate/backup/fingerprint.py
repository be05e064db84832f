"""Fingerprints: the contents of a database as digests, to compare a restored database with its dump."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Protocol

from d1migrate.backup.contents import read_contents
from d1migrate.backup.rows import Reader
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema import digest
from d1migrate.schema.model import Schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from d1migrate.drivers.protocol import Driver


class FingerprintLike(Protocol):
    """A fingerprint, whether it was read from a database or from the manifest of a dump."""

    @property
    def rows(self) -> Mapping[str, list[Any]]:
        """{table: [rows, digest]}."""
        ...

    @property
    def objects(self) -> Mapping[str, Any]:
        """{"table users": digest}."""
        ...

    @property
    def sequences(self) -> Mapping[str, str]:
        """{table: AUTOINCREMENT's counter}."""
        ...


class Fingerprint(NamedTuple):
    """The fingerprint of a database; for the parts, see `FingerprintLike`."""

    rows: dict[str, list[Any]]
    schema: Schema
    sequences: dict[str, str]

    @property
    def objects(self) -> dict[str, str | None]:
        """{"table users": digest}."""
        return digest.changes(Schema(), self.schema)


class RowDigest:
    """Counts rows and computes the sha256 of their literals."""

    def __init__(self) -> None:
        self.rows = 0
        self._hash = sha256()

    def add(self, rows: Iterable[Sequence[str]]) -> None:
        """Add rows."""
        for row in rows:
            self.rows += 1
            # No literal contains NUL, so the separator is unambiguous.
            self._hash.update("\0".join((*row, "")).encode())

    def value(self) -> list[int | str]:
        """Return the number of rows and their digest."""
        return [self.rows, self._hash.hexdigest()]


def read_fingerprint(driver: Driver) -> Fingerprint:
    """Read a whole database; errors as `read_contents`."""
    contents = read_contents(driver)
    reader = Reader(driver, contents.encoding)
    rows: dict[str, list[Any]] = {}
    for content in contents.all_tables:
        total = RowDigest()
        for page in reader.pages(content):
            total.add(page)
        rows[content.name] = total.value()
    return Fingerprint(rows, contents.schema, contents.sequences)


def compare(expected: FingerprintLike, found: Fingerprint) -> list[str]:
    """Return the differences, object by object and table by table."""
    differences = [
        f"{kind} {name}: {problem}"
        for kind, name, problem, *_ in digest.compare(expected.objects, digest.objects(found.schema))
    ]
    none = RowDigest().value()
    for table in sorted(expected.rows.keys() | found.rows.keys()):
        count, content = expected.rows.get(table, none)
        others, actual = found.rows.get(table, none)
        if count != others:
            differences.append(f"{table}: {others} rows, expected {count}")
        elif content != actual:
            differences.append(f"{table}: its rows are different")
    if expected.sequences != found.sequences:
        differences.append("the counters of AUTOINCREMENT are different")
    return differences
