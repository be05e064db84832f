"""Which values the columns of a table may have, and which constraints the values of a copy may violate."""

from __future__ import annotations

from collections.abc import Mapping

from d1migrate.lint.expressions import as_column, call_of, case_of
from d1migrate.sql.affinity import affinity
from d1migrate.sql.checks import listed, literal
from d1migrate.sql.create import parse_table
from d1migrate.sql.implied import Domain, can_be_false, narrowed
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.token_groups import bare
from d1migrate.sql.tokens import Token, significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from d1migrate.schema.model import Column, Table

Values = Mapping[str, "Sequence[Token]"]


def domains_of(table: Table) -> dict[str, Domain]:
    """Return the values that each column of a table may have."""
    found = {
        fold(c.name): Domain(not (c.not_null or c.primary_key), numeric=affinity(c.type) != "TEXT")
        for c in table.columns
    }
    return dict(narrowed(found, _checks(table)))


def domains_into(new: Table, old: Table, values: Values) -> dict[str, Domain | None]:
    """Return {folded column: the values that a copy puts into it}; None if an expression computes them."""
    before = domains_of(old)
    return {fold(c.name): _domain_of(values.get(fold(c.name)), c, before) for c in new.columns}


def required(new: Table, old: Table, values: Values) -> Iterator[str]:
    """Yield the NOT NULL columns, folded, into which a copy may put NULL."""
    domains = domains_into(new, old, values)
    for column in new.columns:
        name = fold(column.name)
        if column.not_null and not column.primary_key and not column.generated:
            domain, value = domains[name], values.get(name)
            if domain.null if domain else value is not None and _finds_nothing(value):
                yield name


_NEVER_NULL = frozenset(("COUNT", "TOTAL", "COALESCE", "IFNULL"))


def _finds_nothing(value: Sequence[Token]) -> bool:
    """Whether a value is a subquery that may return no row, which gives NULL."""
    value = bare(value)
    return (
        bool(value) and value[0].keyword == "SELECT" and _NEVER_NULL.isdisjoint(t.text.upper() for t in value)
    )


def failing(new: Table, old: Table, values: Values) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield (text, folded columns) of the CHECKs that values of a copy may violate."""
    as_before = {to for to, value in values.items() if (ref := as_column(value)) and ref.name == to}
    names_before = {fold(column.name) for column in old.columns}
    known = [tokens for tokens in _checks(old) if _named(tokens, names_before) <= as_before]
    into = domains_into(new, old, values)
    domains = {name: domain for name, domain in into.items() if domain is not None}
    for tokens in _checks(new):
        names = _named(tokens, into)
        # An expression is trusted: its author knows what it computes.
        if not names <= domains.keys() or not can_be_false(tokens, domains, known):
            continue
        # So is a function in a CHECK of a constant that the author wrote.
        is_constant = all(_is_constant(domains[name]) for name in names)
        if not is_constant or holds_never(tokens, domains):
            yield " ".join(token.text for token in tokens), frozenset(names)


def holds_never(condition: Sequence[Token], domains: Mapping[str, Domain]) -> bool:
    """Whether a condition is true for no row, given the values that its columns may have."""
    return not can_be_false(_negated(condition), domains)


def default_of(column: Column) -> Domain | None:
    """Return the value of an added column in the existing rows."""
    return _domain_of(None, column, {})


def _negated(tokens: Sequence[Token]) -> Sequence[Token]:
    opening, end = (Token("operator", text, 0) for text in "()")
    return [Token("word", "NOT", 0), opening, *tokens, end]


def _is_constant(domain: Domain) -> bool:
    return domain.literals is not None and len(domain.literals) + domain.null == 1


def _checks(table: Table) -> list[list[Token]]:
    described = parse_table(table.sql)
    return [significant(check.expression) for check in described.all_checks] if described else []


def _named(tokens: Sequence[Token], columns: Collection[str]) -> set[str]:
    words = {fold(unquote(token.text)) for token in tokens if token.kind in ("word", "quoted")}
    return words & set(columns)


# --- what a copy puts into a column ---

_NOTHING = Domain(null=True, literals=frozenset())


def _domain_of(value: Sequence[Token] | None, column: Column, before: Mapping[str, Domain]) -> Domain | None:
    """Return the values that a copy puts into a column; None if an expression computes them."""
    numeric = affinity(column.type) != "TEXT"
    if value is not None:
        found = _of_value(value, before)
        if found is None or found.numeric == numeric:
            return found
        return Domain(found.null, numeric=numeric) if as_column(value) else found._replace(numeric=numeric)
    if column.generated or column.primary_key:
        return None
    found = _of_value(significant(column.default or "NULL"), {})
    return found and found._replace(numeric=numeric)


def _of_value(value: Sequence[Token], before: Mapping[str, Domain]) -> Domain | None:
    value = bare(value)
    if [token.keyword for token in value] == ["NULL"]:
        return _NOTHING
    if text := literal(value):
        return Domain(null=False, literals=frozenset((text,)))
    if column := as_column(value):
        return before.get(column.name)
    name, arguments = call_of(value)
    if name in ("COALESCE", "IFNULL"):
        found = [_of_value(each, before) for each in arguments]
        joined = _joined(found)
        return joined and joined._replace(null=all(each and each.null for each in found))
    branches = _branches(value, before)
    joined = _joined([_of_value(then, there) for then, there in branches])
    return joined if joined and joined.literals is not None else None  # else it maps unknown values


def _branches(
    value: Sequence[Token], before: Mapping[str, Domain]
) -> list[tuple[Sequence[Token], Mapping[str, Domain]]]:
    """Return the values of a CASE or IIF, each with the values that columns may have in that branch."""
    case, (name, arguments) = case_of(value), call_of(value)
    if name == "IIF" and len(arguments) > 1:
        tests, otherwise = [(arguments[0], arguments[1])], arguments[2] if len(arguments) > 2 else ()
        of: Sequence[Token] = ()
    elif case:
        tests, otherwise, of = list(case.branches), case.otherwise, case.of
    else:
        return []
    found, rest = [(then, before) for _, then in tests], dict(before)
    for test, _ in tests:
        column = as_column(of) if of else None
        one = (column.name, (literal(test),)) if column and literal(test) else None if of else listed(test)
        if one and one[0] in rest and (there := rest[one[0]].literals) is not None:
            rest[one[0]] = rest[one[0]]._replace(literals=there - frozenset(one[1]))
    is_reached = all(domain.null or domain.literals != frozenset() for domain in rest.values())
    return [*found, (otherwise or significant("NULL"), rest)] if is_reached else found


def _joined(domains: Sequence[Domain | None]) -> Domain | None:
    """Return the union of several domains; None if one is unknown."""
    known = [domain for domain in domains if domain is not None]
    if not known or len(known) < len(domains):
        return None
    sets = [domain.literals for domain in known if domain.literals is not None]
    literals = frozenset[str]().union(*sets) if len(sets) == len(known) else None
    return Domain(any(domain.null for domain in known), literals)
