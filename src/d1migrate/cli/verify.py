"""`verify`: files against history, and the live schema against what the files build."""

from __future__ import annotations

from collections import Counter

from d1migrate.cli.next_step import adoption, next_step
from d1migrate.cli.options import FOUND, DraftOptions
from d1migrate.errors import UsageError
from d1migrate.named_tuple import NamedTuple
from d1migrate.report import differences, values
from d1migrate.report.text import clean_line, plural, state_of, state_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.migrate.flows.verify import Verification
    from d1migrate.migrator import Migrator


class Options(NamedTuple):
    """The options of `verify`."""

    check: bool = False
    fix: Literal["files", "live"] | None = None
    rename: tuple[str, ...] = ()
    backfill: tuple[str, ...] = ()
    allow_drop: tuple[str, ...] = ()
    confirm: str | None = None


def run(options: Options, project: Project, output: Output) -> int:
    """Compare, or draft the SQL that removes the differences."""
    if options.fix:
        from d1migrate.cli import verify_fix

        draft = DraftOptions(options.rename, options.backfill, options.allow_drop)
        return verify_fix.run(options.fix, draft, options.confirm, project, output)
    if options.rename or options.backfill or options.allow_drop:
        raise UsageError(
            "--rename, --backfill and --allow-drop are for --fix",
            hint="`--fix files` prints SQL for the live schema, `--fix live` writes a migration",
        )
    migrator = project.migrator()
    with output.working("comparing files, history and schema"):
        found = migrator.verify()
    if output.as_json:
        output.print_json(values.verification(found))
    else:
        _print(found, output)
        for step in _next_steps(found, migrator, project):
            output.hint(step)
    return FOUND if options.check and not found.ok else 0


def _print(found: Verification, output: Output) -> None:
    for entry in found.entries:
        if entry.state != "applied":
            output.print(f"{clean_line(entry.name)}: {state_words(state_of(entry))}")
    if found.gaps:
        output.print(f"no file for number {', '.join(map(str, found.gaps))}")
    if found.not_compared:
        output.print(f"schema not compared: {clean_line(found.not_compared)}", wrap=True)
    for line in differences.lines(found.differences, differences.DRIFT, output.paint):
        output.print(line)
    output.print_problems(found.problems)
    output.print(_summary(found), wrap=True)


def _summary(found: Verification) -> str:
    """Return one line: how many files agree with the history, and whether the schema is what they build."""
    if found.ok and not found.pending:
        return "files, history and schema agree"
    counts = Counter(map(state_of, found.entries))
    agreeing = counts.pop("applied", 0)
    files = [f"{plural(agreeing, 'migration')} {'agrees' if agreeing == 1 else 'agree'}"]
    files += [f"{count} {state_words(state)}" for state, count in counts.items()]
    schema = "schema agrees"
    if found.not_compared:
        schema = "schema not compared"
    elif found.differences:
        schema = f"schema: {plural(len(found.differences), 'difference')}"
    problems = [plural(len(found.problems), "problem")] if found.problems else []
    return "; ".join([", ".join(files), schema, *problems])


def _next_steps(found: Verification, migrator: Migrator, project: Project) -> Iterator[str]:
    """Yield what to do about what was found, in that order; problems say that themselves."""
    if step := next_step(found.entries, project):
        yield step  # the differences may be those of an edited file
        return
    if found.differences and (step := adoption(found.entries, migrator, project)):
        yield step
        return
    if found.pending:
        yield f"{len(found.pending)} pending: run `d1migrate up`"
    if found.differences:
        yield (
            f"{'then ' if found.pending else ''}`d1migrate verify --fix files` prints SQL that makes the live"
            " schema match the files; `d1migrate verify --fix live` writes a migration that makes the files"
            " match the live schema"
        )
