"""The `d1migrate` command."""

from __future__ import annotations

import os
import sys

from d1migrate.errors import Error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_INTERRUPTED = 130  # 128 + SIGINT, as shells count


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: its arguments; those of the process without them.

    Returns:
        The exit code: 0 done or nothing to do, 1 failed, 2 usage, 3 `--check` found something.
    """
    from d1migrate.cli.context import Context
    from d1migrate.cli.parser import parse

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    arguments = parse(sys.argv[1:] if argv is None else argv)
    context = Context(arguments)
    try:
        code: int = arguments.command(context)
        sys.stdout.flush()
    except Error as error:
        context.fail(error)
        return error.exit_code
    except KeyboardInterrupt:
        context.say("interrupted: every migration is whole or not there at all; see `d1migrate status`")
        return _INTERRUPTED
    except BrokenPipeError:  # the reader went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    else:
        return code
    finally:
        context.close()
