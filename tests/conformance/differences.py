"""Where the embedded engine is known to answer unlike D1, and why. Short, and every line must still be true."""

from __future__ import annotations

KNOWN_DIFFERENCES: dict[str, str] = {}
