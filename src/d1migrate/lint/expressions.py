"""What an expression makes of a column: its values as they are, or others."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate.sql.checks import listed, literal
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.select import is_always_true
from d1migrate.sql.token_groups import bare, closing, parted, text_at

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from d1migrate.sql.tokens import Token


class Reference(NamedTuple):
    """A column as an expression names it: what qualifies it, or "", and its name; folded."""

    qualifier: str
    name: str


class Carried(NamedTuple):
    """A column whose values an expression hands on as they are, except NULL, and the types of its CASTs."""

    column: Reference
    casts: tuple[str, ...] = ()


_NAMES = ("word", "quoted")


def references(tokens: Sequence[Token]) -> Iterator[Reference]:
    """Yield what may be a column in an expression, those of its subqueries too; a function's name is not."""
    for at, token in enumerate(tokens):
        if token.kind in _NAMES and text_at(tokens, at + 1) not in (".", "("):
            is_qualified = at > 1 and tokens[at - 1].text == "."
            qualifier = fold(unquote(tokens[at - 2].text)) if is_qualified else ""
            yield Reference(qualifier, fold(unquote(token.text)))


def carried(tokens: Sequence[Token]) -> Carried | None:
    """Return the column whose values an expression hands on, giving others only where it is NULL."""
    tokens = _without_signs(tokens)
    if column := _column(tokens):
        return Carried(column)
    name, arguments = call_of(tokens)
    if name in ("COALESCE", "IFNULL"):
        return carried(arguments[0])
    if name == "CAST":
        inside, type_ = [*parted(arguments[0], "AS"), ()][:2]
        found = carried(inside)
        return found and found._replace(casts=(*found.casts, " ".join(token.text for token in type_)))
    if name == "IIF" and len(arguments) > 1:
        return _chosen([(arguments[0], arguments[1])], [*arguments, ()][2])
    case = case_of(tokens)
    return _chosen(case.branches, case.otherwise) if case and not case.of else None


def as_column(tokens: Sequence[Token]) -> Reference | None:
    """Return the column that an expression is, but for parentheses, `+` and COLLATE."""
    return _column(_without_signs(tokens))


def is_negated(value: Sequence[Token], column: str) -> bool:
    """Whether a new value is the column with its sign changed, which can be undone."""
    return text_at(value, 0) == "-" and [fold(unquote(t.text)) for t in value[1:]] == [column]


def is_mapping(tokens: Sequence[Token], column: str, allowed: Collection[str]) -> bool:
    """Whether an expression is a CASE that names the values of a column that become others.

    Args:
        tokens: the expression.
        column: the column, folded.
        allowed: the literals that a CHECK allows the column; empty if any value is possible.
    """
    case = case_of(_without_signs(tokens))
    if case is None:
        return False
    rest = carried(case.otherwise)
    if rest and rest.column.name == column:
        return True
    named = set[str]()
    for test, _ in case.branches:
        literals = (literal(test),) if case.of else (listed(test) or ("", ()))[1]
        of = _column(case.of) if case.of else Reference("", (listed(test) or ("", ()))[0])
        named |= set(literals) if of and of.name == column else set()
    return bool(allowed) and named >= set(allowed)


def spares(where: Sequence[Token], is_set: Callable[[Reference, bool], bool]) -> bool:
    """Whether a condition leaves out no row that matters.

    Args:
        where: its tokens.
        is_set: whether it does not matter which rows a test for NULL leaves out: given the column, and
            whether the test is IS NULL.
    """
    where = bare(where)
    if is_always_true(where):
        return True
    either, both = list(parted(where, "OR")), list(parted(where, "AND"))
    if len(either) > 1:
        return any(spares(part, is_set) for part in either)
    if len(both) > 1:
        return all(spares(part, is_set) for part in both)
    test = _null_test(where)
    return test is not None and is_set(*test)


class Case(NamedTuple):
    """A CASE: what it compares, or nothing; (test, value) of each WHEN; what ELSE gives."""

    of: Sequence[Token]
    branches: Sequence[tuple[Sequence[Token], Sequence[Token]]]
    otherwise: Sequence[Token]


def case_of(tokens: Sequence[Token]) -> Case | None:
    """Return an expression that is a CASE in its parts; None for any other."""
    if len(tokens) < 3 or tokens[0].keyword != "CASE" or tokens[-1].keyword != "END":
        return None
    head, *rest = parted(tokens[1:-1], "ELSE")
    of, *whens = parted(head, "WHEN")
    branches = [tuple(parted(when, "THEN")) for when in whens]
    if not branches or any(len(branch) != 2 for branch in branches):
        return None
    return Case(of, [(test, value) for test, value in branches], rest[0] if rest else ())


def _chosen(
    branches: Sequence[tuple[Sequence[Token], Sequence[Token]]], otherwise: Sequence[Token]
) -> Carried | None:
    """Return the column that a choice hands on: with other values only where a test says it is NULL."""
    tests = [_null_test(test) for test, _ in branches]
    if len(branches) == 1 and tests[0] and not tests[0][1]:  # CASE WHEN x IS NOT NULL THEN x ELSE …
        found = carried(branches[0][1])
        return found if found and found.column == tests[0][0] else None
    found = carried(otherwise)
    return found if found and all(test == (found.column, True) for test in tests) else None


def _null_test(tokens: Sequence[Token]) -> tuple[Reference, bool] | None:
    """Return the column that `x IS NULL` or `x IS NOT NULL` tests, and whether it is the first."""
    tokens = bare(tokens)
    for words, is_null in _NULL_TESTS:
        if [token.keyword for token in tokens[-len(words) :]] == words:
            column = _column(bare(tokens[: -len(words)]))
            return (column, is_null) if column else None
    return None


_NULL_TESTS = (
    (["IS", "NOT", "NULL"], False),
    (["NOT", "NULL"], False),
    (["NOTNULL"], False),
    (["IS", "NULL"], True),
    (["ISNULL"], True),
)


def _column(tokens: Sequence[Token]) -> Reference | None:
    """Return what an expression names if it is a name: `x`, `t.x` or `main.t.x`."""
    tokens = bare(tokens)
    if len(tokens) not in (1, 3, 5) or tokens[-1].kind not in _NAMES:
        return None
    if any(token.text != "." for token in tokens[1::2]) or any(t.kind not in _NAMES for t in tokens[::2]):
        return None
    return Reference(
        fold(unquote(tokens[-3].text)) if len(tokens) > 1 else "", fold(unquote(tokens[-1].text))
    )


def _without_signs(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return an expression without what leaves its value as it is: parentheses, `+`, COLLATE."""
    while True:
        inside = bare(tokens)
        if len(inside) > 2 and inside[-2].keyword == "COLLATE":
            inside = inside[:-2]
        elif text_at(inside, 0) == "+":
            inside = inside[1:]
        elif len(inside) == len(tokens):
            return tokens
        tokens = inside


def call_of(tokens: Sequence[Token]) -> tuple[str, list[Sequence[Token]]]:
    """Return the name in capitals and the arguments of an expression that is one call of a function."""
    if text_at(tokens, 1) != "(" or closing(tokens, 1) != len(tokens) - 1 or len(tokens) < 4:
        return "", []
    return tokens[0].text.upper(), list(parted(tokens[2:-1], ","))
