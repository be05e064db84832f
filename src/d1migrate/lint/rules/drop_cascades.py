"""DROP TABLE of a parent: what its foreign keys do to the rows of other tables."""

from __future__ import annotations

from d1migrate.lint.cascade_loss import cascade_losses, sentence
from d1migrate.lint.rule import Finding, rule
from d1migrate.schema.rebuild import drop_guards
from d1migrate.schema.rebuild_checks import ORPHAN_CHECK
from d1migrate.sql.names import fold, quote_identifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.lint.cascade_loss import CascadeLoss
    from d1migrate.lint.replay.model import ReplayedStatement


@rule("D101", "drop-deletes-children", "error", on=("drop table",))
def drop_deletes_children(replay: AnalyzedReplay) -> Iterator[Finding]:
    """DROP TABLE deletes rows of tables that reference it.

    Why: D1 always enforces foreign keys, whatever a PRAGMA says, and DROP TABLE first deletes every row. ON DELETE
        CASCADE then empties the child tables, SET NULL clears their links, and the migration reports success.

    In a Durable Object:
        a migration runs with foreign keys enforced, whatever a PRAGMA says, and DROP TABLE first deletes every row.
        ON DELETE CASCADE then empties the child tables, SET NULL clears their links, and the migration reports
        success.

    Given:
        CREATE TABLE workflows (id TEXT PRIMARY KEY, name TEXT);
        CREATE TABLE executions (id TEXT PRIMARY KEY, workflow_id TEXT REFERENCES workflows(id) ON DELETE CASCADE);
        CREATE INDEX idx_executions_workflow ON executions(workflow_id);
    Bad:
        PRAGMA defer_foreign_keys = ON;
        CREATE TABLE workflows_new (id TEXT PRIMARY KEY, name TEXT, owner TEXT);
        INSERT INTO workflows_new (id, name) SELECT id, name FROM workflows;
        DROP TABLE workflows;
        ALTER TABLE workflows_new RENAME TO workflows;
    Good:
        PRAGMA defer_foreign_keys = ON;
        CREATE TABLE workflows_new (id TEXT PRIMARY KEY, name TEXT, owner TEXT);
        INSERT INTO workflows_new (id, name) SELECT id, name FROM workflows;
        CREATE TRIGGER _guard BEFORE DELETE ON executions BEGIN SELECT RAISE(IGNORE); END;
        DROP TABLE workflows;
        ALTER TABLE workflows_new RENAME TO workflows;
        DROP TRIGGER _guard;
        PRAGMA defer_foreign_keys = OFF;
        SELECT json_extract('{}', 'orphan in ' || "table") FROM pragma_foreign_key_check;
    """
    rebuilt = {rebuild.statement.index for rebuild in replay.rebuilds}
    for statement in replay.drops_of_rows():
        losses = [
            s
            for s in cascade_losses(replay, statement, statement.shape.name)
            if not _is_successor(replay, statement, s)
        ]
        if losses:
            yield Finding(
                f"DROP TABLE {_name(statement)} {sentence(losses)}{_followed(replay, statement)}",
                statement,
                fix=_guarded(statement) if statement.index in rebuilt else None,
            )


def _is_successor(replay: AnalyzedReplay, statement: ReplayedStatement, loss: CascadeLoss) -> bool:
    """Whether the table that loses rows is the one that takes the place of the dropped table."""
    first = replay.before.name_of(statement.before.ids[statement.shape.name])
    child = statement.before.ids[fold(loss.child)]
    return loss.direct and first is not None and replay.after.ids.get(first) == child


def _followed(replay: AnalyzedReplay, statement: ReplayedStatement) -> str:
    """Explain why children reference a table that was renamed aside: the order of the rebuild is wrong."""
    old = replay.before.name_of(statement.before.ids[statement.shape.name])
    if old is None or old == statement.shape.name or old not in replay.after.tables:
        return ""
    return f": foreign keys follow a renamed table; create the new table next to {old} instead"


def _guarded(statement: ReplayedStatement) -> str:
    """Return the DROP TABLE between guard triggers, which lose nothing (d1-facts §2.3)."""
    on, off = drop_guards(statement.before, statement.shape.name)
    before = ("PRAGMA defer_foreign_keys = ON", *on, statement.sql)
    after = (*off, "PRAGMA defer_foreign_keys = OFF", ORPHAN_CHECK)
    lines = [f"{sql};" for sql in before]
    lines.append("-- … rename the new table to the old name here …")
    return "\n".join([*lines, *(f"{sql};" for sql in after)])


@rule("D102", "rebuild-deletes-itself", "error", on=("drop table",))
def rebuild_deletes_itself(replay: AnalyzedReplay) -> Iterator[Finding]:
    """The new table references the old one by name, so dropping the old one deletes the copied rows.

    Why: while both tables exist, a self-reference that uses the final name is a foreign key from the new table to
        the old one. DROP TABLE then cascades into the rows that were just copied.

    Given:
        CREATE TABLE tree (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES tree(id) ON DELETE CASCADE);
        CREATE INDEX idx_tree_parent ON tree(parent_id);
    Bad:
        CREATE TABLE tree_new (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES tree(id) ON DELETE CASCADE);
        INSERT INTO tree_new SELECT id, parent_id FROM tree;
        DROP TABLE tree;
        ALTER TABLE tree_new RENAME TO tree;
        CREATE INDEX idx_tree_parent ON tree(parent_id);
    Good:
        CREATE TABLE tree_new (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES tree_new(id) ON DELETE CASCADE);
        INSERT INTO tree_new SELECT id, parent_id FROM tree;
        DROP TABLE tree;
        ALTER TABLE tree_new RENAME TO tree;
        CREATE INDEX idx_tree_parent ON tree(parent_id);
    """
    for statement in replay.drops_of_rows():
        for loss in cascade_losses(replay, statement, statement.shape.name):
            if _is_successor(replay, statement, loss):
                yield Finding(
                    f"DROP TABLE {_name(statement)} {loss}, which this file has just filled",
                    statement,
                    fix=f"-- in CREATE TABLE {loss.child}: REFERENCES {quote_identifier(loss.child)}(…),"
                    " which RENAME TO then rewrites",
                )


def _name(statement: ReplayedStatement) -> str:
    """Return the name of the table that a DROP or ALTER names, as the schema spells it."""
    table = statement.before.tables.get(statement.shape.name)
    return table.name if table else statement.shape.name
