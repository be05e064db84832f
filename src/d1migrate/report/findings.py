"""What the linter found: as text for people, JSON, GitHub annotations and SARIF."""

from __future__ import annotations

from collections import Counter
from textwrap import indent, wrap

from d1migrate.lint.check import RULES, SEVERITIES, summed
from d1migrate.lint.next_steps import fix_command
from d1migrate.lint.platform import D1
from d1migrate.named_tuple import NamedTuple
from d1migrate.report.text import clean, clean_line, plural
from d1migrate.sha256 import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from d1migrate.lint.check import Diagnostic
    from d1migrate.lint.platform import Platform
    from d1migrate.lint.rule import Rule
    from d1migrate.report.shapes import checks
    from d1migrate.report.text import Paint


_COLORS = {"error": "red", "warning": "yellow", "info": None}
_ANNOTATIONS = {"error": "error", "warning": "warning", "info": "notice"}
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_NOUNS = {"error": "error", "warning": "warning", "info": "note"}
_WINDOW = 120  # characters of a long source line that are shown
_WIDTH = 100  # columns of a paragraph

_LISTED = 5  # further findings of a rule in a file that are shown; errors are all shown

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_RULES = {rule.code: rule for rule in RULES}


def _counts(diagnostics: Sequence[Diagnostic]) -> Counter[str]:
    """Return the number of each severity, and under `allowed` the number that the files allow."""
    return Counter(d.severity if d.allowed is None else "allowed" for d in diagnostics)


# --- for people ---


def text(
    diagnostics: Sequence[Diagnostic],
    *,
    verbose: bool,
    paint: Paint,
    count: int | None = None,
    width: int | None = None,
) -> list[str]:
    """Return lines for people: each finding with its location, the reason and a fix; then a summary.

    The summary ends with the commands that fix findings and explain them.

    If a rule has several findings in one file, the first is shown in full, and only the lines of the others.

    Args:
        diagnostics: what was found.
        verbose: show all of them in full, and those that the files allow.
        paint: colors text: (text, red, yellow, dim, bold or None).
        count: how many migrations were checked, for the summary.
        width: of the terminal, for source lines and reasons; None if there is none.
    """
    page = _Page(paint, width)
    lines: list[str] = []
    open_ones = [d for d in diagnostics if d.allowed is None]
    if verbose:
        for found in diagnostics:
            is_open = found.allowed is None
            shown = _finding(found, page) if is_open else _allowed(found, paint)
            lines += [*shown, ""]
    else:
        for found, *others in _grouped(open_ones):
            if found.severity != "info":
                lines += [*_finding(found, page, others), ""]
        infos = [group for group in _grouped(open_ones) if group[0].severity == "info"]
        lines += [line for group in infos for line in _brief(group)]
        lines += [""] if infos else []
    lines += [paint(_summary(diagnostics, count), "bold"), *_next_steps(open_ones)]
    return lines


class _Page(NamedTuple):
    """How findings are printed; the fields are arguments of `text`."""

    paint: Paint
    width: int | None


def brief(diagnostics: Sequence[Diagnostic], *, verbose: bool) -> list[str]:
    """Return a line for each error and warning that no file allows, for a command that is not `lint`.

    A rule that has more than two in a file has one line. Of many warnings, the newest are shown.

    Args:
        diagnostics: what was found.
        verbose: show all.
    """
    groups = _grouped(d for d in diagnostics if d.severity != "info" and d.allowed is None)
    errors = [group for group in groups if group[0].severity == "error"]
    warnings = [group for group in groups if group[0].severity == "warning"]
    shown = warnings if verbose else warnings[-_LISTED:]
    hidden = sum(map(len, warnings)) - sum(map(len, shown))
    more = [f"{plural(hidden, 'more warning')}; `d1migrate lint --all` shows all"] if hidden else []
    return [line for group in (*errors, *shown) for line in _brief(group)] + more


def _grouped(diagnostics: Iterable[Diagnostic]) -> list[list[Diagnostic]]:
    """Group the findings of one rule in one file; an error or warning with a fix of its own stays alone."""
    groups: dict[tuple[object, ...], list[Diagnostic]] = {}
    for at, found in enumerate(diagnostics):
        alone = at if found.fix and found.severity != "info" else -1
        groups.setdefault((found.file, found.code, alone), []).append(found)
    return list(groups.values())


