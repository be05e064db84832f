"""A scratch engine with the objects of a schema, without rows."""

from __future__ import annotations

from d1migrate.drivers.scratch import ScratchEngine
from d1migrate.errors import PlanError
from d1migrate.schema import digest, introspect
from d1migrate.schema.model import Schema
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from d1migrate.schema.alter import StatementGroup


class ScratchSchema:
    """An engine under D1's rules, with the objects of a schema that SQLite accepts."""

    def __init__(self, schema: Schema | None = None) -> None:
        self._scratch = ScratchEngine()
        for _, _, sql in sorted(digest.objects(schema), key=_by_kind) if schema else ():
            self._scratch.build(sql)

    def refusal(self, sql: str) -> str | None:
        """Run a statement; return D1's refusal, or None."""
        return self._scratch.run(sql).refusal

    def run(self, sql: str) -> None:
        """Run a statement.

        Raises:
            PlanError: D1 refuses it.
        """
        if (refusal := self.refusal(sql)) is not None:
            raise PlanError(f"{refusal}\n    in: {sql}")

    def run_groups(self, groups: Iterable[StatementGroup]) -> list[StatementGroup]:
        """Run groups of statements, and return them. Errors as `run`."""
        found = list(groups)
        for group in found:
            for sql in group.statements:
                self.run(sql)
        return found

    def schema(self, earlier: Schema | None = None) -> Schema:
        """Return the present schema; tables that are in an earlier one as they are now are not read again."""
        objects = self._scratch.rows(introspect.OBJECTS.sql)
        return introspect.read_changes(objects, earlier or Schema(), self._scratch.rows)

    def shadow_tables(self) -> set[str]:
        """Return the shadow tables of virtual tables, folded."""
        rows = self._scratch.rows("SELECT name FROM pragma_table_list WHERE type = 'shadow'")
        return {fold(name) for (name,) in rows}

    def close(self) -> None:
        """Close the engine."""
        self._scratch.close()


def _by_kind(item: tuple[str, str, str]) -> int:
    return ("table", "index", "view", "trigger").index(item[0])
