"""A diagram as text for Mermaid, which GitHub and many editors draw."""

from __future__ import annotations

import re

from d1migrate.report.diagram.entities import diagram
from d1migrate.report.text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.report.diagram.entities import Attribute
    from d1migrate.schema.model import Schema

_FIRST = re.compile(r"[^A-Za-z_]")
_UNSAFE = re.compile(r"[^A-Za-z0-9_()]")
_KEY = re.compile(r"[PFU]K\b", re.IGNORECASE)
_DIRECTION = re.compile(r"(direction)\s+", re.IGNORECASE)  # Mermaid reads it within quotes, too
_NOT_QUOTED = str.maketrans(
    {'"': "'", "%": "_", "\\": "_", "\n": " ", "\t": " ", ";": ",", "#": "_", "~": "-", "<": "(", ">": ")"}
)


def mermaid(schema: Schema) -> str:
    """Return an `erDiagram` of a schema's tables, their columns, and the relations between them."""
    return "erDiagram\n" + "".join(f"    {line}\n" for line in _lines(schema))


def _lines(schema: Schema) -> Iterator[str]:
    entities, relations = diagram(schema)
    names = [_quoted(entity.name) for entity in entities]
    for name, entity in zip(names, entities, strict=True):
        if entity.attributes:
            yield f"{name} {{"
            yield from (f"    {_attribute(attribute)}" for attribute in entity.attributes)
            yield "}"
        else:
            yield name
    for relation in relations:
        one = "|o" if relation.optional else "||"
        many = "o|" if relation.single else "o{"
        label = _quoted(relation.label)
        yield f"{names[relation.parent]} {one}--{many} {names[relation.child]} : {label}"


def _attribute(attribute: Attribute) -> str:
    """Return a column's line; a name that Mermaid cannot read as a name follows it in quotes."""
    name = _word(attribute.name)
    words = [_word(attribute.type) if attribute.type else "any", name, ", ".join(attribute.marks)]
    words += [_quoted(attribute.name)] if name != attribute.name else []
    return " ".join(word for word in words if word)


def _word(text: str) -> str:
    word = _UNSAFE.sub("_", text)
    return f"_{word}" if _FIRST.match(word) or _KEY.match(word) else word


def _quoted(text: str) -> str:
    plain = _DIRECTION.sub(r"\1_", clean(text).translate(_NOT_QUOTED))
    return f'"{plain or "_"}"'
