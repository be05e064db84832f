"""The command line and wrangler, for projects whose schema is in models."""

from __future__ import annotations

from tests.runtime.conftest import run, wrangler

__all__ = ["run", "wrangler"]
