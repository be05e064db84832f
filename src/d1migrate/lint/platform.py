"""Where migrations run: what the rest of the linter and a rehearsal need to know about it.

A SQLite-backed Durable Object has D1's engine, with its limits and refusals (tests/conformance asks both). It
does not have D1's transport: no server splits its SQL, and wrangler does not run its files. Its own code
applies them from a compiled index. So a rule that is about the transport is `only` for D1.
"""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.d1 import QUERY_SECONDS
from d1migrate.sql.deferred_keys import DEFER_OFF

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    PlatformName = Literal["d1", "durable-object"]


class Platform(NamedTuple):
    """D1, or a Durable Object.

    Attributes:
        name: its name, as `--for` takes it.
        label: what a message calls it.
        time_limit: what happens to a migration that takes too long.
        rows_limit: what the free plan allows; `{}` is the number of rows.
        closing: what d1migrate runs after the statements of a migration, in its transaction.
    """

    name: PlatformName
    label: str
    time_limit: str
    rows_limit: str
    closing: tuple[str, ...] = ()


D1 = Platform(
    "d1",
    "D1",
    f"D1 stops a batch after {QUERY_SECONDS} s",
    "D1's free plan allows {} rows written per day",
)
DURABLE_OBJECT = Platform(
    "durable-object",
    "a Durable Object",
    f"a Durable Object is reset after {QUERY_SECONDS} s",
    "the free plan allows {} rows written per day, in all objects together",
    (DEFER_OFF,),
)
PLATFORMS: dict[str, Platform] = {platform.name: platform for platform in (D1, DURABLE_OBJECT)}
"""{name: platform}."""


class Target(NamedTuple):
    """What is known about the database that files are for.

    Attributes:
        rows: {folded table: its rows, or a lower bound}.
        budget: the most entries that one batch may write there.
        counted_to: how far rows were counted, if they were.
    """

    rows: Mapping[str, int]
    budget: int
    counted_to: int | None = None
