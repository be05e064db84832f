"""A schema as digests: enough to tell whether a live one is as it should be, small enough to embed."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from d1migrate.schema.compare import Difference, canonical
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from d1migrate.schema.model import Schema


def objects(schema: Schema) -> Iterator[tuple[str, str, str]]:
    """Yield (kind, name, SQL) of what a schema holds, as `sqlite_schema` lists it."""
    for table in schema.tables:
        yield "table", table.name, table.sql
        yield from (("index", index.name, index.sql) for index in table.indexes if index.sql)
        yield from (("trigger", trigger.name, trigger.sql) for trigger in table.triggers)
    yield from (("view", view.name, view.sql) for view in schema.views)
    yield from (("trigger", trigger.name, trigger.sql) for trigger in schema.triggers)


def changes(before: Schema, after: Schema) -> dict[str, str | None]:
    """Return what was done to a schema: {"table users": its new digest, or None where it is gone}.

    A digest is 16 hex digits of the sha256 of an object's canonical SQL: comments, white space, quotes, and
    the case of names without quotes make no difference.
    """
    old = {_key(kind, name): sql for kind, name, sql in objects(before)}
    new = {_key(kind, name): sql for kind, name, sql in objects(after)}
    gone: dict[str, str | None] = dict.fromkeys(key for key in old if key not in new)
    return gone | {key: _digest(sql) for key, sql in new.items() if old.get(key) != sql}


def compare(expected: Mapping[str, str], actual: Iterable[tuple[str, str, str]]) -> tuple[Difference, ...]:
    """Return how live objects differ from digests; what is missing or different has no `expected` SQL."""
    found: list[Difference] = []
    missing = dict(expected)
    for kind, name, sql in actual:
        wanted = missing.pop(_key(kind, name), None)
        if wanted is None:
            found.append(Difference(kind, name, "extra", None, sql))
        elif wanted != _digest(sql):
            found.append(Difference(kind, name, "different", None, sql))
    for key in missing:
        kind, _, name = key.partition(" ")
        found.append(Difference(kind, name, "missing", None, None))
    return tuple(found)


def _key(kind: str, name: str) -> str:
    return f"{kind} {fold(name)}"


def _digest(sql: str) -> str:
    return sha256(canonical(sql).encode()).hexdigest()[:16]
