"""The target of a fleet's databases, and the plan from every state that one was found in.

A state is learned from a database, never composed: its text is what the next one in the same state is
compared with. A plan, and what is checked about it, is made once for each state.
"""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import suppress
from functools import partial

from d1migrate.errors import Error, HistoryError, LimitExceeded, OutOfOrder
from d1migrate.fleet.once import Once
from d1migrate.fleet.state_text import layout_in, read_text
from d1migrate.migrate.file_suggestion import choose_table
from d1migrate.migrate.history import History
from d1migrate.migrate.migration import LARGE
from d1migrate.migrate.plan import Plan, plan_up
from d1migrate.migrate.selector import up_to
from d1migrate.migrate.up_to_date import index_digest
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.names import fold, is_job_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from d1migrate.migrate.history_queries import Layout
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.selector import Selector
    from d1migrate.schema.model import Schema

    StateCheck = Callable[[Plan, Schema], "Checked"]
    """Gets the plan for a state, and the schema of a database in it; raises what refuses the plan."""


class Checked(NamedTuple):
    """What a check returns.

    Attributes:
        notes: what the log of each database gets.
        expected: the schema after the plan, if it is known.
    """

    notes: Mapping[str, object] = {}
    expected: Schema | None = None


_MOST_STATES = 200
_MOST_STATEMENTS = 1_000
"""Of several migrations in one batch. That is 0.1 s of CPU on local D1, which ran 20,000 in 2.2 s (d1-facts
§1.6); production has ended batches that take 0.7 s here, and only the database knows what rows cost."""
_LATE = (
    "if no tenant has it, `d1migrate renumber` gives it a newer number; if others have it, `out_of_order ="
    ' "allow"` in the environment of the fleet applies it late'
)

UNCHECKED = Checked({"lint": False})
"""What is noted without a check."""


class KnownState:
    """A state in which a database was found, and what is to be done there; there is one object for each.

    Attributes:
        layout: the history tables.
        text: the whole history, see `state_text`.
        history: the history; without times and the head of the log.
        plan: the steps to the target; none if it is reached, or refused.
        refusal: why no plan leads to the target.
        has_job: whether a job is open, which has to end first. The text has no more of it, as each database
            is at another row.
        together: whether the steps are one batch, and no job is open.
        checks_keys: whether a database in this state has keys that are checked at the commit. Then the batch
            checks them after each step.
    """

    __slots__ = ("checks_keys", "has_job", "history", "layout", "plan", "refusal", "text", "together")

    def __init__(
        self, layout: Layout, text: str, history: History, plan: Plan, refusal: Error | None = None
    ) -> None:
        self.layout, self.text, self.history = layout, text, history
        self.has_job = any(map(is_job_table, history.leftovers))
        self.plan, self.refusal = plan, refusal
        self.together = not self.has_job and _are_together(plan)
        self.checks_keys = False


