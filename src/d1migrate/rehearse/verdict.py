"""The verdict on a rehearsed migration, in a word or two, and how far it can be trusted.

"no loss on N rows" instead of "no loss" means that other rows may fare differently: `depends_on_rows`.
"""

from __future__ import annotations

from d1migrate.lint.check import RULES
from d1migrate.rehearse.expected_effects import events
from d1migrate.rehearse.findings import plural
from d1migrate.schema.cascade import Cascade, Event, is_guard
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.lint.check import Diagnostic
    from d1migrate.lint.replay.model import Replay, ReplayedStatement
    from d1migrate.rehearse.expected_effects import ReplayedFile
    from d1migrate.rehearse.model import TableChange
    from d1migrate.rehearse.scratch_database import ScratchDatabase
    from d1migrate.schema.catalog import Catalog

_PREDICT_LOSS = ("D101", "D102", "D103", "D114")
_CHOOSING = frozenset(
    "WHERE JOIN LIMIT HAVING CASE CONFLICT IGNORE REPLACE EXCEPT INTERSECT UNION DISTINCT GROUP".split()
)


def verdict(
    diagnostics: Sequence[Diagnostic], changes: Sequence[TableChange], rows: int, *, depends: bool
) -> str:
    """Return the verdict on a migration that ran.

    Args:
        diagnostics: the findings.
        changes: what it did to the rows.
        rows: how many rows there were.
        depends: whether other rows may fare differently.
    """
    if any(d.code in ("X101", "X102") for d in diagnostics):
        return "loses rows"
    if any(d.severity == "error" and d.allowed is None and d.code != "X111" for d in diagnostics):
        return "finding"
    if words := next((words for words, applies in _LOSSES if any(map(applies, changes))), None):
        return words
    return f"no loss on {plural(rows)}" if depends else "no loss"


def _is_dropped(change: TableChange) -> bool:
    is_table = change.difference.lost and change.lost_by.startswith("DROP TABLE") and not change.moved_to
    is_rewritten = change.difference.changed and change.changed_by.get("*", "").startswith("DROP TABLE")
    return bool(is_table or is_rewritten or change.unkept)


_LOSSES: tuple[tuple[str, Callable[[TableChange], bool]], ...] = (
    ("copies partly", lambda c: any(u.plain and (u.into or c.name is None) for u in c.unkept)),
    ("transforms data", lambda c: any(u.into and not u.plain and not u.replaced for u in c.unkept)),
    ("replaces rows", lambda c: c.replaced > 0 or any(u.replaced for u in c.unkept)),
    ("drops data", _is_dropped),
)
"""The verdicts on losses that the file accounts for. The first that applies is given."""


# --- how far it can be trusted ---


def predicts_loss(replay: AnalyzedReplay) -> bool:
    """Whether the linter predicts a loss of rows: if none were lost, the right rows may be missing here."""
    return any(True for rule in RULES if rule.code in _PREDICT_LOSS for _ in rule.check(replay))


def lacks_rows(replay: Replay, before: ScratchDatabase, counts: Mapping[str, int]) -> bool:
    """Whether a table stayed empty, or no row has a link by which a foreign key could delete or change it."""
    tables = replay.before.tables
    if any(not counts[name] and not table.is_virtual for name, table in tables.items()):
        return True
    return not before.has_links(tables.values())


def depends_on_rows(file: ReplayedFile, inserts: Mapping[int, str]) -> bool:
    """Whether other rows may fare differently, because statements or triggers choose among rows."""
    return any(map(_chooses, file.statements)) or any(
        _fires_choosing_trigger(file.catalog(at), [Event("insert", table)]) for at, table in inserts.items()
    )


def _chooses(statement: ReplayedStatement) -> bool:
    """Whether a statement may affect some rows and not others, directly or by a trigger."""
    verb, words = statement.verb, statement.words
    if _fires_choosing_trigger(statement.before, events(statement)):
        return True
    if verb in ("insert", "replace") and "SELECT" not in words:
        return statement.replaces
    if verb not in ("insert", "replace", "update", "delete") and not statement.is_from_select:
        return False
    others = statement.sources - {statement.target}
    if _CHOOSING & set(words) or words.count("SELECT") > 1 or len(others) > 1:
        return True
    target = statement.before.tables.get(statement.target)
    if target is not None and "CONFLICT" in target.sql.upper() and verb != "delete":
        return True
    return any(access.by for access in statement.accesses) or (verb == "update" and _cuts_links(statement))


def _cuts_links(statement: ReplayedStatement) -> bool:
    """Whether an UPDATE of keys sets the foreign keys of their children to NULL or to a default."""
    columns = statement.changes()
    return any(
        key.on_update in ("SET NULL", "SET DEFAULT")
        and (None in key.to or columns & {fold(column or "") for column in key.to})
        for _, key in statement.before.references(statement.target)
    )


def _fires_choosing_trigger(catalog: Catalog, happening: Iterable[Event]) -> bool:
    """Whether events fire a trigger that is not a plain guard, also after foreign keys and other triggers."""
    return any(not is_guard(trigger) for trigger in Cascade(catalog).fired(happening))
