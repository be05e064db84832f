"""Pages of prose with generated parts, each between a mark with its name and an end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_REGION = re.compile(r"(<!-- generated: (?P<name>[\w -]+) -->\n).*?(?=<!-- end -->)", re.DOTALL)


def fill(page: str, parts: Mapping[str, str]) -> str:
    """Return a page with its generated parts.

    Args:
        page: the page as it is.
        parts: {name: text}.

    Raises:
        ValueError: the marks of the page are not those of the parts.
    """
    names = [match["name"] for match in _REGION.finditer(page)]
    if sorted(names) != sorted(parts):
        raise ValueError(f"the page has marks for {names}, and there are {list(parts)}")
    return _REGION.sub(lambda match: f"{match[1]}\n{parts[match['name']].strip()}\n\n", page)
