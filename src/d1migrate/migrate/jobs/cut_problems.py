"""What has a different effect page by page than at once."""

from __future__ import annotations

from itertools import pairwise

from d1migrate.migrate.jobs.cut_parts import Uncuttable
from d1migrate.migrate.jobs.job import KEY_STAYS
from d1migrate.migrate.jobs.pages import is_rowid
from d1migrate.sql.names import ROWIDS, fold, unquote
from d1migrate.sql.select import aggregate_in, without_subqueries
from d1migrate.sql.token_groups import closing, outside, text_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d1migrate.migrate.jobs.cut_parts import Parts
    from d1migrate.sql.tokens import Token

_CLAUSES = {
    "GROUP": "GROUP BY combines rows of different chunks",
    "HAVING": "HAVING combines rows of different chunks",
    "ORDER": "ORDER BY would sort the rows of each chunk alone",
    "LIMIT": "LIMIT would apply to each chunk alone",
    "RETURNING": "no one receives what RETURNING returns",
}
_ENDS_FROM = frozenset("WHERE GROUP HAVING WINDOW ORDER LIMIT UNION EXCEPT INTERSECT SET RETURNING".split())


def problems(statement: Parts, key: Sequence[str]) -> Iterator[Uncuttable]:
    """Yield what prevents a cut by the pages of a key."""
    yield from _clauses(statement)
    if statement.verb == "insert":
        yield from _combinations(statement.main)
    if statement.verb == "update":
        yield from _changed_keys(statement, key)
    yield from _changed_rows_read(statement)


def _clauses(statement: Parts) -> Iterator[Uncuttable]:
    words = statement.tokens[statement.at + 1 :]
    policy = text_at(words, 1).upper() if text_at(words, 0).upper() == "OR" else ""
    if policy in ("ROLLBACK", "FAIL") or (policy == "REPLACE" and statement.verb == "update"):
        yield Uncuttable(f"OR {policy} affects rows of other chunks", words[0])
    for part in (statement.main, statement.tail):
        found = (part[i] for i in outside(part) if part[i].keyword in _CLAUSES)
        yield from (Uncuttable(_CLAUSES[token.keyword], token) for token in found)
    following = statement.after_name
    if text_at(following, 0).upper() == "INDEXED":
        yield Uncuttable("its rows are found by the key, not by the index of INDEXED BY", following[0])


def _combinations(query: Sequence[Token]) -> Iterator[Uncuttable]:
    """Yield what makes one row of several."""
    own = without_subqueries(query)
    if text_at(own, 1).upper() == "DISTINCT":
        yield Uncuttable("DISTINCT compares rows of different chunks", own[1])
    for before, token in pairwise(own):
        if token.keyword == "OVER" and before.text == ")":
            yield Uncuttable("a window function reads rows of other chunks", token)
    if name := aggregate_in(query):
        yield Uncuttable(f"{name.text}() combines rows of different chunks", name)


def _changed_keys(statement: Parts, key: Sequence[str]) -> Iterator[Uncuttable]:
    names = {*ROWIDS} if is_rowid(key) else {fold(column) for column in key}
    if changed := names & {*statement.sets}:
        start = next(i for i in outside(statement.main) if statement.main[i].keyword == "SET")
        column = next(token for token in statement.main[start:] if fold(unquote(token.text)) in changed)
        yield Uncuttable("it changes the key by which its rows are found", column, KEY_STAYS)


def _changed_rows_read(statement: Parts) -> Iterator[Uncuttable]:
    """Yield where the statement reads other rows of the table that it changes."""
    changes, excluded = statement.changes, set[int]()
    hint = "let an earlier migration copy what it needs to a table of its own"
    if statement.verb == "insert":
        excluded = positions_excluded(statement.tokens)
        hint = "to omit rows that exist, use ON CONFLICT DO NOTHING or WHERE NOT EXISTS (…)"
    for at in positions_read(statement.tokens, changes):
        if at != statement.target and at not in excluded:
            reason = f"it reads other rows of {changes}, some of which earlier chunks have changed"
            yield Uncuttable(reason, statement.tokens[at], hint)


def positions_read(tokens: Sequence[Token], table: str) -> Iterator[int]:
    """Yield the positions at which a table is read: in a FROM clause, or after IN."""
    in_from = [False]  # of each open parenthesis
    for at, token in enumerate(tokens):
        if token.text == "(":
            is_query = text_at(tokens, at + 1).upper() in ("SELECT", "WITH", "VALUES")
            in_from.append(in_from[-1] and not is_query)
        elif token.text == ")" and len(in_from) > 1:
            in_from.pop()
        elif token.keyword == "FROM" and text_at(tokens, at - 1).upper() != "DISTINCT":  # IS DISTINCT FROM
            in_from[-1] = True
        elif token.keyword in _ENDS_FROM:
            in_from[-1] = False
        elif fold(unquote(token.text)) == table and text_at(tokens, at + 1) != ".":
            before = at - 3 if text_at(tokens, at - 1) == "." else at - 1
            word = text_at(tokens, before).upper() if before >= 0 else ""
            if word == "IN" or (in_from[-1] and word in ("FROM", "JOIN", ",", "(")):
                yield at


def positions_excluded(tokens: Sequence[Token]) -> set[int]:
    """Return the positions in `NOT EXISTS (…)` and `NOT IN (…)`."""
    found = set[int]()
    for at, (token, following) in enumerate(pairwise(tokens)):
        if token.keyword == "NOT" and following.keyword in ("EXISTS", "IN"):
            found |= {*range(at + 2, closing(tokens, at + 2) + 1)}
    return found
