"""The random inputs of a test run: which ones, and how many.

All of them are derived from one seed. It is 0 unless the command line changes it, so that every run tries the same
inputs; see tests/__main__.py.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

SEED = 0
"""Of this run; set by tests/conftest.py before any test module is imported."""

TIMES = 1.0
"""How many times the usual number of inputs this run tries; set in the same place."""


def generator(name: str) -> Random:
    """Return a generator for one test, or for one of its cases."""
    return Random(f"{SEED} {name}")  # noqa: S311 - not a secret


def scaled(usual: int) -> int:
    """Return how many inputs this run tries instead of the usual number."""
    return max(round(usual * TIMES), 10)


def few(usual: int) -> int:
    """Return how many times this run tries each of many cases: once at least."""
    return max(round(usual * TIMES), 1)


def some(items: Sequence[T]) -> Sequence[T]:
    """Return every tenth item if the run tries a tenth of the inputs; usually all of them."""
    return items[:: max(round(1 / TIMES), 1)]
