"""A schema taken apart into facts, fine enough that two files may each have made half of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate.schema.compare import canonical
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.tokens import significant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from d1migrate.lint.model import Ran, Replay
    from d1migrate.migration import Migration
    from d1migrate.schema.catalog import Catalog
    from d1migrate.schema.model import Schema, Table
    from d1migrate.sql.tokens import Token

_CONSTRAINTS = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"})
_DEPTH = {"(": 1, ")": -1}


class Key(NamedTuple):
    """What a fact is about.

    Attributes:
        kind: table, column, constraint, index, trigger or view.
        name: of the object, folded; of a part of a table, the part. A constraint's is its text.
        table: the table of a part, folded; "" for an object.
    """

    kind: str
    name: str
    table: str = ""

    @property
    def shown(self) -> str:
        """The name for a reader."""
        if self.kind == "column":
            return f"{self.table}.{self.name}"
        return f"{self.table}: {self.name}" if self.table else self.name


class Footprint(NamedTuple):
    """What a migration leaves in a schema.

    Attributes:
        migration: the file.
        changes: {what: its canonical SQL then, or None where it is gone}.
        refusal: why that is not all of it, or not known; None where it is.
        rows: the tables whose rows it changes, which no schema shows.
    """

    migration: Migration
    changes: Mapping[Key, str | None]
    refusal: str | None = None
    rows: tuple[str, ...] = ()


def footprints(replays: Iterable[Replay]) -> tuple[Footprint, ...]:
    """Return what files leave behind, from how they ran on an empty database, one after the other."""
    found, lost = list[Footprint](), None
    for replay in replays:
        refusal = next((_refusal(replay, ran) for ran in replay.ran if _of_schema(ran) and ran.refusal), None)
        if refusal is not None:
            lost = lost or replay.migration.name
        elif lost and any(_came_to_nothing(ran) for ran in replay.ran):
            refusal = f"it builds on {lost}, which cannot be replayed on an empty database"
        made = changes(replay.before, replay.after)
        if refusal is None and not made:
            refusal = next((_refusal(replay, ran) for ran in replay.ran if ran.refusal), None)
        found.append(Footprint(replay.migration, made, refusal, tuple(_written(replay))))
    return tuple(found)


def _written(replay: Replay) -> Iterator[str]:
    """Yield the tables of before and after whose rows a file changes."""
    for number in sorted({*replay.filled, *replay.writers}):
        name = replay.after.name_of(number) or replay.before.name_of(number)
        if name is not None:
            yield name


def _refusal(replay: Replay, ran: Ran) -> str:
    place = f"{replay.migration.file}:{ran.statement.line}"
    return f"it cannot be replayed on an empty database: {place}: {ran.refusal}"


def _of_schema(ran: Ran) -> bool:
    return ran.verb.split(" ", 1)[0] in ("create", "alter", "drop")


def _came_to_nothing(ran: Ran) -> bool:
    """Whether a statement had nothing to work on, and IF [NOT] EXISTS does not explain it."""
    return _of_schema(ran) and ran.before is ran.after and not ran.shape.conditional


def facts(schema: Schema) -> dict[Key, str]:
    """Return {what: its canonical SQL} of all that a schema holds.

    A table is itself (its options alone), its columns and the constraints that stand beside them. The order
    of columns is none of these: a column that is added later stands at the end, and means the same.
    """
    found: dict[Key, str] = {}
    for table in schema.tables:
        found |= _of_table(table)
    found |= {Key("view", fold(view.name)): canonical(view.sql) for view in schema.views}
    return found | {Key("trigger", fold(t.name)): canonical(t.sql) for t in schema.triggers}


def changes(before: Catalog, after: Catalog) -> dict[Key, str | None]:
    """Return what lies between two schemas: {what: its new canonical SQL, or None where it is gone}."""
    old, new = dict[Key, str](), dict[Key, str]()
    for name in {**before.tables, **after.tables}:
        was, now = before.tables.get(name), after.tables.get(name)
        if was is not now:
            old |= _of_table(was) if was else {}
            new |= _of_table(now) if now else {}
    old |= _others(before, after)
    new |= _others(after, before)
    gone: dict[Key, str | None] = {key: None for key in old if key not in new}
    return gone | {key: sql for key, sql in new.items() if old.get(key) != sql}


def _others(catalog: Catalog, other: Catalog) -> dict[Key, str]:
    """Return the views, and triggers on views, of a schema that are not the same in another."""
    views = [v for name, v in catalog.views.items() if other.views.get(name) is not v]
    triggers = [t for name, t in catalog.view_triggers.items() if other.view_triggers.get(name) is not t]
    found = {Key("view", fold(view.name)): canonical(view.sql) for view in views}
    return found | {Key("trigger", fold(trigger.name)): canonical(trigger.sql) for trigger in triggers}


def _of_table(table: Table) -> dict[Key, str]:
    name = fold(table.name)
    found = dict(_parts(name, table.sql))
    found |= {Key("index", fold(i.name)): canonical(i.sql) for i in table.indexes if i.sql}
    return found | {Key("trigger", fold(t.name)): canonical(t.sql) for t in table.triggers}


def _parts(name: str, sql: str) -> Iterator[tuple[Key, str]]:
    """Yield the facts that a CREATE TABLE states; a virtual table is one fact."""
    tokens = significant(sql)
    start = next((i for i, token in enumerate(tokens) if token.text == "("), len(tokens))
    if any(token.keyword == "VIRTUAL" for token in tokens[:start]) or start == len(tokens):
        yield Key("table", name), canonical(sql)
        return
    items, end = _items(tokens, start)
    yield Key("table", name), _text(sql, tokens[end + 1 :])
    for item in items:
        text = _text(sql, item)
        if item[0].keyword in _CONSTRAINTS:
            yield Key("constraint", text, name), text
        else:
            yield Key("column", fold(unquote(item[0].text)), name), text


def _items(tokens: Sequence[Token], start: int) -> tuple[list[Sequence[Token]], int]:
    """Cut what stands in the parentheses at a position at its commas; return where they are closed, too."""
    found: list[Sequence[Token]] = []
    depth, begin = 0, start + 1
    for at in range(start, len(tokens)):
        text = tokens[at].text
        depth += _DEPTH.get(text, 0)
        if depth == 0 or (depth == 1 and text == ","):
            found.append(tokens[begin:at])
            begin = at + 1
        if depth == 0:
            return [item for item in found if item], at
    return [item for item in found if item], len(tokens)


def _text(sql: str, tokens: Sequence[Token]) -> str:
    """Return the canonical text of some tokens that follow each other."""
    return canonical(sql[tokens[0].start : tokens[-1].start + len(tokens[-1].text)]) if tokens else ""
