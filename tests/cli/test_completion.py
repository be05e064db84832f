"""Completion in the real shells: commands, options, environments, migrations, tables."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.project import Project

CONFIG = '[env.local]\ndatabase = "sqlite:app.db"\n[env.production]\ndatabase = "d1:shop"\n'
CONFIG += '[fleet.tenants]\ndatabases = "sqlite:data/*.db"\n[fleet.shards]\ndatabases = "d1:shard-*"\n'
CASES = [
    ("d1migrate stat", {"status"}),
    ("d1migrate re", {"rebuild", "rehearse", "renumber", "repair", "restore"}),
    ("d1migrate up --allow-o", {"--allow-out-of-order"}),
    ("d1migrate status --env ", {"local", "production"}),
    ("d1migrate --env pro", {"production"}),
    ("d1migrate up --to 00", {"001_users", "002_teams", "003_names"}),
    ("d1migrate down --to 002", {"002_teams"}),
    ("d1migrate schema ", {"users", "teams"}),
    ("d1migrate rebuild te", {"teams"}),
    ("d1migrate up --phase ", {"before", "after"}),
    ("d1migrate --env production up --confirm ", {"local", "production"}),
    ("d1migrate fleet re", {"retry", "resume"}),
    ("d1migrate fleet status ", {"tenants", "shards"}),
    ("d1migrate fleet up --on", {"--only"}),
    ("d1migrate fleet up --to 00", {"001_users", "002_teams", "003_names"}),
]
BASH = """
source <(d1migrate completion bash)
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9
COMP_WORDS=($1) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
case $1 in *' ') COMP_WORDS+=(''); COMP_CWORD=$((COMP_CWORD + 1));; esac
_python_argcomplete_d1migrate d1migrate 2>/dev/null || _python_argcomplete d1migrate
printf '%s\\n' "${COMPREPLY[@]}"
"""
ZSH = """
autoload -Uz is-at-least; compdef() { :; }; compadd() { :; }; _describe() { eval "printf '%s\\n' \\"\\${$2[@]}\\""; }
source <(d1migrate completion zsh)
words=(${=1}); [[ $1 = *' ' ]] && words+=('')
CURRENT=${#words}; BUFFER=$1; CURSOR=${#1}; service=d1migrate
_python_argcomplete d1migrate
"""
FISH = """
d1migrate completion fish | source
complete --do-complete $argv[1]
"""
SHELLS = {
    "bash": ("bash", "--norc", "-c", BASH, "bash"),
    "zsh": ("zsh", "-f", "-c", ZSH, "zsh"),
    "fish": ("fish", "--no-config", "-c", FISH),
}


@pytest.fixture
def shop(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with two environments and three migrations, and `d1migrate` on the PATH."""
    project.standard()
    (project.folder / "d1migrate.toml").write_text(CONFIG)
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    return project


@pytest.mark.parametrize(("line", "wanted"), CASES)
@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_completes(shop: Project, shell: str, line: str, wanted: set[str]) -> None:
    """What Tab offers; nothing is written, and the remote database is not asked."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed; .ci/run installs it")
    before = set(shop.folder.iterdir())
    ran = subprocess.run([*SHELLS[shell], line], capture_output=True, text=True, check=False)
    found = {word.split("\t")[0].split(":")[0].strip() for word in ran.stdout.splitlines()} - {""}
    assert found == wanted, ran.stderr
    assert set(shop.folder.iterdir()) == before


@pytest.mark.parametrize("line", ["d1migrate up --", "d1migrate lint --format ", "d1migrate "])
@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_describes_the_options_of_every_command(shop: Project, shell: str, line: str) -> None:
    """Their help is that of `d1migrate help`, though the help of a command leaves it out."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed; .ci/run installs it")
    ran = subprocess.run([*SHELLS[shell], line], capture_output=True, text=True, check=False)
    assert ran.stdout
    assert "SUPPRESS" not in ran.stdout
    if shell == "fish" and line.endswith("--"):
        assert "--quiet\tprint data and errors only" in ran.stdout
        assert "--json\tthe same as --format json" in ran.stdout
