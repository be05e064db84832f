"""The plan of a table's rows: which parents each row references, and the values of its other columns."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from functools import cached_property

from d1migrate.rehearse.fill.constraint_solver import BoundProbe, ConstraintGroup, ProbeSet
from d1migrate.rehearse.fill.foreign_keys import fitting, links_of
from d1migrate.rehearse.fill.row_constraints import RowConstraints
from d1migrate.rehearse.fill.value_candidates import candidates
from d1migrate.rehearse.fill.values import usual
from d1migrate.sql.create import parse_table
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

    from d1migrate.rehearse.fill.foreign_keys import Link, ParentKey, Parents
    from d1migrate.rehearse.fill.values import ValueFactory
    from d1migrate.schema.model import Table
    from d1migrate.sql.batch import Value
    from d1migrate.sql.definitions import Check

Row = dict[str, "Value"]

TRIES = 100
"""How many rows a plan proposes for a number."""

_BLANK = 20  # every 20th turn has NULL in every nullable column: a UNIQUE column accepts any number of them

_STRIDE = 997  # the step from try to try: a prime, so that it reaches every member of a list


class NoParentError(Exception):
    """The parent has no row for a foreign key that may not be NULL."""


class RowPlan:
    """How the rows of a table are made.

    Args:
        table: the table; not a virtual one.
        tables: all tables by folded name.
        parents: the keys that can be referenced.

    Attributes:
        links: its foreign keys.
        names: the columns that are given values, folded.
        referrers: {column: the plans, with their columns, that reference it}.
    """

    def __init__(self, table: Table, tables: Mapping[str, Table], parents: Parents) -> None:
        self.table = table
        self.definition = parse_table(table.sql)
        self.links = links_of(table, tables)
        columns = [column for column in table.columns if not column.generated]
        self.names = [fold(column.name) for column in columns]
        self.referrers: dict[str, list[tuple[RowPlan, str]]] = defaultdict(list)
        self._parents = parents
        self._columns = dict(zip(self.names, columns, strict=True))
        names = set(self.names)
        # A generated column cannot be set or predicted: `fix_links` handles such a link afterwards.
        self._links = [x for x in self.links if names >= {*x.columns} and (names >= {*x.to} or not x.is_self)]
        self._linked = {name for link in self._links for name in link.columns}
        self._nullable = {n for n, c in self._columns.items() if not (c.not_null or c.primary_key)}
        self._own_keys: dict[Link, list[ParentKey]] = {link: [] for link in self._links if link.is_self}
        self._used: dict[Link, set[ParentKey]] = {link: set() for link in self._links if link.is_unique}
        self._usual = {
            name: usual(table.name, column, position)
            for position, (name, column) in enumerate(self._columns.items())
        }

    # --- constraints ---

    @cached_property
    def _constraints(self) -> RowConstraints | None:
        return RowConstraints(self.table, self.definition) if self.definition else None

    @cached_property
    def _groups(self) -> list[ConstraintGroup]:
        return list(dict.fromkeys(self._group_of.values()))

    @cached_property
    def _free(self) -> list[str]:
        return [name for name in self.names if name not in self._group_of]

    @cached_property
    def _group_of(self) -> dict[str, ConstraintGroup]:
        """{column: the group of columns that constraints tie it to}; unconstrained columns have none."""
        groups = self._constraints.groups() if self._constraints else []
        tied = self._linked.union(*groups)
        groups += [frozenset({name}) for name in self.referrers if name not in tied]
        found: dict[str, ConstraintGroup] = {}
        for columns in groups:
            names = [name for name in self.names if name in columns]
            group = self._group(names)
            found |= dict.fromkeys(names, group) if group else {}
        return found

    def _dependants(self, name: str) -> Iterator[tuple[RowConstraints, str]]:
        """Yield (constraints, column) of the columns that reference a column, directly or through others."""
        if name in self._linked:
            return  # they were satisfied in the table that its values come from
        waiting = [(self, name)]
        for plan, column in waiting:
            waiting += [each for each in plan.referrers.get(column, ()) if each not in waiting]
        yield from ((plan._constraints, column) for plan, column in waiting[1:] if plan._constraints)

    def _group(self, names: Sequence[str]) -> ConstraintGroup | None:
        dependants = [
            BoundProbe(constraints.probe([column], alone, strict=True), (name,))
            for name in names
            for constraints, column in self._dependants(name)
            if (alone := constraints.alone(column))
        ]
        true, not_false = self._probes(names, strict=True), self._probes(names, strict=False)
        if not true and not dependants:
            return None
        usual = {name: None if name in self._linked else self._usual[name] for name in names}
        probes = ProbeSet(true, not_false, dependants)
        return ConstraintGroup(usual, self._others, probes, self._nullable & set(names))

    def _probes(self, names: Sequence[str], *, strict: bool) -> list[BoundProbe]:
        if not self._constraints:
            return []
        found = [
            BoundProbe(self._constraints.probe([name], alone, strict=strict), (name,))
            for name in names
            if (alone := self._constraints.alone(name))
        ]
        if len(names) > 1:
            tied = [c for c in self._constraints.all if len(c.columns) > 1 and c.columns <= set(names)]
            found.append(BoundProbe(self._constraints.probe(names, tied, strict=strict), tuple(names)))
        return found

    def _others(self, name: str) -> list[ValueFactory]:
        """Return other factories for a column, from the literals in its constraints."""
        texts, known = [self._columns[name].default or ""], set(self.names)
        texts += [each.text for each in self._constraints.about(name)] if self._constraints else []
        for constraints, column in self._dependants(name):
            texts += [each.text for each in constraints.alone(column)]
            known |= constraints.names
        return candidates(self._columns[name].type, texts, known)

    def impossible(self) -> Check | None:
        """Return the first CHECK that cannot be satisfied even without the others, or None."""
        if not self.definition:
            return None
        plain = self.definition._replace(
            columns=tuple(c._replace(checks=()) for c in self.definition.columns)
        )
        for check in self.definition.all_checks:
            plan = RowPlan(self.table, {}, self._parents)
            plan.definition = plain._replace(checks=(check,))
            impossible = any(group.impossible() for group in plan._groups)
            plan.close()
            if impossible:
                return check
        return None

    def close(self) -> None:
        """Free the memory of its probes."""
        for group in self._groups:
            group.close()

    # --- rows ---

    def row(self, number: int, turn: int) -> Row:
        """Return a row.

        Args:
            number: which, from 0.
            turn: which try for this number, from 0 and below TRIES.

        Raises:
            NoParentError: a foreign key that may not be NULL has no parent, in this try.
        """
        i = number + _STRIDE * turn
        row = self._linked_part(number, turn, i, self._links)
        blank = self._blanks[number % 5] if number and not turn else frozenset()
        if turn % _BLANK == _BLANK - 1:
            blank = self._nullable
        for group in self._groups:
            row |= group.values(i, row, blank)
        for name in self._free:
            if name in blank:
                row[name] = None
            elif name not in row:
                row[name] = self._usual[name](i)
        return row

    def added(self, row: Row) -> None:
        """Record a row that was inserted: later rows may reference it."""
        for link, keys in self._own_keys.items():
            keys.append(tuple(row[column] for column in link.to))
        for link, used in self._used.items():
            used.add(tuple(row[column] for column in link.columns))

    def key(self, columns: Sequence[str], i: int) -> ParentKey:
        """Predict the values of some columns of a row that is not inserted yet; None if unpredictable."""
        row: Row = {}
        links = [
            link for link in self._links if not link.is_self and not set(columns).isdisjoint(link.columns)
        ]
        with suppress(NoParentError):
            row = self._linked_part(i, 0, i, links)
        for name in columns:
            if name not in row and (group := self._group_of.get(name)):
                row |= group.values(i, {one: self._usual[one](i) for one in self._linked} | row, set())
            elif name not in row:
                row[name] = self._usual[name](i) if name in self._usual else None
        return tuple(row[name] for name in columns)

    @cached_property
    def _blanks(self) -> list[Set[str]]:
        """The columns to set to NULL, for each number of a row modulo 5."""
        free = self._nullable - self._linked
        return [
            {name for at, name in enumerate(self.names) if (number + at) % 5 == 4 and name in free}.union(
                *(link.nullable for link in self._links if (number + link.number) % 5 == 4)
            )
            for number in range(5)
        ]

    def _linked_part(self, number: int, turn: int, i: int, links: Iterable[Link]) -> Row:
        """Return the values of foreign keys; the turns iterate over all combinations of parents."""
        row: Row = {}
        for link in links:
            bound = {column: row[column] for column in link.columns if column in row}
            if None in bound.values():
                continue  # a key with a NULL references nothing
            keys = self._keys(link, bound, i)
            if not keys and not link.nullable:
                raise NoParentError(str(link))
            if not keys:
                row |= dict.fromkeys(link.nullable)
                continue
            # Parents that may be used once are taken in order; else some get many children, and some none.
            chance = ((number + 1) * 0.618034 + 0.37 * link.number) % 1
            used = self._used.get(link)
            start = int(len(keys) * chance * chance) if used is None else number - len(used)
            row.update(zip(link.columns, keys[(start + turn) % len(keys)], strict=True))
            turn //= len(keys)
        for link in links:
            for column in link.columns:
                if column not in row:
                    row[column] = self._usual[column](i)
        return row

    def _keys(self, link: Link, bound: Mapping[str, Value], i: int) -> Sequence[ParentKey]:
        keys = self._all_keys(link, bound, i)
        return [key for key in keys if key not in self._used[link]] if link.is_unique else keys

    def _all_keys(self, link: Link, bound: Mapping[str, Value], i: int) -> Sequence[ParentKey]:
        if not link.is_self:
            return self._parents.matching(link, bound)
        earlier = fitting(link, self._own_keys[link], bound) if bound else self._own_keys[link]
        if link.nullable:
            return earlier  # so the first row is a root
        target = dict(zip(link.columns, link.to, strict=True))
        shared = {target[column]: value for column, value in bound.items()}
        following = [dict(zip(link.to, self.key(link.to, n), strict=True)) | shared for n in (i, i + 1)]
        return [*earlier, *(tuple(key[column] for column in link.to) for key in following)]
