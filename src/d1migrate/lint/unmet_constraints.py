"""Which constraints of a rebuilt table, or of a new unique index, existing rows may violate."""

from __future__ import annotations

from d1migrate.lint.column_copies import values_of
from d1migrate.lint.declared_types import columns_of
from d1migrate.lint.domains import domains_of, failing, required
from d1migrate.lint.expressions import as_column
from d1migrate.lint.indexes import all_terms
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.canonical import canonical_expression
from d1migrate.sql.checks import literal
from d1migrate.sql.create import parse_table
from d1migrate.sql.implied import is_implied
from d1migrate.sql.names import fold
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.lint.indexes import IndexTerms
    from d1migrate.lint.rebuilds import Rebuild
    from d1migrate.schema.model import ForeignKey, Table

_LONGEST = 60  # characters of a CHECK in a message
_NOT_FILLED = " (the copy does not fill it)"


class UnmetConstraint(NamedTuple):
    """A constraint that copied rows may violate: its description and its folded columns."""

    what: str
    columns: frozenset[str]


def unmet_constraints(replay: AnalyzedReplay, rebuild: Rebuild) -> list[UnmetConstraint]:
    """Return the constraints of a rebuilt table that its copied rows may violate.

    Nothing is reported if the file first deletes rows of the old table or copies only some, nor for a column
    that it first sets: its author then took care of the rows.
    """
    first = rebuild.fills[0].index if rebuild.fills else 0
    earlier = [w for w in replay.writers.get(rebuild.number, ()) if w.index < first]
    copies = replay.lineage.copies_of_table(rebuild.number)
    picks = any(copy.omits not in ("", "JOIN", "a subquery") for copy in copies)
    if not rebuild.fills or picks or any(w.verb == "delete" for w in earlier):
        return []
    is_set = {column for w in earlier if w.verb == "update" for column in w.sets()}
    found = [*_values(rebuild), *_uniques(rebuild), *_keys(rebuild)]
    old, new = parse_table(rebuild.old.sql), parse_table(rebuild.new.sql)
    if new and new.strict and not (old and old.strict):
        found.append(UnmetConstraint("STRICT", frozenset(columns_of(rebuild.new))))
    return [each for each in found if not each.columns & is_set]


# --- NOT NULL and CHECK ---


def _values(rebuild: Rebuild) -> Iterator[UnmetConstraint]:
    """Yield the NOT NULL and CHECK constraints that values of a copy may violate."""
    old, new = rebuild.old, rebuild.new
    seen = set[str]()
    for values in (values for fill in rebuild.fills for values in values_of(fill) if values is not None):
        nulls = set(required(new, old, values))
        found = [
            UnmetConstraint(
                f"NOT NULL to {c.name}{'' if name in values else _NOT_FILLED}", frozenset((name,))
            )
            for c in new.columns
            if (name := fold(c.name)) in nulls
        ]
        for text, names in failing(new, old, values):
            shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
            found.append(UnmetConstraint(f"CHECK ({shown})", names))
        yield from (each for each in found if each.what not in seen)
        seen |= {each.what for each in found}
    yield from _computed(rebuild)


def _computed(rebuild: Rebuild) -> Iterator[UnmetConstraint]:
    """Yield the NOT NULL constraints of generated columns, which no copy fills."""
    old = {fold(column.name): column for column in rebuild.old.columns}
    before, after = (_expressions(table) for table in (rebuild.old, rebuild.new))
    for column in rebuild.new.columns:
        name = fold(column.name)
        if column.not_null and column.generated:
            before_column = old.get(name)
            was_required = before_column is not None and bool(
                before_column.not_null or before_column.primary_key
            )
            if not was_required or before.get(name) != after[name]:
                yield UnmetConstraint(f"NOT NULL to {column.name}", frozenset((name,)))


def _expressions(table: Table) -> dict[str, str]:
    """Return {folded name: canonical expression} of the generated columns."""
    definition = parse_table(table.sql)
    names = {fold(column.name) for column in table.columns}
    columns = definition.columns if definition else ()
    return {fold(c.name): canonical_expression(c.generated, names) for c in columns if c.generated}


# --- UNIQUE ---


def cannot_repeat(new: IndexTerms, table: Table) -> bool:
    """Whether a key that a table already has also keeps its rows unique in new terms."""
    domains, where = domains_of(table), significant(new.where)
    collations = {term.expression: term.collation for term in new.terms}
    return any(
        all(collations.get(term.expression) in (term.collation, "binary") for term in old.terms)
        and (not old.where or (bool(where) and is_implied(significant(old.where), where, domains)))
        for old in all_terms(table)
        if old.unique
    )


def _uniques(rebuild: Rebuild) -> Iterator[UnmetConstraint]:
    names = columns_of(rebuild.old).keys()
    for key in all_terms(rebuild.new):
        columns = [term.expression for term in key.terms if term.is_column]
        is_plain = len(columns) == len(key.terms) and not key.where and {*columns} <= names
        values = [rebuild.values.get(column) for column in columns]
        is_computed = any(value and not as_column(value) and not literal(value) for value in values)
        if key.unique and is_plain and not is_computed and not cannot_repeat(key, rebuild.old):
            yield UnmetConstraint(f"UNIQUE ({', '.join(columns)})", frozenset(columns))


# --- foreign keys ---


def _link(key: ForeignKey) -> tuple[str, ...]:
    return (fold(key.table), *(fold(column) for column in key.columns))


def _keys(rebuild: Rebuild) -> Iterator[UnmetConstraint]:
    existing = {_link(key) for key in rebuild.old.foreign_keys}
    for key in rebuild.new.foreign_keys:
        if _link(key) not in existing and all(rebuild.is_copied(column) for column in key.columns):
            columns = ", ".join(key.columns)
            yield UnmetConstraint(
                f"a foreign key ({columns}) to {key.table}", frozenset(map(fold, key.columns))
            )
