"""What the parser knows of a command; and arguments that several commands take, or all of them."""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Argument = tuple[tuple[str, ...], dict[str, Any]]
    """The names of an argument, and the keyword arguments for `add_argument`."""


class Command(NamedTuple):
    """What the parser knows of a command.

    Attributes:
        help: a few words, for the list of commands.
        example: a complete command line.
        arguments: the names of each argument, and what argparse is given for it.
        alias: another name of the command.
        details: sentences that the command's own help adds to the few words.
        formats: what `--format` takes.
        actions: the words of which one follows the command, as in `fleet up`.
        default_action: the action of the command alone; None if an action must follow.
    """

    help: str
    example: str
    arguments: tuple[Argument, ...] = ()
    alias: str | None = None
    details: str = ""
    formats: tuple[str, ...] = ("text", "json")
    actions: tuple[str, ...] = ()
    default_action: str | None = None


FLAG: dict[str, Any] = {"action": "store_true"}
MIGRATION: dict[str, Any] = {"metavar": "MIGRATION"}


def argument(*names: str, **options: Any) -> Argument:
    """Return an argument."""
    return names, options


EACH: dict[str, Any] = {"action": "append", "default": [], **MIGRATION}

TO_UP = argument("--to", help="apply migrations up to this one (number, name, or its beginning)", **MIGRATION)
_LATE = argument(
    "--allow-out-of-order", help="also apply pending migrations that come before an applied one", **FLAG
)
_SINGLE = argument("--single-transaction", help="apply all pending migrations in one transaction", **FLAG)
_PHASE = argument(
    "--phase",
    choices=("before", "after"),
    help="apply only migrations that belong before, or after, the deploy of the code",
)
APPLY = (_LATE, _SINGLE, _PHASE)
TO_DOWN = argument(
    "--to", help="roll back every migration after this one; `none` rolls back all", **MIGRATION
)
DOWN = (
    argument("--steps", type=int, metavar="N", help="roll back this many migrations (default: 1)"),
    argument(
        "--rollback-from",
        choices=("file", "history"),
        help="which rollback SQL to run if the file and the history differ",
    ),
    argument(
        "--allow-loss",
        action="append",
        metavar="NAME",
        default=[],
        help="allow losing the rows of TABLE, or the values of TABLE.COLUMN, or `all`; can be repeated",
    ),
)

REASON: dict[str, Any] = {"metavar": "REASON"}
CONFIRM = argument(
    "--confirm", metavar="NAME", help="confirm the change of a protected environment with its name"
)
ANY_GATES = (
    CONFIRM,
    argument("--outside-window", help="run outside the maintenance window; REASON is logged", **REASON),
    argument("--no-restore-point", help="take no restore point first; REASON is logged", **REASON),
)
UP_GATES = (
    *ANY_GATES,
    argument(
        "--skip-after",
        help="apply even if the `after` environment lacks these migrations; REASON is logged",
        **REASON,
    ),
    argument(
        "--allow-irreversible", help="apply migrations that have no rollback; REASON is logged", **REASON
    ),
    argument("--no-rehearse", help="skip the required rehearsal; REASON is logged", **REASON),
    argument(
        "--no-lint", nargs="?", const="", help="apply despite linter errors; REASON is logged", **REASON
    ),
)

FOR = argument(
    "--for",
    dest="platform",
    choices=("d1", "durable-object"),
    help="where they are to run (default: durable-object for the folder of a class, else d1)",
)

BACKFILL = argument(
    "--backfill",
    action="append",
    default=[],
    metavar="TABLE.COLUMN=SQL",
    help="value for existing rows of a column that is or becomes NOT NULL; can be repeated",
)
DECLARED = (
    BACKFILL,
    argument(
        "--rename",
        action="append",
        default=[],
        metavar="OLD=NEW",
        help="declare a rename: `users.name=full_name` or `users=people`; can be repeated. In a schema file,"
        " write `-- renamed from: name` instead",
    ),
    argument(
        "--allow-drop",
        action="append",
        default=[],
        metavar="NAME",
        help="allow dropping TABLE, TABLE.COLUMN or `all`, with its values; a table outside models only by"
        " its name; can be repeated",
    ),
)
SCALE = argument(
    "--scale",
    action="append",
    default=[],
    metavar="TABLE=ROWS",
    help="how many rows a table has in production, to estimate the cost there; can be repeated",
)
MODELS = (
    argument(
        "--keep",
        action="append",
        default=[],
        metavar="TABLE",
        help="with models: TABLE, which is outside them, stays, and a new table that looks like it is another"
        " one; can be repeated",
    ),
    argument(
        "--types",
        help="with models: also treat declared types as different that SQLite treats alike, such as"
        " VARCHAR(50) and VARCHAR(100), and clauses that the models cannot declare",
        **FLAG,
    ),
)
DRAFT = (
    argument("--name", metavar="WORDS", help="name of the migration (default: derived from the changes)"),
    argument("--order", help="also treat a different column order as a difference", **FLAG),
    SCALE,
    argument(
        "--online",
        help="write rebuilds that run in chunks while the table is used: each alone in its file",
        **FLAG,
    ),
    argument(
        "--expand",
        help="change a big table in several migrations: expand, fill in chunks, contract",
        **FLAG,
    ),
    argument("--dry-run", "-n", help="print the migration; write nothing", **FLAG),
    argument("--check", help="write nothing; exit 3 if there is a difference", **FLAG),
)


def global_options(formats: Sequence[str]) -> list[tuple[Argument, ...]]:
    """Return the options of every command; of those in one group, only one can be given.

    Args:
        formats: what `--format` takes.
    """
    short = [
        argument(f"--{name}", dest="format", action="store_const", const=name)
        for name in ("json", "sql")
        if name in formats
    ]
    form = argument("--format", choices=formats, default="text")
    # Where `--format` chooses the language of a file, `--json` can be given beside it.
    forms = [(form,), (argument("--json", **FLAG),)] if "ts" in formats else [(form, *short)]
    return [
        (argument("--env", metavar="NAME"),),
        (argument("--database", metavar="URL"),),
        (argument("--migrations", metavar="DIR"),),
        (argument("--config", metavar="FILE"),),
        (argument("--outside-project", **FLAG),),
        *forms,
        (argument("--quiet", "-q", **FLAG), argument("--verbose", "-v", **FLAG)),
    ]
