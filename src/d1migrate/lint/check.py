"""The list of rules, and the Diagnostics they produce, with the `allow`s of the file applied."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache, lru_cache

from d1migrate.errors import LimitExceeded, ParseError
from d1migrate.lint.platform import D1
from d1migrate.lint.rule import Finding, Rule
from d1migrate.lint.rules import (
    add_column,
    autoincrement,
    big_tables,
    broken_objects,
    d1_refusals,
    deploy,
    directives,
    drop_cascades,
    dropped_data,
    foreign_keys,
    indexes,
    migration_file,
    names_and_quotes,
    new_constraints,
    pragmas,
    production,
    rebuild_objects,
    rebuild_rows,
    repeatability,
    replace,
    rollback,
    table_definitions,
    trigger_text,
    triggered_changes,
    update_everything,
)
from d1migrate.lint.rules.found_elsewhere import FOUND_ELSEWHERE
from d1migrate.migrate.directives import Allowances
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from d1migrate.errors import SourceError
    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.lint.platform import Platform
    from d1migrate.lint.replay.model import Replay, ReplayedStatement
    from d1migrate.lint.rule import Severity
    from d1migrate.migrate.migration import Migration

FAMILIES = (
    add_column,
    autoincrement,
    big_tables,
    broken_objects,
    d1_refusals,
    deploy,
    directives,
    drop_cascades,
    dropped_data,
    foreign_keys,
    indexes,
    migration_file,
    names_and_quotes,
    new_constraints,
    pragmas,
    production,
    rebuild_objects,
    rebuild_rows,
    repeatability,
    replace,
    rollback,
    table_definitions,
    trigger_text,
    triggered_changes,
    update_everything,
)
"""Every module of `rules` with checks. A new one is added here."""

RULES: tuple[Rule, ...] = tuple(
    sorted(
        [value for family in FAMILIES for value in vars(family).values() if isinstance(value, Rule)]
        + [*FOUND_ELSEWHERE]
    )
)
_BY_CODE = {rule.code: rule for rule in RULES}
SEVERITIES = ("error", "warning", "info", "off")
FIXABLE = ("D101", "D102", "P104", "P114")
"""Rules whose findings `lint --fix` resolves, if they have a fix."""


class Diagnostic(NamedTuple):
    """A finding of a rule, with its place in a file.

    Attributes:
        code: the code of the rule, which never changes.
        severity: error, warning or info, as configured.
        message: what was found, with the names involved.
        file, line, column: the place; lines and columns count from 1.
        source: the text of the line, or None if the finding is about the whole file.
        why: why it matters where the file is to run.
        fix: SQL to use instead, or None.
        allowed: the reason for which the file allows it, or None.
        total: how many findings it represents; it describes the first.
    """

    code: str
    severity: Severity
    message: str
    file: str
    line: int
    column: int = 1
    source: str | None = None
    why: str = ""
    fix: str | None = None
    allowed: str | None = None
    total: int = 1

    @property
    def name(self) -> str:
        """The rule's name for people."""
        return _BY_CODE[self.code].name

    @property
    def is_fixable(self) -> bool:
        """Whether `lint --fix` may resolve it."""
        return self.code in FIXABLE and self.fix is not None and self.allowed is None


def severity_of(code: str, configured: Mapping[str, str]) -> str:
    """Return the severity configured for a rule's code, or for its letter, or its default."""
    return configured.get(code) or configured.get(code[0]) or _BY_CODE[code].severity


@cache
def _enabled(
    configured: tuple[tuple[str, str], ...], platform: Platform, *, infos: bool
) -> list[tuple[Rule, str]]:
    """Return the rules that are about a platform and not off, with their severities."""
    rules = (rule for rule in RULES if rule.applies_to(platform))
    severities = ((rule, severity_of(rule.code, dict(configured))) for rule in rules)
    wanted = SEVERITIES[: 3 if infos else 2]
    return [(rule, severity) for rule, severity in severities if severity in wanted]


@lru_cache(maxsize=256)
def _asked(
    configured: tuple[tuple[str, str], ...], platform: Platform, verbs: frozenset[str], *, infos: bool
) -> list[tuple[Rule, str]]:
    """Return the enabled rules that may find something in a file with these verbs."""
    return [
        (rule, severity)
        for rule, severity in _enabled(configured, platform, infos=infos)
        if rule.function and (not rule.on or not verbs.isdisjoint(rule.on))
    ]


def check(
    replay: AnalyzedReplay, configured: Mapping[str, str] | None = None, *, infos: bool = True
) -> tuple[Diagnostic, ...]:
    """Return what the rules find in a migration, by line.

    Args:
        replay: the migration.
        configured: {code or letter: severity, or "off"}.
        infos: apply the rules whose severity is info, too, and look for an `allow` that matches no finding.
    """
    configured = configured or {}
    found: list[Diagnostic] = []
    allowances = Allowances(replay.directives)
    for rule, severity in _asked(tuple(configured.items()), replay.platform, replay.verbs, infos=infos):
        findings = [
            (f, allowances.reason_for(rule.code, f.statement.index if f.statement else None))
            for f in rule.check(replay)
        ]
        if not findings:
            continue
        counts = Counter(allowed for _, allowed in findings) if rule.summed else {}
        for finding, allowed in findings:
            count = counts.get(allowed, 1)
            if count:
                found.append(_diagnostic(replay, rule, severity, finding, allowed, count))  # type: ignore[arg-type]
            if rule.summed:
                counts[allowed] = 0
    if infos:
        found += _unused(replay, allowances.used, configured)
    return tuple(sorted(found, key=lambda d: (d.line, d.column, d.code)))


