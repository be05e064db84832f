"""The plan of a table's rows: which parents each points at, and what its other columns hold."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from d1migrate.rehearse.fill.constraint_solver import BoundProbe, ConstraintGroup, Strictness
from d1migrate.rehearse.fill.foreign_keys import fitting, links_of
from d1migrate.rehearse.fill.row_constraints import RowConstraints
from d1migrate.rehearse.fill.value_candidates import candidates
from d1migrate.rehearse.fill.values import usual
from d1migrate.sql.create import parse_table
from d1migrate.sql.names import fold

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

_BLANK = 20  # every such turn has NULL wherever it may stand: there a UNIQUE column takes any number

_STRIDE = 997  # how far a further try moves on: prime, so that it meets every member of a list


class NoParentError(Exception):
    """No row of the other table fits a foreign key that may not be NULL."""


class RowPlan:
    """How the rows of a table are made.

    Args:
        table: the table; not a virtual one.
        tables: all tables by folded name.
        parents: the keys to point at.

    Attributes:
        links: its foreign keys.
        names: the columns that are given values, folded.
        pointed: by column, the plans and their columns that point at it.
    """

    def __init__(self, table: Table, tables: Mapping[str, Table], parents: Parents) -> None:
        self.table = table
        self.definition = parse_table(table.sql)
        self.links = links_of(table, tables)
        columns = [column for column in table.columns if not column.generated]
        self.names = [fold(column.name) for column in columns]
        self.pointed: dict[str, list[tuple[RowPlan, str]]] = defaultdict(list)
        self._parents = parents
        self._columns = dict(zip(self.names, columns, strict=True))
        made = set(self.names)
        # What is generated cannot be set, nor told beforehand: such a link is the repair's.
        self._links = [x for x in self.links if made >= {*x.columns} and (made >= {*x.to} or not x.own)]
        self._linked = {name for link in self._links for name in link.columns}
        self._nullable = {n for n, c in self._columns.items() if not (c.not_null or c.primary_key)}
        self._own_keys: dict[Link, list[ParentKey]] = {link: [] for link in self._links if link.own}
        self._used: dict[Link, set[ParentKey]] = {link: set() for link in self._links if link.once}
        self._usual = {
            name: usual(table.name, column, position)
            for position, (name, column) in enumerate(self._columns.items())
        }

    # --- rules ---

    @cached_property
    def _rules(self) -> RowConstraints | None:
        return RowConstraints(self.table, self.definition) if self.definition else None

    @cached_property
    def _clusters(self) -> list[ConstraintGroup]:
        return list(dict.fromkeys(self._cluster_of.values()))

    @cached_property
    def _free(self) -> list[str]:
        return [name for name in self.names if name not in self._cluster_of]

    @cached_property
    def _cluster_of(self) -> dict[str, ConstraintGroup]:
        """By column, the columns that rules tie it to; those without rules have none."""
        groups = self._rules.groups() if self._rules else []
        tied = self._linked.union(*groups)
        groups += [frozenset({name}) for name in self.pointed if name not in tied]
        clusters: dict[str, ConstraintGroup] = {}
        for group in groups:
            names = [name for name in self.names if name in group]
            cluster = self._cluster(names)
            clusters |= dict.fromkeys(names, cluster) if cluster else {}
        return clusters

    def _heirs(self, name: str) -> Iterator[tuple[RowConstraints, str]]:
        """Yield the rules that have a say in a column because theirs points at it, straight or in turn."""
        if name in self._linked:
            return  # they had it where its values come from
        waiting = [(self, name)]
        for plan, column in waiting:
            waiting += [there for there in plan.pointed.get(column, ()) if there not in waiting]
        yield from ((plan._rules, column) for plan, column in waiting[1:] if plan._rules)

    def _cluster(self, names: Sequence[str]) -> ConstraintGroup | None:
        heirs = [
            BoundProbe(rules.lab([column], alone, strict=True), (name,))
            for name in names
            for rules, column in self._heirs(name)
            if (alone := rules.alone(column))
        ]
        true, not_false = (self._trials(names, strict=strict) for strict in (True, False))
        if not true and not heirs:
            return None
        usual = {name: None if name in self._linked else self._usual[name] for name in names}
        return ConstraintGroup(
            usual, self._others, Strictness(true, not_false, heirs), self._nullable & set(names)
        )

    def _trials(self, names: Sequence[str], *, strict: bool) -> list[BoundProbe]:
        if not self._rules:
            return []
        alone = [(name, rules) for name in names if (rules := self._rules.alone(name))]
        found = [BoundProbe(self._rules.lab([name], rules, strict=strict), (name,)) for name, rules in alone]
        if len(names) > 1:
            tied = [rule for rule in self._rules.all if len(rule.columns) > 1 and rule.columns <= set(names)]
            found.append(BoundProbe(self._rules.lab(names, tied, strict=strict), tuple(names)))
        return found

    def _others(self, name: str) -> list[ValueFactory]:
        """Return what else a column might hold, going by the rules for it."""
        texts, known = [self._columns[name].default or ""], set(self.names)
        texts += [rule.text for rule in self._rules.about(name)] if self._rules else []
        for rules, column in self._heirs(name):
            texts += [rule.text for rule in rules.alone(column)]
            known |= rules.names
        return candidates(self._columns[name].type, texts, known)

    def impossible(self) -> Check | None:
        """Return the first CHECK that cannot be satisfied even where there is no other, if there is one."""
        if not self.definition:
            return None
        plain = self.definition._replace(
            columns=tuple(c._replace(checks=()) for c in self.definition.columns)
        )
        for check in self.definition.all_checks:
            plan = RowPlan(self.table, {}, self._parents)
            plan.definition = plain._replace(checks=(check,))
            impossible = any(cluster.impossible() for cluster in plan._clusters)
            plan.close()
            if impossible:
                return check
        return None

    def close(self) -> None:
        """Give back the memory of what its rules are tried in."""
        for cluster in self._clusters:
            cluster.close()

    # --- rows ---

    def row(self, number: int, turn: int) -> Row:
        """Return a row.

        Args:
            number: which, from 0.
            turn: which try for this number, from 0 and below TRIES.

        Raises:
            NoParentError: a foreign key that may not be NULL has nothing to point at, in this try.
        """
        q = number + _STRIDE * turn
        row = self._linked_part(number, turn, q, self._links)
        blank = self._blanks[number % 5] if number and not turn else frozenset()
        if turn % _BLANK == _BLANK - 1:
            blank = self._nullable
        for cluster in self._clusters:
            row |= cluster.values(q, row, blank)
        for name in self._free:
            if name in blank:
                row[name] = None
            elif name not in row:
                row[name] = self._usual[name](q)
        return row

    def added(self, row: Row) -> None:
        """Take note of a row that is in the table now: later ones may point at it."""
        for link, keys in self._own_keys.items():
            keys.append(tuple(row[column] for column in link.to))
        for link, used in self._used.items():
            used.add(tuple(row[column] for column in link.columns))

    def key(self, columns: Sequence[str], q: int) -> ParentKey:
        """Return what some columns of a row will hold, as far as can be told before it is made; else None."""
        row: Row = {}
        links = [link for link in self._links if not link.own and not set(columns).isdisjoint(link.columns)]
        with suppress(NoParentError):
            row = self._linked_part(q, 0, q, links)
        for name in columns:
            if name not in row and (cluster := self._cluster_of.get(name)):
                row |= cluster.values(q, {one: self._usual[one](q) for one in self._linked} | row, set())
            elif name not in row:
                row[name] = self._usual[name](q) if name in self._usual else None
        return tuple(row[name] for name in columns)

    @cached_property
    def _blanks(self) -> list[Set[str]]:
        """The columns to be NULL in every fifth row, in the one after it, and so on."""
        free = self._nullable - self._linked
        return [
            {name for i, name in enumerate(self.names) if (number + i) % 5 == 4 and name in free}.union(
                *(link.loose for link in self._links if (number + link.number) % 5 == 4)
            )
            for number in range(5)
        ]

    def _linked_part(self, number: int, turn: int, q: int, links: Iterable[Link]) -> Row:
        """Return the columns of foreign keys; the turns go through all combinations of parents."""
        row: Row = {}
        for link in links:
            bound = {column: row[column] for column in link.columns if column in row}
            if None in bound.values():
                continue  # not a key any more
            keys = self._keys(link, bound, q)
            if not keys and not link.loose:
                raise NoParentError(str(link))
            if not keys:
                row |= dict.fromkeys(link.loose)
                continue
            # One after the other where each is used once; else some have many children, and some have none.
            chance = ((number + 1) * 0.618034 + 0.37 * link.number) % 1
            used = self._used.get(link)
            start = int(len(keys) * chance * chance) if used is None else number - len(used)
            row.update(zip(link.columns, keys[(start + turn) % len(keys)], strict=True))
            turn //= len(keys)
        for link in links:
            for column in link.columns:
                if column not in row:
                    row[column] = self._usual[column](q)
        return row

    def _keys(self, link: Link, bound: Mapping[str, Value], q: int) -> Sequence[ParentKey]:
        keys = self._all_keys(link, bound, q)
        return [key for key in keys if key not in self._used[link]] if link.once else keys

    def _all_keys(self, link: Link, bound: Mapping[str, Value], q: int) -> Sequence[ParentKey]:
        if not link.own:
            return self._parents.matching(link, bound)
        earlier = fitting(link, self._own_keys[link], bound) if bound else self._own_keys[link]
        if link.loose:
            return earlier  # so that the first row is the root
        there = dict(zip(link.columns, link.to, strict=True))
        shared = {there[column]: value for column, value in bound.items()}
        coming = [dict(zip(link.to, self.key(link.to, n), strict=True)) | shared for n in (q, q + 1)]
        return [*earlier, *(tuple(key[column] for column in link.to) for key in coming)]
