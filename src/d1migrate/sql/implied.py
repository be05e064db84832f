"""Whether a condition can be false for values that satisfy known conditions: "no" only if certain.

A condition is evaluated as in SQLite, with three outcomes: true, false and None for NULL. For an
expression that is not understood, all three are possible.
"""

from __future__ import annotations

from itertools import product

from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.canonical import canonical_words
from d1migrate.sql.checks import column_of, conjuncts, listed, literal
from d1migrate.sql.token_groups import bare, closing, parted, text_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from d1migrate.sql.tokens import Token

Outcomes = frozenset[bool | None]
Key = tuple[str, ...]

_ANY: Outcomes = frozenset((True, False, None))
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_OPERATORS = frozenset(("=", "==", "<>", "!=", "<", "<=", ">", ">="))
_WORDS = frozenset("IS IN BETWEEN ISNULL NOTNULL NOT LIKE GLOB REGEXP MATCH".split())
_CASES = 40  # literals of a column that are tried one by one


class Bound(NamedTuple):
    """The limit of a column's values, and whether they may equal it."""

    number: float
    included: bool


class Domain(NamedTuple):
    """The values that a column may have.

    Attributes:
        null: whether NULL is possible.
        literals: its values as SQL text, if only these are possible.
        low, high: its bounds, if any.
        numeric: whether its values compare as numbers, because it has no TEXT affinity.
    """

    null: bool = True
    literals: frozenset[str] | None = None
    low: Bound | None = None
    high: Bound | None = None
    numeric: bool = False


class _Known(NamedTuple):
    """What is known: the columns, and the conditions that hold; `sure` if none of them is NULL."""

    columns: Mapping[str, Domain]
    held: frozenset[Key] = frozenset()
    sure: bool = False


def can_be_false(
    condition: Sequence[Token],
    columns: Mapping[str, Domain],
    known: Sequence[Sequence[Token]] = (),
) -> bool:
    """Whether a CHECK may fail.

    Args:
        condition: its tokens.
        columns: {folded column: its possible values}; any other column may have any value.
        known: the tokens of conditions that do not fail.
    """
    terms = [term for each in known for term in conjuncts(each)]
    return any(_may_fail(part, columns, terms) for part in conjuncts(condition))


def is_implied(condition: Sequence[Token], known: Sequence[Token], columns: Mapping[str, Domain]) -> bool:
    """Whether a condition is true for every row for which another one is true."""
    terms = list(conjuncts(known))
    there = _narrowed(columns, terms, sure=True)
    return all(
        _outcomes(part, _Known(there, _keys(terms, columns), sure=True)) == {True}
        for part in conjuncts(condition)
    )


def narrowed(columns: Mapping[str, Domain], known: Sequence[Sequence[Token]]) -> Mapping[str, Domain]:
    """Return the possible values of columns if some conditions do not fail."""
    return _narrowed(columns, [term for each in known for term in conjuncts(each)])


def _may_fail(
    condition: Sequence[Token], columns: Mapping[str, Domain], terms: Sequence[Sequence[Token]]
) -> bool:
    there = _narrowed(columns, terms)
    held = _keys(terms, columns)
    if False not in _outcomes(condition, _Known(there, held)):
        return False
    for term in terms:  # at least one of the parts that OR joins does not fail
        parts = list(parted(bare(term), "OR"))
        if len(parts) > 1 and not any(
            False in _outcomes(condition, _Known(_narrowed(there, inner), held | _keys(inner, columns)))
            for inner in (list(conjuncts(part)) for part in parts)
        ):
            return False
    for name, domain in there.items():
        cases = list(_cases(domain))
        if cases and not any(
            False in _outcomes(condition, _Known({**there, name: case}, held)) for case in cases
        ):
            return False
    return True


def _cases(domain: Domain) -> Iterator[Domain]:
    """Yield a domain for each possible value of a column; nothing if these are not known."""
    if domain.literals is not None and len(domain.literals) <= _CASES:
        if domain.null:
            yield domain._replace(literals=frozenset())
        for value in sorted(domain.literals):
            yield domain._replace(null=False, literals=frozenset((value,)))


# --- what is known of columns ---