def _brief(group: Sequence[Diagnostic]) -> Iterator[str]:
    """Yield a line for each finding of a group, or one for more than two."""
    total = len(group) if len(group) > 2 else 1
    for found in group[:1] if total > 1 else group:
        yield f"{found.severity}[{found.code}] {_place(found)}: {clean_line(summed(found.message, total))}"


def _others(others: Sequence[Diagnostic]) -> Iterator[str]:
    """Yield a line for each further finding of a rule in a file, up to a limit."""
    shown = [d for at, d in enumerate(others) if at < _LISTED or d.severity == "error"]
    for found in shown:
        yield f"  also line {found.line}: {clean_line(found.message)}"
    if len(shown) < len(others):
        yield f"  and {len(others) - len(shown)} more; --verbose shows all"


def _summary(diagnostics: Sequence[Diagnostic], count: int | None) -> str:
    counts = _counts(diagnostics)
    parts = [plural(counts[severity], noun) for severity, noun in _NOUNS.items() if counts[severity]]
    checked = f" in {plural(count, 'migration')}" if count is not None else ""
    allowed = f" ({counts['allowed']} allowed)" if counts["allowed"] else ""
    return f"{', '.join(parts) or 'no findings'}{checked}{allowed}"


def _next_steps(open_ones: Sequence[Diagnostic]) -> Iterator[str]:
    """Yield the command that fixes what can be fixed, and the one that explains the worst finding."""
    fixable = [d for d in open_ones if d.is_fixable]
    if len({d.file for d in fixable}) > _LISTED:
        yield f"fix {len(fixable)}: `d1migrate lint --fix`"
    elif fixable:
        yield f"fix {len(fixable)}: {clean_line(fix_command(fixable) or '')}"
    if open_ones:
        worst = min(open_ones, key=lambda d: SEVERITIES.index(d.severity))
        yield f"explain one: `d1migrate explain {worst.code}`"


