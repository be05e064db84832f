"""library.md and workers.md: the public functions and classes, and the fields of the values they return."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
import sys
import textwrap
from functools import cache, cached_property
from importlib import import_module
from typing import Any

import d1migrate
from d1migrate import fleet, workers

from . import docstrings
from .markdown import code, definitions, paragraphs, sentence, table

_WORD = re.compile(r"\b[A-Z]\w+\b")
_CLASSES = ("Migrator", "AsyncMigrator", "Migration", "Driver", "AsyncDriver")
"""The public classes, in the order of the page."""
_INTERNAL = (
    *("cli", "fleet", "testing", "report", "rehearse.fill", "sql.select", "sql.statement", "sql.tokens"),
    *("migrate.history", "migrate.log", "migrate.table", "migrate.table_choice", "migrate.table_state"),
    *("migrate.adopt.facts", "migrate.adopt.histories", "migrate.assertions", "migrate.other_tools"),
    "migrate.survey",
)
"""Modules whose values are not part of the interface, although some of it carries them."""


def library() -> dict[str, str]:
    """Return the parts of library.md."""
    things = [getattr(d1migrate, name) for name in d1migrate.__all__]
    functions = [thing for thing in things if inspect.isfunction(thing)]
    classes = [thing for thing in things if inspect.isclass(thing) and not _is_value(thing)]
    values = [thing for thing in things if _is_value(thing)]
    assert {cls.__name__ for cls in classes} == set(_CLASSES), classes  # noqa: S101 - list a new one
    others = _reachable([*functions, *classes, *values], without=values)
    return {
        "functions": "\n\n".join(_function(function, "###") for function in functions),
        "classes": "\n\n".join(_class(getattr(d1migrate, name)) for name in _CLASSES),
        "values": "\n\n".join(_value(value, "###") for value in values),
        "other values": "\n\n".join(_value(value, "###") for value in others),
        "fleets": _fleets(),
    }


def _fleets() -> str:
    """Return `d1migrate.fleet`; of the plan only how it is made, because the rest is for `migrate_one`."""
    made = fleet.FleetPlan
    return _joined(
        _text(fleet),
        f"### {made.__name__}",
        code(f"{made.__name__}{_signature(made)}", "python"),
        _text(made),
        definitions(("argument", "meaning"), docstrings.items(made, "Args")),
        _raises(made),
        *(_function(function, "###") for function in (fleet.migrate_one, fleet.migrate_one_async)),
        _value(fleet.Outcome, "###"),
    )


def in_a_worker() -> dict[str, str]:
    """Return the parts of workers.md."""
    functions = [getattr(workers, name) for name in workers.__all__]
    values = [d1migrate.StepResult, d1migrate.Verification, d1migrate.LogEntry]
    return {
        "introduction": _text(workers),
        "functions": "\n\n".join(_function(function, "##") for function in functions),
        "values": "\n\n".join(_value(value, "###") for value in values),
    }


def _is_value(thing: Any) -> bool:
    return inspect.isclass(thing) and issubclass(thing, tuple)


# --- one thing ---


def _function(function: Any, heading: str, *, owner: str = "") -> str:
    awaited = "await " if inspect.iscoroutinefunction(function) else ""
    name = f"{owner}{function.__name__}"
    returns = docstrings.section(function, "Returns")
    return _joined(
        f"{heading} {name}",
        code(f"{awaited}{name}{_signature(function)}", "python"),
        _text(function),
        definitions(("argument", "meaning"), docstrings.items(function, "Args")),
        returns and f"Returns: {' '.join(returns.split())}",
        _raises(function),
    )


def _class(cls: type) -> str:
    """Return a class with its methods."""
    members = _members(cls)
    properties = {name: one for name, one in members.items() if isinstance(one, property)}
    methods = [one for one in members.values() if inspect.isfunction(one)]
    constructor = "__init__" in vars(cls) and not getattr(cls, "_is_protocol", False)
    return _joined(
        f"### {cls.__name__}",
        code(f"{cls.__name__}{_signature(cls)}", "python") if constructor else "",
        _text(cls),
        definitions(("argument", "meaning"), docstrings.items(cls, "Args")) if constructor else "",
        _fields(cls, properties),
        *(_function(method, "####", owner=f"{cls.__name__}.") for method in methods),
    )


def _value(cls: type, heading: str) -> str:
    """Return a value with its fields; those of its methods that are not properties are left out."""
    properties = {name: one for name, one in _members(cls).items() if isinstance(one, property)}
    return _joined(f"{heading} {cls.__name__}", _text(cls), _fields(cls, properties))


def _fields(cls: type, properties: dict[str, property]) -> str:
    """Return a table of the attributes and properties of a class: name, type and meaning."""
    meanings = docstrings.attributes(cls)
    hints = inspect.get_annotations(cls) or {
        name: argument.annotation for name, argument in inspect.signature(cls).parameters.items()
    }
    rows: list[tuple[str, str, str]] = []
    for name in getattr(cls, "_fields", meanings):
        cells = f"`{name}`", f"`{_type(hints[name], cls.__module__)}`", sentence(meanings[name])
        if rows and rows[-1][2] == cells[2]:  # a meaning that several share
            cells = f"{rows[-1][0]}, {cells[0]}", _both(rows.pop()[1], cells[1]), cells[2]
        rows.append(cells)
    for name, one in properties.items():
        result = inspect.get_annotations(one.fget)["return"]  # type: ignore[arg-type]
        rows.append(
            (f"`{name}`", f"`{_type(result, cls.__module__)}`", " ".join(docstrings.text(one).split()))
        )
    return table(("name", "type", "meaning"), rows)


def _both(one: str, other: str) -> str:
    return one if one.endswith(other) else f"{one}, {other}"


def _raises(function: Any) -> str:
    listed = docstrings.items(function, "Raises")
    if listed:
        return definitions(("error", "when"), listed)
    free = docstrings.section(function, "Raises")
    return f"Raises: {' '.join(free.split())}" if free else ""


def _text(thing: Any) -> str:
    """Return the text of a docstring; what is indented in it is code."""
    found = list[str]()
    for block in re.split(r"(?m)\n\n(?=\S)|(?<=[:.])\n\n(?=    )", docstrings.text(thing)):
        if block.startswith("    "):
            found.append(code(textwrap.dedent(block), "python"))
        else:
            found.append(block if re.match(r"- ", block) else " ".join(block.split()))
    return paragraphs(*found)


def _joined(*parts: str) -> str:
    return paragraphs(*(part for part in parts if part))


def _members(cls: type) -> dict[str, Any]:
    """Return the public members of a class and of its base classes in d1migrate, in their order."""
    ours = [base for base in cls.__mro__ if base.__module__.startswith("d1migrate")]
    members = [item for base in ours for item in vars(base).items() if not item[0].startswith("_")]
    return dict(reversed(dict(reversed(members)).items()))


def _signature(thing: Any) -> str:
    """Return the arguments and the result, one argument a line if they are long."""
    found = re.sub(r"<function (\w+) at \w+>", r"\1", str(inspect.signature(thing)))  # no addresses
    found = re.sub(r'(: |-> )"([^"]*)"', r"\1\2", found)  # annotations are kept as text
    found = re.sub(r"(: |-> )'([^']*)'", r"\1\2", found)
    found = re.sub(r"= (\w+)\((?:[^()]|\([^()]*\))+\)", r"= \1()", found)  # a default without its fields
    found = found.replace("(self, ", "(").replace("(self)", "()").removesuffix(" -> None")
    if len(found) <= 80:
        return found
    arguments, _, result = found[1:].rpartition(")")
    depth, lines, start = 0, [], 0
    for at, character in enumerate(arguments):
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            lines.append(arguments[start : at + 1].strip())
            start = at + 1
    lines.append(f"{arguments[start:].strip()},")
    return "(\n" + "\n".join(f"    {line}" for line in lines) + f"\n){result}"


def _type(annotation: Any, module: str) -> str:
    """Return a type as it is written, with the words of an alias of its module."""
    found = str(getattr(annotation, "__forward_arg__", annotation)).strip("'\"").replace("h.", "")
    return _literals(module).get(found, found)


@cache
def _literals(module: str) -> dict[str, str]:
    """Return {alias: its words} of a module; it defines them for type checkers only."""
    nodes = ast.walk(ast.parse(inspect.getsource(sys.modules[module])))
    aliases = [(node.targets[0], ast.unparse(node.value)) for node in nodes if isinstance(node, ast.Assign)]
    return {
        name.id: text for name, text in aliases if isinstance(name, ast.Name) and text.startswith("Literal[")
    }


# --- all values ---


class _Index:
    """The values of the package, by their names."""

    @cached_property
    def values(self) -> dict[str, type]:
        found: dict[str, type] = {}
        for module in pkgutil.walk_packages(d1migrate.__path__, "d1migrate."):
            if module.name.removeprefix("d1migrate.").startswith((*_INTERNAL, "__main__")):
                continue
            try:
                content = vars(import_module(module.name))
            except ImportError:  # only in a Worker
                continue
            for name, thing in content.items():
                if _is_value(thing) and thing.__module__ == module.name and not name.startswith("_"):
                    found.setdefault(name, thing)
        return found


_INDEX = _Index()


def _reachable(things: list[Any], *, without: list[type]) -> list[type]:
    """Return the values that others name in their annotations, in the order of their names."""
    seen = {value.__name__ for value in without}
    found: dict[str, type] = {}
    todo = list(things)
    while todo:
        for name in sorted(_named(todo.pop()) - seen):
            seen.add(name)
            if value := _INDEX.values.get(name):
                found[name] = value
                todo.append(value)
    return [found[name] for name in sorted(found)]


def _named(thing: Any) -> set[str]:
    """Return the words in the annotations of what something returns or has."""
    if inspect.isfunction(thing):
        return set(_WORD.findall(str(inspect.get_annotations(thing).get("return", ""))))
    texts = [str(hint) for hint in inspect.get_annotations(thing).values()] if _is_value(thing) else []
    for member in _members(thing).values():
        function = member.fget if isinstance(member, property) else member
        if inspect.isfunction(function):
            texts.append(str(inspect.get_annotations(function).get("return", "")))
    return set(_WORD.findall(" ".join(texts)))
