"""Write the pages here from the code: `python docs/reference/generate.py [--check]`."""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import d1migrate
from d1migrate import errors, workers
from d1migrate.cli.parser import build
from d1migrate.lint.check import RULES

if TYPE_CHECKING:
    from d1migrate.lint.rule import Rule

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
        for member, value in _members(thing) if inspect.isclass(thing) else ():
            if inspect.isfunction(value) and not member.startswith("_"):
                awaited = "await " if inspect.iscoroutinefunction(value) else ""
                parts.append(f"### {awaited}{name}.{member}{_signature(value)}\n\n{_block(value.__doc__)}")
            elif isinstance(value, property) and not member.startswith("_"):
                parts.append(f"### {name}.{member}\n\n{_block(value.__doc__)}")
    parts.append(f"## Errors\n\n{_block(errors.__doc__)}")
    return "\n".join(parts)


def in_a_worker() -> str:
    """Return the page of what a Python Worker calls."""
    parts = [NOTE, "# d1migrate.workers\n", _block(workers.__doc__)]
    for name in workers.__all__:
        function = getattr(workers, name)
        parts.append(f"## await {name}{_signature(function)}\n\n{_block(function.__doc__)}")
    parts.append(f"## StepResult\n\n{_block(d1migrate.StepResult.__doc__)}")
    parts.append(f"## Verification\n\n{_block(d1migrate.Verification.__doc__)}")
    return "\n".join(parts)


def _members(thing: type) -> list[tuple[str, object]]:
    """Return what a class has of its own, and of those of our classes that it is made of."""
    ours = [base for base in thing.__mro__ if base.__module__.startswith("d1migrate")]
    return [item for base in ours for item in vars(base).items()]


def _signature(thing: object) -> str:
    if inspect.isclass(thing) and not issubclass(thing, (d1migrate.Migrator, d1migrate.AsyncMigrator)):
        return ""
    text = str(inspect.signature(thing)).replace("self, ", "").replace("(self)", "()")  # type: ignore[arg-type]
    return re.sub(r"(: |-> )'([^']*)'", r"\1\2", text)  # annotations are kept as text


def _block(docstring: str | None) -> str:
    return f"```text\n{inspect.cleandoc(docstring or '')}\n```\n"


GROUPS = {
    "D": ("Loses data", "Rows, columns, links, and what belongs to a table, are gone when it has run."),
    "F": ("Fails on rows", "It passes on an empty table, and stops where there are rows."),
    "R": ("Refused by D1", "D1 says no; the message is D1's own, and the scratch engine said it."),
    "P": ("Breaks on the way to production", "Local D1 takes it; what carries it to production does not."),
    "S": ("Silently not what it says", "It runs without an error, and does something else than is written."),
    "W": ("Runs while the Worker serves", "Requests come in before, during and after it."),
    "H": ("Housekeeping", "Nothing breaks, but the next person will wish it had been done."),
    "X": (
        "Seen in a rehearsal",
        "`d1migrate rehearse` runs the file with rows in every table and finds these; `lint` does not.",
    ),
}
RULES_INTRO = """# The rules of the linter

`d1migrate lint` replays every migration, statement by statement, on a scratch database with D1's engine and
D1's rules, and judges what it saw: what each statement touched, and the schema before and after it. `up` does
the same with what it is about to apply, and refuses errors; `up --no-lint` applies it all the same, and the
log says so.

## What a severity promises

**error**: D1 refuses it; or rows that the statement does not name are lost (children by CASCADE, links by SET
NULL, a table that refers to itself); or it is cut, or run by half, on the way to production.

**warning**: rows or values that the statement does name are lost, as by DROP TABLE, or by UPDATE and DELETE
without WHERE; or it depends on the data whether it runs, or does what it says.

**info**: good order. Nothing goes wrong today.

Ordinary backfills and honest drops are never blocked: a warning stops nothing, unless `lint --strict` asks
for it.

## Allowing a finding

Where the author knows better, the file says so, and why:

```sql
-- d1migrate: allow=D104 reason="exported to R2 on 2026-11-01, unused since release 41"
DROP TABLE old_logs;
```

| where the line stands | what it is about |
|---|---|
| above a statement | that statement |
| behind a statement, on the line where it ends | that statement |
| above the first statement | the whole file |
| below the last statement | the whole file |

Several codes have commas between them, and no space: `allow=D104,S104`. Without a reason it does not count
([H111](#h111)), and one that allows nothing is reported ([H110](#h110)). In a string, between the words of a
statement or in `/* */` it is not seen. What a file allows is not counted; `lint --verbose` shows it, with the
reason.

## Configuring severities

In `d1migrate.toml`, for all environments or for one. A rule's own code goes before its letter, and what an
environment says before what all have: there, a letter means all of its rules.

```toml
[lint]
H = "off"          # all of a letter
H103 = "warning"   # but this one
D104 = "error"

[env.staging.lint]
D104 = "info"
```

A severity is `"error"`, `"warning"`, `"info"` or `"off"`.

## All rules
"""


def rules() -> str:
    """Return the page of all rules of the linter: what their docstrings say."""
    lines = ["| rule | | severity | |", "|---|---|---|---|"]
    parts = []
    for letter, (title, sentence) in GROUPS.items():
        members = [rule for rule in RULES if rule.code.startswith(letter)]
        if members:
            parts.append(f"## {letter}: {title}\n\n{sentence}\n")
            parts += [_rule(rule) for rule in members]
        for rule in members:
            cells = (f"[{rule.code}](#{rule.code.lower()})", rule.name, rule.severity, rule.page.title)
            lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
    return "\n".join([NOTE, RULES_INTRO, "\n".join(lines) + "\n", *parts])


def _rule(rule: Rule) -> str:
    page = rule.page
    examples = (("Given:", page.given), ("Bad:", page.bad), ("Good:", page.good))
    parts = (
        f'<a id="{rule.code.lower()}"></a>',
        f"### {rule.code} {rule.name}",
        f"**{rule.severity.capitalize()}.** {page.title}",
        fill(f"Why: {page.why.removeprefix('Why: ')}", 110, break_on_hyphens=False),
        *(f"{name}\n\n```sql\n{sql}\n```" for name, sql in examples if sql),
    )
    return "\n\n".join(parts) + "\n"


def main() -> int:
    """Write the pages, or with --check say which are not what the code makes."""
    stale = []
    pages = {
        "commands.md": commands(),
        "library.md": library(),
        "workers.md": in_a_worker(),
        "rules.md": rules(),
    }
    for name, text in pages.items():
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
