"""What a command prints: data on stdout, messages on stderr. Only this module prints, and asks a person.

How a value reads, as text or as JSON, belongs in `report`.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, nullcontext, suppress

from d1migrate.errors import AmbiguousError, ApplyError, Error, UsageError
from d1migrate.report.text import clean, clean_line, color, json_line, json_text, printed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from typing import Any

    from d1migrate.migrate.flows.leftovers import Problem
    from d1migrate.report.status_line import StatusLine


class LostOutput(Exception):
    """Stdout refused the data; `error` is the reason."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


class Output:
    """The two streams of a command, as its flags want them.

    Args:
        as_json: print data as JSON.
        quiet: print data and errors only.
        verbose: print all details.
        flags: {name: value} of the options that say which project and database; command lines in messages
            get them.
    """

    def __init__(
        self,
        *,
        as_json: bool = False,
        quiet: bool = False,
        verbose: bool = False,
        flags: Mapping[str, str] | None = None,
    ) -> None:
        self.as_json, self.quiet, self.verbose = as_json, quiet, verbose
        self._flags = flags
        self._status_line: StatusLine | None = None

    # --- data ---

    def print(self, lines: str | Sequence[str], *, wrap: bool = False) -> None:
        """Print lines for people; an empty list prints nothing.

        Args:
            lines: a text, or its lines.
            wrap: whether lines that are wider than the terminal are wrapped, except for indented ones.

        Raises:
            LostOutput: nothing reads stdout, or it cannot be written. So do all methods that print data.
        """
        if lines or isinstance(lines, str):
            text = self.with_flags(lines if isinstance(lines, str) else "\n".join(lines))
            if wrap:
                text = _wrapped(text, self.width)
            with _stdout():
                print(printed(text, colored=_colored(sys.stdout)))

    def print_data(self, text: str) -> None:
        """Print text for a file or a program: unchanged, unless a terminal shows it."""
        with _stdout():
            print(printed(text, colored=False) if sys.stdout.isatty() else text)

    def print_path(self, path: str) -> None:
        """Print the path of a file that was written, unless the file is stdout itself."""
        from d1migrate.project import disk

        if not disk.is_stdout(path):
            self.print(path)

    def print_json(self, value: Mapping[str, object]) -> None:
        """Print data as JSON: an object, after the number of its format. `report.shapes` has each shape."""
        with _stdout():
            print(json_text({"format": 1, **value}))

    def print_json_rows(self, value: Mapping[str, object], key: str, rows: Iterable[object]) -> None:
        """Print such an object whose last key has many rows, each in a line as soon as it is known.

        If `rows` raises, nothing is printed, or an object with the rows before.
        """
        head = json_text({"format": 1, **value}).removesuffix("\n}")
        before = opening = f'{head},\n  "{key}": ['
        try:
            for row in rows:
                self._print_part(f"{before}\n    {json_line(row)}")
                before = ","
        finally:
            if before is not opening:
                self._print_part("\n  ]\n}\n")
        if before is opening:
            self._print_part(f"{opening}]\n}}\n")

    @staticmethod
    def _print_part(text: str) -> None:
        with _stdout():
            print(text, end="")

    @property
    def width(self) -> int | None:
        """How many columns the terminal has that shows the data; None if it is no terminal."""
        return _width(sys.stdout)

    def paint(self, text: str, name: str | None) -> str:
        """Color text for stdout, on a terminal without NO_COLOR."""
        return color(text, name, on=_colored(sys.stdout))

    def print_problems(self, found: Sequence[Problem]) -> None:
        """Print what is wrong with a database, as the data of a command that reads it."""
        self.print(_problem_lines(found, on=_colored(sys.stdout)), wrap=True)

    def flush(self) -> None:
        """Write all data that is still buffered."""
        with _stdout():
            sys.stdout.flush()

    def with_flags(self, text: str) -> str:
        """Return a text, with the flags of this run in each of its command lines."""
        if not self._flags or "`d1migrate " not in text:
            return text
        from d1migrate.cli.command_lines import in_text

        return in_text(text, self._flags)

    # --- messages ---

    def note(self, line: str) -> None:
        """Print a line to stderr, unless --quiet. A closed stderr is no reason to stop a migration."""
        if not self.quiet:
            self._print_error(self.with_flags(line))

    def hint(self, step: str) -> None:
        """Print what to do next to stderr, unless --quiet."""
        self.note(f"hint: {step}")

    def warn(self, message: str) -> None:
        """Print a warning to stderr, unless --quiet."""
        self.note(f"warning: {message}")

    def note_sql(self, sql: str) -> None:
        """Print a statement that is sent."""
        self._print_error(f"{sql};", wrap=False)

    def warn_of_problems(self, found: Sequence[Problem]) -> None:
        """Print what is wrong with a database after a command changed it: to stderr, even with --quiet."""
        if lines := _problem_lines(found, on=_colored(sys.stderr)):
            self._print_error(self.with_flags("\n".join(lines)))

    def fail(self, error: Error) -> None:
        """Print an error, its hint, and what was and was not applied."""
        error.hint = error.hint and self.with_flags(error.hint)
        message = self.with_flags(clean(str(error)))
        lines = [color("error: ", "red", on=_colored(sys.stderr)) + message]
        if isinstance(error, ApplyError):
            lines += _apply_lines(error)
        lines += usage.split("\n") if isinstance(error, UsageError) and (usage := error.usage) else []
        if error.hint:
            lines.append(f"hint: {clean(error.hint)}")
        self._print_error("\n".join(lines))
        if self.as_json:
            from d1migrate.report import errors

            self.print_json({"error": errors.value(error)})

    @property
    def shows_progress(self) -> bool:
        """Whether progress bars are wanted: on a terminal, unless --quiet."""
        return bool(sys.stderr) and sys.stderr.isatty() and not self.quiet

    def working(self, what: str) -> AbstractContextManager[None]:
        """Show on a terminal what is being done, if that takes long."""
        if not self.shows_progress:
            return nullcontext()
        if self._status_line is None:
            from d1migrate.report.status_line import StatusLine

            self._status_line = StatusLine(sys.stderr)
        return self._status_line.showing(clean_line(what), _width(sys.stderr) or 80)

    def _print_error(self, text: str, *, wrap: bool = True) -> None:
        if self._status_line:
            self._status_line.erase()
        if wrap:
            text = _wrapped(text, _width(sys.stderr))
        with suppress(OSError):
            sys.stdout.flush()  # what was printed before appears before, also where both are one pipe
        with suppress(OSError):
            print(printed(text, colored=_colored(sys.stderr)), file=sys.stderr, flush=True)

    # --- questions ---

    def ask(self, question: str, *, default: str = "") -> str | None:
        """Return a line typed on the terminal, or None if there is no terminal.

        An empty line is the default. The end of the input (Ctrl-D) is no answer: "".
        """
        if not (sys.stdin and sys.stdin.isatty() and sys.stderr and sys.stderr.isatty()):
            return None
        print(printed(question, colored=False), end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            print(file=sys.stderr)  # nobody typed the end of the line
            return ""
        return line.strip() or default

    def confirm(self, action: str, *, hint: str | None = None) -> None:
        """Ask for a yes before an action that a flag `--yes` did not confirm.

        Args:
            action: what is about to be done, as the question puts it.
            hint: what to do without a terminal, if that is not only a flag.

        Raises:
            UsageError: the answer is not yes, or there is no terminal to ask on.
        """
        typed = self.ask(f"{action}? [y/N] ")
        if typed is None:
            raise unconfirmed(action, hint=hint)
        if not is_yes(typed):
            raise UsageError(f"not confirmed: did not {action}")


def unconfirmed(action: str, *, hint: str | None = None) -> UsageError:
    """Return the error of an action that nobody could confirm: there is no terminal."""
    return UsageError(
        f"cannot {action} without confirmation, and there is no terminal to ask on",
        hint=hint or "add --yes to confirm, or --dry-run to see what would be done",
    )


def is_yes(answer: str | None) -> bool:
    """Return whether an answer to a `[y/N]` question is yes."""
    return answer is not None and answer.lower() in ("y", "yes")


def _problem_lines(found: Sequence[Problem], *, on: bool) -> list[str]:
    lines = []
    for problem in found:
        word, shade = ("error", "red") if problem.is_new else ("warning, as before", "yellow")
        lines.append(f"{color(f'{word}:', shade, on=on)} {clean_line(problem.message)}")
        lines += [f"    {clean(line)}" for sql in problem.fix for line in sql.split("\n")]
    return lines


def _apply_lines(error: ApplyError) -> Iterator[str]:
    """Yield what a run had done when it failed."""
    done = "applied" if error.direction == "up" else "rolled back"
    name = clean_line(error.migration)
    if error.unknown:
        yield f"it is unknown whether {name} was {done}"
    elif error.job_open:
        yield f"the chunk had no effect; earlier chunks of {name} are kept"
    else:
        asked = isinstance(error.__cause__, AmbiguousError)
        yield f"no part of {name} " + (
            f"had been {done} when the log was checked" if asked else f"was {done}"
        )
    yield f"{done}: {clean_line(', '.join(error.applied)) or 'none'}"
    yield "pending: " + clean_line(", ".join(error.pending))


def _width(stream: Any) -> int | None:
    """Return how many columns a terminal has; None if the stream is no terminal."""
    if stream is None or not stream.isatty():
        return None
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def _wrapped(text: str, width: int | None) -> str:
    """Wrap long lines at blanks, but not within `code`, which must stay one line to be pasted."""
    lines = text.split("\n")
    if width is None or max(map(len, lines)) <= width:
        return text
    from d1migrate.report.wrapping import wrap

    return "\n".join(wrap(line, width) for line in lines)


@contextmanager
def _stdout() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LostOutput(error) from error


def _colored(stream: Any) -> bool:
    return (
        stream is not None
        and stream.isatty()
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM") != "dumb"
    )