def diagnose(
    replay: Replay,
    code: str,
    finding: Finding,
    configured: Mapping[str, str],
    *,
    predicted_by: Sequence[str] = (),
) -> Diagnostic | None:
    """Return the Diagnostic for a finding of other code than a rule, such as a rehearsal; None if it is off.

    Args:
        replay: the migration.
        code: the code of its rule.
        finding: what was found.
        configured: {code or letter: severity, or "off"}.
        predicted_by: codes of rules that predict it: an `allow` for one of them also allows this finding.
    """
    severity = severity_of(code, configured)
    if severity == "off":
        return None
    reasons = (d.reason for d in replay.directives if d.reason and {code, *predicted_by} & set(d.codes))
    return _diagnostic(replay, _BY_CODE[code], severity, finding, next(reasons, None))  # type: ignore[arg-type]


def _unused(
    replay: Replay, used: set[tuple[int, str]], configured: Mapping[str, str]
) -> Iterable[Diagnostic]:
    rule, severity = _BY_CODE["H110"], severity_of("H110", configured)
    if severity == "off":
        return
    for directive in replay.directives:
        for code in directive.codes if directive.reason else ():
            if code in _BY_CODE and not _is_asked(_BY_CODE[code], replay.platform, configured):
                continue
            if (directive.line, code) not in used and not code.startswith(
                "X"
            ):  # only a rehearsal finds these
                known = "" if code in _BY_CODE else ": there is no such rule"
                finding = Finding(f"allow={code} allows nothing{known}", line=directive.line)
                yield _diagnostic(replay, rule, severity, finding, None)  # type: ignore[arg-type]


def _is_asked(rule: Rule, platform: Platform, configured: Mapping[str, str]) -> bool:
    return rule.applies_to(platform) and severity_of(rule.code, configured) != "off"


def _diagnostic(
    replay: Replay,
    rule: Rule,
    severity: Severity,
    finding: Finding,
    allowed: str | None,
    count: int = 1,
) -> Diagnostic:
    if finding.statement is not None:
        line, column, source = _place(replay.migration, finding.statement, finding.offset)
    else:
        line, column, source = finding.line or 1, 1, None
    return Diagnostic(
        rule.code,
        severity,
        summed(finding.message, count),
        finding.file or replay.migration.file,
        line,
        column,
        source,
        rule.why(replay.platform),
        finding.fix,
        allowed,
        count,
    )


def summed(message: str, count: int) -> str:
    """Return the message of the first of several findings, with the number of the others."""
    return f"{message}, and {count - 1} more" if count > 1 else message


def _place(migration: Migration, statement: ReplayedStatement, offset: int) -> tuple[int, int, str]:
    """Return line, column and source line for an offset in a statement's SQL."""
    before, source = statement.sql[:offset], statement.source
    down = before.count("\n")
    if migration.is_large:
        lead = source.text[: source.body]
        shift = len(lead) - lead.rfind("\n") - 1 if down == 0 else 0
        return source.line + down, shift + len(before) - before.rfind("\n"), statement.sql.split("\n")[down]
    text, at = migration.text, source.start + source.body + offset
    begin = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    return source.line + down, at - begin + 1, text[begin : end if end >= 0 else len(text)]


def unreadable(
    migration: Migration, error: SourceError | LimitExceeded, platform: Platform = D1
) -> Diagnostic:
    """Return the Diagnostic for a file that cannot be replayed."""
    rule = _BY_CODE["R109" if isinstance(error, LimitExceeded) else error.rule]
    found = re.match(rf"{re.escape(migration.file)}:(?:(\d+):)? ?", str(error.args[0]))
    message = str(error.args[0])[found.end() :] if found else str(error.args[0])
    file, line, column, source = migration.file, int(found[1]) if found and found[1] else 1, 1, None
    if isinstance(error, ParseError):
        file, line, column = error.file, error.line, error.column
        in_text = error.file == migration.file and not migration.is_large
        source = migration.text.split("\n")[line - 1] if in_text else error.source
    return Diagnostic(
        rule.code,
        rule.severity,
        message,
        file,
        line,
        column,
        source,
        rule.why(platform),
        error.hint,
    )


def failing(diagnostics: Sequence[Diagnostic], *, strict: bool = False) -> bool:
    """Whether there is an error, or with `strict` a warning, that its file does not allow."""
    bad = ("error", "warning") if strict else ("error",)
    return any(d.severity in bad and d.allowed is None for d in diagnostics)
