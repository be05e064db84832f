"""How the outputs of a page are rewritten."""

from __future__ import annotations

import pytest

from tests.docs.pages import PageError, Ran, steps
from tests.docs.update import merged, updated

PAGE = """\
# Page

```sh
d1migrate up
```

```text
local: sqlite:app.db
  0001_shop  6 ms
applied 1 migration in 7 ms
```

```sh
mkdir shop && cd shop
```

- a list

  ```sh
  d1migrate down
  ```

  ```text
  error: no
  ```
"""


def test_what_is_still_right_stays() -> None:
    """Times differ, and the page does not change."""
    up = ["local: sqlite:app.db", "  0001_shop  12 ms", "applied 1 migration in 140 ms"]
    ran = [Ran(up, []), Ran(["not shown"], []), Ran(["error: no"], ["1"])]

    assert updated(PAGE, steps(PAGE), ran) == PAGE


def test_only_lines_that_differ_are_written() -> None:
    """Outside of tables the old times stay; an indented block stays indented."""
    up = ["local: app.db", "  0001_shop  6 ms", "applied 1 migration in 140 ms"]
    ran = [Ran(up, []), Ran([], []), Ran(["error: never", "hint: ask"], ["1"])]

    new = PAGE.replace("sqlite:app.db", "app.db").replace("  error: no", "  error: never\n  hint: ask")
    assert updated(PAGE, steps(PAGE), ran) == new


def test_an_unexpected_failure_is_an_error() -> None:
    """Also in a block whose output is not shown, and if the shell ended."""
    good, bad = Ran(["error: no"], ["1"]), Ran([], ["1"])
    for ran in ([Ran([], []), bad, good], [bad, Ran([], []), good], [Ran([], []), Ran([], None), good]):
        with pytest.raises(PageError):
            updated(PAGE, steps(PAGE), ran)


@pytest.mark.parametrize(
    ("shown", "printed", "expected"),
    [
        (["a", "…", "z"], ["a", "b", "c", "y"], ["a", "…", "y"]),
        (["a", "…", "z"], ["b", "c", "d", "z"], ["b", "…", "z"]),
        (["…"], ["a", "b"], ["…"]),
        (["a", "…", "z"], ["x"], ["x"]),
        (["a 1 ms", "b", "c"], ["a 2 ms", "c"], ["a 1 ms", "c"]),
        (["a  b", "c  1 ms", "e  1 ms"], ["aa  b", "c   2 ms", "e  2 ms"], ["aa  b", "c   2 ms", "e  1 ms"]),
    ],
)
def test_an_ellipsis_stays(shown: list[str], printed: list[str], expected: list[str]) -> None:
    """Between the lines that are shown."""
    assert merged(shown, printed) == expected
