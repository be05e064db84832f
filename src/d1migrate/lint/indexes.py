"""What keys and indexes compare, term by term, and whether one can take the place of another."""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.canonical import canonical_expression
from d1migrate.sql.create import parse, parse_table
from d1migrate.sql.definitions import IndexDefinition
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d1migrate.schema.model import Index, Table
    from d1migrate.sql.definitions import Term


class IndexTerm(NamedTuple):
    """A folded column or canonical expression that a key compares, with its collation."""

    expression: str
    collation: str
    is_column: bool


class IndexTerms(NamedTuple):
    """What a key or an index compares.

    Attributes:
        terms: its terms, in order.
        descending: whether each of them is DESC.
        unique: whether no two rows share them.
        where: the condition of a partial index, or "".
    """

    terms: tuple[IndexTerm, ...]
    descending: tuple[bool, ...]
    unique: bool
    where: str = ""


def terms_of(table: Table, index: Index) -> IndexTerms | None:
    """Return what an index compares; None for the index of a key, which has no SQL."""
    definition = parse(index.sql) if index.sql else None
    if not isinstance(definition, IndexDefinition):
        return None
    return _read(table, definition.terms, unique=definition.unique, where=definition.where or "")


def all_terms(table: Table) -> Iterator[IndexTerms]:
    """Yield what each key and each index of a table compares."""
    definition = parse_table(table.sql)
    for key in definition.all_keys if definition else ():
        yield _read(table, key.terms, unique=True)
    yield from filter(None, (terms_of(table, index) for index in table.indexes))


def _read(table: Table, terms: Sequence[Term], *, unique: bool, where: str = "") -> IndexTerms:
    definition = parse_table(table.sql)
    own = {fold(column.name): column.collation for column in definition.columns} if definition else {}
    found = []
    for term in terms:
        name = fold(term.column or "")
        collation = fold(term.collation or own.get(name) or "binary")
        found.append(IndexTerm(name or canonical_expression(term.expression), collation, bool(name)))
    return IndexTerms(tuple(found), tuple(term.descending for term in terms), unique, where)


def has_substitute(table: Table, index: Index) -> bool:
    """Whether a key or an index of a table finds the same rows as another index, and is as strict.

    It must begin with the same terms, in the same order and collation, or be unique over the first of them.
    Only a key that is unique over all or some of its columns can replace a UNIQUE index.
    """
    wanted = terms_of(table, index)
    if wanted is None:
        return False
    where = canonical_expression(wanted.where)
    others = [
        each for each in all_terms(table) if not each.where or canonical_expression(each.where) == where
    ]
    is_strict = not wanted.unique or any(o.unique and set(o.terms) <= set(wanted.terms) for o in others)
    return is_strict and any(_finds(other, wanted) for other in others)


def _finds(other: IndexTerms, wanted: IndexTerms) -> bool:
    size = min(len(other.terms), len(wanted.terms))
    if other.terms[:size] != wanted.terms[:size] or (size < len(wanted.terms) and not other.unique):
        return False
    directions = {a != b for a, b in zip(other.descending, wanted.descending, strict=False)}
    return len(directions) <= 1  # SQLite reads an index from either end
