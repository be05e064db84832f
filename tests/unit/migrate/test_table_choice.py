"""Which table is asked for first: by the configuration, then by what the files suggest."""

from __future__ import annotations

import pytest

from d1migrate.migrate.table_choice import Suggestion, TableChoice

NAMES = Suggestion("names")


@pytest.mark.parametrize(
    ("choice", "name", "shape"),
    [
        (TableChoice(), "schema_migrations", "versions"),
        (TableChoice(files=NAMES), "d1_migrations", "names"),
        (TableChoice(wrangler="mine", files=NAMES), "mine", "names"),
        (TableChoice("mine", files=NAMES), "mine", "versions"),
        (TableChoice("Mine", "mine"), "mine", "names"),
    ],
)
def test_the_guess(choice: TableChoice, name: str, shape: str) -> None:
    """A configured name that is wrangler's, in any case, is a table of names; any other one, of versions."""
    assert (choice.guess.name, choice.guess.shape) == (name, shape)
    assert choice.first_guess == choice.guess
