"""CREATE TABLE, read: what its text says and SQLite's pragmas do not, first of all its CHECKs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate.sql.names import fold, unquote
from d1migrate.sql.tokens import KEYWORDS, Token, significant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TABLE_CONSTRAINTS = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"})
_AFTER_TYPE = _TABLE_CONSTRAINTS | {
    "NOT",
    "NULL",
    "DEFAULT",
    "COLLATE",
    "REFERENCES",
    "AS",
    "ON",
    "DEFERRABLE",
}
_NAMES = ("word", "quoted", "string")


class Check(NamedTuple):
    """A CHECK: the text between its parentheses, and the name that SQLite gives it in errors, if any."""

    expression: str
    name: str | None = None


class ColumnDefinition(NamedTuple):
    """A column. `type`, `default` and `generated` are texts as written, without outer parentheses."""

    name: str
    type: str = ""
    checks: tuple[Check, ...] = ()
    default: str | None = None
    collation: str | None = None
    generated: str | None = None


class TableDefinition(NamedTuple):
    """A table; `checks` are those that stand beside the columns, not in one."""

    name: str
    columns: tuple[ColumnDefinition, ...]
    checks: tuple[Check, ...] = ()
    autoincrement: bool = False
    strict: bool = False
    without_rowid: bool = False

    @property
    def all_checks(self) -> tuple[Check, ...]:
        """Every CHECK, in the order of the text."""
        return (*(check for column in self.columns for check in column.checks), *self.checks)


def parse_table(sql: str) -> TableDefinition | None:
    """Return what a CREATE TABLE says; None for one with AS SELECT, a virtual one, or any other statement.

    Args:
        sql: the statement, as a user writes it or as SQLite keeps it.
    """
    tokens = significant(sql)
    start = _body(tokens)
    end = _closing(tokens, start)
    if end >= len(tokens):
        return None
    items = [item for item in _split(tokens[start + 1 : end], ",") if item]
    columns = [item for item in items if item[0].keyword not in _TABLE_CONSTRAINTS]
    others = [item for item in items if item[0].keyword in _TABLE_CONSTRAINTS]
    options = [fold(unquote(token.text)) for token in tokens[end + 1 :]]
    return TableDefinition(
        unquote(tokens[start - 1].text),
        tuple(_column(sql, item) for item in columns),
        tuple(check for item in others for check in _Constraints(sql, item).checks),
        autoincrement=any(token.keyword == "AUTOINCREMENT" for token in tokens[start:end]),
        strict="strict" in options,
        without_rowid="without" in options,
    )


def allowed_values(check: Check) -> tuple[str, tuple[str, ...]] | None:
    """Return the column, folded, that a CHECK holds to a list of literals, and these as SQL text.

    It knows `IN (…)`, `=`, and several of these joined by OR, with or without IS NULL; None for any other.
    """
    found = _one_of(significant(check.expression))
    return found if found and found[1] else None


def conjuncts(check: Check) -> tuple[Check, ...]:
    """Return the parts that AND joins in a CHECK, each a CHECK of its own; together they say the same."""
    tokens = _bare(significant(check.expression))
    if len(list(_split(tokens, "OR"))) > 1:
        return (check,)
    parts = [_span(check.expression, part) for part in _split(tokens, "AND")]
    if len(parts) == 1 or not all(parts):
        return (check,)
    return tuple(one for part in parts for one in conjuncts(Check(part, check.name)))


def _body(tokens: Sequence[Token]) -> int:
    """Return where the parenthesis stands that opens the columns; the end if there is none."""
    words = [token.keyword for token in tokens[:6]]
    at = 3 if words[1:2] in (["TEMP"], ["TEMPORARY"]) else 2
    if words[:1] != ["CREATE"] or words[at - 1 : at] != ["TABLE"]:
        return len(tokens)
    at += 3 if words[at : at + 3] == ["IF", "NOT", "EXISTS"] else 0
    at += 2 if _text(tokens, at + 1) == "." else 0
    return at + 1 if _text(tokens, at + 1) == "(" else len(tokens)


def _text(tokens: Sequence[Token], at: int) -> str:
    return tokens[at].text if at < len(tokens) else ""


def _closing(tokens: Sequence[Token], at: int) -> int:
    """Return where the parenthesis at a position is closed; the end if it is not."""
    depth = 0
    for i in range(at, len(tokens)):
        depth += _DEPTH.get(tokens[i].text, 0)
        if not depth:
            return i
    return len(tokens)


_DEPTH = {"(": 1, ")": -1}


def _split(tokens: Sequence[Token], separator: str) -> Iterator[Sequence[Token]]:
    """Cut tokens at a comma or keyword outside parentheses and CASE … END; BETWEEN keeps its AND."""
    depth = cases = betweens = begin = 0
    for i, token in enumerate(tokens):
        depth += _DEPTH.get(token.text, 0)
        word = token.keyword
        if word == "CASE" or (word == "END" and cases):  # a column, too, may be called `end`
            cases += 1 if word == "CASE" else -1
        elif depth or cases or separator not in (token.text, word):
            betweens += word == "BETWEEN" and not depth and not cases
        elif word == "AND" and betweens:
            betweens -= 1
        else:
            yield tokens[begin:i]
            begin = i + 1
    yield tokens[begin:]


def _bare(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return an expression without the parentheses around all of it."""
    while _text(tokens, 0) == "(" and _closing(tokens, 0) == len(tokens) - 1:
        tokens = tokens[1:-1]
    return tokens


