"""Configuration files: JSON with comments is read by the strict parser, with json5's results."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import json5
import pytest
from hypothesis import given
from hypothesis import strategies as st

from d1migrate.drivers.config_file import read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_GAPS = st.sampled_from(["", "", " ", "\n", "// a \" ' , ] } /* b\n", '/* a // " , ]\n } */', "/**/"])
_TEXTS = st.sampled_from(["", "a", '"', "\\", "//", "/*", "*/", ",]", ", }", "'", "\n", "é"])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(content=st.dictionaries(_TEXTS, _VALUES, max_size=3), data=st.data())
def test_comments_and_trailing_commas_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, Any], data: st.DataObject
) -> None:
    """Wherever they are, and whatever looks like them in a string."""
    path = tmp_path_factory.mktemp("config") / "wrangler.jsonc"
    path.write_text(
        written(content, lambda: data.draw(_GAPS), lambda: data.draw(st.booleans())), encoding="utf-8"
    )
    assert read(str(path)) == content


def written(value: Any, gap: Callable[[], str], comma: Callable[[], bool]) -> str:
    """A value as JSON with comments and trailing commas."""
    if isinstance(value, dict):
        items = [f"{json.dumps(key)}{gap()}:{written(one, gap, comma)}" for key, one in value.items()]
    elif isinstance(value, list):
        items = [written(one, gap, comma) for one in value]
    else:
        return f"{gap()}{json.dumps(value)}{gap()}"
    first, last = "{}" if isinstance(value, dict) else "[]"
    end = f"{gap()},{gap()}" if items and comma() else gap()
    return f"{gap()}{first}{','.join(f'{gap()}{item}{gap()}' for item in items)}{end}{last}{gap()}"


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [,]}',
        '{"a": [1,,]}',
        "{,}",
        '{"a": 1 // never closed }',
        '{"a": 1 /* never closed }',
        "{\"a\": '//', b: 0x10,}",
        '{"a": "b\\\n//c"}',
        "{'a\"': '\"/*'/**/}",
        '{"a": 1/**/2}',
        '{"a": +1, "b": .5, "c": 1e400}',
    ],
)
def test_agrees_with_json5(tmp_path: Path, text: str) -> None:
    """What is more than comments and trailing commas, or wrong, is read or refused as json5 does."""
    path = tmp_path / "wrangler.json"
    path.write_text(text)
    try:
        expected = json5.loads(text)
    except ValueError:
        with pytest.raises(Exception, match="cannot read"):
            read(str(path))
    else:
        assert read(str(path)) == expected


@pytest.mark.parametrize("comments", ["/" * 400, "/* b */\n" * 100, "// }\n" * 100, "//\t \n" * 100])
def test_any_comments_after_a_comma_are_read_in_no_time(tmp_path: Path, comments: str) -> None:
    """A separator of slashes, or settings that are commented out one by one."""
    path = tmp_path / "wrangler.jsonc"
    path.write_text(f'{{"a": 1,\n{comments}\n"b": 2}}')
    assert read(str(path)) == {"a": 1, "b": 2}
