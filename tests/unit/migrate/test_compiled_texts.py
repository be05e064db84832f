"""The SQL of a compiled index, each text once."""

from __future__ import annotations

from d1migrate.migrate.compiled_texts import Texts
from d1migrate.sql.batch import Query


def test_equal_texts_have_one_position() -> None:
    """Parameters differ: values that only the runtime knows have names, and others are themselves."""
    texts = Texts()

    found = texts.queries([Query("a", ("x", 1)), Query("b"), Query("a", ("=", "y"))], {"x": "token"})

    assert found == [[0, "token", "=1"], [1], [0, "==", "=y"]]
    assert texts.planned("b", "own") == [1, "own"]
    assert texts.listed() == ["a", "b"]
