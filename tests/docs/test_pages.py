"""How a page is read and run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import PageError, check_commands, environment, required, steps
from tests.docs.terminal import missing

if TYPE_CHECKING:
    from pathlib import Path

FIRST = "```sh\nmkdir shop && cd shop\n```\n"


def write(folder: Path, text: str) -> Path:
    """Write a page."""
    page = folder / "page.md"
    page.write_text(FIRST + text)
    return page


def check(tmp_path: Path, text: str) -> None:
    """Run a page in an empty folder."""
    folder = tmp_path / "folder"
    folder.mkdir()
    check_commands(write(tmp_path, text), folder, environment(tmp_path, required(text)))


def test_one_shell(tmp_path: Path) -> None:
    """Folder and variables stay from block to block, and a file is written by a heredoc."""
    check(
        tmp_path,
        "```sh\nname=Ada\ncat > a.txt <<'END'\n$name\nEND\n```\nText.\n\n"
        '```sh\nbasename "$PWD"; cat a.txt; echo "$name"\n```\n\n```text\nshop\n$name\nAda\n```\n',
    )


@pytest.mark.parametrize(
    "text",
    [
        "```sh\necho a\n```\n\n```text\nb\n```\n",  # another output
        "```sh\nfalse\necho a\n```\n\n```text\na\n```\n",  # a failure that the page does not show
        "```sh\necho error: no\n```\n\n```text\nerror: no\n```\n",  # an error without a failure
        "```sh\nfalse\n```\n",
        "```sh\nexit\n```\n\n```sh\necho a\n```\n",  # the reader's terminal is closed
        "```sh\ncat\nread answer\n```\n",  # nobody answers
        "```sh\njq --version\n```\n",  # a program that the page does not mention
    ],
)
def test_what_is_wrong(tmp_path: Path, text: str) -> None:
    """Each is found."""
    with pytest.raises(PageError):
        check(tmp_path, text)


def test_programs_are_named_once(tmp_path: Path) -> None:
    """In a paragraph of their own."""
    check(tmp_path, "You need `python` 3.11.\n\n```sh\npython -c 'print(1)'\n```\n\n```text\n1\n```\n")


def test_what_is_not_run() -> None:
    """What installs, and without an account what needs one."""
    page = (
        "```sh\npip install d1migrate\n```\n\nThis needs a Cloudflare\naccount:\n\n```sh\nd1migrate up\n```\n"
    )

    assert steps(page) == []
    assert [step.script for step in steps(page, with_account=True)] == ["d1migrate up\n"]


def test_only_a_text_block_right_after_is_output() -> None:
    """Not after a sentence, and not one in another language."""
    for between in ("\nText:\n\n```text\n", "\n```sql\n"):
        assert [step.shown for step in steps(f"```sh\nls\n```\n{between}a\n```\n")] == [None]
    assert [step.shown for step in steps("```sh\nls\n```\n\n```text\na\n```\n")] == [["a"]]


def test_a_terminal_may_wrap() -> None:
    """White space makes no difference, other words do."""
    shown = ["error: a long message", "…", "hint: d1migrate up"]

    assert missing(shown, ["error: a long", "message", "x", "hint: d1migrate", "      up"]) == []
    assert missing(shown, ["error: a long message"]) == ["\nhint: d1migrate up"]