def _narrowed(
    columns: Mapping[str, Domain], terms: Sequence[Sequence[Token]], *, sure: bool = False
) -> Mapping[str, Domain]:
    """Return the possible values of columns if conditions do not fail, or with `sure` are true."""
    found = dict(columns)
    for tokens in terms:
        term = bare(tokens)
        test = null_test(term)
        if test and not test[1] and (name := column_of(test[0])):
            found[name] = found.get(name, Domain())._replace(null=False)
        elif (one := listed(term)) and one[1]:
            name, literals = one[0], frozenset(one[1])
            domain = found.get(name, Domain())
            both = literals if domain.literals is None else domain.literals & literals
            says_null = any(null_test(part) for part in parted(term, "OR"))
            found[name] = domain._replace(literals=both, null=domain.null and not (sure and not says_null))
        else:
            for name, bound, is_low in _bounds(term):
                domain = found.get(name, Domain())
                domain = domain._replace(null=domain.null and not sure)
                if domain.numeric and is_low and not (domain.low and domain.low.number >= bound.number):
                    domain = domain._replace(low=bound)
                elif (
                    domain.numeric and not is_low and not (domain.high and domain.high.number <= bound.number)
                ):
                    domain = domain._replace(high=bound)
                found[name] = domain
    return found


def _bounds(tokens: Sequence[Token]) -> Iterator[tuple[str, Bound, bool]]:
    """Yield (column, bound, whether it is the lower one) of `x >= 0`, `0 < x` or `x BETWEEN 0 AND 9`."""
    at, operator = _operator(tokens)
    if operator == "BETWEEN":
        ends = list(parted(tokens[at + 1 :], "AND"))
        name, numbers = column_of(tokens[:at]), [_number(literal(end)) for end in ends]
        if name and len(numbers) == 2 and None not in numbers:
            yield name, Bound(numbers[0] or 0, included=True), True
            yield name, Bound(numbers[1] or 0, included=True), False
    elif operator in _FLIPPED:
        left, right = tokens[:at], tokens[at + 1 :]
        if literal(left):
            left, right, operator = right, left, _FLIPPED[operator]
        name, number = column_of(left), _number(literal(right))
        if name and number is not None:
            yield name, Bound(number, included=len(operator) > 1), operator[0] == ">"


# --- outcomes ---


def _outcomes(tokens: Sequence[Token], known: _Known) -> Outcomes:
    tokens = bare(tokens)
    if not tokens:
        return _ANY
    if _key(tokens, known.columns) in known.held:
        return frozenset((True,)) if known.sure else frozenset((True, None))
    for word, joined in (("OR", _or), ("AND", _and)):
        parts = list(parted(tokens, word))
        if len(parts) > 1:
            found = [_outcomes(part, known) for part in parts]
            return _combined(joined, *found)
    if tokens[0].keyword == "NOT" and text_at(tokens, 1).upper() != "EXISTS":
        return _not(_outcomes(tokens[1:], known))
    return _of_test(tokens, known)


def _of_test(tokens: Sequence[Token], known: _Known) -> Outcomes:
    if test := null_test(tokens):
        return _of_null_test(*test, known)
    at, operator = _operator(tokens)
    left, right = tokens[:at], tokens[at + 1 :]
    if operator == "NOT" and text_at(right, 0).upper() in ("IN", "BETWEEN"):
        return _not(_of_test([*left, *right], known))
    if operator == "IN" and text_at(right, 0) == "(" and closing(right, 0) == len(right) - 1:
        items = [_compared(left, "=", item, known) for item in parted(right[1:-1], ",") if item]
        return _combined(_or, *items) if items else _ANY
    if operator == "BETWEEN":
        ends = list(parted(right, "AND"))
        if len(ends) == 2:
            low, high = _compared(left, ">=", ends[0], known), _compared(left, "<=", ends[1], known)
            return _combined(_and, low, high)
    if operator in _OPERATORS:
        return _compared(left, operator, right, known)
    return _ANY


def _of_null_test(operand: Sequence[Token], is_null: bool, known: _Known) -> Outcomes:
    name = column_of(operand)
    domain = known.columns.get(name) if name else None
    if domain is None:
        return frozenset((True, False))
    nulls = ({True} if domain.null else set()) | ({False} if domain.literals != frozenset() else set())
    return frozenset(null == is_null for null in nulls)


def _compared(left: Sequence[Token], operator: str, right: Sequence[Token], known: _Known) -> Outcomes:
    if literal(left) and not literal(right):
        left, right, operator = right, left, _FLIPPED.get(operator, operator)
    operator = {"==": "=", "!=": "<>"}.get(operator, operator)
    if operator == "<>":
        return _not(_compared(left, "=", right, known))
    name, value = column_of(left), literal(right)
    if name and value and name in known.columns:
        return _of_column(known.columns[name], operator, value)
    if operator == "=" and _is_condition(left) and _is_condition(right):
        both = product(_outcomes(left, known), _outcomes(right, known))
        return frozenset(None if a is None or b is None else a == b for a, b in both)
    return _ANY


