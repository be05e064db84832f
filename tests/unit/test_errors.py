"""Errors reach another process as they are: task queues and process pools send them."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest

from d1migrate import errors
from d1migrate.errors import (
    ApplyError,
    DataLoss,
    Error,
    Gate,
    HistoryError,
    LimitExceeded,
    ParseError,
    QueryError,
)

ERRORS: dict[type[Error], dict[str, Any]] = {
    ApplyError: {"migration": "001_a", "line": 3, "applied": ["000_z"], "pending": ["001_a"]},
    DataLoss: {"rows": {"a": 1}},
    Gate: {"gates": ["after"]},
    HistoryError: {"names": ["001_a"]},
    LimitExceeded: {"limit": 1, "actual": 2},
    ParseError: {"file": "001_a.sql", "line": 1, "column": 2, "source": "x"},
    QueryError: {"index": 7},
    errors.Irreversible: {"names": ["001_a"]},
    errors.MissingValue: {"columns": ["a.b"]},
}


def every(kind: type[Error] = Error) -> list[type[Error]]:
    """The classes of the tree."""
    return [kind, *(one for direct in kind.__subclasses__() for one in every(direct))]


def error_of(kind: type[Error]) -> Error:
    """An error of a class, with a value in each attribute."""
    if kind is errors.UnsafeMigration:
        return errors.UnsafeMigration([], hint="a hint")
    if kind is errors.Unfinished:
        return errors.Unfinished("a limit", applied=["001_a"], pending=["002_b"])
    options = next((ERRORS[base] for base in kind.__mro__ if base in ERRORS), {})
    return kind("it failed", hint="a hint", **options)


@pytest.mark.parametrize("kind", [one for one in every() if one.__module__ == errors.__name__])
def test_a_copy_is_equal(kind: type[Error]) -> None:
    """In its message, and in what its attributes have."""
    error = error_of(kind)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (type(copy), str(copy), vars(copy)) == (kind, str(error), vars(error))


def fail() -> None:
    """Raise one that needs keywords."""
    raise error_of(ApplyError)


def test_a_process_pool_gets_the_error() -> None:
    """One that cannot be copied would break the pool."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        with pytest.raises(ApplyError, match="it failed"):
            pool.submit(fail).result()
        assert pool.submit(len, "ab").result() == 2
