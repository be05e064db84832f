"""Search for values that satisfy the constraints on columns which constraints tie together."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from itertools import islice
from typing import Literal

from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set

    from d1migrate.rehearse.fill.row_constraints import ConstraintProbe
    from d1migrate.rehearse.fill.values import ValueFactory
    from d1migrate.sql.batch import Value


Recipe = tuple["ValueFactory | None", ...]
"""A factory for each column of a group; None where a foreign key gives the value."""

Strictness = Literal["all dependants", "one dependant", "true", "not false"]
"""Which probes a row has to pass; `ProbeSet` explains them."""


class BoundProbe(NamedTuple):
    """A probe, and the columns of a group whose values it takes."""

    probe: ConstraintProbe
    columns: tuple[str, ...]


class ProbeSet(NamedTuple):
    """The probes for the values of a group, by strictness.

    Attributes:
        true: every CHECK is true.
        not_false: no CHECK is false. A table requires no more, but a value for which `date(due) = due` is
            NULL is not a date.
        dependants: the constraints of other tables that reference this one. If they contradict each other, as
            tables for two kinds of a thing may do, each is satisfied in some rows.
    """

    true: list[BoundProbe]
    not_false: list[BoundProbe]
    dependants: list[BoundProbe]


def _null(_: int) -> Value:
    return None


class ConstraintGroup:
    """Columns that constraints tie together, and the recipes found that satisfy them.

    Args:
        usual: {column: its usual factory, or None if a foreign key gives the value}.
        others: returns other factories for a column.
        probes: the probes for the values.
        nullable: the columns that may be NULL.
    """

    # Tries of one search without NULL, of one with NULL, and of all searches of the same strictness.
    _FEW, _MANY, _ALL = 300, 2000, 2500

    def __init__(
        self,
        usual: dict[str, ValueFactory | None],
        others: Callable[[str], list[ValueFactory]],
        probes: ProbeSet,
        nullable: Set[str],
    ) -> None:
        self.columns = tuple(usual)
        self._others = others
        self._probes = probes
        self._nullable = nullable
        self._linked = [column for column, make in usual.items() if make is None]
        self._usual = tuple(usual.values())
        self._full: list[Recipe] = []
        self._partial: list[Recipe] = []  # those that leave a column NULL
        self._tried: Counter[Strictness] = Counter()

    def values(self, i: int, given: Mapping[str, Value], blank: Set[str]) -> dict[str, Value]:
        """Return values that satisfy the constraints, or the usual values if none are found.

        Args:
            i: the number of the row.
            given: the values of foreign keys.
            blank: the columns to set to NULL if the constraints allow it.
        """
        found = (self._find(i, given, strictness) for strictness in self._strictness(given))
        row = next(filter(None, found), None) or self._row(self._usual, i, given)
        empty = {**row, **dict.fromkeys(blank & row.keys())}
        return empty if empty != row and _passes(empty, self._probes.not_false) else row

    def impossible(self) -> bool:
        """Whether no values satisfy the constraints, whatever rows are referenced."""
        return not self._linked and self._find(0, {}, "not false") is None

    def close(self) -> None:
        """Close the probes."""
        for probes in self._probes:
            for bound in probes:
                bound.probe.close()

    def _strictness(self, given: Mapping[str, Value]) -> Sequence[Strictness]:
        """Return what to try, the strictest first."""
        if any(given[column] is None for column in self._linked):
            return ("not false",)  # most CHECKs of a NULL are NULL
        if not self._probes.dependants:
            return ("true", "not false")
        return ("all dependants", "one dependant", "true", "not false")

    def _required(self, strictness: Strictness, i: int) -> list[BoundProbe]:
        """Return the probes that row `i` has to pass."""
        true, not_false, dependants = self._probes
        if strictness == "all dependants":
            return [*true, *dependants]
        if strictness == "one dependant":
            return [*true, dependants[i % len(dependants)]]
        return true if strictness == "true" else not_false

    def _find(self, i: int, given: Mapping[str, Value], strictness: Strictness) -> dict[str, Value] | None:
        probes = self._required(strictness, i)
        for recipe in self._known(i):
            row = self._row(recipe, i, given)
            if _passes(row, probes):
                self._learn([recipe])
                return row
        found = list(islice(self._solutions(i, given, strictness, self._FEW, null=False), 1))
        if not found:
            # `(a IS NULL) <> (b IS NULL)` is true only for rows with one NULL, in either column.
            found = list(islice(self._solutions(i, given, strictness, self._MANY, null=True), 3))
        elif len(self.columns) > 1:
            # `(status = 'done') = (done_at NOT NULL)` holds with NULL and without: find both kinds.
            more = self._solutions(i, given, strictness, self._FEW, null=True)
            found += islice((recipe for recipe in more if _null in recipe), 3)
        self._learn(found)
        return self._row(found[0], i, given) if found else None

    def _known(self, i: int) -> Iterator[Recipe]:
        """Yield the recipes found so far, in turns, then the usual one; in every fifth row, NULL first."""
        kinds = (self._partial, self._full) if i % 5 == 4 else (self._full, self._partial)
        for recipes in kinds:
            for turn in range(len(recipes)):
                yield recipes[(i + turn) % len(recipes)]
        yield self._usual

    def _learn(self, recipes: Iterable[Recipe]) -> None:
        for recipe in recipes:
            kind = self._partial if _null in recipe else self._full
            if recipe not in kind:
                kind.append(recipe)

    def _row(self, recipe: Recipe, i: int, given: Mapping[str, Value]) -> dict[str, Value]:
        return {
            column: given.get(column) if make is None else make(i)
            for column, make in zip(self.columns, recipe, strict=True)
        }

    @cached_property
    def _options(self) -> dict[str, list[ValueFactory | None]]:
        return {
            column: [None] if make is None else [make, *self._others(column)]
            for column, make in zip(self.columns, self._usual, strict=True)
        }

    def _solutions(
        self, i: int, given: Mapping[str, Value], strictness: Strictness, tries: int, *, null: bool
    ) -> Iterator[Recipe]:
        tries = min(tries, self._ALL - self._tried[strictness])
        probes = self._required(strictness, i)
        options = [self._alone(column, i, probes, null=null) for column in self.columns if tries]
        if not tries or not all(options):
            return
        for choice in islice(_by_sum([len(factories) for factories in options]), tries):
            self._tried[strictness] += 1
            recipe = tuple(factories[at] for factories, at in zip(options, choice, strict=True))
            if _passes(self._row(recipe, i, given), probes):
                yield recipe

    def _alone(
        self, column: str, i: int, probes: list[BoundProbe], *, null: bool
    ) -> list[ValueFactory | None]:
        """Return the factories of a column whose values pass the probes for this column alone."""
        factories = self._options[column]
        alone = [bound for bound in probes if bound.columns == (column,)]
        if len(self.columns) > 1 and alone:
            factories = [make for make in factories if make is None or _passes({column: make(i)}, alone)]
        if null and column in self._nullable:
            return [*factories[:1], _null, *factories[1:]]
        return factories


def _passes(row: Mapping[str, Value], probes: Sequence[BoundProbe]) -> bool:
    return all(probe.accepts([row[column] for column in columns]) for probe, columns in probes)


def _by_sum(sizes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Yield every choice of one index for each size; choices with small indexes first."""
    for total in range(sum(size - 1 for size in sizes) + 1):
        yield from _summing(sizes, total)


def _summing(sizes: Sequence[int], total: int) -> Iterator[tuple[int, ...]]:
    if len(sizes) == 1:
        yield from [(total,)] if total < sizes[0] else []
        return
    for first in range(min(total, sizes[0] - 1) + 1):
        for rest in _summing(sizes[1:], total - first):
            yield (first, *rest)
