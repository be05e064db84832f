"""Which constraints of a rebuilt table, or of a new unique index, rows may not meet that met those before."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate.lint.copying import values_of
from d1migrate.lint.expressions import as_column, call_of, case_of
from d1migrate.lint.model import definition
from d1migrate.lint.rebuilds import columns_of
from d1migrate.lint.sqltext import is_bare
from d1migrate.sql.affinity import affinity
from d1migrate.sql.canonical import canonical_expression
from d1migrate.sql.checks import listed, literal
from d1migrate.sql.create import parse
from d1migrate.sql.definitions import IndexDefinition
from d1migrate.sql.groups import bare
from d1migrate.sql.implied import Domain, can_be_false, is_implied, narrowed
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.tokens import significant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from d1migrate.lint.model import Replay
    from d1migrate.lint.rebuilds import Rebuild
    from d1migrate.schema.model import Column, ForeignKey, Index, Table
    from d1migrate.sql.definitions import Term
    from d1migrate.sql.tokens import Token

_LONGEST = 60  # characters of a CHECK that a message shows


class Tightened(NamedTuple):
    """A constraint that copied rows may not meet: what it is, and its columns, folded."""

    what: str
    columns: frozenset[str]


def tightened(replay: Replay, rebuild: Rebuild) -> list[Tightened]:
    """Return the constraints of a rebuilt table that its copied rows may not meet.

    What the file has set or deleted in the old table first is not reported, nor is a copy that picks rows.
    """
    first = rebuild.fills[0].index if rebuild.fills else 0
    earlier = [w for w in replay.writers.get(rebuild.number, ()) if w.index < first]
    copies = replay.copies.of_table(rebuild.number)
    picks = any(copy.leaves_out not in ("", "JOIN", "a subquery") for copy in copies)
    if not rebuild.fills or picks or any(w.verb == "delete" for w in earlier):
        return []
    is_set = {column for w in earlier if w.verb == "update" for column in w.sets()}
    found = [*_values(rebuild), *_uniques(rebuild), *_keys(rebuild)]
    old, new = definition(rebuild.old), definition(rebuild.new)
    if new and new.strict and not (old and old.strict):
        found.append(Tightened("STRICT", frozenset(columns_of(rebuild.new))))
    return [each for each in found if not each.columns & is_set]


# --- NOT NULL and CHECK ---


def _values(rebuild: Rebuild) -> Iterator[Tightened]:
    """Yield NOT NULLs and CHECKs that values of a copy may not meet."""
    new = definition(rebuild.new)
    checks = [significant(check.expression) for check in new.all_checks] if new else []
    before = _domains(rebuild.old)
    seen = set[str]()
    for values in (values for fill in rebuild.fills for values in values_of(fill) if values is not None):
        there = {fold(c.name): _domain(values.get(fold(c.name)), c, before) for c in rebuild.new.columns}
        as_before = {to for to, value in values.items() if (ref := as_column(value)) and ref.name == to}
        for each in (
            *_not_nulls(rebuild, there, values),
            *_checks(checks, there, rebuild.old, as_before),
        ):
            if each.what not in seen:
                seen.add(each.what)
                yield each


def _not_nulls(
    rebuild: Rebuild, there: Mapping[str, Domain | None], values: Collection[str]
) -> Iterator[Tightened]:
    old = {fold(column.name): column for column in rebuild.old.columns}
    computed = [_expressions(table) for table in (rebuild.old, rebuild.new)]
    for column in rebuild.new.columns:
        name = fold(column.name)
        if not column.not_null or column.primary_key:
            continue
        what, domain = f"NOT NULL to {column.name}", there[name]
        if column.generated:  # never part of a copy
            before = old.get(name)
            was_required = before is not None and bool(before.not_null or before.primary_key)
            is_met = was_required and computed[0].get(name) == computed[1][name]
        else:
            is_met = domain is None or not domain.null
            what += "" if name in values else " (the copy does not fill it)"
        if not is_met:
            yield Tightened(what, frozenset((name,)))


def _expressions(table: Table) -> dict[str, str]:
    """Return {folded name: normal form} of the columns that are computed."""
    known = definition(table)
    names = {fold(column.name) for column in table.columns}
    columns = known.columns if known else ()
    return {fold(c.name): canonical_expression(c.generated, names) for c in columns if c.generated}


def _checks(
    checks: Sequence[Sequence[Token]], there: Mapping[str, Domain | None], old: Table, as_before: set[str]
) -> Iterator[Tightened]:
    described = definition(old)
    known = (
        [
            tokens
            for tokens in (significant(check.expression) for check in described.all_checks)
            if _named(tokens, columns_of(old)) <= as_before
        ]
        if described
        else []
    )
    domains = {name: domain for name, domain in there.items() if domain is not None}
    for tokens in checks:
        names = _named(tokens, there)
        # What an expression makes of a column is its author's to know.
        if names <= domains.keys() and can_be_false(tokens, domains, known):
            text = " ".join(token.text for token in tokens)
            shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
            yield Tightened(f"CHECK ({shown})", frozenset(names))


def _named(tokens: Sequence[Token], columns: Collection[str]) -> set[str]:
    words = {fold(unquote(token.text)) for token in tokens if token.kind in ("word", "quoted")}
    return words & set(columns)


def _domains(table: Table) -> dict[str, Domain]:
    """Return what the columns of a table may hold."""
    described = definition(table)
    found = {
        fold(c.name): Domain(not (c.not_null or c.primary_key), numeric=affinity(c.type) != "TEXT")
        for c in table.columns
    }
    checks = [significant(check.expression) for check in described.all_checks] if described else []
    return dict(narrowed(found, checks))


# --- what a copy puts into a column ---

_NOTHING = Domain(null=True, literals=frozenset())


def _domain(value: Sequence[Token] | None, column: Column, before: Mapping[str, Domain]) -> Domain | None:
    """Return what a copy puts into a column; None if an expression decides that."""
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
    return joined if joined and joined.literals is not None else None  # else it maps values we do not know


def _branches(
    value: Sequence[Token], before: Mapping[str, Domain]
) -> list[tuple[Sequence[Token], Mapping[str, Domain]]]:
    """Return the values of a CASE or IIF, each with what columns may hold where it is taken."""
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
    """Return what a column may hold whose values come from several sources."""
    known = [domain for domain in domains if domain is not None]
    if not known or len(known) < len(domains):
        return None
    sets = [domain.literals for domain in known if domain.literals is not None]
    literals = frozenset[str]().union(*sets) if len(sets) == len(known) else None
    return Domain(any(domain.null for domain in known), literals)


# --- UNIQUE ---


class UniqueTerms(NamedTuple):
    """What no two rows share: {expression: collation}, folded, and the condition of a partial index."""

    terms: Mapping[tuple[str, ...], str]
    where: Sequence[Token] = ()


def _unique_terms(table: Table) -> Iterator[UniqueTerms]:
    described = definition(table)
    for key in described.all_keys if described else ():
        yield _terms_of(table, key.terms)
    for index in table.indexes:
        if index.unique and index.sql and (found := unique_index_of(table, index)):
            yield found


def unique_index_of(table: Table, index: Index) -> UniqueTerms | None:
    """Return what a unique index of a table compares."""
    parsed = parse(index.sql or "")
    if not isinstance(parsed, IndexDefinition):
        return None
    return _terms_of(table, parsed.terms, significant(parsed.where or ""))


def _terms_of(table: Table, terms: Sequence[Term], where: Sequence[Token] = ()) -> UniqueTerms:
    described = definition(table)
    collations = {fold(c.name): c.collation for c in described.columns} if described else {}
    found = {}
    for term in terms:
        name = fold(term.column or "")
        words = (name,) if name else tuple(fold(unquote(t.text)) for t in significant(term.expression))
        found[words] = fold(term.collation or collations.get(name) or "binary")
    return UniqueTerms(found, where)


def cannot_repeat(new: UniqueTerms, table: Table) -> bool:
    """Whether a table has a key, whole or partial, because of which rows do not share new terms either."""
    domains = _domains(table)
    return any(
        all(new.terms.get(term) in (collation, "binary") for term, collation in old.terms.items())
        and (not old.where or (bool(new.where) and is_implied(old.where, new.where, domains)))
        for old in _unique_terms(table)
    )


def _uniques(rebuild: Rebuild) -> Iterator[Tightened]:
    names = columns_of(rebuild.old).keys()
    for key in _unique_terms(rebuild.new):
        columns = [term[0] for term in key.terms if len(term) == 1]
        is_plain = len(columns) == len(key.terms) and not key.where and {*columns} <= names
        values = [rebuild.values.get(column) for column in columns]
        is_computed = any(value and not is_bare(value) and not literal(value) for value in values)
        if is_plain and not is_computed and not cannot_repeat(key, rebuild.old):
            yield Tightened(f"UNIQUE ({', '.join(columns)})", frozenset(columns))


# --- foreign keys ---


def _link(key: ForeignKey) -> tuple[str, ...]:
    return (fold(key.table), *(fold(column) for column in key.columns))


def _keys(rebuild: Rebuild) -> Iterator[Tightened]:
    there = {_link(key) for key in rebuild.old.foreign_keys}
    for key in rebuild.new.foreign_keys:
        if _link(key) not in there and all(rebuild.is_copied(column) for column in key.columns):
            yield Tightened(f"a foreign key to {key.table}", frozenset(map(fold, key.columns)))
