"""The gate `rehearse` of an environment: the findings of a rehearsal, on which `project.gates` decides."""

from __future__ import annotations

from d1migrate.project.gates import Findings, count_findings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.table import MigrationsTable
    from d1migrate.project.environment import Environment
    from d1migrate.schema.model import Schema


def findings_for_gate(
    environment: Environment,
    pending: Sequence[Migration],
    read_schema: Callable[[], Schema],
    table: MigrationsTable,
    reasons: Mapping[str, str],
    count_rows: Callable[[Schema], Mapping[str, int]] | None = None,
) -> Findings:
    """Return what a rehearsal finds, if an environment has the gate and no reason overrides it.

    Args:
        environment: the environment.
        pending: the migrations to apply.
        read_schema: returns the schema before them.
        table: the migrations table.
        reasons: {gate: the reason to override it}.
        count_rows: returns {folded table: rows} of the environment, by which costs are estimated.
    """
    if "rehearse" in reasons:  # it may take long
        return Findings(["it is not rehearsed"])
    if not (pending and environment.rehearse):
        return Findings()
    from d1migrate.rehearse import rehearse

    schema = read_schema()
    found = rehearse(
        pending,
        schema,
        scale=count_rows(schema) if count_rows else None,
        severities=environment.lint,
        table=table,
        budget=environment.entries_per_batch,
    )
    diagnostics = [d for migration in found.migrations for d in migration.diagnostics]
    return count_findings(diagnostics, environment.rehearse)
