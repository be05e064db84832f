"""`rebuild`: write the migration that rebuilds one table with other columns."""

from __future__ import annotations

from shlex import quote

from d1migrate.cli.drafts import run_draft
from d1migrate.cli.options import DraftOptions
from d1migrate.drafting import Desired, edit_columns
from d1migrate.errors import DataLoss, UsageError
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project


class Options(NamedTuple):
    """The options of `rebuild`."""

    table: str
    set: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    draft: DraftOptions = DraftOptions()


def run(options: Options, project: Project, output: Output) -> int:
    """Edit the table that the files build. A column named by --drop may go with its values."""
    if not (options.set or options.add or options.drop):
        raise UsageError(
            "rebuild changes nothing without a flag",
            hint="change a column with --set, add one with --add, or drop one with --drop",
        )
    current = project.built_schema(project.load())
    desired = edit_columns(current, options.table, set_=options.set, add=options.add, drop=options.drop)
    allowed = tuple(f"{options.table}.{column}" for column in options.drop)
    draft = options.draft._replace(allow_drop=allowed)
    try:
        return run_draft(current, Desired(desired), draft, project, output)
    except DataLoss as error:  # of a column that --set makes a generated one
        error.hint = f"drop it in a migration of its own: `d1migrate {_drop(options.table, error)}`"
        raise


def _drop(table: str, error: DataLoss) -> str:
    columns = [name.rpartition(".")[2] for name in error.rows]
    return f"rebuild {quote(table)} {' '.join(f'--drop {quote(column)}' for column in columns)}"
