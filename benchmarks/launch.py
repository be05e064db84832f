"""Start one program and wait for it: `python -I -S launch.py OUTPUT PROGRAM [ARGUMENT …]`.

Prints its exit code, the seconds it took and its `ru_maxrss`. The kernel's peak of a process begins with
what it had in memory before it executed the program: a copy of the process that forked it. So this one
forks, because it imports nothing: its copy has 5 MB, and only a smaller peak is hidden by it. `subprocess`
and `posix_spawn` are no alternative: their child does not copy the parent but shares its memory, and
inherits the parent's whole peak.
"""

from __future__ import annotations

import posix
import sys
from time import perf_counter


def main() -> None:
    """Run the program."""
    output, *argv = sys.argv[1:]
    talk = posix.open(output, posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC, 0o600)
    started = perf_counter()
    child = posix.fork()
    if child == 0:
        try:
            posix.dup2(talk, 1)
            posix.dup2(talk, 2)
            posix.execv(argv[0], argv)
        finally:
            posix._exit(127)
    _, status, usage = posix.wait4(child, 0)
    taken = perf_counter() - started
    print(posix.waitstatus_to_exitcode(status), taken, usage.ru_maxrss)


if __name__ == "__main__":
    main()
