"""A `schema.sql` that people write, read: the schema it builds, and what its notes say of renames."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from d1migrate.drafting.renames import Rename, circles
from d1migrate.drafting.workbench import Workbench
from d1migrate.errors import SourceError
from d1migrate.sql.create import parse_table
from d1migrate.sql.names import HELPER, unquote
from d1migrate.sql.shape import shape_of
from d1migrate.sql.split import split
from d1migrate.sql.tokens import significant, tokenize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.schema.model import Schema
    from d1migrate.sql.definitions import TableDefinition

_NOTE = re.compile(r"renamed from:?\s+(\"(?:[^\"]|\"\")+\"|`[^`]+`|\[[^\]]+\]|[^\s,;:.*/]+)", re.IGNORECASE)


class Desired(NamedTuple):
    """The schema there should be, and the renames that its notes tell of."""

    schema: Schema
    renames: tuple[Rename, ...] = ()


def read(text: str, *, file: str) -> Desired:
    """Return the schema that a file of CREATE statements builds.

    `-- renamed from: old_name` on a column's line, or above a CREATE TABLE, tells of a rename.

    Args:
        text: the file's content.
        file: its name, for errors.

    Raises:
        ParseError: it cannot be read.
        SourceError: a statement is none that creates something, or D1 refuses it.
    """
    renames: list[Rename] = []
    with closing(Workbench()) as bench:
        for statement in split(text, file=file):
            if not statement.sql:
                continue
            shape = shape_of(significant(statement.sql[:200]))
            verb = shape.verb
            if not verb.startswith("create "):
                raise SourceError(
                    f"{file}:{statement.line}: a schema holds CREATE statements only, and this is"
                    f" {verb.upper() or 'none'}"
                )
            refusal = bench.run(statement.sql)
            if refusal is None and shape.name.startswith(HELPER):
                refusal = (
                    f"{shape.name} is a helper of a rebuild that was cut in half: it belongs to no schema"
                )
            if refusal is not None:
                raise SourceError(f"{file}:{statement.line}: {refusal}")
            renames += _renames(statement.text[: statement.body], statement.sql)
        if swapped := circles(renames):
            raise SourceError(
                f"{file}: notes swap names, and would again each time: {', '.join(r.flag for r in swapped)}",
                hint="leave the notes out, and say it once: "
                + " ".join(f"--rename {rename.flag}" for rename in swapped),
            )
        return Desired(bench.schema(), tuple(renames))


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