def _of_column(domain: Domain, operator: str, value: str) -> Outcomes:
    found: set[bool | None] = {None} if domain.null else set()
    if domain.literals is not None:
        for each in domain.literals:
            found |= _of_literals(each, operator, value, numeric=domain.numeric)
        return frozenset(found)
    number = _number(value)
    if number is None or not domain.numeric or operator == "=":
        return frozenset(found | {True, False})
    return frozenset(found | _of_bounds(domain, operator, number))


def _of_bounds(domain: Domain, operator: str, number: float) -> set[bool | None]:
    """Compare the values between two bounds with a number; text is greater than every number."""
    reaches = operator in (">=", "<=")
    if operator in (">", ">="):
        low = domain.low
        if low and (low.number > number or (low.number == number and (reaches or not low.included))):
            return {True}
    else:
        high = domain.high
        if high and (high.number < number or (high.number == number and (reaches or not high.included))):
            return {True}
    return {True, False}


def _of_literals(one: str, operator: str, other: str, *, numeric: bool) -> set[bool | None]:
    a, b = _number(one), _number(other)
    if one == other and operator != "<" and operator != ">":
        return {True}
    if a is not None and b is not None and numeric:
        return {{"=": a == b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[operator]}
    texts = one[:1] == "'" == other[:1]
    if texts and operator == "=" and not numeric and _loose(one) != _loose(other):
        return {False}
    return {True, False}


def _loose(text: str) -> str:
    """Return a string as the loosest collation compares it: without case and trailing spaces."""
    return text[1:-1].rstrip(" ").lower()


# --- parts of expressions ---


def _keys(terms: Sequence[Sequence[Token]], names: Collection[str]) -> frozenset[Key]:
    return frozenset(_key(term, names) for term in terms)


def _key(tokens: Sequence[Token], names: Collection[str]) -> Key:
    """Return a condition in its normal form."""
    return tuple(canonical_words(bare(tokens), names))


def _operator(tokens: Sequence[Token]) -> tuple[int, str]:
    """Return the position of the only comparison outside parentheses and CASE, and the comparison, or ""."""
    found, at, cases = list[tuple[int, str]](), 0, 0
    while at < len(tokens):
        word = tokens[at].keyword
        if word == "CASE":
            cases += 1
        elif word == "END" and cases:
            cases -= 1
        elif tokens[at].text == "(":
            at = closing(tokens, at)
        elif (
            (at and not cases)
            and (tokens[at].text in _OPERATORS or word in _WORDS)
            and found[-1:] != [(at - 1, "NOT")]  # of NOT IN
        ):
            found.append((at, word or tokens[at].text))
        at += 1
    return found[0] if len(found) == 1 else (len(tokens), "")


def null_test(tokens: Sequence[Token]) -> tuple[Sequence[Token], bool] | None:
    """Return the operand of `x IS NULL` or `x IS NOT NULL`, and whether the test is IS NULL."""
    tokens = bare(tokens)
    words = [token.keyword for token in tokens]
    for end, is_null in (
        (["IS", "NOT", "NULL"], False), (["NOT", "NULL"], False), (["NOTNULL"], False),
        (["IS", "NULL"], True), (["ISNULL"], True),
    ):  # fmt: skip
        operand = tokens[: -len(end)]
        if (
            words[-len(end) :] == end
            and operand
            and not _operator(operand)[1]
            and len(conjoined(operand)) == 1
        ):
            return operand, is_null
    return None


def conjoined(tokens: Sequence[Token]) -> list[Sequence[Token]]:
    """Return the parts that AND or OR joins."""
    return [part for each in parted(tokens, "OR") for part in parted(each, "AND")]


def _is_condition(tokens: Sequence[Token]) -> bool:
    """Whether an expression is a condition: its value is true, false or NULL."""
    tokens = bare(tokens)
    return bool(null_test(tokens) or _operator(tokens)[1] or len(conjoined(tokens)) > 1)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


# --- three-valued logic ---


def _or(a: bool | None, b: bool | None) -> bool | None:
    return True if a or b else None if a is None or b is None else False


def _and(a: bool | None, b: bool | None) -> bool | None:
    return False if a is False or b is False else None if a is None or b is None else True


def _not(outcomes: Outcomes) -> Outcomes:
    return frozenset(None if each is None else not each for each in outcomes)


def _combined(join: Callable[[bool | None, bool | None], bool | None], *outcomes: Outcomes) -> Outcomes:
    first, *rest = outcomes
    for each in rest:
        first = frozenset(join(a, b) for a, b in product(first, each))
    return first
