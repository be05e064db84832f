"""What a file costs in one batch, by the rows that tables have, and what to do instead if it is too much.

Only what certainly reaches every row of a table counts: a condition may leave few rows, which only a
rehearsal on real rows shows (`rehearse.cost`). The constants belong in `schema.cost`.
"""

from __future__ import annotations

from collections import Counter

from d1migrate.migrate.jobs.directive import directive_line
from d1migrate.schema.cost import drop_cost, is_over, separate_indexes, touched_indexes
from d1migrate.schema.queries import row_key
from d1migrate.schema.rebuild_checks import OVER_BUDGET, is_budget_statement
from d1migrate.sql.implied import null_test
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.select import is_always_true, selects
from d1migrate.sql.statement import alteration_of
from d1migrate.sql.token_groups import outside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.lint.replay.model import Replay, ReplayedStatement
    from d1migrate.schema.model import Table

_CLAUSES = ("FROM", "WHERE", "ORDER", "LIMIT", "RETURNING")


def entries_by_statement(replay: Replay, rows: Mapping[str, int]) -> dict[int, int]:
    """Return {statement: the entries that it costs}; statements without a known number are left out.

    Args:
        replay: the file.
        rows: {folded table: its rows before the file}.
    """
    known, found = dict(rows), Counter[int]()
    for statement in replay.statements:
        if statement.refusal is None:
            found[statement.index] = _entries(statement, known)
    return {index: entries for index, entries in found.items() if entries}


def _entries(statement: ReplayedStatement, known: dict[str, int]) -> int:
    """Return the entries of a statement, and note the rows of the tables after it."""
    before, target = statement.before, statement.target
    name = statement.shape.name
    match statement.verb:
        case "update" if target in known and _reaches_every_row(statement):
            return known[target] * (1 + touched_indexes(before.tables[target], statement.changes()))
        case "delete" if target in known and not statement.has_where:
            table = before.tables[target]
            each = drop_cost(table, before)
            # Without keys and triggers, SQLite clears the pages of the table.
            return known.pop(target) * (1 + each) if each or table.triggers else 0
        case "insert" | "replace":
            copied = _copied(statement, known)
            if not copied or target not in before.tables:
                return 0
            known[target] = known.get(target, 0) + copied
            return copied * (1 + separate_indexes(before.tables[target]))
        case "create table" if statement.is_from_select and (copied := _copied(statement, known)):
            known[name] = copied
            return copied
        case "create index" if "WHERE" not in statement.words:
            return known.get(statement.after.owners.get(name, ""), 0)
        case "drop table" if name in known and name in before.tables:
            return known.pop(name) * drop_cost(before.tables[name], before)
        case "alter table" if name in known:
            table_id = before.ids.get(name)
            if alteration_of(statement.tokens).action == "drop column":
                return known[name]
            if table_id is not None and (renamed := statement.after.name_of(table_id)) is not None:
                known[renamed] = known.pop(name)
    return 0


def _reaches_every_row(statement: ReplayedStatement) -> bool:
    """Whether an UPDATE has no condition, or only that the column that it fills is NULL."""
    tokens = statement.tokens
    clauses = [at for at in outside(tokens) if tokens[at].keyword in _CLAUSES]
    words = [tokens[at].keyword for at in clauses]
    if not statement.has_where:
        return "FROM" not in words
    test = null_test(tokens[clauses[0] + 1 :]) if words == ["WHERE"] else None
    if test is None or not test[1] or len(test[0]) != 1:
        return False
    return fold(unquote(test[0][0].text)) in statement.sets()


def _copied(statement: ReplayedStatement, known: Mapping[str, int]) -> int:
    """Return how many rows a statement copies, as far as it takes all rows of a table."""
    tokens = statement.tokens[statement.shape.at :]
    begin = next((at for at in outside(tokens) if tokens[at].keyword in ("SELECT", "WITH")), len(tokens))
    return sum(
        known.get(part.sources[0].table, 0)
        for part in selects(tokens[begin:])
        if len(part.sources) == 1 and not part.picks and is_always_true(part.where)
    )


def over_budget(
    replay: AnalyzedReplay, costs: Mapping[int, int], budget: int | None, *, or_more: bool = False
) -> tuple[ReplayedStatement, str] | None:
    """Return the statement that costs most and the message, if a file is too much for one batch; else None.

    Of a file that runs as a job, only the swap at the end of an online rebuild counts.

    Args:
        replay: the file.
        costs: {statement: the entries that it costs}.
        budget: the most entries; None for any number.
        or_more: whether it may cost more than that.
    """
    drops = {each.index for each in replay.of("drop table")}
    swap = {index: entries for index, entries in costs.items() if index in drops}
    job = replay.migration.job
    if job is not None:
        costs = swap if job.kind == "online" else {}
    entries = sum(costs.values())
    if not is_over(entries, budget):
        return None
    most = max(costs, key=costs.__getitem__)
    statement = next((each for each in replay.statements if each.index == most), None)
    if statement is None:
        return None
    number = f"{'at least' if or_more else 'about'} {entries:,}"
    instead = _instead(replay, statement, swaps=not is_over(sum(swap.values()), budget))
    return statement, f"{number} entries in one batch: {OVER_BUDGET}{budget:,}; {instead}"


def _instead(replay: AnalyzedReplay, statement: ReplayedStatement, *, swaps: bool) -> str:
    """Return what to do instead of a statement that writes too much.

    Args:
        replay: the file.
        statement: the statement.
        swaps: whether the swap at the end of an online rebuild is within the budget.
    """
    if replay.rebuilds:
        name = replay.rebuilds[0].old.name
        if not swaps:
            expand = f"`d1migrate rebuild {name} --expand`"
            return f"foreign keys reference {name}, so replacing it is too much: {expand}"
        if is_budget_statement(replay.statements[0].sql) and len(replay.rebuilds) == 1:
            line = directive_line("online", name)
            return f"the line `{line}` makes it run in chunks"
        return f"rebuild it in chunks: `d1migrate rebuild {name} --online`"
    if table := _paged_table(statement):
        line = batch_line(replay, statement) or directive_line("batch", table.name, row_key(table))
        alone = "" if replay.count - replay.records_itself == 1 else ", in a file of its own,"
        return f"the line `{line}`{alone} makes it run in chunks"
    if statement.verb == "create index":
        return "an index cannot be created in chunks: apply it alone, while there is little traffic"
    if statement.verb == "alter table":
        table = statement.before.tables[statement.shape.name]
        if drop_cost(table, statement.before):
            return f"leave the column: foreign keys reference {table.name}, so replacing it is too much, too"
        return (
            f"leave the column, or drop it in chunks: `d1migrate rebuild {table.name} --drop COLUMN --online`"
        )
    return "split the file into several migrations"


def _paged_table(statement: ReplayedStatement) -> Table | None:
    """Return the table by whose rows a statement could be cut into chunks, or None."""
    if statement.verb not in ("update", "delete", "insert", "replace"):
        return None
    name = next(iter(statement.sources), "") if statement.verb in ("insert", "replace") else statement.target
    return statement.before.tables.get(name)


def batch_line(replay: Replay, statement: ReplayedStatement) -> str | None:
    """Return the line that makes a file run in chunks; None if it has no single statement that can be cut."""
    table = _paged_table(statement)
    if table is None or replay.migration.is_large:
        return None
    from d1migrate.migrate.jobs.cut import Cut, cut_of_statements

    found = cut_of_statements(replay.migration.statements(), table.name, row_key(table))
    return directive_line("batch", table.name, row_key(table)) if isinstance(found, Cut) else None
