"""The `d1migrate` command: argv in, exit code out; what may go wrong in every command is handled here.

A command is a module named as it is typed, with its `Options` and `run(options, project, output)`. Only the
module of the command that was typed is imported.
"""

from __future__ import annotations

import codecs
import gc
import os
import sys

from d1migrate.cli.options import INTERRUPTED
from d1migrate.errors import Error, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.cli.output import LostOutput, Output
    from d1migrate.cli.parser import Invocation
    from d1migrate.cli.project import Project

_DISK = "is the disk, or the temporary folder (TMPDIR), full? free some space, then run the command again"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: its arguments; by default those of the process.

    Returns:
        The exit code: 0 done or nothing to do, 1 failed, 2 usage, 3 `--check` found something.
    """
    from d1migrate.cli.output import LostOutput, Output
    from d1migrate.cli.parser import parse, wants_json
    from d1migrate.cli.project import Project

    _prepare_streams()
    if "_ARGCOMPLETE" in os.environ:  # a shell asks what completes its command line
        from d1migrate.cli.completion import answer

        answer()
    argv = sys.argv[1:] if argv is None else argv
    try:
        invocation = parse(argv)
    except UsageError as error:
        return _failed(Output(as_json=wants_json(argv)), error)
    given = invocation.given
    output = Output(as_json=given.as_json, quiet=given.quiet, verbose=given.verbose, flags=given.places)
    project = Project(given, output)
    try:
        try:
            return _run(invocation, project, output)
        except LostOutput as lost:
            return _lost_stdout(output, lost)
        finally:
            _close(project, output)
    except KeyboardInterrupt as interrupt:
        return _interrupted(invocation, output, interrupt)


def command() -> int:
    """Run the command of this process; an interrupt during the cleanup after it is silent."""
    import _signal  # type: ignore[import-not-found]  # `signal` makes enums of it: 2 % of a status

    # A short process keeps what it allocates. To look for cycles costs 3 ms of a status, and at its end 4 ms.
    gc.disable()
    try:
        return main()
    except KeyboardInterrupt:  # before the command started, or a second one
        return INTERRUPTED
    finally:
        gc.freeze()
        gc.enable()
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)


def _run(invocation: Invocation, project: Project, output: Output) -> int:
    try:
        code = invocation.run(invocation.options, project, output)
    except Error as error:
        code = _failed(output, error)
    except OSError as error:  # of a disk or a folder, unexpected by the command
        where = f": {error.filename}" if error.filename else ""
        code = _failed(output, Error(f"the operating system refused: {error.strerror or error}{where}"))
    except Exception as error:
        if type(error).__module__ != "apsw":
            raise
        # SQLite on a full or failing disk, unexpected by the command.
        code = _failed(output, Error(f"SQLite cannot continue: {error}", hint=_DISK))
    output.flush()
    return code


def _failed(output: Output, error: Error) -> int:
    from d1migrate.cli.output import LostOutput

    try:
        output.fail(error)
    except LostOutput as lost:
        _lost_stdout(output, lost)
    return error.exit_code


def _close(project: Project, output: Output) -> None:
    """Close the database; if SQLite cannot clean up after a finished command, the command still counts."""
    try:
        project.close()
    except Exception as error:
        if type(error).__module__ != "apsw":
            raise
        output.warn(f"SQLite could not close the database: {error}")


def _interrupted(invocation: Invocation, output: Output, interrupt: KeyboardInterrupt) -> int:
    status = "fleet status" if ".cli.fleet." in invocation.run.__module__ else "status"
    for note in getattr(interrupt, "__notes__", ()):
        output.note(note)
    output.note(f"interrupted: every transaction was completed or had no effect; see `d1migrate {status}`")
    return INTERRUPTED


def _prepare_streams() -> None:
    """Make stdout UTF-8 unless it is a terminal, and let both streams take any text, even when closed."""
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for good
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if hasattr(sys.stdout, "reconfigure"):
        if sys.stdout.isatty():
            sys.stdout.reconfigure(errors="backslashreplace")
        else:
            codecs.register_error("d1migrate", _bytes_or_escape)
            sys.stdout.reconfigure(encoding="utf-8", errors="d1migrate")
    if hasattr(sys.stderr, "reconfigure"):
        sys.stderr.reconfigure(errors="backslashreplace")


def _bytes_or_escape(error: UnicodeError) -> tuple[str | bytes, int]:
    """Write the original bytes of a file name, and any other surrogate as an escape."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.backslashreplace_errors(error)


def _lost_stdout(output: Output, lost: LostOutput) -> int:
    """End a command that cannot print its data: quietly if the reader is gone, as after `| head`."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if isinstance(lost.error, BrokenPipeError):
        return 0
    output.fail(Error(f"cannot write the output: {lost.error.strerror}"))
    return 1
