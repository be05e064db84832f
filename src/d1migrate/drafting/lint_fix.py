"""`lint --fix`: rewrite unsafe rebuilds, and check that the result loses nothing; add a missing last `;`.

It also adds the directive that lets a statement run in chunks, if it is too much for one batch.
"""

from __future__ import annotations

import difflib
import re

from d1migrate.drafting.breakpoints import with_breakpoints
from d1migrate.drafting.rebuild_rewriter import Edit, edits
from d1migrate.errors import Error, PlanError
from d1migrate.lint.check import FIXABLE, check, failing
from d1migrate.lint.platform import D1
from d1migrate.lint.replay.replayer import Replayer
from d1migrate.migrate.migration import Migration
from d1migrate.named_tuple import NamedTuple
from d1migrate.rehearse import rehearse
from d1migrate.schema.cost import DEFAULT_BUDGET
from d1migrate.schema.model import Schema
from d1migrate.sql.names import fold, is_helper
from d1migrate.sql.split import split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.lint.check import Diagnostic
    from d1migrate.lint.platform import Platform, Target

_ABOUT_ROWS = ("X101", "X102", "X103", "X108", "X110")  # the rollback, X107, is not rewritten
LOSING = ("D101", "D102")
"""The findings that a guarded rebuild resolves; a `;` resolves the others."""


class FixedFile(NamedTuple):
    """A file with a finding that can be fixed, and its fix.

    Attributes:
        migration: the file.
        text: its fixed text, with the same line ends and byte order mark; None if it cannot be fixed.
        why_not: why it cannot be fixed, or "".
    """

    migration: Migration
    text: str | None
    why_not: str = ""

    def diff(self, raw: str) -> list[str]:
        """Return a unified diff, line by line; `raw` is the content of the file."""
        file = self.migration.file
        found = difflib.unified_diff(_lines(raw), _lines(self.text or raw), file, file, lineterm="")
        return list(found)


def fix(
    migrations: Sequence[Migration],
    only: Sequence[Migration],
    raw: Mapping[str, str],
    *,
    base: Schema | None = None,
    severities: Mapping[str, str] | None = None,
    platform: Platform = D1,
    budget: int | None = DEFAULT_BUDGET,
    target: Target | None = None,
) -> list[FixedFile]:
    """Rewrite rebuilds that lose rows, end last statements with `;`, and let what is too big run in chunks.

    Each rewritten rebuild is checked together with the fixes before it.

    Args:
        migrations: the files that run on `base`, in order.
        only: the files that may be rewritten.
        raw: {name: the content of the file, with its line ends} of these.
        base: the schema before them; an empty one by default.
        severities: as for `lint`.
        platform: as for `lint`.
        budget: the most entries that a rewritten rebuild may write in one batch; None: any number.
        target: as for `lint`.
    """
    before, found = list[Migration](), list[FixedFile]()
    replayer = Replayer(base, platform=platform, target=target)
    for migration in migrations:
        try:
            replayed = replayer.replay(migration)
        except Error:  # the linter reports it
            replayer.give_up_on(migration)
            before.append(migration)
            continue
        fixable = _fixable(replayed, severities) if migration in only else []
        if fixable:
            fixed = _fixed(replayed, fixable, raw[migration.name], before, base, severities, budget)
            found.append(fixed)
            if fixed.text is not None:
                migration = _with(migration, fixed.text)
        before.append(migration)
    return found


def _fixable(replayed: AnalyzedReplay, severities: Mapping[str, str] | None) -> list[Diagnostic]:
    found = [d for d in check(replayed, severities) if d.code in FIXABLE and d.allowed is None]
    return [d for d in found if d.code != "P114" or d.fix]  # not every statement can be cut


def _fixed(
    replayed: AnalyzedReplay,
    fixable: Sequence[Diagnostic],
    raw: str,
    before: Sequence[Migration],
    base: Schema | None,
    severities: Mapping[str, str] | None,
    budget: int | None,
) -> FixedFile:
    migration = replayed.migration
    try:
        if migration.is_large:
            raise PlanError("files that are larger than 1 MiB, or not UTF-8, are not rewritten")
        lines = {d.line for d in fixable if d.code in LOSING}
        if not lines:
            return FixedFile(
                migration, _terminated(_applied(raw, migration.text, _directives(migration, fixable)))
            )
        flagged = {statement.index for statement in replayed.of("drop table") if statement.line in lines}
        intended = _as_intended(replayed)
        text = with_breakpoints(_terminated(_applied(raw, migration.text, edits(intended, flagged, budget))))
        _check(_with(migration, text), intended, before, base, severities)
    except Error as error:
        return FixedFile(migration, None, str(error))
    return FixedFile(migration, text)


