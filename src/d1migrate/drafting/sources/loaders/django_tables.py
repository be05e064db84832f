"""Build the tables of Django's models in a scratch file, in the interpreter of the project."""

from __future__ import annotations

from d1migrate_answer import Refused, answer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def load(request: dict[str, Any]) -> dict[str, Any]:
    """Create the tables of all installed apps; return what Django says about them."""
    raise Refused(f"{request['target']}: Django is not supported yet")


if __name__ == "__main__":
    answer(load)
