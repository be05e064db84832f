"""Syntax errors of configuration files: their places, and what the hints recommend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.config_file import read
from d1migrate.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("[env.local]\ndatabase = sqlite:app.db # here\n", "2:12: invalid value", 'write database = "sqlite:app.db"'),
        ("protected = True\n", "1:13: invalid value", "write protected = true"),
        ("protected = yes", "1:13: invalid value", "write protected = true"),
        ("database = \u201capp.db\u201d", "1:12: invalid value", 'write database = "app.db"'),
        ('database = "app.db\n', "1:19: ", 'write database = "app.db"'),
        ("database = 'app.db\n", "2:1: ", "a string is not closed"),
        ('database: "app.db"\n', "1:9: expected '=' after a key", 'write database = "app.db"'),
        ("database =\n", "1:11: invalid value", 'the value is missing: write database = "…"'),
        ("database\n", "1:9: expected '='", 'the value is missing: write database = "…"'),
        ('database = "C:\\data\\app.db"\n', "1:", "write database = 'C:\\data\\app.db': within"),
        ("[env.local\na = 1\n", "1:11: expected ']'", "write [env.local]"),
        ("[env.local]\n[env.local]\n", "2:", "a file has [env.local] only once"),
        ('table = "a"\ntable = "b"\n', "2:", "a section has each key only once"),
        ('table = "a" "b"\n', "1:13: ", None),
        ("lint = [1,\n", "", None),
    ],
)  # fmt: skip
def test_toml(tmp_path: Path, text: str, place: str, hint: str | None) -> None:
    """The place, the line with a caret, and the line as it is probably meant."""
    check(tmp_path / "d1migrate.toml", text, place, hint)


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ('{\n "a": 1\n "b": 2\n}', '3:2: unexpected "', "a comma is missing before it"),
        ('{"a": [{} {}]}', "1:11: unexpected {", "a comma is missing before it"),
        ('{"a": {"b": 1}', "1:15: unexpected end of input", "a } or ] is missing at the end"),
        ('{\n  "a": "b\n}', "2:10: unexpected end of line", "a quote is missing on this line"),
        ('{"a": tru}', "1:10: unexpected }", None),
        ("", "", None),
    ],
)
def test_json(tmp_path: Path, text: str, place: str, hint: str | None) -> None:
    """Of wrangler.jsonc, too."""
    check(tmp_path / "wrangler.jsonc", text, place, hint)


def check(path: Path, text: str, place: str, hint: str | None) -> None:
    """The error of a file begins with its place and shows the line."""
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read(str(path))
    error = caught.value
    assert str(error).startswith(f"cannot read {path}:{place}")
    if "\n" in str(error):  # an empty line is not shown
        _, line, caret = str(error).split("\n")
        assert line[2:] in text.split("\n")
        assert caret.strip() == "^"
    assert (error.hint or "").startswith(hint or "")
    assert (error.hint is None) == (hint is None)
