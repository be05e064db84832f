"""What can be given as the desired schema, as text: a path, or a scheme and what it names."""

from __future__ import annotations

import os
import re

from d1migrate.drivers.file_format import is_database
from d1migrate.drivers.url import expand, normalize
from d1migrate.errors import UsageError
from d1migrate.hints import nearest
from d1migrate.named_tuple import NamedTuple
from d1migrate.project.schema_settings import SCHEMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    Kind = Literal["file", "folder", "sqlite", "python", "django", "command"]

TOOLS = ("python", "django", "command")
"""What runs a program, which builds the schema; the others are read."""

EXAMPLES = {
    "python": "python:app.models:Base.metadata",
    "django": "django:mysite.settings",
    "command": "'command:make-schema {db}'",
}
"""{scheme: an example, as a shell takes it}."""
_DATABASES = ("d1", "wrangler", "do")
_PYTHON_FILE = re.compile(r"(?P<path>[\w./-]+)\.py(?::(?P<object>.*))?")
_SCHEME = r"[a-z][a-z0-9+_.-]+"


class Source(NamedTuple):
    """Where a desired schema comes from.

    Attributes:
        kind: `file`, `folder`, or the scheme.
        target: the path, or what stands after the scheme.
    """

    kind: Kind
    target: str

    @classmethod
    def of(cls, text: str, folder: str = "") -> Source:
        """Parse the value of `--to` or of `source` in a configuration.

        Args:
            text: the value.
            folder: what a path in it is relative to; by default the working directory.

        Raises:
            UsageError: it names nothing, or has an unknown scheme.
        """
        if not text.strip():
            raise UsageError("the source of the desired schema is empty", hint=_FORMS)
        scheme, colon, target = text.partition(":")
        if colon and scheme == "sqlite":
            return cls("sqlite", _file(text, folder))
        if colon and scheme in SCHEMES:
            if not target.strip():
                example = f"for example: {EXAMPLES[scheme]}"
                raise UsageError(f"{text!r} names nothing after `{scheme}:`", hint=example)
            return cls(scheme, target)  # type: ignore[arg-type]
        if module := _PYTHON_FILE.fullmatch(text):
            dotted = module["path"].removeprefix("./").replace("/", ".")
            object_ = module["object"] or "Base"
            raise UsageError(
                f"{text!r} is not a source of a desired schema",
                hint=f"did you mean python:{dotted}:{object_}?",
            )
        path = expand(text, folder)
        if colon and re.fullmatch(_SCHEME, scheme, re.IGNORECASE) and not os.path.lexists(path):
            raise UsageError(f"{text!r} is not a source of a desired schema", hint=_meant(scheme, target))
        return cls(_kind_of_path(path), path)

    @property
    def text(self) -> str:
        """The source as errors call it: a path alone, or the whole."""
        return f"{self.kind}:{self.target}" if self.kind in TOOLS else self.target


_FORMS = (
    "a file of CREATE statements, a folder of migrations, sqlite:FILE, python:MODULE:OBJECT,"
    " django:SETTINGS or 'command:WORDS {db}'"
)


def _file(url: str, folder: str) -> str:
    """Return the path in the url of a SQLite file; errors as `normalize`."""
    path = normalize(url, folder).removeprefix("sqlite:")
    if path == ":memory:":
        raise UsageError(f"{url} is an empty database, not a desired schema", hint="name a SQLite file")
    return path


def _kind_of_path(path: str) -> Kind:
    if os.path.isdir(path):
        return "folder"
    try:
        # A pipe can be read only once.
        return "sqlite" if os.path.isfile(path) and is_database(path) else "file"
    except OSError:  # the reader of the file explains it
        return "file"


def _meant(scheme: str, rest: str) -> str:
    """Return the hint for an unknown scheme."""
    if scheme.lower() in _DATABASES:
        url = f"{scheme.lower()}:{rest}"
        return (
            f"write its schema to a file: `d1migrate schema --database {url} --output want.sql`, then pass"
            " `--to want.sql`"
        )
    if scheme.startswith("sqlite") or scheme == "file":
        try:
            normalize(f"{scheme}:{rest}")
        except UsageError as error:
            return error.hint or _FORMS
    if known := nearest(scheme, SCHEMES):
        return f"did you mean {known}:{rest}?"
    if all(part.isidentifier() for part in f"{scheme}.{rest}".split(".")):
        return f"did you mean python:{scheme}:{rest}?"
    return f"the sources are {_FORMS}"
