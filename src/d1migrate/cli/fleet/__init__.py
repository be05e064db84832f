"""`fleet` without an action, and one module for each of its actions, named as it is typed.

The runs themselves belong in `d1migrate.fleet`.
"""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project


class Options(NamedTuple):
    """`fleet` alone has only the global options."""


def run(_options: Options, _project: Project, _output: Output) -> NoReturn:
    """Name the actions.

    Raises:
        UsageError: always: an action is missing.
    """
    from d1migrate.cli import mistakes

    raise mistakes.without_action("fleet")
