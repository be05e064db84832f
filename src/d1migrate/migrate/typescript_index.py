"""A compiled index as a module, valid as TypeScript and as JavaScript; it imports nothing."""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

_HEAD = "// The migrations, compiled by `d1migrate index`. Do not edit."


def typescript_module(index: Mapping[str, Any]) -> str:
    """Return the module of a compiled index, a line for each statement's line, so that a diff is readable.

    Args:
        index: the value of `compiled_index.compile_index`.
    """
    lines = [_HEAD, "/* eslint-disable */", "export default {"]
    for key, value in index.items():
        lines += _migrations(value) if key == "migrations" else _entry(key, value)
    return "\n".join([*lines, "};", ""])


def is_typescript_module(text: str) -> bool:
    """Whether a text is a module that `typescript_module` wrote."""
    return text.startswith(_HEAD)


def _entry(key: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield f"  {key}: {{"
        for name, one in value.items():
            yield f"    {_key(name)}: {literal(one)},"
        yield "  },"
    elif isinstance(value, list):
        yield f"  {key}: ["
        yield from (f"    {literal(one)}," for one in value)
        yield "  ],"
    else:
        yield f"  {key}: {literal(value)},"


def _migrations(migrations: list[dict[str, Any]]) -> Iterator[str]:
    yield "  migrations: ["
    for migration in migrations:
        yield "    {"
        for key, value in migration.items():
            if key == "sql":
                yield "      sql: ["
                yield from (f"        {literal(sql)}," for sql in value)
                yield "      ],"
            else:
                yield f"      {key}: {literal(value)},"
        yield "    },"
    yield "  ],"


def _key(name: str) -> str:
    """Return the name of a property; in brackets, `__proto__` is one like any other."""
    return name if re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) else f"[{literal(name)}]"


def literal(value: Any) -> str:
    """Return a value as JavaScript: text of several lines as a template, which keeps its lines."""
    if isinstance(value, str) and "\n" in value:
        return f"`{re.sub(_SPECIAL, _escaped, value)}`"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_key(key)}: {literal(one)}' for key, one in value.items())} }}"
    return json.dumps(value, ensure_ascii=False)


_SPECIAL = r"[\\`\r\0]|\$(?=\{)"


def _escaped(match: re.Match[str]) -> str:
    return {"\r": "\\r", "\0": "\\x00"}.get(match[0], f"\\{match[0]}")
