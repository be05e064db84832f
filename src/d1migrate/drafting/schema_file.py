"""Read a `schema.sql` that people write: the schema it builds, and the renames that its notes declare."""

from __future__ import annotations

import re
from contextlib import closing

from d1migrate.drafting.desired import Desired
from d1migrate.drafting.renames import Rename, circles, rename_flags
from d1migrate.drafting.scratch_schema import ScratchSchema
from d1migrate.errors import ParseError, SourceError
from d1migrate.migrate.history import tables
from d1migrate.migrate.other_tools import is_of_another_tool
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql import d1
from d1migrate.sql.create import parse_table
from d1migrate.sql.dump import OPENING, user_statement
from d1migrate.sql.names import is_helper, unquote
from d1migrate.sql.split import split
from d1migrate.sql.statement import shape_of, target_of
from d1migrate.sql.tokens import significant, tokenize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from d1migrate.sql.definitions import TableDefinition
    from d1migrate.sql.split import Statement
    from d1migrate.sql.statement import Shape
    from d1migrate.sql.tokens import Token

_NOTE = re.compile(r"renamed from:?\s+(\"(?:[^\"]|\"\")+\"|`[^`]+`|\[[^\]]+\]|[^\s,;:.*/]+)", re.IGNORECASE)


def read(text: str, *, file: str) -> Desired:
    """Return the schema that a file of CREATE statements builds.

    `-- renamed from: old_name` on a column's line, or above a CREATE TABLE, declares a rename. What tools add
    when they write a schema is ignored: SQLite's own tables, shadow tables, PRAGMAs, transactions, the rows
    of a migration history, and all rows of a dump.

    Args:
        text: the file's content.
        file: its name, for errors.

    Raises:
        ParseError: it cannot be parsed.
        SourceError: a statement does not create something, or D1 refuses it.
    """
    renames: list[Rename] = []
    locations: dict[tuple[str, str], str] = {}
    shadows: set[str] = set()
    with closing(ScratchSchema()) as scratch:
        statements = [statement for statement in split(text, file=file) if statement.sql]
        is_dump = bool(statements) and shape_of(significant(statements[0].sql)).verb in OPENING
        for statement in statements:
            tokens = significant(statement.sql)
            sql = user_statement(statement.sql, tokens)
            if sql is None:
                continue
            if sql is not statement.sql:
                tokens = significant(sql)
            location, shape = f"{file}:{statement.line}", shape_of(tokens)
            if _is_row(tokens, shape, is_dump=is_dump):
                continue
            if shape.verb == "create table" and shape.name in shadows:
                continue
            _create(scratch, sql, shape, _Source(file, text, statement), locations)
            if shape.verb == "create virtual table":
                shadows = scratch.shadow_tables()
            locations[shape.verb.split()[-1], shape.name] = location
            renames += _renames(statement.text[: statement.body], sql)
        if swapped := circles(renames):
            notes = ", ".join(rename.flag for rename in swapped)
            raise SourceError(
                f"{file}: these notes swap names, and would swap them again in every diff: {notes}",
                hint=f"remove the notes, and pass the renames once: {rename_flags(swapped)}",
            )
        return Desired(scratch.schema(), tuple(renames), locations)


def script(stored: Iterable[str]) -> str:
    """Return the statements of a `sqlite_schema` as a script; SQLite may keep a comment at their end."""
    return "".join(f"{sql}\n;\n" for sql in stored)


class _Source(NamedTuple):
    """A statement in its file, for errors."""

    file: str
    text: str
    statement: Statement

    def error(self, message: str, *, sql: str = "", offset: int = 0, hint: str | None = None) -> ParseError:
        """Return the error at the start of the statement, or at an offset in bytes if `sql` is its text."""
        before = sql.encode()[:offset].decode(errors="replace") if sql == self.statement.sql else ""
        at = self.statement.start + self.statement.body + len(before)
        start = self.text.rfind("\n", 0, at) + 1
        return ParseError(
            message,
            file=self.file,
            line=self.text.count("\n", 0, at) + 1,
            column=at - start + 1,
            source=self.text[start:].partition("\n")[0].rstrip("\r"),
            hint=hint,
        )


def _is_row(tokens: Sequence[Token], shape: Shape, *, is_dump: bool) -> bool:
    """Whether it inserts a row that is ignored: a row of a migration history, or any row of a dump."""
    if shape.verb not in ("insert", "replace"):
        return False
    table = target_of(tokens)
    return is_dump or table in tables() or is_of_another_tool(table)


def _create(
    scratch: ScratchSchema, sql: str, shape: Shape, source: _Source, locations: Mapping[tuple[str, str], str]
) -> None:
    """Run a CREATE statement.

    Raises:
        ParseError: it is not a CREATE statement, or D1 refuses it.
    """
    if not shape.verb.startswith("create "):
        found, hint = _kind(sql)
        raise source.error(f"expected CREATE TABLE, INDEX, VIEW or TRIGGER, found {found}", hint=hint)
    refusal = scratch.refusal(sql)
    if refusal is None and is_helper(shape.name):
        refusal = f"{shape.name} is left over from an interrupted rebuild, and does not belong in a schema"
    if refusal is not None:
        text, offset, _ = d1.error_parts(refusal)
        hint = _same_name(text, shape.name, locations)
        raise source.error(text, sql=sql, offset=offset or 0, hint=hint)


def _same_name(text: str, name: str, locations: Mapping[tuple[str, str], str]) -> str | None:
    """Return the hint for a name that is taken: the line that creates it, and that case is ignored."""
    if text.startswith("duplicate column name"):
        return "SQLite compares names without regard to case: a and A are the same column"
    known = [location for (_, taken), location in locations.items() if taken == name]
    if "already" not in text or not known:
        return None
    return f"{known[0]} creates it; SQLite compares names without regard to case"


def _kind(sql: str) -> tuple[str, str | None]:
    """Return the kind of a statement in its own words, and a hint."""
    first, second = (*(token.text.upper() for token in significant(sql[:200])[:2]), "")[:2]
    if first == "CREATE":
        return f"{first} {second}".rstrip(), "SQLite has no such statement; remove it"
    if first in ("ALTER", "DROP"):
        hint = "write only the desired schema; `d1migrate diff` writes the changes"
        return f"{first} {second}".rstrip(), hint
    is_rows = first in ("INSERT", "REPLACE", "UPDATE", "DELETE")
    return first, "rows belong in a migration: `d1migrate new`" if is_rows else None


def _renames(lead: str, sql: str) -> Iterator[Rename]:
    table = parse_table(sql) if _NOTE.search(lead) or _NOTE.search(sql) else None
    if table is None:
        return
    above = [token.text for token in tokenize(lead) if token.kind == "comment"]
    for old in _notes(above):
        yield Rename(old, None, table.name)
    yield from _columns(table)


def _columns(table: TableDefinition) -> Iterator[Rename]:
    for item in table.items:
        inside = [token.text for token in tokenize(item.sql) if token.kind == "comment"]
        for old in _notes([*item.leading, *inside, *item.trailing]):
            if item.column is not None:
                yield Rename(table.name, old, item.column)


def _notes(comments: list[str]) -> list[str]:
    return [unquote(match[1]) for comment in comments if (match := _NOTE.search(comment))]
