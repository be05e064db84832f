"""Arguments that several commands take."""

from __future__ import annotations

from typing import Any

FLAG: dict[str, Any] = {"action": "store_true"}
VERSION: dict[str, Any] = {"type": int, "metavar": "V"}


def version(text: str) -> int | str:
    """Return a version number, or `latest`."""
    return text if text == "latest" else int(text)


STATE: dict[str, Any] = {"type": version, "metavar": "V"}


def argument(*names: str, **options: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the flags of an argument, and what argparse is told of it."""
    return names, options


EACH: dict[str, Any] = {"action": "append", "default": [], **VERSION}

TO_UP = argument("--to", help="the last version to apply", **VERSION)
LATE = argument("--allow-out-of-order", help="also apply what lies below the newest applied version", **FLAG)
SINGLE = argument("--single-transaction", help="all pending migrations as one transaction", **FLAG)
PHASE = argument(
    "--phase", choices=("before", "after"), help="only what comes before, or after, the deploy of the code"
)
TO_DOWN = argument("--to", help="take back every version above this one; 0 for all", **VERSION)
DOWN = (
    argument("--steps", type=int, metavar="N", help="take back this many (default: 1)"),
    argument("--rollback-from", choices=("file", "history"), help="which SQL, where they differ"),
    argument(
        "--allow-loss",
        action="append",
        metavar="TABLE",
        default=[],
        help="a table that may lose rows, or `all`; repeat it for several",
    ),
)

REASON: dict[str, Any] = {"metavar": "REASON"}
CONFIRM = argument("--confirm", metavar="NAME", help="the name of the protected environment that is meant")
ANY_GATES = (
    CONFIRM,
    argument("--outside-window", help="change it outside its window; why goes to the log", **REASON),
    argument("--no-restore-point", help="without a point to go back to; likewise", **REASON),
)
UP_GATES = (
    *ANY_GATES,
    argument("--skip-after", help="what the environment before it has not run; likewise", **REASON),
    argument("--allow-irreversible", help="without a way back; likewise", **REASON),
    argument("--no-rehearse", help="without the rehearsal it demands; likewise", **REASON),
    argument(
        "--no-lint",
        nargs="?",
        const="",
        help="run it whatever the linter finds; the log says so, and why",
        **REASON,
    ),
)

BACKFILL = argument(
    "--backfill",
    action="append",
    default=[],
    metavar="TABLE.COLUMN=SQL",
    help="the value of the rows there are, where a column is or becomes NOT NULL",
)
TOLD = (
    BACKFILL,
    argument(
        "--rename",
        action="append",
        default=[],
        metavar="OLD=NEW",
        help="`users.name=full_name` or `users=people`; or a note in FILE, `-- renamed from: name`",
    ),
    argument(
        "--allow-drop",
        action="append",
        default=[],
        metavar="NAME",
        help="a table, or TABLE.COLUMN, that may go with its values, or `all`",
    ),
)
DRAFT = (
    argument("--name", metavar="WORDS", help="what the file is called (default: what it does)"),
    argument("--order", help="columns in another order are a difference too", **FLAG),
    argument("--dry-run", help="print the file; write nothing", **FLAG),
    argument("--check", help="write nothing; exit 3 if there is a difference", **FLAG),
)
