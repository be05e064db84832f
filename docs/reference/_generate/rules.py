"""rules.md: every rule of the linter, in the groups of their letters."""

from __future__ import annotations

from d1migrate.lint.check import RULES
from d1migrate.report.rule_page import markdown

from .markdown import table

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
"""{letter: the name of its rules, and what they have in common}."""


def parts() -> dict[str, str]:
    """Return a table of all rules, and their pages."""
    rows, pages = [], []
    for letter, (title, sentence) in LETTERS.items():
        members = [rule for rule in RULES if rule.code.startswith(letter)]
        pages += [f"## {letter}: {title}", sentence, *(markdown(rule).strip() for rule in members)]
        rows += [(f"[{r.code}](#{r.code.lower()})", r.name, r.severity, r.page.title) for r in members]
    return {"table": table(("rule", "", "severity", ""), rows), "rules": "\n\n".join(pages)}
