"""What a second run would change again: wrangler runs the same file whole, also after some of its chunks."""

from __future__ import annotations

from d1migrate.migrate.jobs.cut_parts import Uncuttable
from d1migrate.migrate.jobs.cut_problems import positions_excluded, positions_read
from d1migrate.sql.checks import literal
from d1migrate.sql.implied import null_test
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.references import references
from d1migrate.sql.select import without_subqueries
from d1migrate.sql.statement import insert_of
from d1migrate.sql.token_groups import bare, outside, parted, text_at
from d1migrate.sql.tokens import RESERVED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from d1migrate.migrate.jobs.cut_parts import Parts
    from d1migrate.sql.tokens import Token


_NEW = (
    "write the value to a new column, or add a condition that the statement itself makes false, such as"
    " `WHERE new_column IS NULL`"
)
_ONCE = "add `ON CONFLICT DO NOTHING`, `OR IGNORE` or a `WHERE NOT EXISTS (…)`"


def unrepeatable(statement: Parts) -> Iterator[Uncuttable]:
    """Yield what a second run would change again."""
    if statement.verb == "insert":
        yield from _inserts_again(statement)
    clauses = statement.main if statement.verb == "update" else statement.tail
    if _is_undone(_last_where(clauses), statement.sets):
        return
    for column, value in statement.sets.items():
        if token := _target_read(statement, value):
            read = fold(unquote(token.text))
            of = "its own value" if read == column else f"{read}, which is set, too"
            yield Uncuttable(
                f"a second run would change {column} again: it is computed from {of}", token, _NEW
            )
        random = next((t for t in value if t.keyword in ("RANDOM", "RANDOMBLOB")), None)
        if random and statement.verb == "update":
            reason = f"a second run would set {column} to another random value"
            yield Uncuttable(reason, random, f"add `{column} IS NULL` to WHERE")


def _inserts_again(statement: Parts) -> Iterator[Uncuttable]:
    tokens, verb = statement.tokens, statement.tokens[statement.at]
    policy = [token.keyword for token in tokens[statement.at + 1 : statement.at + 3]]
    if verb.keyword == "REPLACE" or policy == ["OR", "REPLACE"]:
        reason = "REPLACE deletes rows that may have changed since they were inserted"
        yield Uncuttable(reason, verb, _ONCE)
    omits = policy == ["OR", "IGNORE"] or any(token.keyword == "CONFLICT" for token in statement.tail)
    if not omits and not _excludes_existing(statement):
        yield Uncuttable("a second run would insert the same rows again", verb, _ONCE)


def keys_needed(statement: Parts) -> tuple[str, ...] | None:
    """Return the columns that an INSERT names if it relies on a unique key among them; else None."""
    insert = insert_of(statement.tokens)
    return None if insert is None or _excludes_existing(statement) else insert.columns


def _excludes_existing(statement: Parts) -> bool:
    """Whether NOT EXISTS or NOT IN reads the table into which rows are inserted."""
    tokens = statement.tokens
    return not positions_excluded(tokens).isdisjoint(positions_read(tokens, statement.changes))


def _target_read(statement: Parts, value: Sequence[Token]) -> Token | None:
    """Return where a new value reads a column that the statement sets.

    A name without a table, in a subquery, is not counted: it is that of a column there, if there is one.
    """
    tokens, alias = statement.tokens, statement.target
    alias += 2 if text_at(tokens, alias + 1).upper() == "AS" else 0
    name = fold(unquote(tokens[alias].text))
    own = (r.name for r in references(without_subqueries(value)) if r.qualifier in ("", name))
    inner = (r.name for r in references(value) if r.qualifier == name)
    found = next((column for column in (*own, *inner) if column in statement.sets), None)
    return next((token for token in value if fold(unquote(token.text)) == found), None)


def _last_where(clauses: Sequence[Token]) -> Sequence[Token]:
    """Return the condition of an UPDATE or DO UPDATE; the target of ON CONFLICT may have one, too."""
    at = max((i for i in outside(clauses) if clauses[i].keyword == "WHERE"), default=len(clauses))
    after_set = any(clauses[i].keyword == "SET" for i in outside(clauses[:at]))
    return clauses[at + 1 :] if after_set else ()


def _is_undone(where: Sequence[Token], sets: Mapping[str, Sequence[Token]]) -> bool:
    """Whether a condition is false for the rows that were changed, so that none is changed twice."""
    where = bare(where)
    return len(list(parted(where, "OR"))) == 1 and any(_becomes_false(t, sets) for t in parted(where, "AND"))


def _becomes_false(term: Sequence[Token], sets: Mapping[str, Sequence[Token]]) -> bool:
    """Whether a condition is false after its column was set: `x IS NULL`, `x = 1` or `x <> 1`."""
    term = bare(term)
    if test := null_test(term):
        value = sets.get(_column(test[0]))
        return test[1] and value is not None and _is_never_null(value)
    at = next((i for i in outside(term) if term[i].text in ("=", "==", "<>", "!=")), None)
    if at is None:
        return False
    value = sets.get(_column(term[:at]), ())
    before, after = literal(term[at + 1 :]), literal(value)
    if term[at].text in ("<>", "!="):
        return bool(after) and before == after
    integers = before.lstrip("+-").isdecimal() and after.lstrip("+-").isdecimal()
    if integers:
        return int(before) != int(after)
    return before[:1] == after[:1] == "'" and before != after


def _column(tokens: Sequence[Token]) -> str:
    """Return the column that an expression is, folded, or ""."""
    tokens = bare(tokens)
    is_name = len(tokens) == 1 or (len(tokens) == 3 and tokens[1].text == ".")
    return fold(unquote(tokens[-1].text)) if is_name and tokens[-1].kind in ("word", "quoted") else ""


def _is_never_null(value: Sequence[Token]) -> bool:
    """Whether a new value surely is one: it has no NULL in it, no column and no subquery."""
    words = {token.keyword for token in value}
    names = [r.name for r in references(value) if r.name.upper() not in RESERVED]
    return not words & {"NULL", "SELECT", "NULLIF"} and not names
