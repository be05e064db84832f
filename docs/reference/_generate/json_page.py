"""json.md: what each command prints with `--json`, from the shapes that the code is checked against."""

from __future__ import annotations

import types
from typing import Any, Literal, Union, get_args, get_origin, is_typeddict

from d1migrate.cli.commands import GROUPS, with_actions
from d1migrate.report import shapes

from . import docstrings
from .examples import examples
from .json_schema import hints
from .markdown import code, paragraphs, sentence, table, wrapped

_SCHEMAS = "../../src/d1migrate/report/json_schema"
_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", object: "any"}
_PLURALS = {str: "strings", int: "integers"}


def parts() -> dict[str, str]:
    """Return a section for each command, one for errors, and one for each object within them."""
    shown, objects = examples(), dict[str, type]()
    names = [name for group in GROUPS.values() for command in group for name in with_actions(command)]
    commands = [name for name in names if name in shapes.DOCUMENTS]
    seen: dict[tuple[type, ...], str] = {}
    sections = [_document(name, shown, seen, objects) for name in commands]
    error = _document("error", shown, seen, objects)
    within = "\n\n".join(_object(objects[name]) for name in sorted(objects))
    return {"commands": "\n\n".join(sections), "error": error, "objects": within}


def _document(
    name: str,
    shown: dict[str, tuple[str, str]],
    seen: dict[tuple[type, ...], str],
    objects: dict[str, type],
) -> str:
    """Return the section of a command: an example, and the keys of each shape."""
    found = shapes.DOCUMENTS[name]
    command, output = shown[name]
    heading = f"## `d1migrate {name}`" if name != "error" else ""
    example = f"{code(command, 'sh')}\n\n{code(output, 'json')}"
    file = shapes.file_name(name)
    schema = f"Schema: [{file}]({_SCHEMAS}/{file})"
    if found in seen:
        keys = f"The keys are those of [{seen[found]}](#d1migrate-{seen[found].replace(' ', '-')})."
    elif len(found) == 1:
        keys = _keys(found[0], objects)
    else:
        keys = "\n\n".join(f"{wrapped(docstrings.text(one))}\n\n{_keys(one, objects)}" for one in found)
    seen.setdefault(found, name)
    summary = docstrings.text(found[0]) if len(found) == 1 else ""
    return paragraphs(heading, summary, example, keys, schema)


def _object(shape: type) -> str:
    return paragraphs(f"### `{shape.__name__}`", docstrings.text(shape), _keys(shape, {}))


def _keys(shape: type, objects: dict[str, type]) -> str:
    """Return a table of the keys of a shape; the objects within it are added to `objects`."""
    meanings = docstrings.attributes(shape)
    rows = [(f"`{key}`", _type(hint, objects), sentence(meanings[key])) for key, hint in hints(shape).items()]
    return table(("key", "type", "meaning"), rows)


def _type(hint: Any, objects: dict[str, type]) -> str:
    """Return a type in words, with links to objects."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in _TYPES:
        return _TYPES[hint]
    if is_typeddict(hint):
        if hint.__name__ not in objects:
            objects[hint.__name__] = hint
            _keys(hint, objects)
        return f"[`{hint.__name__}`](#{hint.__name__.lower()})"
    if origin is Literal:
        return ", ".join(f"`{word}`" for word in arguments)
    if origin is list:
        return f"array of {_PLURALS.get(arguments[0]) or _type(arguments[0], objects)}"
    if origin is dict:
        return f"object of {_PLURALS.get(arguments[1]) or _type(arguments[1], objects)}"
    if origin in (Union, types.UnionType):
        words = [_type(one, objects) if one is not types.NoneType else "null" for one in arguments]
        return f"{', '.join(words[:-1])} or {words[-1]}"
    raise TypeError(f"no words for {hint}")
