"""The statements of a guarded rebuild, by what they are for.

They are recognized by what they do, so a drafted file may be edited. What is not part of a guarded rebuild is
refused: it would run in one of the two forms of the file only.
"""

from __future__ import annotations

import re

from d1migrate.errors import ParseError
from d1migrate.migrate.history_guard import is_record
from d1migrate.migrate.table import USUAL_NAMES
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.create import parse, parse_trigger
from d1migrate.sql.definitions import IndexDefinition
from d1migrate.sql.names import HELPER, fold, is_helper
from d1migrate.sql.statement import pragma_of, shape_of, target_of
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.migrate.migration import Migration
    from d1migrate.sql.split import Statement
    from d1migrate.sql.statement import Shape
    from d1migrate.sql.tokens import Token

ONLY = "an online migration is a rebuild as `d1migrate rebuild` drafts it, and nothing else"
"""How each refusal of a file begins."""
HOLD = re.compile(rf"{HELPER}hold_([0-9]+)")
"""The name of the table that holds the rows meanwhile, and its number."""


class Part(NamedTuple):
    """A statement of the file, with its tokens and its kind."""

    statement: Statement
    tokens: Sequence[Token]
    shape: Shape

    @property
    def sql(self) -> str:
        """Its text."""
        return self.statement.sql


class Parts(NamedTuple):
    """The statements of a guarded rebuild that decide what it does."""

    hold: Part
    drop: Part
    create: Part
    fill: Part
    indexes: tuple[Part, ...]
    triggers: tuple[Part, ...]
    others: tuple[Part, ...]


def read_parts(migration: Migration, table: str) -> Parts:
    """Return the statements of a file.

    Args:
        migration: the file.
        table: the table that its directive names.

    Raises:
        SourceError: it is not a guarded rebuild of that table, and nothing else.
    """
    found: dict[str, list[Part]] = {name: [] for name in Parts._fields}
    last: Part | None = None
    for statement in migration.statements():
        tokens = significant(statement.sql)
        last = Part(statement, tokens, shape_of(tokens))
        role = _role(last, fold(table))
        if role is None:
            raise refused(migration, last, f"{ONLY}; this statement is not part of one")
        found[role].append(last)
    for name, what in _NEEDED.items():
        if len(found[name]) != 1:
            number = "more than one statement" if found[name] else "no statement"
            place = found[name][-1] if found[name] else last
            raise refused(migration, place, f"{ONLY}; there is {number} that {what.format(table)}")
    hold, drop, create, fill = (found[name][0] for name in _NEEDED)
    if not hold.statement.line < drop.statement.line < create.statement.line < fill.statement.line:
        raise refused(migration, drop, f"{ONLY}; its statements are in another order")
    rest = (tuple(found[name]) for name in ("indexes", "triggers", "others"))
    return Parts(hold, drop, create, fill, *rest)


_NEEDED = {
    "hold": f"copies {{}} to {HELPER}hold_1",
    "drop": "drops {}",
    "create": "creates {}",
    "fill": "fills {} from the copy",
}


def _role(part: Part, table: str) -> str | None:
    """Return which part of a guarded rebuild a statement is; None if it is not one."""
    tokens, (verb, name, _, _) = part.tokens, part.shape
    match verb:
        case "pragma":
            return "others" if pragma_of(tokens).name == "defer_foreign_keys" else None
        case "select":
            is_assertion = [t.text.lower() for t in tokens[1:3]] == ["json_extract", "("]
            return "others" if is_assertion else None
        case "create table":
            if name == table:
                return "create"
            if HOLD.fullmatch(name):
                return "hold"
            return "others" if is_helper(name) else None
        case "drop table":
            return "drop" if name == table else "others" if is_helper(name) else None
        case "create index":
            return _index_role(part, table)
        case "create trigger":
            return _trigger_role(part, table)
        case "drop index" | "drop trigger":
            return "others"  # of helpers, or of what DROP TABLE drops: `_Derivation` checks which
        case "insert" | "update" | "delete":
            target = target_of(tokens)
            if target == table and verb == "update" and f"{HELPER}late_" in part.sql:
                return "others"  # the column that exceeds the limit with the rowid: refused with that reason
            if target == table:
                return "fill" if verb == "insert" else None
            if is_helper(target) or target == "sqlite_sequence":
                return "others"
            return "others" if any(is_record(part.sql.lower(), each) for each in USUAL_NAMES) else None
    return None


def _index_role(part: Part, table: str) -> str | None:
    definition = parse(part.sql)
    if is_helper(part.shape.name):
        return "others"
    is_on_it = isinstance(definition, IndexDefinition) and fold(definition.table) == table
    return "indexes" if is_on_it else None


def _trigger_role(part: Part, table: str) -> str | None:
    definition = parse_trigger(part.sql)
    if is_helper(part.shape.name):
        return "others"
    return "triggers" if definition and fold(definition.table) == table else None


def refused(migration: Migration, part: Part | None, message: str) -> ParseError:
    """Return the error of a file that cannot run online, at one of its statements."""
    line = part.statement.line if part else 1
    lines = migration.text.split("\n")
    return ParseError(
        message,
        file=migration.file,
        line=line,
        column=1,
        source=lines[line - 1] if line <= len(lines) else "",
        hint="put everything else into migrations of its own",
    )
