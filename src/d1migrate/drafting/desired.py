"""A `schema.sql` that people write, read: the schema it builds, and what its notes say of renames."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from d1migrate.drafting.renames import Rename, circles
from d1migrate.drafting.workbench import Workbench
from d1migrate.errors import SourceError
from d1migrate.history import OTHER_TOOLS, TABLES
from d1migrate.sql.create import parse_table
from d1migrate.sql.dump import OPENING, meant_by, written_table
from d1migrate.sql.names import HELPER, unquote
from d1migrate.sql.shape import shape_of
from d1migrate.sql.split import split
from d1migrate.sql.tokens import significant, tokenize

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from d1migrate.schema.model import Schema
    from d1migrate.sql.definitions import TableDefinition
    from d1migrate.sql.shape import Shape

_NOTE = re.compile(r"renamed from:?\s+(\"(?:[^\"]|\"\")+\"|`[^`]+`|\[[^\]]+\]|[^\s,;:.*/]+)", re.IGNORECASE)


class Desired(NamedTuple):
    """The schema there should be.

    Attributes:
        schema: all of it.
        renames: those that its notes declare.
        places: {(kind, folded name): FILE:LINE} of what a file creates.
    """

    schema: Schema
    renames: tuple[Rename, ...] = ()
    places: Mapping[tuple[str, str], str] = {}


def read(text: str, *, file: str) -> Desired:
    """Return the schema that a file of CREATE statements builds.

    `-- renamed from: old_name` on a column's line, or above a CREATE TABLE, declares a rename. What tools add
    to a schema that they write is left out: SQLite's own tables, shadow tables, PRAGMAs, transactions, the
    rows of a migration history, and all rows of a dump.

    Args:
        text: the file's content.
        file: its name, for errors.

    Raises:
        ParseError: it cannot be read.
        SourceError: a statement does not create something, or D1 refuses it.
    """
    renames: list[Rename] = []
    places: dict[tuple[str, str], str] = {}
    shadows: set[str] = set()
    with closing(Workbench()) as bench:
        statements = [statement for statement in split(text, file=file) if statement.sql]
        is_dump = bool(statements) and _shape(statements[0].sql).verb in OPENING
        for statement in statements:
            sql = meant_by(statement.sql)
            if sql is None or _is_row(sql, is_dump=is_dump):
                continue
            place, shape = f"{file}:{statement.line}", _shape(sql)
            if shape.verb == "create table" and shape.name in shadows:
                continue
            _create(bench, sql, shape, place)
            if shape.verb == "create virtual table":
                shadows = bench.shadow_tables()
            places[shape.verb.split()[-1], shape.name] = place
            renames += _renames(statement.text[: statement.body], sql)
        if swapped := circles(renames):
            raise SourceError(
                f"{file}: notes swap names, and would again each time: {', '.join(r.flag for r in swapped)}",
                hint="leave the notes out, and say it once: "
                + " ".join(f"--rename {rename.flag}" for rename in swapped),
            )
        return Desired(bench.schema(), tuple(renames), places)


def _shape(sql: str) -> Shape:
    return shape_of(significant(sql[:200]))


def _is_row(sql: str, *, is_dump: bool) -> bool:
    """Whether it writes a row that a schema file may hold: one of a history, in a dump any."""
    if _shape(sql).verb not in ("insert", "replace"):
        return False
    return is_dump or written_table(significant(sql)) in {*TABLES, *OTHER_TOOLS}


def _create(bench: Workbench, sql: str, shape: Shape, place: str) -> None:
    """Run a CREATE statement.

    Raises:
        SourceError: it is none, or D1 refuses it.
    """
    if not shape.verb.startswith("create "):
        raise SourceError(
            f"{place}: a schema holds CREATE statements only, and this is {shape.verb.upper() or 'none'}",
            hint="rows belong into a migration: `d1migrate new`" if shape.verb == "insert" else None,
        )
    refusal = bench.run(sql)
    if refusal is None and shape.name.startswith(HELPER):
        refusal = f"{shape.name} is a helper of a rebuild that was cut in half: it belongs to no schema"
    if refusal is not None:
        raise SourceError(f"{place}: {refusal}")


def _renames(lead: str, sql: str) -> Iterator[Rename]:
    table = parse_table(sql)
    if table is None:
        return
    above = [token.text for token in tokenize(lead) if token.kind == "comment"]
    for old in _notes(above):
        yield Rename(old, None, table.name)
    yield from _columns(table)


def _columns(table: TableDefinition) -> Iterator[Rename]:
    for item in table.items:
        inside = [token.text for token in tokenize(item.sql) if token.kind == "comment"]
        for old in _notes([*item.above, *inside, *item.behind]):
            if item.column is not None:
                yield Rename(table.name, old, item.column)


def _notes(comments: list[str]) -> list[str]:
    return [unquote(match[1]) for comment in comments if (match := _NOTE.search(comment))]
