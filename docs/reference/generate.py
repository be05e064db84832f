"""Write commands.md and library.md from the code: `python docs/reference/generate.py [--check]`."""

from __future__ import annotations

import argparse
import inspect
import sys
from pathlib import Path

import d1migrate
from d1migrate import errors
from d1migrate.cli.parser import build

HERE = Path(__file__).parent
NOTE = "<!-- written by docs/reference/generate.py; do not edit -->\n"


def commands() -> str:
    """Return the page of all commands: their help, as they print it at 80 columns."""
    parser = build()
    (action,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    parts = [NOTE, "# Commands\n", f"```\n{parser.format_help()}```\n"]
    seen = set()
    for name, command in action.choices.items():
        if command not in seen:  # an alias is the same parser
            seen.add(command)
            parts.append(f"## {name}\n\n```\n{command.format_help()}```\n")
    return "\n".join(parts)


def library() -> str:
    """Return the page of all public names: their signatures and docstrings."""
    parts = [NOTE, "# The library\n", _block(d1migrate.__doc__)]
    for name in d1migrate.__all__:
        thing = getattr(d1migrate, name)
        parts.append(f"## {name}{_signature(thing)}\n\n{_block(thing.__doc__)}")
        for member, value in vars(thing).items() if inspect.isclass(thing) else ():
            if inspect.isfunction(value) and not member.startswith("_"):
                parts.append(f"### {name}.{member}{_signature(value)}\n\n{_block(value.__doc__)}")
            elif isinstance(value, property) and not member.startswith("_"):
                parts.append(f"### {name}.{member}\n\n{_block(value.__doc__)}")
    parts.append(f"## Errors\n\n{_block(errors.__doc__)}")
    return "\n".join(parts)


def _signature(thing: object) -> str:
    if inspect.isclass(thing) and not issubclass(thing, d1migrate.Migrator):
        return ""
    return str(inspect.signature(thing)).replace("self, ", "").replace("(self)", "()").replace("'", "")  # type: ignore[arg-type]


def _block(docstring: str | None) -> str:
    return f"```text\n{inspect.cleandoc(docstring or '')}\n```\n"


def main() -> int:
    """Write the pages, or with --check say which are not what the code makes."""
    stale = []
    for name, text in (("commands.md", commands()), ("library.md", library())):
        path = HERE / name
        if not path.exists() or path.read_text() != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(text)
    if "--check" in sys.argv and stale:
        print(f"not up to date: {', '.join(stale)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
