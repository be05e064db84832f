"""Many values as one parameter: JSON, which `json_each` reads. D1 binds 100 parameters, and no arrays."""

from __future__ import annotations

import json

from d1migrate.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

_BYTES = 1_000_000  # of one parameter; D1 takes 2,000,000


def json_text(value: Any) -> str:
    """Return a value as a parameter.

    Raises:
        UsageError: a text of it is not Unicode, like the name of a file in another encoding.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError as error:
        shown = ascii(text[max(0, error.start - 40) : error.end + 40])
        raise UsageError(f"a name is not valid UTF-8: … {shown} …", hint="rename the file") from error
    return text


def json_texts(values: Iterable[Any]) -> Iterator[str]:
    """Yield values as the arrays of as many parameters as D1's limit needs.

    Raises:
        UsageError: as `json_text`.
    """
    group, size = list[str](), 0
    for value in values:
        text = json_text(value)
        length = len(text.encode()) + 1
        if group and size + length > _BYTES:
            yield f"[{','.join(group)}]"
            group, size = [], 0
        group.append(text)
        size += length
    if group:
        yield f"[{','.join(group)}]"
