"""typescript.md: what the TypeScript runtime exports, from its comments; and its names beside Python's."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import NamedTuple

import d1migrate
from d1migrate import workers

from .markdown import code, definitions, paragraphs, sentence, table

_SOURCE = Path(workers.__file__).with_name("runtime.ts")
_EXPORT = re.compile(
    r"(?:^/\*\*(?P<doc>(?:(?!\*/).)*)\*/\n)?"
    r"^export (?:async )?(?P<kind>function|interface|class|type) (?P<name>\w+)"
    r"(?P<head>(?:\(\n(?:  [^\n]*\n)+\))?[^\n]*?)(?: \{\n(?P<body>.*?)^\}|;)$",
    re.MULTILINE | re.DOTALL,
)
_FIELD = re.compile(
    r"^  (?:/\*\* (?P<doc>(?:(?!\*/).)*) \*/\n  )?"
    r"(?:declare )?(?:readonly )?(?P<name>\w+)\??: (?P<type>[^;]+);$",
    re.MULTILINE,
)
_RESULTS = ("Report", "StepResult", "JobReport", "OpenJob", "Verification", "Entry", "Difference", "Problem")
"""The values that functions return, in the order of the page."""
_OPTIONS = ("Options", "JobOptions")
_COMPILED = ("D1Like", "StorageLike", "Database", "Migrations", "Layout", "Planned", "Migration", "Job")
"""The types of arguments that no caller writes."""


class _Export(NamedTuple):
    """Something the runtime exports; `head` is what follows its name, up to its body."""

    kind: str
    name: str
    head: str
    doc: str
    body: str

    @property
    def text(self) -> str:
        """The comment without its tags."""
        return self.doc.partition("\n@")[0]

    def tags(self, name: str) -> list[str]:
        """Return the texts of a tag."""
        found = re.split(r"^@(\w+) ", self.doc, flags=re.MULTILINE)[1:]
        return [
            " ".join(text.split()) for tag, text in zip(found[::2], found[1::2], strict=True) if tag == name
        ]

    @property
    def base(self) -> str:
        """The class that it extends."""
        return self.head.removeprefix(" extends ")

    @property
    def fields(self) -> list[tuple[str, str, str]]:
        """The name, type and meaning of each field."""
        return [
            (field["name"], field["type"].replace(" | undefined", ""), field["doc"] or "")
            for field in _FIELD.finditer(self.body)
        ]


def parts() -> dict[str, str]:
    """Return the parts of typescript.md."""
    exports = {export.name: export for export in _exports(_SOURCE.read_text(encoding="utf-8"))}
    of_kind = {kind: [one for one in exports.values() if one.kind == kind] for kind in ("function", "class")}
    shown = {*_RESULTS, *_COMPILED, *_OPTIONS, *(one.name for ones in of_kind.values() for one in ones)}
    assert shown == set(exports), shown ^ set(exports)  # noqa: S101 - put a new one on the page
    return {
        "functions": "\n\n".join(map(_function, of_kind["function"])),
        "options": _options(exports["Options"]),
        "job options": _options(exports["JobOptions"]),
        "results": "\n\n".join(
            paragraphs(f"### {name}", exports[name].text, _interface(exports[name])) for name in _RESULTS
        ),
        "errors": table(("error", "extends", "meaning", "fields"), map(_error, of_kind["class"])),
        "names": _names(exports),
    }


def _exports(source: str) -> list[_Export]:
    return [
        _Export(
            found["kind"], found["name"], found["head"], _comment(found["doc"] or ""), found["body"] or ""
        )
        for found in _EXPORT.finditer(source)
    ]


def _comment(text: str) -> str:
    """Return a comment without its margin."""
    return re.sub(r"^ *\* ?", "", text, flags=re.MULTILINE).strip()


def _function(function: _Export) -> str:
    throws = dict(text.split(": ", 1) for text in function.tags("throws"))
    returns = function.tags("returns")
    return paragraphs(
        f"### {function.name}",
        code(f"{function.name}{function.head}", "ts"),
        *(" ".join(text.split()) for text in function.text.split("\n\n")),
        *(f"`{name}`: {text}" for name, _, text in (tag.partition(" ") for tag in function.tags("param"))),
        *(f"Returns {text}" for text in returns),
        definitions(("error", "when"), throws),
    )


def _interface(export: _Export) -> str:
    """Return an interface as its source has it, without `readonly`, which all fields are."""
    return code(f"interface {export.name} {{\n{export.body.replace('readonly ', '')}}}", "ts")


def _options(options: _Export) -> str:
    rows = ((f"`{name}`", f"`{kind}`", sentence(text)) for name, kind, text in options.fields)
    return table(("option", "type", "meaning"), rows)


def _error(cls: _Export) -> tuple[str, str, str, str]:
    fields = ", ".join(f"`{name}`" for name, _, _ in cls.fields)
    return f"`{cls.name}`", f"`{cls.base}`", " ".join(cls.text.split()), fields


def _names(exports: dict[str, _Export]) -> str:
    """Return a table of Python's names, and of those here that mean the same."""
    functions = {name: getattr(workers, name) for name in workers.__all__}
    rows = [_row(f"{name}(…)", f"{_camel(name)}(…)", _camel(name) in exports) for name in functions]
    options = {name for name, *_ in exports["Options"].fields}
    arguments = list(inspect.signature(functions["run_migrations"]).parameters)[2:]
    rows += [_row(f"{name}=", _camel(name), _camel(name) in options) for name in arguments]
    known = {_camel(name) for name in arguments}
    rows += [("", f"`{name}`") for name, *_ in exports["Options"].fields if name not in known]
    for name in ("StepResult", "Verification"):
        ours = getattr(d1migrate, name)
        theirs = {field for field, *_ in exports[name].fields}
        words = [field for field in (*ours._fields, *_properties(ours)) if "_" in field]
        rows += [
            _row(f"{name}.{field}", f"{name}.{_camel(field)}", _camel(field) in theirs) for field in words
        ]
    return table(("Python", "TypeScript"), rows)


def _properties(cls: type) -> list[str]:
    return [name for name, one in vars(cls).items() if isinstance(one, property)]


def _row(ours: str, theirs: str, exists: bool) -> tuple[str, str]:
    return f"`{ours}`", f"`{theirs}`" if exists else "not there"


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)
