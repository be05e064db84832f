"""Draft a migration: the file that leads from the schema there is to the one there should be, and back."""

from __future__ import annotations

from d1migrate.drafting.draft import Draft, backfill_of, draft
from d1migrate.drafting.edit_table import edited
from d1migrate.drafting.migration_text import migration_text
from d1migrate.drafting.renames import Rename
from d1migrate.drafting.schema_file import Desired, read

__all__ = [
    "Desired",
    "Draft",
    "Rename",
    "backfill_of",
    "draft",
    "edited",
    "migration_text",
    "read",
]
