"""errors.md: every class of error, from its docstring."""

from __future__ import annotations

import inspect
import re
from typing import Any

from d1migrate import errors

from . import docstrings
from .markdown import code, definitions, paragraphs

_CLASSES = [one for one in vars(errors).values() if inspect.isclass(one) and issubclass(one, errors.Error)]


def parts() -> dict[str, str]:
    """Return the tree of classes, and a section for each."""
    _, _, tree = (errors.__doc__ or "").partition("::\n\n")
    return {
        "tree": code(inspect.cleandoc(tree), "text"),
        "errors": "\n\n".join(_section(one) for one in _CLASSES),
    }


def _section(cls: type[errors.Error]) -> str:
    meaning, _, advice = docstrings.text(cls).partition("\n\n")
    own = docstrings.items(cls, "Attributes")
    types = _types(cls)
    return paragraphs(
        f"## {cls.__name__}",
        " ".join(meaning.split()),
        " ".join(advice.split()),
        _about(cls),
        definitions(("attribute", "type", "meaning"), own, {name: types.get(name, "") for name in own}),
    )


def _about(cls: type[errors.Error]) -> str:
    """Return the exit code, and whose attributes the class also has."""
    (base,) = cls.__bases__
    parent = "" if base is Exception else f" A subclass of [{base.__name__}](#{base.__name__.lower()})."
    return f"Exit code {cls.exit_code}.{parent}"


def _types(cls: type[errors.Error]) -> dict[str, str]:
    """Return {attribute: type}, from the arguments of the constructor, or from the source of the class."""
    found = {"exit_code": "int", "gate": "str", "unknown": "bool", "restore_points": "dict[str, object]"}
    for name, argument in inspect.signature(cls).parameters.items():
        found[name] = _attribute(argument.annotation)
    return found


def _attribute(annotation: Any) -> str:
    """Return the type of an attribute, which keeps a sequence as a tuple."""
    return re.sub(r"Sequence\[(\w+)\]", r"tuple[\1, ...]", str(annotation))
