"""One statement on a shadow schema: it is run or only prepared, with the questions to ask before and after.

Statements that change the schema are run. Those that read or change rows are only prepared: the shadow schema
has no rows, and the engine's authorizer reports the same accesses.
"""

from __future__ import annotations

from d1migrate.lint.replay import probes
from d1migrate.lint.replay.model import ReplayedStatement
from d1migrate.lint.replay.shadow_schema import SCHEMA_VERBS
from d1migrate.sql.statement import Shape, shape_of
from d1migrate.sql.tokens import significant, without_strings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from d1migrate.lint.replay.shadow_schema import ShadowSchema
    from d1migrate.sql.split import Statement

_COMMON = ("INSERT ", "UPDATE ", "DELETE ", "SELECT ")  # by far the most; rules rarely need their tokens


def step(shadow: ShadowSchema, index: int, source: Statement) -> ReplayedStatement:
    """Replay a statement of a file, by its place among the others."""
    sql, before = source.sql, shadow.catalog
    tokens = None if sql[:7].upper() in _COMMON else significant(sql)
    shape = Shape(sql[:6].lower()) if tokens is None else shape_of(tokens)
    changes_schema = shape.verb in SCHEMA_VERBS
    found: dict[str, Any] = {}
    if tokens and changes_schema:
        shadow.need_all(tokens, shape)
        if probes.adds_column(tokens, shape):
            found["refusal_with_rows"] = probes.refusal_with_rows(shadow, sql, tokens, shape)
        else:
            found["existing_differences"] = probes.existing_differences(shadow, sql, tokens, shape)
    if '"' in sql and shape.verb != "pragma" and '"' in without_strings(sql):
        found["quoting_error"] = shadow.quoting_error(sql)
    outcome = shadow.run(sql, prepare_only=not changes_schema)
    if outcome.refusal is None and not changes_schema:
        if probes.need_mismatched_children(shadow, outcome):
            outcome = shadow.run(sql, prepare_only=True)
        if outcome.refusal is None:
            outcome, found["cascades"] = probes.cascades(shadow, sql, outcome)
    refusal = shadow.refusal_of(outcome, changes_schema=changes_schema)
    if changes_schema and refusal is None and shape.verb != "pragma":
        shadow.follow(sql, shape)
        if shape.verb in ("create view", "create trigger") and '"' in sql:
            found["quoting_error"] = probes.quoting_error_inside(shadow, shape, sql)
    accesses = probes.accesses(outcome)
    return ReplayedStatement(
        index, source, shape, accesses, before, shadow.catalog, tokens, refusal=refusal, **found
    )
