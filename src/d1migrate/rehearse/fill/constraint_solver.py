"""Columns that rules tie together, and the search for values that satisfy these."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set

    from d1migrate.rehearse.fill.row_constraints import ConstraintProbe
    from d1migrate.rehearse.fill.values import ValueFactory
    from d1migrate.sql.batch import Value


Recipe = tuple["ValueFactory", ...]
Wish = Literal["all heirs", "an heir", "true", "not false"]


class BoundProbe(NamedTuple):
    """A lab, and the columns of a cluster whose values it is given."""

    lab: ConstraintProbe
    columns: tuple[str, ...]


class Strictness(NamedTuple):
    """What the values of a cluster are to pass.

    Attributes:
        true: every CHECK is true.
        not_false: none is false. A table asks for no more, but what makes `date(due) = due` NULL is no date.
        heirs: rules of other tables that point here. Where these do not agree, as tables for two kinds of a
            thing may not, each has its way in some rows.
    """

    true: list[BoundProbe]
    not_false: list[BoundProbe]
    heirs: list[BoundProbe]


def _null(_: int) -> Value:
    return None


def _given(_: int) -> Value:
    """Stand for the value that a foreign key gives."""
    raise NotImplementedError


class ConstraintGroup:
    """Columns that rules tie together, and the recipes found that satisfy them: a maker a column.

    Args:
        usual: the usual maker of each column; None where a foreign key gives the value.
        others: what else a column might hold.
        trials: what the values are to pass.
        nullable: the columns that may be NULL.
    """

    # Tries of one search without NULL, and with; and of all searches with the same wish.
    _FEW, _MANY, _ALL = 300, 2000, 2500

    def __init__(
        self,
        usual: dict[str, ValueFactory | None],
        others: Callable[[str], list[ValueFactory]],
        trials: Strictness,
        nullable: Set[str],
    ) -> None:
        self.columns = tuple(usual)
        self._others = others
        self._trials = trials
        self._nullable = nullable
        self._linked = [column for column, make in usual.items() if make is None]
        self._usual = tuple(make or _given for make in usual.values())
        self._full: list[Recipe] = []
        self._partial: list[Recipe] = []  # those that leave a column NULL
        self._tried: Counter[Wish] = Counter()

    def values(self, q: int, given: Mapping[str, Value], blank: Set[str]) -> dict[str, Value]:
        """Return values that keep the rules, or the usual ones where none are found.

        Args:
            q: the number of the row.
            given: the values of foreign keys.
            blank: the columns to be NULL if the rules allow it.
        """
        found = (self._find(q, given, wish) for wish in self._wishes(given))
        row = next(filter(None, found), None) or self._row(self._usual, q, given)
        empty = {**row, **dict.fromkeys(blank & row.keys())}
        return empty if empty != row and _passes(empty, self._trials.not_false) else row

    def impossible(self) -> bool:
        """Whether no values keep the rules, and no other keys pointed at may help."""
        return not self._linked and self._find(0, {}, "not false") is None

    def close(self) -> None:
        """Close the labs."""
        for trials in self._trials:
            for trial in trials:
                trial.lab.close()

    def _wishes(self, given: Mapping[str, Value]) -> Sequence[Wish]:
        """Return what may be asked for, the most first."""
        if any(given[column] is None for column in self._linked):
            return ("not false",)  # most CHECKs of a NULL are NULL
        return ("all heirs", "an heir", "true", "not false") if self._trials.heirs else ("true", "not false")

    def _asked(self, wish: Wish, q: int) -> list[BoundProbe]:
        """Return what a row has to pass for a wish to be granted."""
        true, not_false, heirs = self._trials
        if wish == "not false":
            return not_false
        some = {"all heirs": heirs, "an heir": [heirs[q % len(heirs)]] if heirs else []}
        return [*true, *some.get(wish, ())]

    def _find(self, q: int, given: Mapping[str, Value], wish: Wish) -> dict[str, Value] | None:
        trials = self._asked(wish, q)
        for recipe in self._known(q):
            row = self._row(recipe, q, given)
            if _passes(row, trials):
                self._learn([recipe])
                return row
        found = list(islice(self._solutions(q, given, wish, self._FEW, null=False), 1))
        if not found:
            # `(a IS NULL) <> (b IS NULL)` is true of rows with a NULL only, in one or in the other.
            found = list(islice(self._solutions(q, given, wish, self._MANY, null=True), 3))
        elif len(self.columns) > 1:
            # `(status = 'done') = (done_at NOT NULL)` has rows of both kinds with one only.
            more = self._solutions(q, given, wish, self._FEW, null=True)
            found += islice((recipe for recipe in more if _null in recipe), 3)
        self._learn(found)
        return self._row(found[0], q, given) if found else None

    def _known(self, q: int) -> Iterator[Recipe]:
        """Yield the recipes found so far, in turns, in every fifth row with NULL first; and the usual."""
        kinds = (self._partial, self._full) if q % 5 == 4 else (self._full, self._partial)
        for recipes in kinds:
            for i in range(len(recipes)):
                yield recipes[(q + i) % len(recipes)]
        yield self._usual

    def _learn(self, recipes: Iterable[Recipe]) -> None:
        for recipe in recipes:
            kind = self._partial if _null in recipe else self._full
            if recipe not in kind:
                kind.append(recipe)

    def _row(self, recipe: Recipe, q: int, given: Mapping[str, Value]) -> dict[str, Value]:
        return {
            column: given.get(column) if make is _given else make(q)
            for column, make in zip(self.columns, recipe, strict=True)
        }

    @cached_property
    def _options(self) -> dict[str, list[ValueFactory]]:
        return {
            column: [make] if make is _given else [make, *self._others(column)]
            for column, make in zip(self.columns, self._usual, strict=True)
        }

    def _solutions(
        self, q: int, given: Mapping[str, Value], wish: Wish, tries: int, *, null: bool
    ) -> Iterator[Recipe]:
        tries = min(tries, self._ALL - self._tried[wish])
        trials = self._asked(wish, q)
        options = [self._alone(column, q, trials, null=null) for column in self.columns if tries]
        if not tries or not all(options):
            return
        for choice in islice(_by_sum([len(makers) for makers in options]), tries):
            self._tried[wish] += 1
            recipe = tuple(makers[i] for makers, i in zip(options, choice, strict=True))
            if _passes(self._row(recipe, q, given), trials):
                yield recipe

    def _alone(self, column: str, q: int, trials: list[BoundProbe], *, null: bool) -> list[ValueFactory]:
        """Return the makers of a column whose values pass what is tried of this column alone."""
        makers = self._options[column]
        alone = [trial for trial in trials if trial.columns == (column,)]
        if len(self.columns) > 1 and alone and makers != [_given]:
            makers = [make for make in makers if _passes({column: make(q)}, alone)]
        return [*makers[:1], _null, *makers[1:]] if null and column in self._nullable else makers


def _passes(row: Mapping[str, Value], trials: Sequence[BoundProbe]) -> bool:
    return all(lab.accepts([row[column] for column in columns]) for lab, columns in trials)


def _by_sum(sizes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Yield every choice of an index below each size, those near the beginnings first."""
    for total in range(sum(size - 1 for size in sizes) + 1):
        yield from _summing(sizes, total)


def _summing(sizes: Sequence[int], total: int) -> Iterator[tuple[int, ...]]:
    if len(sizes) == 1:
        yield from [(total,)] if total < sizes[0] else []
        return
    for first in range(min(total, sizes[0] - 1) + 1):
        for rest in _summing(sizes[1:], total - first):
            yield (first, *rest)