def _directives(migration: Migration, fixable: Sequence[Diagnostic]) -> list[Edit]:
    """Return the edits that add directives above the statements that are too much for one batch."""
    lines = migration.text.splitlines(keepends=True)
    places = {d.fix: sum(map(len, lines[: d.line - 1])) for d in fixable if d.code == "P114"}
    return [Edit(place, place, f"{line}\n") for line, place in places.items()]


def _terminated(text: str) -> str:
    """Return the text of a file with a `;` after its last statement."""
    *_, last = split(text)
    if last.is_terminated or not last.sql:
        return text
    end = last.start + last.body + len(last.sql)
    return f"{text[:end]};{text[end:]}"


def _as_intended(replayed: AnalyzedReplay) -> AnalyzedReplay:
    """Return the file as it would run without the views and triggers elsewhere that block a RENAME.

    They do not matter, because the rewritten file creates the table under its final name.
    """
    renames = [statement for statement in replayed.statements if statement.verb == "alter table"]
    if not any(statement.refusal for statement in renames):
        return replayed
    own = {statement.shape.name for statement in (*replayed.of("drop table"), *renames)}
    schema = replayed.before.schema
    tables = (t if fold(t.name) in own else t._replace(triggers=()) for t in schema.tables)
    return Replayer(Schema(tuple(tables)), platform=replayed.platform).replay(replayed.migration, probe=False)


def _check(
    fixed: Migration,
    intended: AnalyzedReplay,
    before: Sequence[Migration],
    base: Schema | None,
    severities: Mapping[str, str] | None,
) -> None:
    """Raise PlanError if the linter finds an error, or a rehearsal a loss."""
    replayer = Replayer(base, platform=intended.platform)
    for migration in before:
        replayer.replay(migration, probe=False)
    replayed = replayer.replay(fixed)
    errors = [d for d in check(replayed, severities) if failing([d])]
    if errors:
        raise PlanError(f"rewritten, it would still have {errors[0].code}: {errors[0].message}")
    tables, wanted = replayed.after.tables, intended.after.tables
    left = [name for name in (*tables, *replayed.after.owners) if is_helper(name)]
    if left or tables.keys() != wanted.keys():
        raise PlanError("rewritten, it would not leave the same tables")
    (*_, done) = rehearse(
        [*before, fixed], base, severities=severities, platform=intended.platform
    ).migrations
    bad = [
        d.message for d in done.diagnostics if d.code in _ABOUT_ROWS or (failing([d]) and d.code != "X107")
    ]
    if done.name != fixed.name or bad:
        raise PlanError(f"rewritten, it would not pass a rehearsal: {bad[0] if bad else done.verdict}")


def _with(migration: Migration, text: str) -> Migration:
    """Return a migration with another text, as it would be read from its file."""
    read = text.removeprefix("\ufeff").replace("\r\n", "\n")
    crlf = migration.has_crlf
    return Migration(migration.version, migration.name, read, file=migration.file, has_crlf=crlf)


_CRLF = re.compile("\r\n")


def _applied(raw: str, text: str, changes: Sequence[Edit]) -> str:
    """Return the content of a file after edits, whose places count in the text as it was read.

    Raises:
        PlanError: the content is not what was read.
    """
    mark = len(raw) - len(raw.removeprefix("\ufeff"))
    if raw[mark:].replace("\r\n", "\n") != text:
        raise PlanError("its line endings are mixed, or it changed in the meantime")
    ends = [match.start() - place for place, match in enumerate(_CRLF.finditer(raw[mark:]))]
    newline = "\r\n" if ends else "\n"
    found, at = [raw[:mark]], 0

    def place(offset: int) -> int:
        return mark + offset + sum(end < offset for end in ends)

    for change in sorted(changes):
        found += [raw[place(at) : place(change.start)], change.text.replace("\n", newline)]
        at = max(at, change.end)
    return "".join([*found, raw[place(at) :]])


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").splitlines()
