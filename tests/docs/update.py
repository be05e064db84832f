"""Rewrite the outputs that pages show, from a real run: `python -m tests.docs.update [PAGE…]`, all pages without one.

An output stays as it is if only times or durations differ; a line `…` still stands for what it stood for. If a command fails
and the page would show no error, the page is not written and has to be corrected by hand. The guide to Python Workers is not run:
it needs wheels, which its test builds.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING

from tests.docs.pages import (
    ROOT,
    PageError,
    Ran,
    Step,
    check_exit,
    matches,
    run_steps,
    settle,
    steps,
    without_times,
)
from tests.docs.test_docs import ELSEWHERE, PAGES, WITH_ACCOUNT, account, begin
from tests.runtime.cloudflare import Cloudflare

if TYPE_CHECKING:
    from collections.abc import Sequence


ALL = [page for page in (*PAGES, *ELSEWHERE) if page != "docs/guides/python-worker.md"]


def updated(text: str, found: Sequence[Step], ran: Sequence[Ran]) -> str:
    """Return a page with the outputs of a run.

    Raises:
        PageError: a command fails or succeeds unexpectedly.
    """
    for step, result in reversed(list(zip(found, ran, strict=True))):
        lines = None if step.shown is None else merged(step.shown, result.printed)
        check_exit(step._replace(shown=lines), result)
        if lines is None:
            continue
        start, end = step.span
        body = "".join(f"{step.indent}{line}".rstrip() + "\n" for line in lines)
        text = text[:start] + body + text[end:]
    return text


def merged(shown: list[str], printed: list[str]) -> list[str]:
    """Return what a page is to show of an output: what it shows now as far as it is still right."""
    old, new = settle(shown), settle(printed)
    if matches(old, new):
        return shown
    lines: list[str] = []
    for kind, start, end, first, last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            pairs = zip(shown[start:end], printed[first:last], strict=True)
            lines += [one if without_times(one) == without_times(other) else other for one, other in pairs]
        else:
            lines += _replaced(shown[start:end], printed[first:last])
    return lines


def _replaced(shown: list[str], printed: list[str]) -> list[str]:
    """Return new lines for old ones, with as many before and after the `…` as there were."""
    marks = [number for number, line in enumerate(shown) if line.strip() == "…"]
    if not marks:
        return printed
    before, after = marks[0], len(shown) - marks[-1] - 1
    if before + after > len(printed):
        return printed
    return [*printed[:before], shown[marks[0]], *printed[len(printed) - after :]]


def update(page: str) -> None:
    """Run a page and write its outputs into it.

    Raises:
        PageError: a command fails or succeeds unexpectedly.
    """
    text = (ROOT / page).read_text()
    found = steps(text, with_account=page in WITH_ACCOUNT)
    with ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        folder, variables = begin(page, Path(home))
        if page in WITH_ACCOUNT:
            variables |= account(stack.enter_context(Cloudflare()))
        ran = run_steps(found, folder, variables)
    if (new := updated(text, found, ran)) != text:
        (ROOT / page).write_text(new)
        print(f"{page}: updated")


def main(pages: Sequence[str]) -> int:
    """Update pages; return 1 if one has to be corrected by hand."""
    wrong = 0
    for page in pages or ALL:
        try:
            update(str(Path(page).resolve().relative_to(ROOT)) if pages else page)
        except PageError as error:
            print(f"{page}: {error}", file=sys.stderr)
            wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
