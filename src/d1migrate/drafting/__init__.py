"""Write migrations: drafts from a desired schema, fixes of unsafe rebuilds, squashed files.

Read in this order: `desired`, `schema_file`, `sources` or `edit_table` (the desired schema), `complete` (what
models leave out), `draft` (both directions of a
migration) with `renames`, `reverse` and `broken_objects`; `ways`, `online` and `steps` (tables that are too
large for one batch), `steps` with `expand_contract`, `rebuild_parts`, `replace_column` and
`constraint_triggers`; `migration_text` (a file). `lint_fix` rewrites a file through `rebuild_rewriter`
and `rebuild_guards`. `squash` writes one file for many. Whatever is written runs on a scratch engine first
(`scratch_schema`).
"""

from __future__ import annotations

from d1migrate.drafting.backfill import backfill_of
from d1migrate.drafting.complete import complete
from d1migrate.drafting.declarations import Declarations
from d1migrate.drafting.desired import Desired
from d1migrate.drafting.draft import Draft, Stage, draft
from d1migrate.drafting.edit_table import edit_columns
from d1migrate.drafting.expand_contract import expand_contract
from d1migrate.drafting.kept_notes import kept_notes
from d1migrate.drafting.migration_text import migration_text
from d1migrate.drafting.online import online_stages
from d1migrate.drafting.renames import Rename
from d1migrate.drafting.schema_file import read
from d1migrate.drafting.seed_rows import (
    missing_in_database,
    missing_in_files,
    renames_with,
    rows_title,
    rows_to_write,
    with_rows,
)
from d1migrate.drafting.steps import in_steps

__all__ = [
    "Declarations",
    "Desired",
    "Draft",
    "Rename",
    "Stage",
    "backfill_of",
    "complete",
    "draft",
    "edit_columns",
    "expand_contract",
    "in_steps",
    "kept_notes",
    "migration_text",
    "missing_in_database",
    "missing_in_files",
    "online_stages",
    "read",
    "renames_with",
    "rows_title",
    "rows_to_write",
    "with_rows",
]
