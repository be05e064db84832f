"""Parses a SELECT as far as a copy of rows needs it: its values, its tables, and what may omit rows."""

from __future__ import annotations

from itertools import pairwise

from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.token_groups import bare, closing, outside, parted, text_at
from d1migrate.sql.tokens import KEYWORDS, Token

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


_NAMES = ("word", "quoted", "string")
_COMPOUND = ("UNION", "EXCEPT", "INTERSECT")
_CLAUSES = ("FROM", "WHERE", "GROUP", "HAVING", "WINDOW", "ORDER", "LIMIT")
_JOINS = frozenset("NATURAL LEFT RIGHT FULL INNER CROSS OUTER JOIN".split())
_AGGREGATES = frozenset(
    "COUNT SUM TOTAL AVG MIN MAX GROUP_CONCAT STRING_AGG JSON_GROUP_ARRAY JSON_GROUP_OBJECT"
    " JSONB_GROUP_ARRAY JSONB_GROUP_OBJECT".split()
)


class Value(NamedTuple):
    """A value of a result: its tokens, and the name that AS gives it, folded, or ""."""

    tokens: Sequence[Token]
    alias: str = ""


class Source(NamedTuple):
    """A table of a FROM clause.

    Attributes:
        table: its name, folded; "" for a subquery, a function or a name that WITH defines.
        alias: the name that qualifies its columns, folded.
        whole: whether the joins keep each of its rows.
        optional: whether the joins have rows without one of its rows.
        last: the last token of its name and alias, after which INDEXED BY may follow; None for no name.
    """

    table: str
    alias: str
    whole: bool = True
    optional: bool = False
    last: Token | None = None


class Select(NamedTuple):
    """One SELECT, without the others of a compound.

    Attributes:
        values: what it returns.
        sources: the tables it reads, in order.
        where: the tokens of its condition.
        picks: the first word, other than WHERE and JOIN, that may omit or merge rows; "" if there is none.
    """

    values: tuple[Value, ...]
    sources: tuple[Source, ...]
    where: Sequence[Token] = ()
    picks: str = ""


def selects(tokens: Sequence[Token], defined: Collection[str] = ()) -> list[Select]:
    """Return the SELECTs of a query, the parts of a compound one by one; VALUES has no sources.

    Args:
        tokens: the query, up to its end, or to ON CONFLICT or RETURNING of the INSERT around it.
        defined: the names, folded, that a WITH before it defines.
    """
    if text_at(tokens, 0).upper() == "WITH":
        names, at = with_names(tokens)
        return selects(tokens[at:], {*defined, *names})
    end = end_of_query(tokens)
    marks = [i for i in outside(tokens[:end]) if tokens[i].keyword in _COMPOUND]
    operators = {tokens[i].keyword for i in marks if text_at(tokens, i + 1).upper() != "ALL"}
    tail = next((i for i in outside(tokens[:end]) if tokens[i].keyword in ("ORDER", "LIMIT")), end)
    limited = any(tokens[i].keyword == "LIMIT" for i in outside(tokens[:end]))
    picks = min(operators, default="") or ("LIMIT" if limited else "")
    found = []
    for begin, stop in zip((0, *marks), (*marks, tail), strict=True):
        words = tokens[begin:stop]
        while words and words[0].keyword in (*_COMPOUND, "ALL"):
            words = words[1:]
        found.append(_select(words, defined, picks))
    return found


def end_of_query(tokens: Sequence[Token]) -> int:
    """Return where the query of an INSERT ends: at ON CONFLICT or RETURNING, or with the tokens."""
    for at in outside(tokens):
        is_upsert = tokens[at].keyword == "ON" and text_at(tokens, at + 1).upper() == "CONFLICT"
        if is_upsert or tokens[at].keyword == "RETURNING":
            return at
    return len(tokens)


def with_names(tokens: Sequence[Token]) -> tuple[list[str], int]:
    """Return the names that WITH defines, folded, and the position of the statement's verb."""
    names, at = list[str](), 2 if text_at(tokens, 1).upper() == "RECURSIVE" else 1
    while at < len(tokens):
        names.append(fold(unquote(tokens[at].text)))
        at = next((i for i in range(at, len(tokens)) if tokens[i].keyword == "AS"), len(tokens))
        opening = next((i for i in range(at, len(tokens)) if tokens[i].text == "("), len(tokens))
        at = closing(tokens, opening) + 1
        if text_at(tokens, at) != ",":
            break
        at += 1
    return names, min(at, len(tokens))


def is_always_true(where: Sequence[Token]) -> bool:
    """Whether a condition holds for every row: none, TRUE, 1, or 1 = 1."""
    texts = [token.text.upper() for token in bare(where)]
    return texts in ([], ["TRUE"], ["1"], ["1", "=", "1"], ["1", "==", "1"])


def is_never_true(where: Sequence[Token]) -> bool:
    """Whether a condition holds for no row: FALSE, 0, or 1 = 0, as in a copy of a schema alone."""
    texts = [token.text.upper() for token in bare(where)]
    return texts in (["FALSE"], ["0"], ["1", "=", "0"], ["0", "=", "1"], ["1", "=", "2"], ["1", "<>", "1"])


