"""The Workflow of a fleet: what it contains. tests/workers/typescript/test_fleet.py runs it."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from d1migrate.fleet.objects import workflow_class
from d1migrate.workers.workflow import expression

LETTERS = "ab-]![^\\*?.$~&|"


@given(glob=st.text(LETTERS, max_size=8), name=st.text(LETTERS + "\n", max_size=5))
def test_a_pattern_of_canaries_matches_what_it_matches_in_python(glob: str, name: str) -> None:
    """A regular expression in the syntax that both languages have."""
    assert bool(re.fullmatch(expression(glob), name, re.DOTALL)) == fnmatchcase(name, glob)


@pytest.mark.parametrize(
    ("glob", "found"),
    [
        ("tenant-*", r"^tenant\-.*$"),
        ("t?.[!a-c]", r"^t.\.[^a-c]$"),
        ("[z-a]", "^(?!)$"),
        ("[!z-a]", "^.$"),
        ("[", r"^\[$"),
        ("[]", r"^\[\]$"),
        ("[]a]", r"^[\]a]$"),
    ],
)
def test_an_expression(glob: str, found: str) -> None:
    """Brackets are sets, other characters are themselves."""
    assert expression(glob) == found


@pytest.mark.parametrize(
    ("fleet", "found"),
    [("tenants", "TenantsFleet"), ("eu-tenants", "EuTenantsFleet"), ("a_b c", "ABCFleet"), ("9", "Fleet9")],
)
def test_the_name_of_the_class(fleet: str, found: str) -> None:
    """It follows from the fleet's, so that two fleets of a Worker have two."""
    assert workflow_class(fleet) == found
