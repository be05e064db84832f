"""Configuration files, read as wrangler reads them: TOML 1.1, and JSON with comments."""

from __future__ import annotations

import os
import stat
from functools import lru_cache

from d1migrate.drivers import plain_toml
from d1migrate.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_COMMENT = r"//[^\n]*+|/\*(?:[^*]++|\*(?!/))*+\*/"
_MORE_THAN_JSON = (
    r'("(?:[^"\\]|\\.)*+")'  # not within a string
    rf"|{_COMMENT}"
    # All of it is possessive: a line of forty slashes can be cut into comments in a million ways.
    rf'|(?<=[\w"}}\]]),(?=(?:\s|{_COMMENT})*+[}}\]])'
)
"""Comments, and the comma after the last item; group 1 is a string."""


def read(path: str) -> dict[str, Any]:
    """Return the settings of a TOML or JSON file.

    Raises:
        UsageError: the file does not exist, cannot be read, or holds something else. A syntax error is shown
            with its place, and with what may be meant.
    """
    is_toml = path.endswith(".toml")
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # reading a device or a pipe may never end
            raise UsageError(f"{path} is not a file")
        with open(path, encoding="utf-8") as file:
            text = file.read().removeprefix("\ufeff")
        content = _parse_toml(text) if is_toml else _parse_json(text)
    except FileNotFoundError:
        raise UsageError(
            f"the configuration file {path} does not exist",
            hint="correct `wrangler = …` in d1migrate.toml",
        ) from None
    except RecursionError:
        raise UsageError(f"cannot read {path}: it is nested too deeply") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"cannot read {path}: not UTF-8: {error}", hint="save the file as UTF-8") from error
    except ValueError as error:
        from d1migrate.drivers import config_syntax

        raise config_syntax.explain(error, text, path, is_toml=is_toml) from error
    if not isinstance(content, dict):
        raise UsageError(f"{path}: expected an object of settings")
    return content


@lru_cache(maxsize=8)  # a command reads a configuration several times
def _parse_toml(text: str) -> Any:
    if (content := plain_toml.read(text)) is not None:
        return content
    import tomli  # before Python 3.15, tomllib reads TOML 1.0 only; wrangler reads 1.1

    return tomli.loads(text)


@lru_cache(maxsize=8)
def _parse_json(text: str) -> Any:
    import json
    import re

    try:
        return json.loads(re.sub(_MORE_THAN_JSON, lambda found: found[1] or " ", text))
    except ValueError:  # it is wrong, or has other things of JSON5; importing json5 takes 10 ms
        import json5

        return json5.loads(text)
