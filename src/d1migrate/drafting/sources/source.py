"""What can be given as the desired schema, as text: a path, or a scheme and what it names."""

from __future__ import annotations

import os

from d1migrate.errors import UsageError
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    Kind = Literal["file", "folder", "sqlite", "python", "django", "command"]

SCHEMES = ("sqlite", "python", "django", "command")
TOOLS = ("python", "django", "command")
"""What runs a program, which builds the schema; the others are read."""


class Source(NamedTuple):
    """Where a desired schema comes from.

    Attributes:
        kind: `file`, `folder`, or the scheme.
        target: the path, or what stands after the scheme.
    """

    kind: Kind
    target: str

    @classmethod
    def of(cls, text: str) -> Source:
        """Parse the value of `--to` or of `source` in a configuration.

        Raises:
            UsageError: nothing stands after the scheme.
        """
        scheme, colon, target = text.partition(":")
        if not colon or scheme not in SCHEMES:
            return cls("folder" if os.path.isdir(text) else "file", text)
        if not target.strip():
            raise UsageError(
                f"{text!r} names nothing after `{scheme}:`", hint=f"for example: {_EXAMPLES[scheme]}"
            )
        return cls(scheme, target)  # type: ignore[arg-type]

    @property
    def text(self) -> str:
        """The source as it was given."""
        return self.target if self.kind in ("file", "folder") else f"{self.kind}:{self.target}"


_EXAMPLES = {
    "sqlite": "sqlite:want.db",
    "python": "python:app.models:Base.metadata",
    "django": "django:mysite.settings",
    "command": "'command:make-schema {db}'",
}
