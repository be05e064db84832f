"""The shapes of `d1migrate.report.shapes` as JSON Schema (draft 2020-12)."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from d1migrate.report import shapes
from d1migrate.report.shapes import backups, checks, common, errors, files, fleet, history, jobs, runs, schema

from . import docstrings

MODULES = (backups, checks, common, errors, files, fleet, history, jobs, runs, schema)
NAMES = {name: value for module in MODULES for name, value in vars(module).items() if name[:1].isupper()}
TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}

Json = dict[str, Any]


def document(command: str) -> str:
    """Return the file of a command."""
    definitions: dict[str, Json] = {}
    found = [_object(shape, definitions, top=True) for shape in shapes.DOCUMENTS[command]]
    title = "error" if command == "error" else f"d1migrate {command} --json"
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title}
    whole |= found[0] if len(found) == 1 else {"oneOf": found}
    whole |= {"$defs": dict(sorted(definitions.items()))} if definitions else {}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def hints(shape: type) -> dict[str, Any]:
    """Return {key: type} of a shape."""
    found = get_type_hints(shape, localns=NAMES)
    if shape.__module__ == errors.__name__:  # the class of an error comes first, as it is printed
        found = dict(sorted(found.items(), key=lambda item: item[0] != "type"))
    return found


def _object(shape: type, definitions: dict[str, Json], *, top: bool = False) -> Json:
    meanings, keys = docstrings.attributes(shape), hints(shape)
    properties: Json = {"format": {"const": 1, "description": "The number of this format."}} if top else {}
    for key, hint in keys.items():
        meaning = meanings[key][:1].upper() + meanings[key][1:]
        properties[key] = {**_value(hint, definitions), "description": meaning}
    required = [key for key in keys if key in shape.__required_keys__]  # type: ignore[attr-defined]
    found = {
        "description": " ".join(docstrings.text(shape).split()),
        "type": "object",
        "properties": properties,
    }
    if not required:  # what other programs may have written
        return found
    return found | {"required": [*(["format"] if top else []), *required], "additionalProperties": False}


def _value(hint: Any, definitions: dict[str, Json]) -> Json:
    """Return the schema of a type; shapes go to the definitions."""
    if hint is object:
        return {}
    if hint in TYPES:
        return {"type": TYPES[hint]}
    if is_typeddict(hint):
        if hint.__name__ not in definitions:
            definitions[hint.__name__] = {}  # a shape may contain itself
            definitions[hint.__name__] = _object(hint, definitions)
        return {"$ref": f"#/$defs/{hint.__name__}"}
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": _value(arguments[0], definitions)}
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": _value(arguments[1], definitions)}
    if origin in (Union, types.UnionType):
        return _either([_value(argument, definitions) for argument in arguments])
    raise TypeError(f"no JSON Schema of {hint}")


def _either(found: list[Json]) -> Json:
    """Return the schema of a value that is one of several; plain types are listed in one."""
    plain = [one["type"] for one in found if one.keys() == {"type"}]
    others = [one for one in found if one.keys() != {"type"}]
    if not others:
        return {"type": plain}
    if len(others) == 1 and plain == ["null"] and "enum" in others[0]:
        return {"enum": [*others[0]["enum"], None]}
    return {"anyOf": [*others, *({"type": one} for one in plain)]}
