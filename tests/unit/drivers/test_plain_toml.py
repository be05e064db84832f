"""Plain TOML: tomli would read the same, and what it refuses is not read."""

from __future__ import annotations

import json

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from d1migrate.drivers.plain_toml import read

_NAMES = st.sampled_from(["env", "local", "a", "b-1_", "7", "é", "", "a b", '"a"', "-", " a ", "true"])
_PATHS = st.lists(_NAMES, min_size=1, max_size=3).map(".".join)
_QUOTES = st.sampled_from(["'", '"', "'" * 3, '"' * 3, "\u201c"])
_TEXTS = ["", "x", "é", "a # b", "'", '"', '\\"', "\\n", "\\", "\t", "\x7f", "\xa0", "\u2028"]
_STRINGS = st.tuples(_QUOTES, st.sampled_from(_TEXTS), _QUOTES).map("".join)
_OTHERS = [
    "true",
    "false",
    "True",
    "1",
    "0",
    "007",
    "+1",
    "1_000",
    "²",
    "1.5",
    "0x1",
    "1979-05-27",
    "[]",
    "{}",
    "",
    '"a" "b"',
    '"a" # b',
    "'a', 'b'",
    "['a', \"b\"]",
    "[ 'a' ]",
    "['a',]",
    "['a' 'b']",
    "['a, b', 'c']",
    "[true, 'a']",
    "['a'] # b",
]
_EQUALS = st.sampled_from(["=", " = ", "\t=\t", ":", "", "=="])
_SECTIONS = st.tuples(
    st.sampled_from(["[", "[[", "[ "]), _PATHS, st.sampled_from(["]", "]]", "] # x", ""])
).map("".join)
_SETTINGS = st.tuples(_PATHS, _EQUALS, _STRINGS | st.sampled_from(_OTHERS)).map("".join)
_REST = st.sampled_from(
    ["", "  ", "\t", "# comment", "  # ]", "#\x00", "#\t", "[", "]", "[]", "=", "x", "\xa0", "\x0b"]
)
_INDENTS = st.sampled_from(["", "  ", "\t", "\xa0"])


@given(lines=st.lists(st.tuples(_INDENTS, _SECTIONS | _SETTINGS | _REST).map("".join), max_size=6))
def test_agrees_with_tomli(lines: list[str]) -> None:
    """Whatever the lines are."""
    text = "\n".join(lines)
    content = read(text)
    if content is not None:
        expected = tomli.loads(text)
        assert json.dumps(content, sort_keys=True) == json.dumps(expected, sort_keys=True, default=str)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("", {}),
        ("# nothing\n", {}),
        ("a = \"b\"\nc=true\n\n[d]\ne = 'f\\g'\n", {"a": "b", "c": True, "d": {"e": "f\\g"}}),
        (
            '[env.local]\ndatabase = "x"\n[env.production]\n',
            {"env": {"local": {"database": "x"}, "production": {}}},
        ),
        ("[env]\n[env.a]\n", {"env": {"a": {}}}),
        ("a = 8\nb = 0\nc = 123456789", {"a": 8, "b": 0, "c": 123456789}),
        ("index = [\"a.py\", 'b.ts']\nc = [ 'd' ]", {"index": ["a.py", "b.ts"], "c": ["d"]}),
    ],
)
def test_reads(text: str, content: dict[str, object]) -> None:
    """What most files have."""
    assert read(text) == content == tomli.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        "a = 1.5",
        "a = 08",
        "a = -1",
        "a = 1_000",
        "a = 1234567890",
        "a = ²",
        "a = [1, 2]",
        "a.b = true",
        'a = "\\n"',
        "[env.a]\n[env]",
        "a = true\na = true",
        "[a]\n[a]",
        "a = true\n[a.b]",
        "a = []",
        "a = ['b',]",
        "a = ['b, c']",
        "a = [true]",
        "a = [['b']]",
        "a = ['b'",
    ],
)
def test_leaves_others_to_tomli(text: str) -> None:
    """Whether they are wrong or only unusual."""
    assert read(text) is None
