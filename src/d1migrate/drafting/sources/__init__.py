"""Read a desired schema from where it is: `diff --to SOURCE`.

Read in this order: `source` (what can be given), `tools` (a tool builds the schema in a scratch file),
`process` and `command` (how its program is run), `database` and `folder` (what is read). `loaders/` has the
programs that run in the interpreter of the project, beside the models; they import nothing from d1migrate.
"""

from __future__ import annotations

from d1migrate.drafting.sources.database import read_database
from d1migrate.drafting.sources.folder import load_source
from d1migrate.drafting.sources.source import Source
from d1migrate.drafting.sources.tools import read_from_tool

__all__ = ["Source", "load_source", "read_database", "read_from_tool"]
