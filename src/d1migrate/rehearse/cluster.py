"""Columns that rules tie together, and the search for values that satisfy these."""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set

    from d1migrate.batch import Value
    from d1migrate.rehearse.rules import Lab
    from d1migrate.rehearse.values import Maker


Recipe = tuple["Maker", ...]


class Trial(NamedTuple):
    """A lab, and the columns of a cluster whose values it is given."""

    lab: Lab
    columns: tuple[str, ...]


def _null(_: int) -> Value:
    return None


def _given(_: int) -> Value:
    """Stand for the value that a foreign key gives."""
    raise NotImplementedError


class Cluster:
    """Columns that rules tie together, and the recipes found that satisfy them: a maker a column.

    Args:
        usual: the usual maker of each column; None where a foreign key gives the value.
        others: what else a column might hold.
        trials: what the values have to pass.
        heirs: what they should pass, too, for other tables to point here. Where these do not agree, as kinds of
            one thing in a table each may not, every one has its way in some rows.
        nullable: the columns that may be NULL.
    """

    # Tries of one search without NULL, and with; and of all searches.
    _FEW, _MANY, _ALL = 300, 3000, 6000
    # Another parent may do better than other values: so many turns are for those.
    _PATIENCE = 8

    def __init__(
        self,
        usual: dict[str, Maker | None],
        others: Callable[[str], list[Maker]],
        trials: list[Trial],
        heirs: list[Trial],
        nullable: Set[str],
    ) -> None:
        self.columns = tuple(usual)
        self._others = others
        self._trials = trials
        self._heirs = heirs
        self._agreed = True
        self._nullable = nullable
        self._linked = None in usual.values()
        self._usual = tuple(make or _given for make in usual.values())
        self._full: list[Recipe] = []
        self._partial: list[Recipe] = []  # those that leave a column NULL
        self._tries_left = self._ALL

    def values(self, q: int, given: Mapping[str, Value], blank: Set[str], turn: int) -> dict[str, Value]:
        """Return values that keep the rules, or the usual ones where none are found.

        Args:
            q: the number of the row.
            given: the values of foreign keys.
            blank: the columns to be NULL if the rules allow it.
            turn: how often this row has been asked for.
        """
        found = (self._find(q, given, trials, turn) for trials in self._wishes(q))
        row = next(filter(None, found), None) or self._row(self._usual, q, given)
        empty = {**row, **dict.fromkeys(blank & row.keys())}
        return empty if empty != row and _passes(empty, self._trials) else row

    def close(self) -> None:
        """Close the labs."""
        for trial in (*self._trials, *self._heirs):
            trial.lab.close()

    def _wishes(self, q: int) -> Iterator[list[Trial]]:
        """Yield what a row may be asked to pass, the most first."""
        if self._heirs and self._agreed:
            yield [*self._trials, *self._heirs]
            self._agreed = False  # not asked for more, it would have been found
        if self._heirs:
            yield [*self._trials, self._heirs[q % len(self._heirs)]]
        yield self._trials

    def _find(
        self, q: int, given: Mapping[str, Value], trials: list[Trial], turn: int
    ) -> dict[str, Value] | None:
        for recipe in self._known(q):
            row = self._row(recipe, q, given)
            if _passes(row, trials):
                self._learn([recipe])
                return row
        if self._linked and turn < self._PATIENCE:
            return None
        found = list(islice(self._solutions(q, given, trials, self._FEW, null=False), 1))
        if not found or len(self.columns) > 1:
            # `(a IS NULL) <> (b IS NULL)` is true of rows with a NULL only, in one or in the other;
            # `(status = 'done') = (done_at NOT NULL)` has rows of both kinds only with one.
            with_null = self._solutions(q, given, trials, self._FEW if found else self._MANY, null=True)
            found += islice((recipe for recipe in with_null if _null in recipe), 3)
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
    def _options(self) -> dict[str, list[Maker]]:
        return {
            column: [make] if make is _given else [make, *self._others(column)]
            for column, make in zip(self.columns, self._usual, strict=True)
        }

    def _solutions(
        self, q: int, given: Mapping[str, Value], trials: list[Trial], tries: int, *, null: bool
    ) -> Iterator[Recipe]:
        if not self._tries_left:
            return
        options = [self._alone(column, q, trials, null=null) for column in self.columns]
        if not all(options):
            return
        for choice in islice(_by_sum([len(makers) for makers in options]), min(tries, self._tries_left)):
            self._tries_left -= 1
            recipe = tuple(makers[i] for makers, i in zip(options, choice, strict=True))
            if _passes(self._row(recipe, q, given), trials):
                yield recipe

    def _alone(self, column: str, q: int, trials: list[Trial], *, null: bool) -> list[Maker]:
        """Return the makers of a column whose values pass what is tried of this column alone."""
        makers = self._options[column]
        alone = [trial for trial in trials if trial.columns == (column,)]
        if len(self.columns) > 1 and alone and makers != [_given]:
            makers = [make for make in makers if _passes({column: make(q)}, alone)]
        return [*makers[:1], _null, *makers[1:]] if null and column in self._nullable else makers


def _passes(row: Mapping[str, Value], trials: Sequence[Trial]) -> bool:
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
