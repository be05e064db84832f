"""What an expression does to a column: passes its values through, maps some of them, or computes others."""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.checks import listed, literal
from d1migrate.sql.implied import null_test
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.references import Reference
from d1migrate.sql.select import is_always_true
from d1migrate.sql.token_groups import bare, closing, parted, text_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from d1migrate.sql.tokens import Token


class PassThrough(NamedTuple):
    """A column whose values an expression passes through unchanged except for NULL, with its CASTs."""

    column: Reference
    casts: tuple[str, ...] = ()


_NAMES = ("word", "quoted")


def passed_through(tokens: Sequence[Token]) -> PassThrough | None:
    """Return the column whose values an expression passes through, replacing only NULL."""
    tokens = _without_signs(tokens)
    if column := _column(tokens):
        return PassThrough(column)
    name, arguments = call_of(tokens)
    if name in ("COALESCE", "IFNULL"):
        return passed_through(arguments[0])
    if name == "CAST":
        inside, type_ = [*parted(arguments[0], "AS"), ()][:2]
        found = passed_through(inside)
        return found and found._replace(casts=(*found.casts, " ".join(token.text for token in type_)))
    if name == "IIF" and len(arguments) > 1:
        return _chosen([(arguments[0], arguments[1])], [*arguments, ()][2])
    case = case_of(tokens)
    return _chosen(case.branches, case.otherwise) if case and not case.of else None


def as_column(tokens: Sequence[Token]) -> Reference | None:
    """Return the column if an expression is one, ignoring parentheses, `+` and COLLATE."""
    return _column(_without_signs(tokens))


def is_negated(value: Sequence[Token], column: str) -> bool:
    """Whether a new value is the column with its sign changed, which can be undone."""
    return text_at(value, 0) == "-" and [fold(unquote(t.text)) for t in value[1:]] == [column]


def is_mapping(tokens: Sequence[Token], column: str, allowed: Collection[str]) -> bool:
    """Whether an expression is a CASE that names every value of a column that it changes.

    Args:
        tokens: the expression.
        column: the column, folded.
        allowed: the literals that a CHECK allows the column; empty if any value is possible.
    """
    case = case_of(_without_signs(tokens))
    if case is None:
        return False
    rest = passed_through(case.otherwise)
    if rest and rest.column.name == column:
        return True
    named = set[str]()
    for test, _ in case.branches:
        literals = (literal(test),) if case.of else (listed(test) or ("", ()))[1]
        of = _column(case.of) if case.of else Reference("", (listed(test) or ("", ()))[0])
        named |= set(literals) if of and of.name == column else set()
    return bool(allowed) and named >= set(allowed)


def omits_nothing(where: Sequence[Token], is_harmless: Callable[[Reference, bool], bool]) -> bool:
    """Whether a condition omits no row, or only rows that a NULL test may omit.

    Args:
        where: its tokens.
        is_harmless: whether a NULL test may omit rows, given the column and whether the test is IS NULL.
    """
    where = bare(where)
    if is_always_true(where):
        return True
    either, both = list(parted(where, "OR")), list(parted(where, "AND"))
    if len(either) > 1:
        return any(omits_nothing(part, is_harmless) for part in either)
    if len(both) > 1:
        return all(omits_nothing(part, is_harmless) for part in both)
    test = _null_test(where)
    return test is not None and is_harmless(*test)


class Case(NamedTuple):
    """A CASE: what it compares, or nothing; (test, value) of each WHEN; the value of ELSE."""

    of: Sequence[Token]
    branches: Sequence[tuple[Sequence[Token], Sequence[Token]]]
    otherwise: Sequence[Token]


def case_of(tokens: Sequence[Token]) -> Case | None:
    """Return the parts of an expression that is a CASE; None for any other."""
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
) -> PassThrough | None:
    """Return the column that a choice passes through, replacing only NULL."""
    tests = [_null_test(test) for test, _ in branches]
    if len(branches) == 1 and tests[0] and not tests[0][1]:  # CASE WHEN x IS NOT NULL THEN x ELSE …
        found = passed_through(branches[0][1])
        return found if found and found.column == tests[0][0] else None
    found = passed_through(otherwise)
    return found if found and all(test == (found.column, True) for test in tests) else None


def _null_test(tokens: Sequence[Token]) -> tuple[Reference, bool] | None:
    """Return the column that `x IS NULL` or `x IS NOT NULL` tests, and whether the test is IS NULL."""
    test = null_test(tokens)
    column = _column(test[0]) if test else None
    return (column, test[1]) if test and column else None


def _column(tokens: Sequence[Token]) -> Reference | None:
    """Return the reference if an expression is only a name: `x`, `t.x` or `main.t.x`."""
    tokens = bare(tokens)
    if len(tokens) not in (1, 3, 5) or tokens[-1].kind not in _NAMES:
        return None
    if any(token.text != "." for token in tokens[1::2]) or any(t.kind not in _NAMES for t in tokens[::2]):
        return None
    return Reference(
        fold(unquote(tokens[-3].text)) if len(tokens) > 1 else "", fold(unquote(tokens[-1].text))
    )


def _without_signs(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return an expression without parentheses, `+` and COLLATE, which do not change its value."""
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
    """Return the name in upper case and the arguments of an expression that is one function call."""
    if text_at(tokens, 1) != "(" or closing(tokens, 1) != len(tokens) - 1 or len(tokens) < 4:
        return "", []
    return tokens[0].text.upper(), list(parted(tokens[2:-1], ","))