def _span(sql: str, tokens: Sequence[Token]) -> str:
    return sql[tokens[0].start : tokens[-1].start + len(tokens[-1].text)] if tokens else ""


def _column(sql: str, tokens: Sequence[Token]) -> ColumnDefinition:
    end = 1
    while end < len(tokens) and tokens[end].kind in _NAMES and tokens[end].keyword not in _AFTER_TYPE:
        if [token.keyword for token in tokens[end : end + 2]] == ["GENERATED", "ALWAYS"]:
            break
        end += 1
    if end > 1 and _text(tokens, end) == "(":
        end = _closing(tokens, end) + 1
    rest = _Constraints(sql, tokens[end:])
    name = unquote(tokens[0].text)
    type_ = _span(sql, tokens[1:end])
    return ColumnDefinition(name, type_, tuple(rest.checks), rest.default, rest.collation, rest.generated)


class _Constraints:
    """The constraints of a column, or those of the table between two commas."""

    def __init__(self, sql: str, tokens: Sequence[Token]) -> None:
        self.checks: list[Check] = []
        self.default: str | None = None
        self.collation: str | None = None
        self.generated: str | None = None
        self._sql, self._tokens = sql, tokens
        # SQLite gives a name to every constraint up to the next name or comma, not to the next one only.
        name: str | None = None
        at = 0
        while at < len(tokens):
            word, following = tokens[at].keyword, _text(tokens, at + 1)
            if word == "CONSTRAINT":
                name = unquote(following)
                at += 2
            elif word == "CHECK" and following == "(":
                expression, at = self._group(at + 1)
                self.checks.append(Check(expression, name))
            elif word == "AS" and following == "(":
                self.generated, at = self._group(at + 1)
            elif word == "DEFAULT" and tokens[at - 1].keyword != "SET":  # not ON DELETE SET DEFAULT
                self.default, at = self._value(at + 1)
            elif word == "COLLATE":
                self.collation = unquote(following)
                at += 2
            else:
                at = self._group(at)[1] if tokens[at].text == "(" else at + 1

    def _group(self, at: int) -> tuple[str, int]:
        """Return the text between the parentheses at a position, and what follows them."""
        end = _closing(self._tokens, at)
        return self._sql[self._tokens[at].start + 1 : self._tokens[end].start].strip(), end + 1

    def _value(self, at: int) -> tuple[str, int]:
        if _text(self._tokens, at) == "(":
            return self._group(at)
        end = at + (2 if _text(self._tokens, at) in ("+", "-") else 1)
        return _span(self._sql, self._tokens[at:end]), end


def _one_of(tokens: Sequence[Token]) -> tuple[str, tuple[str, ...]] | None:
    """Return column and literals of one test or of several joined by OR; `IS NULL` has no literals."""
    tokens = _bare(tokens)
    terms = list(_split(tokens, "OR"))
    if len(terms) == 1:
        return _test(tokens)
    found = [_one_of(term) for term in terms]
    literals: list[str] = []
    for one in found:
        if one is None or found[0] is None or one[0] != found[0][0]:
            return None
        literals += one[1]
    return (found[0][0], tuple(literals)) if found[0] else None


def _test(tokens: Sequence[Token]) -> tuple[str, tuple[str, ...]] | None:
    if len(tokens) > 2 and tokens[-2].text in ("=", "==") and _literal(tokens[:-2]):
        tokens = [tokens[-1], tokens[-2], *tokens[:-2]]  # 'a' = column
    at = 2 if _text(tokens, 1) == "." else 0
    if at >= len(tokens) or tokens[at].kind not in ("word", "quoted") or tokens[at].keyword in _NO_COLUMN:
        return None
    column = fold(unquote(tokens[at].text))
    operator, rest = _text(tokens, at + 1).upper(), tokens[at + 2 :]
    if operator == "ISNULL" or (operator == "IS" and [t.keyword for t in rest] == ["NULL"]):
        return column, ()
    if operator in ("=", "==", "IS"):
        literals = [_literal(rest)]
    elif operator == "IN" and _text(rest, 0) == "(" and _closing(rest, 0) == len(rest) - 1:
        literals = [_literal(item) for item in _split(rest[1:-1], ",")]
    else:
        return None
    return (column, tuple(literals)) if all(literals) else None


_NO_COLUMN = KEYWORDS | {"TRUE", "FALSE"}


def _literal(tokens: Sequence[Token]) -> str:
    """Return a literal's text, or "" for what is none. NULL is none: a list with it allows every value."""
    sign = tokens[0].text if len(tokens) == 2 and tokens[0].text in ("+", "-") else ""
    if len(tokens) != 1 + bool(sign):
        return ""
    token = tokens[-1]
    if token.kind == "number" or (
        not sign and (token.kind in ("string", "blob") or token.keyword in ("TRUE", "FALSE"))
    ):
        return sign + token.text
    return ""
