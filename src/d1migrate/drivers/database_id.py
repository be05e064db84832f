"""The ids that Cloudflare gives to databases."""

from __future__ import annotations

import re

_DATABASE_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def is_database_id(text: str) -> bool:
    """Whether a text is the id of a remote D1, and not a name, or a placeholder for an id."""
    return _DATABASE_ID.fullmatch(text) is not None