class FleetPlan:
    """The target of a fleet, and what is known of its databases. Threads may share it.

    Args:
        migrations: the files.
        table: the name of the migrations table; without it, the files suggest which one it is.
        wrangler_table: the name of wrangler's table, if wrangler's configuration has the databases; it is
            used unless the files record themselves.
        to: the last migration to apply; all without it.
        allow_out_of_order: whether to apply migrations that come before an applied one, too.
        create: whether a database without anything in it is given its schema; otherwise it is refused.
        check: called once for each state from which something is to be applied; after a refusal, again for
            a database with another schema.
        by: the name to log; by default D1MIGRATE_BY, the actor of the CI job, or the user's name.

    Attributes:
        digest: that of the migrations up to the target, as in their index.
        target: the name of the last migration; None if there is none.

    Raises:
        SourceError: the files cannot be applied to any database.
        UsageError: there is no migration `to`, or there are several.
    """

    def __init__(
        self,
        migrations: Iterable[Migration],
        *,
        table: str | None = None,
        wrangler_table: str | None = None,
        to: Selector | None = None,
        allow_out_of_order: bool = False,
        create: bool = False,
        check: StateCheck | None = None,
        by: str | None = None,
    ) -> None:
        self.migrations: tuple[Migration, ...] = tuple(migrations)
        self.choice = choose_table(self.migrations, configured=table, wrangler=wrangler_table)
        self.to, self.allow_out_of_order, self.by = to, allow_out_of_order, by
        self._create, self._check = create, check
        self._lock = threading.Lock()
        self._states: dict[tuple[Layout, str], KnownState] = {}
        self._checks: dict[KnownState, _Check] = {}
        self._after: dict[KnownState, KnownState] = {}
        self._counts: Counter[KnownState] = Counter()
        wanted = up_to(self.migrations, to)
        self.digest = index_digest(wanted)
        self.target = wanted[-1].name if wanted else None
        self.plan_from(History(table=self.choice.guess))  # an error of the files is one in every database

    @property
    def states(self) -> tuple[tuple[KnownState, int], ...]:
        """The states, each with the number of databases that were found in it, the most common first."""
        with self._lock:
            return tuple(self._counts.most_common())

    def guess(self, layout: Layout | None = None) -> KnownState | None:
        """Return the state to expect of a database; None if no known one leads to the target.

        It is the most common one that one batch leads to the target. A database at the target refuses the
        batch, so it takes one request, too; only if nearly all are there, the batch is not sent to them.

        Args:
            layout: the history tables, if they are known.
        """
        with self._lock:
            found = [
                (state, databases)
                for state, databases in self._counts.most_common()
                if not self._is_refused(state) and layout in (None, state.layout)
            ]
        if not found:
            return None
        first, most = found[0]
        behind = (state for state, databases in found if _leads(state) and databases * _RARE >= most)
        return next(behind, first)

    def count(self, state: KnownState, databases: int = 1) -> None:
        """Note that databases were found in a state."""
        with self._lock:
            self._counts[state] += databases

    def load(self, texts: Iterable[tuple[str, int]]) -> None:
        """Learn the texts of states, each with a number of databases; one that is no text is left out."""
        for text, databases in texts:
            with suppress(ValueError, LookupError, TypeError, HistoryError):
                state = self.learn(layout_in(self.choice, text), text)
                if isinstance(state, KnownState):
                    self.count(state, databases)

    def learn(self, layout: Layout, text: str) -> KnownState | Layout:
        """Return the state with a text; or, if other history tables exist, their layout.

        Args:
            layout: the history tables that the text was made for.
            text: the text, as a database returned it.

        Raises:
            ValueError: it is not such a text; a message may have been cut.
        """
        with self._lock:
            if known := self._states.get((layout, text)):
                return known
        try:
            found, history = read_text(self.choice, layout, text)
            if history is None:
                return found
        except HistoryError as refusal:
            state = KnownState(layout, text, History(), Plan((), History()), refusal)
        else:
            state = self._state(layout, text, history)
        with self._lock:
            if len(self._states) >= _MOST_STATES:
                self._forget_rare()
            return self._states.setdefault((layout, text), state)

    def check(self, state: KnownState, schema: Schema) -> Checked:
        """Check the plan of a state, once for all threads; after a refusal, again with another schema.

        The history does not show what was changed by hand: the refused database may be the only such one.

        Args:
            state: the state.
            schema: the schema of a database in it.

        Raises:
            Error: what the check raised.
        """
        if self._check is None:
            return UNCHECKED
        while True:
            with self._lock:
                check = self._checks.get(state)
                if check is None or (isinstance(check.made, Error) and check.schema != schema):
                    check = self._checks[state] = _Check(schema)
            try:
                return check.get(partial(self._check, state.plan, check.schema))
            except Error:
                if check.schema == schema:  # else a thread that came first had another one
                    raise

    def checked(self, state: KnownState) -> Checked | None:
        """Return what the check of a state returned; None if it is still to be checked."""
        if self._check is None:
            return UNCHECKED
        check = self._checks.get(state)
        return check.made if check and isinstance(check.made, Checked) else None

    def after(self, state: KnownState) -> KnownState | None:
        """Return the state to which the plan of a state leads; None if no database was led there yet."""
        return self._after.get(state)

    def reached(self, state: KnownState, after: KnownState) -> None:
        """Note to which state the plan of a state leads."""
        with self._lock:
            self._after[state] = after

    def plan_from(self, history: History) -> Plan:
        """Return the plan from a history, in one transaction if that is possible; errors as `plan_up`."""
        options: dict[str, Any] = {"to": self.to, "allow_out_of_order": self.allow_out_of_order}
        try:
            return plan_up(self.migrations, history, single=True, **options)
        except LimitExceeded:  # a file that D1 imports by itself
            return plan_up(self.migrations, history, **options)

    def _forget_rare(self) -> None:
        """Forget half of the states, the rare ones: every database may be in one of its own."""
        kept = {state for state, _ in self._counts.most_common(_MOST_STATES // 2)}
        self._states = {key: state for key, state in self._states.items() if state in kept}
        for known in (self._checks, self._after, self._counts):
            for state in [state for state in known if state not in kept]:
                del known[state]

    def _is_refused(self, state: KnownState) -> bool:
        check = self._checks.get(state)
        return state.refusal is not None or (check is not None and isinstance(check.made, Error))

    def _state(self, layout: Layout, text: str, history: History) -> KnownState:
        nothing = Plan((), history)
        try:
            self._refuse(history)
            plan = self.plan_from(history)
        except Error as refusal:
            if isinstance(refusal, OutOfOrder):
                refusal.hint = _LATE
            return KnownState(layout, text, history, nothing, refusal)
        return KnownState(layout, text, history, plan)

    def _refuse(self, history: History) -> None:
        """Raise HistoryError for a history in another table than the fleet's, and for an empty database."""
        expected, table = self.choice.guess, history.table
        if table.name not in history.missing and fold(table.name) != fold(expected.name):
            raise HistoryError(
                f"its history is in {table.name}, that of the fleet in {expected.name}",
                hint=f'if all tenants have it, add to the section of the fleet: table = "{table.name}"',
            )
        if not (self._create or history.applied or history.partial or history.unmanaged):
            raise HistoryError(
                "it has no tables",
                hint="check that the list names the right database; for a new one, set `create = true` in the"
                " section of the fleet, or FleetPlan(create=True)",
            )


_RARE = 20
"""A batch carries its SQL also to databases at the target: it is sent if one in this many may need it."""


def _leads(state: KnownState) -> bool:
    return bool(state.plan.steps) and state.together


class _Check(Once[Checked]):
    """The check of a state, for databases with a schema if it refused."""

    def __init__(self, schema: Schema) -> None:
        super().__init__()
        self.schema = schema


def _are_together(plan: Plan) -> bool:
    """Whether steps can be one batch: one request carries them, and the log needs no change first."""
    if not plan.single or plan.history.old_log or plan.history.lacking:
        return False
    if len(plan.steps) > 1 and sum(step.statement_count for step in plan.steps) > _MOST_STATEMENTS:
        return False
    size = sum(len(statement.sql) for step in plan.steps for statement in step.script.statements())
    return size <= LARGE and all(step.import_reason is None for step in plan.steps)
