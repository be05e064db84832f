"""Views, triggers and full-text tables that no longer work."""

from __future__ import annotations

from d1migrate.lint.rule import Finding, rule
from d1migrate.sql import d1
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.analysis import AnalyzedReplay


@rule("S107", "dangling", "warning")
def dangling(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A view, trigger or full-text table no longer works.

    Why: SQLite does not check views and triggers when a table or column is dropped. The view fails when it is
        read, and the trigger makes every write to its table fail. A column name in double quotes does not even
        fail: SQLite then reads it as a string, and the view returns that string.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE logs (line TEXT);
        CREATE VIEW recent AS SELECT line FROM logs;
    Bad:
        -- d1migrate: allow=D104 reason="kept elsewhere"
        DROP TABLE logs;
    Good:
        -- d1migrate: allow=D104 reason="kept elsewhere"
        DROP VIEW recent;
        DROP TABLE logs;
    """
    for broken in replay.broken:
        culprit = next(
            (
                statement
                for statement in replay.of("drop table", "drop view", "alter table")
                if statement.shape.name in fold(broken.error)
            ),
            None,
        )
        reason = d1.error_parts(broken.error)[0]
        last = replay.last.line if replay.last else 1
        yield Finding(f"{broken.kind} {broken.name} does not work: {reason}", culprit, line=last)