def _finding(found: Diagnostic, page: _Page, others: Sequence[Diagnostic] = ()) -> Iterator[str]:
    paint, width = page
    color = _COLORS[found.severity]
    kind = paint(f"{found.severity}[{found.code}]", color)
    yield f"{kind} {paint(found.name, 'bold')}: {clean_line(found.message)}"
    yield f"{paint(' -->', 'dim')} {_place(found)}"
    yield from _excerpt(found, color, paint, width)
    yield from _others(others)
    if found.why:
        yield from wrap(
            clean_line(found.why), min(_WIDTH, width or _WIDTH), initial_indent="  why: ",
            subsequent_indent=" " * 7, break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
    if found.fix:
        yield "  fix:"
        yield from indent(clean(found.fix), " " * 4).split("\n")
    if fix := fix_command([found]):
        yield f"  or run: {clean_line(fix)}"


def _allowed(found: Diagnostic, paint: Paint) -> Iterator[str]:
    yield paint(f"allowed[{found.code}] {found.name}: {clean_line(found.message)}", "dim")
    yield paint(f" --> {_place(found)}", "dim")
    yield paint(f"  reason: {clean_line(found.allowed or '')}", "dim")


def _excerpt(found: Diagnostic, color: str | None, paint: Paint, width: int | None) -> Iterator[str]:
    """Yield the source line and a caret under the column; for a long line only the part around it."""
    source, at = found.source, found.column - 1
    if source is None:
        return
    number = str(found.line)
    window = _WINDOW if width is None else max(20, min(_WINDOW, width - len(f"{number} | ……")))
    start = max(0, at - window // 2) if len(source) > window else 0
    end = start + window
    head = "…" if start else ""
    shown = head + clean_line(source[start:end], tabs=True) + ("…" if end < len(source) else "")
    yield paint(f"{number} | ", "dim") + shown.rstrip()
    if at <= len(source):
        pad = _pad(head + clean_line(source[start:at], tabs=True))
        yield paint(f"{' ' * len(number)} | ", "dim") + pad + paint("^", color)


def _pad(before: str) -> str:
    """Return white space as wide as text is on a terminal; tabs are kept."""
    from unicodedata import combining, east_asian_width

    widths = (
        (c, 2 if east_asian_width(c) in "WF" else 0 if combining(c) or c == "\N{ZERO WIDTH JOINER}" else 1)
        for c in before
    )
    return "".join("\t" if c == "\t" else " " * width for c, width in widths)


def _place(found: Diagnostic) -> str:
    return f"{clean_line(found.file)}:{found.line}:{found.column}"


# --- for programs ---


def lint(diagnostics: Sequence[Diagnostic], platform: Platform) -> checks.Lint:
    """Return what `lint --json` prints."""
    return {"platform": platform.name, **values(diagnostics)}


def values(diagnostics: Sequence[Diagnostic]) -> checks.Findings:
    """Return the JSON; a finding that a file allows counts as `allowed` only, with its reason."""
    counts = _counts(diagnostics)
    return {
        "errors": counts["error"],
        "warnings": counts["warning"],
        "infos": counts["info"],
        "allowed": counts["allowed"],
        "diagnostics": [finding(found) for found in diagnostics],
    }


def finding(found: Diagnostic) -> checks.Finding:
    """Return one finding as JSON."""
    return {
        "code": found.code,
        "rule": found.name,
        "severity": found.severity,
        "message": found.message,
        "file": found.file,
        "line": found.line,
        "column": found.column,
        "why": found.why,
        "fix": found.fix,
        "allow_reason": found.allowed,
        "total": found.total,
    }


def github(diagnostics: Sequence[Diagnostic]) -> list[str]:
    """Return workflow commands that create annotations, one for each group, without allowed findings."""
    return [_annotation(*group) for group in _grouped(d for d in diagnostics if d.allowed is None)]


def _annotation(found: Diagnostic, *others: Diagnostic) -> str:
    properties = {
        "file": clean(found.file),
        "line": str(found.line),
        "col": str(found.column),
        "title": f"{found.code} {found.name}",
    }
    written = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    message = "\n".join([clean(found.message), *_others(others), *([clean(found.why)] if found.why else [])])
    return f"::{_ANNOTATIONS[found.severity]} {written}::{_data(message)}"


def _data(text: str) -> str:
    """Escape the message of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escape a property of a workflow command."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")


# --- SARIF 2.1.0 ---


def sarif(diagnostics: Sequence[Diagnostic], version: str, platform: Platform = D1) -> dict[str, Any]:
    """Return a SARIF log of one run, with the rules that found something.

    Args:
        diagnostics: what was found.
        version: of d1migrate.
        platform: where the migrations are to run.
    """
    codes = sorted({found.code for found in diagnostics})
    driver = {
        "name": "d1migrate",
        "semanticVersion": version,
        "rules": [_rule(_RULES[code], platform) for code in codes],
    }
    seen: Counter[tuple[str, str]] = Counter()
    results = []
    for found in diagnostics:
        fingerprint = _fingerprint(found)
        seen[found.file, fingerprint] += 1
        results.append(
            _result(found, codes.index(found.code), f"{fingerprint}:{seen[found.file, fingerprint]}")
        )
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule, platform: Platform) -> dict[str, Any]:
    page, why = rule.page, rule.why(platform)
    plain = [f"{title}:\n{indent(sql, '    ')}" for title, sql in page.examples]
    fenced = [f"{title}:\n\n```sql\n{sql}\n```" for title, sql in page.examples]
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": page.title},
        "fullDescription": {"text": why},
        "help": {
            "text": "\n\n".join([page.title, why, *plain]),
            "markdown": "\n\n".join([page.title, why, *fenced]),
        },
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(found: Diagnostic, index: int, fingerprint: str) -> dict[str, Any]:
    allowed = [] if found.allowed is None else [{"kind": "inSource", "justification": found.allowed}]
    region = {"startLine": found.line, "startColumn": found.column}
    return {
        "ruleId": found.code,
        "ruleIndex": index,
        "level": _LEVELS[found.severity],
        "message": {"text": found.message},
        "locations": [
            {"physicalLocation": {"artifactLocation": {"uri": _uri(found.file)}, "region": region}}
        ],
        "partialFingerprints": {"primaryLocationLineHash": fingerprint},
        "suppressions": allowed,  # the standard requires it on all results or on none
    }


def _fingerprint(found: Diagnostic) -> str:
    """Return what identifies a finding after lines were inserted above it."""
    facts = (found.code, found.message, " ".join((found.source or "").split()))
    return sha256("\n".join(facts).encode(errors="surrogateescape")).hexdigest()[:16]


def _uri(file: str) -> str:
    """Return the path as a URI; a relative path is relative to the working directory."""
    from pathlib import PurePath
    from urllib.parse import quote

    path = PurePath(file)
    if path.is_absolute():
        return path.as_uri()
    return quote(path.as_posix().encode(errors="surrogateescape"))