def without_subqueries(tokens: Sequence[Token]) -> list[Token]:
    """Return tokens without the contents of `(SELECT …)`."""
    found, at = list[Token](), 0
    while at < len(tokens):
        found.append(tokens[at])
        if tokens[at].text == "(" and text_at(tokens, at + 1).upper() in ("SELECT", "WITH", "VALUES"):
            at = closing(tokens, at)
        else:
            at += 1
    return found


def aggregate_in(tokens: Sequence[Token]) -> Token | None:
    """Return the name of a function that aggregates rows, in a value but not in its subqueries.

    A window function does not aggregate, nor do MIN and MAX of several values.
    """
    tokens = without_subqueries(tokens)
    for at, token in enumerate(tokens):
        if token.keyword in _AGGREGATES and text_at(tokens, at + 1) == "(":
            end = closing(tokens, at + 1)
            several = len(list(parted(tokens[at + 2 : end], ","))) > 1
            windowed = any(t.keyword == "OVER" for t in tokens[end + 1 : end + 2])
            if not windowed and not (several and token.keyword in ("MIN", "MAX")):
                return token
    return None


def value_of(tokens: Sequence[Token]) -> Value:
    """Split a value from its alias, with AS or without."""
    if len(tokens) > 2 and tokens[-2].keyword == "AS" and tokens[-1].kind in _NAMES:
        return Value(tokens[:-2], fold(unquote(tokens[-1].text)))
    if len(tokens) > 1 and tokens[-1].kind in _NAMES and tokens[-1].keyword not in KEYWORDS:
        before = tokens[-2]
        is_operand = before.kind in ("number", "string", "quoted", "blob") or before.text == ")"
        is_name = before.kind == "word" and before.keyword not in KEYWORDS - {"END", "NULL"}
        if is_operand or is_name:
            return Value(tokens[:-1], fold(unquote(tokens[-1].text)))
    return Value(tokens)


def _select(tokens: Sequence[Token], defined: Collection[str], picks: str) -> Select:
    if text_at(tokens, 0).upper() != "SELECT":
        return Select((), ())
    places = {tokens[i].keyword: i for i in reversed(list(outside(tokens))) if tokens[i].keyword in _CLAUSES}
    begin = 2 if text_at(tokens, 1).upper() in ("DISTINCT", "ALL") else 1
    end = min(places.values(), default=len(tokens))
    values = tuple(value_of(part) for part in parted(tokens[begin:end], ",") if part)
    if text_at(tokens, 1).upper() == "DISTINCT":
        picks = "DISTINCT"
    elif "GROUP" in places or "HAVING" in places:
        picks = "GROUP BY"
    elif not picks and any(aggregate_in(value.tokens) for value in values):
        picks = "an aggregate"
    sources = _sources(_clause(tokens, places, "FROM"), defined)
    return Select(values, tuple(sources), _clause(tokens, places, "WHERE"), picks)


def _clause(tokens: Sequence[Token], places: dict[str, int], name: str) -> Sequence[Token]:
    if name not in places:
        return ()
    begin = places[name]
    return tokens[begin + 1 : min((i for i in places.values() if i > begin), default=len(tokens))]


def _sources(tokens: Sequence[Token], defined: Collection[str]) -> list[Source]:
    """Parse a FROM clause: an inner join keeps no table whole, a LEFT JOIN keeps the tables before it."""
    found: list[Source] = []
    at, joins = 0, set[str]()
    places = [*outside(tokens), len(tokens)]
    for here, after in pairwise(places):
        token = tokens[here]
        if here < at:
            continue
        if token.text == "," or token.keyword in _JOINS:
            joins |= {token.keyword or ","}
        elif not found or joins:
            source, at = _source(tokens, here, defined)
            keeps_left, keeps_right = bool(joins & {"LEFT", "FULL"}), bool(joins & {"RIGHT", "FULL"})
            if joins:
                found = [
                    each._replace(whole=each.whole and keeps_left, optional=each.optional or keeps_right)
                    for each in found
                ]
                source = source._replace(whole=keeps_right, optional=keeps_left)
            found.append(source)
            joins = set()
        else:
            at = after  # part of an ON or USING
    return found


def _source(tokens: Sequence[Token], at: int, defined: Collection[str]) -> tuple[Source, int]:
    """Parse one table with its alias; return it and the position after it."""
    name = ""
    if tokens[at].text == "(":
        at = closing(tokens, at) + 1
    else:
        at += 2 if text_at(tokens, at + 1) == "." else 0
        name = fold(unquote(tokens[at].text))
        at += 1
        if text_at(tokens, at) == "(":
            name, at = "", closing(tokens, at) + 1
    alias = name
    at += 1 if text_at(tokens, at).upper() == "AS" else 0
    if at < len(tokens) and tokens[at].kind in _NAMES and tokens[at].keyword not in KEYWORDS:
        alias, at = fold(unquote(tokens[at].text)), at + 1
    last = tokens[at - 1] if name else None
    return Source("" if name in defined else name, alias, last=last), at
