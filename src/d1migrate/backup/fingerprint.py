"""What a database holds, as digests: a dump says it of itself, and what came of it is compared with that."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from d1migrate.backup.contents import read_contents
from d1migrate.backup.rows import Reader
from d1migrate.schema import digest
from d1migrate.schema.model import Schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from d1migrate.drivers.protocol import Driver


class FingerprintLike(Protocol):
    """What is known of a database, or said of it."""

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
    """All of a database; `FingerprintLike` says what its parts are."""

    rows: dict[str, list[Any]]
    schema: Schema
    sequences: dict[str, str]

    @property
    def objects(self) -> dict[str, str | None]:
        """{"table users": digest}."""
        return digest.changes(Schema(), self.schema)


class RowDigest:
    """Counts rows, and takes the sha256 of their literals."""

    def __init__(self) -> None:
        self.rows = 0
        self._hash = sha256()

    def add(self, rows: Iterable[Sequence[str]]) -> None:
        """Take rows."""
        for row in rows:
            self.rows += 1
            # A literal has no character NUL, so where each ends is certain.
            self._hash.update("\0".join((*row, "")).encode())

    def value(self) -> list[int | str]:
        """Return number and digest."""
        return [self.rows, self._hash.hexdigest()]


def read_fingerprint(driver: Driver) -> Fingerprint:
    """Read all of a database; errors as `read_layout`."""
    layout = read_contents(driver)
    reader = Reader(driver, layout.encoding)
    rows: dict[str, list[Any]] = {}
    for content in layout.all_contents:
        total = RowDigest()
        for page in reader.pages(content):
            total.add(page)
        rows[content.name] = total.value()
    return Fingerprint(rows, layout.schema, layout.sequences)


def compare(expected: FingerprintLike, found: Fingerprint) -> list[str]:
    """Return how what was found is not what was expected, object by object and table by table."""
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
