"""Every command in the README and the guides is run, and prints what is written there.

tests/docs/pages.py describes how a page is written.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import (
    ROOT,
    check_commands,
    check_exit,
    environment,
    required,
    steps,
)
from tests.docs.terminal import missing, run_on_terminal
from tests.runtime.hummbl import copy_of_hummbl

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtime.cloudflare import Cloudflare

GUIDES = sorted(f"docs/guides/{path.name}" for path in (ROOT / "docs" / "guides").glob("*.md"))
CHECKOUT = "workers/migrations/README.md"
"""The page that begins in a checkout of this repository, and says so."""
ELSEWHERE = {
    "docs/guides/github-actions.md": "tests/docs/test_github_actions.py runs the steps of its workflow",
    "docs/guides/durable-objects.md": "tests/docs/test_objects_guide.py also checks its types",
    "docs/guides/fleet-of-objects.md": "tests/docs/test_objects_guide.py also checks its types",
    "docs/guides/models-in-a-python-worker.md": "tests/docs/test_models_in_worker_guide.py also runs its Worker, inside workerd",
    "docs/guides/python-worker.md": "tests/docs/test_worker_guide.py also runs its Worker, inside workerd",
    "docs/guides/typescript-worker.md": "tests/docs/test_typescript_guide.py also runs its Worker, inside workerd",
}
"""The pages that are run by a test of their own."""
ANSWERS = ["docs/faq.md", "docs/troubleshooting.md"]
PAGES = ["README.md", CHECKOUT, *ANSWERS, *(guide for guide in GUIDES if guide not in ELSEWHERE)]

WITH_ACCOUNT = ["docs/guides/starting-from-nothing.md", "docs/guides/tokens.md", "docs/troubleshooting.md"]
"""The pages that are run with an account: that of the stand-in for Cloudflare's API."""


@pytest.mark.parametrize("page", [page for page in PAGES if page not in WITH_ACCOUNT])
def test_a_reader_sees_what_is_shown(page: str, tmp_path: Path) -> None:
    """The blocks of a page, pasted into one shell in an empty folder, print what the page shows."""
    check_commands(ROOT / page, *begin(page, tmp_path))


@pytest.mark.parametrize("page", [page for page in (*PAGES, *ELSEWHERE) if page != CHECKOUT])
def test_blocks_can_be_pasted(page: str) -> None:
    """No prompts; no comments, which zsh runs; no `sed -i`, whose arguments differ; a folder of its own first."""
    text = (ROOT / page).read_text()
    assert "```console" not in text
    scripts = [
        re.sub(r"(<<'(\w+)'\n).*?^\2$", r"\1", step.script, flags=re.MULTILINE | re.DOTALL)
        for step in steps(text)
    ]
    wrong = re.compile(r"^\$ |(?:^|\s)#(?:\s|$)|sed -i ", re.MULTILINE)
    assert [script for script in scripts if wrong.search(script)] == []
    assert all(re.match(r"mkdir (?:-p )?(\w+)\S* && cd \1\b", script) for script in scripts[:1])


@pytest.mark.parametrize("page", [*ANSWERS, *GUIDES])
def test_a_terminal_shows_the_same(page: str, tmp_path: Path) -> None:
    """Nothing asks, which would take the next pasted line for the answer."""
    text = (ROOT / page).read_text()
    if "npx" in required(text):
        pytest.skip("the pages without wrangler are enough")
    found = steps(text)
    for step, ran in zip(found, run_on_terminal(found, *begin(page, tmp_path)), strict=True):
        check_exit(step, ran)
        assert missing(step.shown or [], ran.printed) == [], "\n".join(ran.printed)


@pytest.mark.parametrize("page", WITH_ACCOUNT)
def test_a_reader_with_an_account_sees_what_is_shown(
    page: str, tmp_path: Path, cloudflare: Cloudflare
) -> None:
    """The same, with the blocks that need a Cloudflare account."""
    folder, variables = begin(page, tmp_path)
    check_commands(ROOT / page, folder, variables | account(cloudflare), with_account=True)


def account(cloudflare: Cloudflare) -> dict[str, str]:
    """Return the variables of a reader with an account, and with the second token of the guide to tokens."""
    return cloudflare.environment | {"D1_READ_TOKEN": cloudflare.read_token}


def test_every_message_is_produced() -> None:
    """Each heading of the troubleshooting page is a message that the commands of its section print."""
    sections = (ROOT / "docs" / "troubleshooting.md").read_text().split("\n### ")[1:]
    assert len(sections) >= 20
    for section in sections:
        message = section.partition("\n")[0]
        assert any(
            message in line for step in steps(section, with_account=True) for line in step.shown or ()
        ), message


def test_every_answer_has_evidence() -> None:
    """Each answer links to more, or has a command that is run."""
    answers = (ROOT / "docs" / "faq.md").read_text().split("\n### ")[1:]
    assert [answer for answer in answers if "](" not in answer and not steps(answer)] == []


def begin(page: str, home: Path) -> tuple[Path, dict[str, str]]:
    """Return the folder in which a page begins, and its environment."""
    folder, text = home / "folder", (ROOT / page).read_text()
    folder.mkdir()
    (home / "node_modules").symlink_to(ROOT / "node_modules")  # Node looks upward
    if page == CHECKOUT:
        copy_of_hummbl(folder)
    return folder, environment(home, required(text))


def test_the_librarys_lines_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The Python of the README applies HUMMBL's files."""
    shutil.copytree(ROOT / "workers" / "migrations", tmp_path / "migrations")
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102 - it is our own README
    names["migrator"].close()  # type: ignore[attr-defined]
    assert capsys.readouterr().out.splitlines()[-1] == "applied 003_add_users_table"


@pytest.mark.parametrize(
    "page",
    sorted(
        str(p.relative_to(ROOT))
        for p in ROOT.glob("**/*.md")
        if "node_modules" not in p.parts and not p.relative_to(ROOT).parts[0].startswith(".")
    ),
)
def test_links_lead_somewhere(page: str) -> None:
    """Every relative link of every page names a file that is there."""
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (ROOT / page).parent.joinpath(target).exists(), target


def test_the_picture_is_what_the_code_draws() -> None:
    """hummbl.svg is up to date."""
    arguments = ["schema", "--at", "latest", "--format", "svg", "--check", "docs/guides/hummbl.svg"]
    subprocess.run([sys.executable, "-m", "d1migrate", *arguments], cwd=ROOT, check=True)


def test_the_reference_is_what_the_code_says() -> None:
    """commands.md and library.md are up to date."""
    subprocess.run(
        [sys.executable, ROOT / "docs" / "reference" / "generate.py", "--check"],
        env=os.environ | {"COLUMNS": "80"}, check=True,
    )  # fmt: skip
