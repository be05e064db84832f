"""Values that flags give for existing rows, `TABLE.COLUMN=SQL`, and whether the engine accepts them."""

from __future__ import annotations

from d1migrate.errors import UsageError, with_caret
from d1migrate.hints import did_you_mean
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.changes import AddColumn
from d1migrate.sql import d1, token_groups
from d1migrate.sql.names import fold, quote_identifier
from d1migrate.sql.tokens import significant, tokenize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from d1migrate.drafting.scratch_schema import ScratchSchema
    from d1migrate.schema.changes import Diff
    from d1migrate.schema.model import Schema, Table


def backfill_of(text: str) -> tuple[tuple[str, str], str]:
    """Parse `table.column=SQL`, the value of a flag; return the folded names and the SQL without comments.

    Raises:
        UsageError: it is not of that form.
    """
    name, equals, value = text.partition("=")
    table, dot, column = name.partition(".")
    if not (equals and dot and table and column and value.strip()):
        raise UsageError(
            f"{text!r} is not TABLE.COLUMN=SQL", hint="for example: --backfill \"users.role='viewer'\""
        )
    try:
        value.encode()
    except UnicodeEncodeError:  # undecodable bytes, from a shell or a terminal
        raise UsageError(f"--backfill {name}: the value is not UTF-8") from None
    # A comment would hide what follows the value in a statement.
    sql = "".join(" " if token.kind == "comment" else token.text for token in tokenize(value))
    return (fold(table), fold(column)), sql.strip()


class _Value(NamedTuple):
    """A value for a column of a table, as SQL over the columns that the table has before."""

    table: Table
    column: str
    sql: str

    def error(self, message: str, at: int | None, hint: str | None = None) -> UsageError:
        """Return the error that shows the SQL, with a caret if the character's position is known."""
        before = self.sql[: at or 0]
        line = self.sql.split("\n")[before.count("\n")]
        caret = None if at is None else len(before.rpartition("\n")[2]) + 1
        head = f"--backfill {fold(self.table.name)}.{self.column}: {message}"
        return UsageError(with_caret(head, line, caret), hint=hint)


def refuse_bad_values(
    backfill: Mapping[tuple[str, str], str], found: Diff, current: Schema, scratch: ScratchSchema
) -> None:
    """Check that each value is an expression that the engine accepts.

    Args:
        backfill: as in `draft`.
        found: the changes that use the values.
        current: the schema that the values read, after renames.
        scratch: an engine with that schema, and no rows.

    Raises:
        UsageError: a value is not; the error has its SQL with a caret.
    """
    tables = {fold(table.name): table for table in current.tables}
    added = {(fold(c.table), fold(c.column)) for c in found.changes if isinstance(c, AddColumn)}
    for (table, column), sql in backfill.items():
        if table in tables:
            _check(_Value(tables[table], column, sql), scratch, is_added=(table, column) in added)


def _check(value: _Value, scratch: ScratchSchema, *, is_added: bool) -> None:
    """Prepare a value in the places where SQLite accepts the same functions as in the migration."""
    opening, source = "SELECT (", f"FROM {quote_identifier(value.table.name)}"
    tokens = significant(f"{opening}{value.sql}\n)")
    if illegal := next((token for token in tokens if token.kind == "illegal"), None):
        is_open = illegal.text in "'\"`[/"
        what = "unclosed quote or comment" if is_open else f"unexpected character {illegal.text}"
        raise value.error(what, illegal.start - len(opening))
    if token_groups.closing(tokens, 1) != len(tokens) - 1:
        raise value.error("not one SQL expression: check its parentheses", None)
    if tokens[2].keyword in ("SELECT", "WITH", "VALUES"):  # accepted below, and not by the migration
        flag = f'--backfill "{fold(value.table.name)}.{value.column}=({value.sql})"'
        raise value.error(f"a {tokens[2].keyword} needs parentheses", 0, flag)
    if error := scratch.refusal(f"{opening}{value.sql}\n) {source}"):
        raise _explained(value, error, len(opening))
    # WHERE accepts neither aggregates nor window functions, as the SET of an UPDATE. The SELECT of a rebuild
    # accepts both, but an aggregate would make one row of all.
    opening = f"SELECT 1 {source} WHERE ("
    error = scratch.refusal(f"{opening}{value.sql}\n)")
    if error and (is_added or "aggregate" in error):
        raise _explained(value, error, len(opening.encode()))


def _explained(value: _Value, refusal: str, start: int) -> UsageError:
    """Return the error for the engine's refusal of a statement that has the value at an offset."""
    message, offset, _ = d1.error_parts(refusal)
    sql = value.sql.encode()
    if offset is None or not start <= offset <= start + len(sql):
        return value.error(message, None, _hint(value, message))
    return value.error(message, len(sql[: offset - start].decode(errors="replace")), _hint(value, message))


def _hint(value: _Value, message: str) -> str | None:
    kind, colon, name = message.partition(": ")
    if kind == "no such column" and colon:
        is_word = name == value.sql
        quoted = f"--backfill \"{fold(value.table.name)}.{value.column}='{name}'\""
        return did_you_mean(
            name,
            [column.name for column in value.table.columns],
            otherwise=f"text needs quotes: {quoted}" if is_word else None,
        )
    if kind.startswith("misuse of aggregate"):
        return f"write a subquery: (SELECT … FROM {value.table.name})"
    return None
