"""The `d1migrate` command."""

from __future__ import annotations

import gc
import os
import sys

from d1migrate.errors import Error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.cli.context import Context, LostOutput

_INTERRUPTED = 130  # 128 + SIGINT, as shells count


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: its arguments; those of the process without them.

    Returns:
        The exit code: 0 done or nothing to do, 1 failed, 2 usage, 3 `--check` found something.
    """
    from d1migrate.cli.context import Context, LostOutput
    from d1migrate.cli.parser import parse

    gc.disable()  # a short process keeps what it allocates; looking for cycles costs 3 ms of a status
    _prepare_streams()
    context = Context(parse(sys.argv[1:] if argv is None else argv))
    try:
        return _run(context)
    except LostOutput as lost:
        return _lost_stdout(context, lost)
    finally:
        context.close()
        gc.enable()


def _run(context: Context) -> int:
    try:
        code: int = context.arguments.command(context)
    except Error as error:
        context.fail(error)
        code = error.exit_code
    except OSError as error:  # a disk or a folder, where no command thought of it
        context.fail(Error(f"the system refused: {error.strerror or error}{_place(error)}"))
        code = Error.exit_code
    except KeyboardInterrupt as interrupt:
        for note in getattr(interrupt, "__notes__", ()):
            context.say(note)
        context.say("interrupted: every migration is whole or not there at all; see `d1migrate status`")
        code = _INTERRUPTED
    context.flush()
    return code


def _prepare_streams() -> None:
    """Make data UTF-8 wherever it goes, talk survive any terminal, and closed streams swallow all."""
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for good
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if hasattr(sys.stdout, "reconfigure"):
        if sys.stdout.isatty():
            sys.stdout.reconfigure(errors="backslashreplace")
        else:
            sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    if hasattr(sys.stderr, "reconfigure"):
        sys.stderr.reconfigure(errors="backslashreplace")


def _place(error: OSError) -> str:
    return f": {error.filename}" if error.filename else ""


def _lost_stdout(context: Context, lost: LostOutput) -> int:
    """End where nobody takes the data: quietly if the reader went away, as `| head` does."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if isinstance(lost.error, BrokenPipeError):
        return 0
    context.fail(Error(f"cannot write the output: {lost.error.strerror}"))
    return 1
