"""Draft a migration: the file that leads from the schema there is to the one there should be, and back."""

from __future__ import annotations

from d1migrate.drafting.desired import Desired, read
from d1migrate.drafting.draft import Draft, backfill_of, draft
from d1migrate.drafting.edit import edited
from d1migrate.drafting.renames import Rename
from d1migrate.drafting.text import migration_text

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
