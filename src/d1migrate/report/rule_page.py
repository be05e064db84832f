"""The page of a rule of the linter, for a terminal, as JSON, and as the Markdown of the reference."""

from __future__ import annotations

from textwrap import fill, indent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.rule import Rule
    from d1migrate.report.shapes import checks
    from d1migrate.report.text import Paint

_COLORS = {"error": "red", "warning": "yellow", "info": "dim"}
_WIDTH = 78


def text(rule: Rule, paint: Paint) -> Iterator[str]:
    """Yield the page as lines of at most 80 columns, except for SQL."""
    yield f"{paint(f'{rule.severity}[{rule.code}]', _COLORS[rule.severity])} {rule.name}\n"
    yield fill(rule.page.title, _WIDTH, break_on_hyphens=False)
    for why in _whys(rule):
        yield f"\n{fill(why, _WIDTH, break_on_hyphens=False)}"
    for heading, sql in rule.page.examples:
        yield f"\n{paint(f'{heading}:', 'bold')}\n\n{indent(sql, '    ')}"
    yield f"\n{paint('To allow it, above the statement:', 'bold')}\n"
    yield f'    -- d1migrate: allow={rule.code} reason="…"'


def markdown(rule: Rule) -> str:
    """Return the page as a section of the reference of rules."""
    parts = (
        f'<a id="{rule.code.lower()}"></a>',
        f"### {rule.code} {rule.name}",
        f"**{rule.severity.capitalize()}.** {rule.page.title}",
        *(fill(why, 110, break_on_hyphens=False) for why in _whys(rule, "Why: ")),
        *(f"{heading}:\n\n```sql\n{sql}\n```" for heading, sql in rule.page.examples),
    )
    return "\n\n".join(parts) + "\n"


def value(rule: Rule) -> checks.Rule:
    """Return the page as a JSON object."""
    page = rule.page
    return {
        "code": rule.code,
        "rule": rule.name,
        "severity": rule.severity,
        "title": page.title,
        "why": page.why,
        "why_in_object": page.in_object or None,
        "only": rule.only or None,
        "given": page.given or None,
        "bad": page.bad or None,
        "good": page.good or None,
    }


_ONLY = {"d1": "Not reported for a Durable Object.", "durable-object": "Only reported for a Durable Object."}


def _whys(rule: Rule, label: str = "") -> Iterator[str]:
    """Yield why it matters, and what is different in a Durable Object."""
    yield f"{label}{rule.page.why}"
    if rule.page.in_object:
        yield f"In a Durable Object: {rule.page.in_object}"
    if rule.only:
        yield _ONLY[rule.only]
