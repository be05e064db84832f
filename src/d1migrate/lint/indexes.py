"""Whether an index can take the place of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate.schema.normalize import canonical
from d1migrate.sql.create import parse, parse_table
from d1migrate.sql.definitions import IndexDefinition
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from d1migrate.schema.model import Index, Table
    from d1migrate.sql.definitions import Term


class _Terms(NamedTuple):
    """An index or key: (column or expression, collation) and direction of each term, and its condition."""

    terms: Sequence[tuple[str, str]]
    descending: Sequence[bool]
    unique: bool
    where: str = ""


def serves(table: Table, index: Index) -> bool:
    """Whether a key or an index of a table finds the same rows as another index, and is as strict.

    It must begin with the same terms, in the same order and collation, or be unique over the first of them.
    Only a key that is unique over all or some of its columns can replace a UNIQUE index.
    """
    collations = _collations(table)
    wanted = _read(index, collations)
    if wanted is None:
        return False
    others = [*_keys(table, collations), *(_read(other, collations) for other in table.indexes)]
    found = [other for other in others if other and other.where in ("", wanted.where)]
    is_strict = not wanted.unique or any(o.unique and set(o.terms) <= set(wanted.terms) for o in found)
    return is_strict and any(_finds(other, wanted) for other in found)


def _finds(other: _Terms, wanted: _Terms) -> bool:
    size = min(len(other.terms), len(wanted.terms))
    if list(other.terms[:size]) != list(wanted.terms[:size]) or (
        size < len(wanted.terms) and not other.unique
    ):
        return False
    turned = {a != b for a, b in zip(other.descending, wanted.descending, strict=False)}
    return len(turned) <= 1  # an index is read from either end


def _collations(table: Table) -> dict[str, str]:
    defined = parse_table(table.sql)
    return {fold(c.name): fold(c.collation or "binary") for c in defined.columns} if defined else {}


def _keys(table: Table, collations: Mapping[str, str]) -> Iterator[_Terms]:
    defined = parse_table(table.sql)
    for key in defined.all_keys if defined else ():
        yield _terms(key.terms, collations, unique=True)


def _read(index: Index, collations: Mapping[str, str]) -> _Terms | None:
    found = parse(index.sql) if index.sql else None
    if not isinstance(found, IndexDefinition):
        return None
    where = canonical(found.where) if found.where else ""
    return _terms(found.terms, collations, unique=found.unique)._replace(where=where)


def _terms(terms: Sequence[Term], collations: Mapping[str, str], *, unique: bool) -> _Terms:
    names = [fold(term.column) if term.column else canonical(term.expression) for term in terms]
    return _Terms(
        [
            (name, fold(term.collation or collations.get(name, "binary")))
            for name, term in zip(names, terms, strict=True)
        ],
        [term.descending for term in terms],
        unique,
    )
