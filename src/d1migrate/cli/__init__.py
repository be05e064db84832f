"""The `d1migrate` command."""

from __future__ import annotations

import codecs
import gc
import os
import sys

from d1migrate.errors import Error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.cli.project import Context, LostOutput

_INTERRUPTED = 130  # 128 + SIGINT, as shells count
_DISK = "is the disk, or the temporary folder (TMPDIR), full? free some space, then run the command again"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: its arguments; those of the process without them.

    Returns:
        The exit code: 0 done or nothing to do, 1 failed, 2 usage, 3 `--check` found something.
    """
    from d1migrate.cli.parser import parse
    from d1migrate.cli.project import Context, LostOutput

    gc.disable()  # a short process keeps what it allocates; looking for cycles costs 3 ms of a status
    _prepare_streams()
    context = Context(parse(sys.argv[1:] if argv is None else argv))
    try:
        try:
            return _run(context)
        except LostOutput as lost:
            return _lost_stdout(context, lost)
        finally:
            _close(context)
    except KeyboardInterrupt as interrupt:
        return _interrupted(context, interrupt)
    finally:
        gc.enable()


def command() -> int:
    """Run the command of this process; during the cleanup after it, an interrupt is silent."""
    import signal

    try:
        return main()
    except KeyboardInterrupt:  # before there was anything to interrupt, or a second one
        return _INTERRUPTED
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _run(context: Context) -> int:
    try:
        code: int = context.arguments.command(context)
    except Error as error:
        code = _failed(context, error)
    except OSError as error:  # a disk or a folder, where no command thought of it
        code = _failed(
            context, Error(f"the operating system refused: {error.strerror or error}{_place(error)}")
        )
    except Exception as error:
        if type(error).__module__ != "apsw":
            raise
        # SQLite on a disk that is full or fails, where no command expected it.
        code = _failed(context, Error(f"SQLite cannot continue: {error}", hint=_DISK))
    context.flush()
    return code


def _failed(context: Context, error: Error) -> int:
    context.fail(error)
    return error.exit_code


def _close(context: Context) -> None:
    """Close the database; if SQLite cannot clean up after a finished command, the command still counts."""
    try:
        context.close()
    except Exception as error:
        if type(error).__module__ != "apsw":
            raise
        context.say(f"warning: SQLite could not close the database: {error}")


def _interrupted(context: Context, interrupt: KeyboardInterrupt) -> int:
    for note in getattr(interrupt, "__notes__", ()):
        context.say(note)
    context.say("interrupted: every migration is applied completely or not at all; see `d1migrate status`")
    return _INTERRUPTED


def _prepare_streams() -> None:
    """Make data UTF-8 wherever it goes, talk survive any terminal, and closed streams swallow all."""
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


def _place(error: OSError) -> str:
    return f": {error.filename}" if error.filename else ""


def _lost_stdout(context: Context, lost: LostOutput) -> int:
    """End where nobody takes the data: quietly if the reader went away, as `| head` does."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if isinstance(lost.error, BrokenPipeError):
        return 0
    context.fail(Error(f"cannot write the output: {lost.error.strerror}"))
    return 1
