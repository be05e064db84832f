"""Command lines in messages get the flags of the run."""

from __future__ import annotations

import pytest

from d1migrate.cli.command_lines import in_text
from d1migrate.cli.options import GlobalOptions

STAGING = GlobalOptions(env="staging", config="my app/d1migrate.toml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("run `d1migrate up`", "run `d1migrate up --env staging --config 'my app/d1migrate.toml'`"),
        ("`d1migrate up --env dev` first", "`d1migrate up --env dev --config 'my app/d1migrate.toml'` first"),
        (
            "`d1migrate up --database sqlite:x.db`",
            "`d1migrate up --database sqlite:x.db --config 'my app/d1migrate.toml'`",
        ),
        ("`d1migrate help up` explains it", "`d1migrate help up` explains it"),
        ("`up --env NAME` and d1migrate up", "`up --env NAME` and d1migrate up"),
    ],
)
def test_flags_in_a_text(text: str, expected: str) -> None:
    """Each command line gets what it lacks: no second database, and no flags for a command without a project."""
    assert in_text(text, STAGING.places) == expected


def test_no_flags() -> None:
    """A run without flags changes no text."""
    assert in_text("run `d1migrate up`", GlobalOptions().places) == "run `d1migrate up`"
