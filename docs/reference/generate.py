"""Write the pages of this folder, and the JSON Schema files of the package, from the code.

Run `python docs/reference/generate.py`; with `--check`, it only reports what is out of date.
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path

from _generate import json_schema

import d1migrate
from d1migrate import errors, workers
from d1migrate.cli.commands import GROUPS
from d1migrate.cli.help import all_commands
from d1migrate.cli.output import Output
from d1migrate.cli.parser import build
from d1migrate.lint.check import RULES
from d1migrate.report import shapes
from d1migrate.report.rule_page import markdown

HERE = Path(__file__).parent
NOTE = "<!-- written by docs/reference/generate.py; do not edit -->\n"


def commands() -> str:
    """Return the page of all commands: their help, as they print it at 80 columns."""
    listed = "\n".join(all_commands(Output()))
    parts = [NOTE, "# Commands\n", f"```text\n{listed}\n```\n"]
    parts += [
        f"## {name}\n\n```text\n{build(name).format_help()}```\n"
        for names in GROUPS.values()
        for name in names
    ]
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
    """Return the members of a class and of its base classes in d1migrate."""
    ours = [base for base in thing.__mro__ if base.__module__.startswith("d1migrate")]
    return [item for base in ours for item in vars(base).items()]


def _signature(thing: object) -> str:
    if inspect.isclass(thing) and not issubclass(thing, (d1migrate.Migrator, d1migrate.AsyncMigrator)):
        return ""
    text = str(inspect.signature(thing)).replace("self, ", "").replace("(self)", "()")  # type: ignore[arg-type]
    text = re.sub(r"<function (\w+) at \w+>", r"\1", text)  # an address differs from run to run
    return re.sub(r"(: |-> )'([^']*)'", r"\1\2", text)  # annotations are kept as text


def _block(docstring: str | None) -> str:
    return f"```text\n{inspect.cleandoc(docstring or '')}\n```\n"


LETTERS = {
    "D": ("Loses data", "Running it deletes rows, columns or links, or objects that belong to a table."),
    "F": ("Fails on rows", "It passes on an empty table, and may fail on a table with rows."),
    "R": ("Refused by D1", "D1 refuses it; the message is D1's own, from the scratch engine."),
    "P": ("Breaks on the way to production", "Local D1 accepts it; the transport to production does not."),
    "S": (
        "Does not do what it says",
        "It runs without an error, and does something other than what is written.",
    ),
    "W": ("Affects the running Worker", "Requests are served before, during and after it."),
    "H": ("Housekeeping", "Nothing breaks today, but it makes later work harder."),
    "X": (
        "Found in a rehearsal",
        "`d1migrate rehearse` finds these by running the file with rows in every table; `lint` cannot.",
    ),
}
RULES_INTRO = """# The rules of the linter

`d1migrate lint` replays every migration, statement by statement, on a scratch database with D1's engine and
D1's rules, and checks the result: what each statement touched, and the schema before and after it. `up` does
the same with the pending migrations: it refuses errors and prints warnings, as `plan` does.
`up --no-lint` applies them without the check, and the log records that.

## What a severity means

**error**: D1 refuses it; or it loses rows that the statement does not name (children by CASCADE, links by SET
NULL, a table that references itself); or the transport to production cuts it, or runs only part of it.

**warning**: it loses rows or values that the statement does name, as DROP TABLE does, or UPDATE and DELETE
without WHERE; or the data decides whether it runs, or does what it says.

**info**: housekeeping. Nothing breaks today.

Ordinary backfills and deliberate drops are never blocked: a warning stops nothing, except with
`lint --strict`.

## Allowing a finding

If a finding is intended, allow it in the file, with the reason:

```sql
-- d1migrate: allow=D104 reason="exported to R2 on 2026-11-01, unused since release 41"
DROP TABLE old_logs;
```

| position of the line | scope |
|---|---|
| above a statement | that statement |
| after a statement, on the line where it ends | that statement |
| above the first statement | the whole file |
| below the last statement | the whole file |

Separate several codes with commas, without spaces: `allow=D104,S104`. A line without a reason has no effect
([H111](#h111)), and a line that allows nothing is reported ([H110](#h110)). It is ignored in a string, inside
a statement and in `/* */`. Allowed findings are not counted; `lint --verbose` shows them, with the reason.

## Configuring severities

In `d1migrate.toml`, for all environments or for one. A rule's own code takes precedence over its letter, and
an environment's setting over the general one: in an environment, a letter sets all of its rules.

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
    for letter, (title, sentence) in LETTERS.items():
        members = [rule for rule in RULES if rule.code.startswith(letter)]
        if members:
            parts.append(f"## {letter}: {title}\n\n{sentence}\n")
            parts += [markdown(rule) for rule in members]
        for rule in members:
            cells = (f"[{rule.code}](#{rule.code.lower()})", rule.name, rule.severity, rule.page.title)
            lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
    return "\n".join([NOTE, RULES_INTRO, "\n".join(lines) + "\n", *parts])


def main() -> int:
    """Write the pages, or with --check report which are out of date."""
    stale = []
    pages = {
        "commands.md": commands(),
        "library.md": library(),
        "workers.md": in_a_worker(),
        "rules.md": rules(),
    }
    schemas = Path(d1migrate.__file__).parent / "report" / "json_schema"
    files = {HERE / name: text for name, text in pages.items()}
    files |= {schemas / f"{command}.json": json_schema.document(command) for command in shapes.DOCUMENTS}
    for path, text in files.items():
        if not path.exists() or path.read_text() != text:
            stale.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(text)
    if unknown := {path.name for path in schemas.glob("*.json")} - {path.name for path in files}:
        stale += sorted(unknown)
    if "--check" in sys.argv and stale:
        print(f"not up to date: {', '.join(stale)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
