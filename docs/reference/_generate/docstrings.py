"""Docstrings, read: their text, and the items of their sections."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from typing import Any

_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields):$", re.MULTILINE)
_ITEM = re.compile(r"^(?P<names>\*{0,2}\w+(?:, \w+)*): ", re.MULTILINE)


def text(thing: Any) -> str:
    """Return the text before the sections."""
    return _SECTION.split(inspect.cleandoc(thing.__doc__ or ""))[0].strip()


def section(thing: Any, title: str) -> str:
    """Return the text of a section, or an empty one."""
    parts = _SECTION.split(inspect.cleandoc(thing.__doc__ or ""))
    return textwrap.dedent(dict(zip(parts[1::2], parts[2::2], strict=True)).get(title, "").strip("\n"))


def items(thing: Any, title: str) -> dict[str, str]:
    """Return {name: meaning} of a section that lists names; several may share a meaning."""
    found: dict[str, str] = {}
    parts = _ITEM.split(section(thing, title))
    for names, meaning in zip(parts[1::2], parts[2::2], strict=True):
        found |= dict.fromkeys(names.split(", "), " ".join(meaning.split()))
    return found


def attributes(cls: type) -> dict[str, str]:
    """Return {attribute: meaning} of a class and its bases in d1migrate."""
    found: dict[str, str] = {}
    for base in _bases(cls):
        found |= attributes(base)
    return found | items(cls, "Attributes")


def _bases(cls: type) -> list[type]:
    """Return the bases of a class as its source has them: a TypedDict forgets its own before Python 3.12."""
    module = sys.modules[cls.__module__]
    nodes = ast.walk(ast.parse(textwrap.dedent(inspect.getsource(cls))))
    own = next(node for node in nodes if isinstance(node, ast.ClassDef))
    names = [base.id for base in own.bases if isinstance(base, ast.Name) and base.id != "NamedTuple"]
    found = map(vars(module).get, names)
    return [base for base in found if isinstance(base, type) and base.__module__.startswith("d1migrate")]
