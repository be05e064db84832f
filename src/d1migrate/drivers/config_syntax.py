"""Syntax errors of configuration files: the place, and what is probably meant. Imported only on failure."""

from __future__ import annotations

import re

from d1migrate.errors import UsageError, placed

_JSON5 = re.compile(r"<string>:(\d+) Unexpected (.+) at column (\d+)", re.DOTALL)
_SETTING = re.compile(r"\s*([\w.-]+)\s*([=:]?)\s*(.*?)\s*(?:\s#.*)?")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_QUOTES = "\"'\u201c\u201d\u2018\u2019"  # the last four as word processors write them
_BOOLEANS = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}


def explain(error: ValueError, text: str, path: str, *, is_toml: bool) -> UsageError:
    """Return the error of a file whose syntax is wrong.

    Args:
        error: what the parser raised.
        text: the content of the file.
        path: the file.
        is_toml: whether it is TOML; JSON otherwise.
    """
    if is_toml:
        line, column = getattr(error, "lineno", 0), getattr(error, "colno", 0)
        message = getattr(error, "msg", str(error))
    elif found := _JSON5.fullmatch(str(error)):
        line, column, message = int(found[1]), int(found[3]), _unexpected(found[2])
    else:
        line, column, message = 0, 0, str(error)
    message = f"{message[:1].lower()}{message[1:]}"
    lines = text.split("\n")
    if not 0 < line <= len(lines):
        return UsageError(f"cannot read {path}: {message}")
    source = lines[line - 1].rstrip("\r")
    hint = _toml_hint(message, source) if is_toml else _json_hint(text, lines, line, column)
    return UsageError(f"cannot read {placed(path, line, column, message, source)}", hint=hint)


def _unexpected(what: str) -> str:
    """Return json5's complaint in words: it quotes even a quote and the end of a line."""
    character = what[1:-1] if what.startswith('"') else what
    return f"unexpected {'end of line' if character == chr(10) else character}"


def _toml_hint(message: str, line: str) -> str | None:
    if line.lstrip().startswith("["):
        section = f"[{line.strip(' []')}]"
        if "twice" in message:
            return f"a file has {section} only once: move its keys to the first one"
        return f"write {section}" if "]" in message else None
    if 'expected "\'"' in message:
        return "a string is not closed: its last quote is missing"
    if "overwrite" in message:
        return "a section has each key only once"
    setting = _SETTING.fullmatch(line)
    if not setting or setting[3].startswith(("[", "{")):
        return None
    key, equals, value = setting.groups()
    if not value:
        return f'the value is missing: write {key} = "…"'
    bare = value.strip(_QUOTES)
    if "\\" in bare:
        return f"write {key} = '{bare}': within single quotes, a backslash is no escape"
    if equals == "=" and _QUOTED.match(value):  # the error is after the value
        return None
    meant = _BOOLEANS.get(bare.lower(), f'"{bare}"')
    return f"write {key} = {meant}"


def _json_hint(text: str, lines: list[str], line: int, column: int) -> str | None:
    offset = sum(len(one) + 1 for one in lines[: line - 1]) + column - 1
    here, before = text[offset : offset + 1], text[:offset].rstrip()[-1:]
    if not here:
        return "a } or ] is missing at the end"
    if here == "\n":
        return "a quote is missing on this line"
    if (here in "\"'{[" or here.isalnum()) and (before in "\"'}]" or before.isalnum()):
        return "a comma is missing before it"
    return None
