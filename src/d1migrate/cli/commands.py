"""Every command: what it is for, an example, and its own arguments."""

from __future__ import annotations

from typing import Any, NamedTuple

_FLAG: dict[str, Any] = {"action": "store_true"}
_VERSION: dict[str, Any] = {"type": int, "metavar": "V"}


def version(text: str) -> int | str:
    """Return a version number, or `latest`."""
    return text if text == "latest" else int(text)


_STATE: dict[str, Any] = {"type": version, "metavar": "V"}


class Command(NamedTuple):
    """A command: the function that runs it, its help, an example, and its own arguments."""

    module: str
    help: str
    example: str
    arguments: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = ()
    alias: str | None = None


def _argument(*names: str, **options: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    return names, options


_EACH: dict[str, Any] = {"action": "append", "default": [], **_VERSION}

_TO_UP = _argument("--to", help="the last version to apply", **_VERSION)
_LATE = _argument(
    "--allow-out-of-order", help="also apply what lies below the newest applied version", **_FLAG
)
_SINGLE = _argument("--single-transaction", help="all pending migrations as one transaction", **_FLAG)
_PHASE = _argument(
    "--phase", choices=("before", "after"), help="only what comes before, or after, the deploy of the code"
)
_TO_DOWN = _argument("--to", help="take back every version above this one; 0 for all", **_VERSION)
_DOWN = (
    _argument("--steps", type=int, metavar="N", help="take back this many (default: 1)"),
    _argument("--rollback-from", choices=("file", "history"), help="which SQL, where they differ"),
    _argument(
        "--allow-loss",
        action="append",
        metavar="TABLE",
        default=[],
        help="a table that may lose rows, or `all`; repeat it for several",
    ),
)

_REASON: dict[str, Any] = {"metavar": "REASON"}
_CONFIRM = _argument("--confirm", metavar="NAME", help="the name of the protected environment that is meant")
_ANY_GATES = (
    _CONFIRM,
    _argument("--outside-window", help="change it outside its window; why goes to the log", **_REASON),
    _argument("--no-restore-point", help="without a point to go back to; likewise", **_REASON),
)
_UP_GATES = (
    *_ANY_GATES,
    _argument("--skip-after", help="what the environment before it has not run; likewise", **_REASON),
    _argument("--allow-irreversible", help="without a way back; likewise", **_REASON),
    _argument("--no-rehearse", help="without the rehearsal it demands; likewise", **_REASON),
    _argument(
        "--no-lint",
        nargs="?",
        const="",
        help="run it whatever the linter finds; the log says so, and why",
        **_REASON,
    ),
)

_DRAFT = (
    _argument("--name", metavar="WORDS", help="what the file is called (default: what it does)"),
    _argument(
        "--backfill",
        action="append",
        default=[],
        metavar="TABLE.COLUMN=SQL",
        help="the value of the rows there are, where a column is or becomes NOT NULL",
    ),
    _argument("--order", help="columns in another order are a difference too", **_FLAG),
    _argument("--dry-run", help="print the file; write nothing", **_FLAG),
    _argument("--check", help="write nothing; exit 3 if there is a difference", **_FLAG),
)

COMMANDS = {
    "up": Command(
        "migrate",
        "apply pending migrations",
        "d1migrate up --to 3",
        (
            *(_TO_UP, _LATE, _SINGLE, _PHASE),
            _argument(
                "--plan", metavar="FILE", help="apply what `plan --output FILE` wrote, if it still holds"
            ),
            _argument("--dry-run", help="print what `plan` prints; change nothing", **_FLAG),
            *_UP_GATES,
        ),
        alias="apply",
    ),
    "down": Command(
        "migrate",
        "take migrations back by their rollback blocks",
        "d1migrate down --steps 1",
        (
            *(_TO_DOWN, *_DOWN),
            _argument("--dry-run", help="print what `plan --down` prints; change nothing", **_FLAG),
            *_ANY_GATES,
        ),
    ),
    "status": Command(
        "read",
        "what is applied and what is pending; writes nothing",
        "d1migrate status --check",
        (_argument("--check", help="exit 3 unless every migration is applied as it is", **_FLAG),),
    ),
    "history": Command("read", "all that happened, oldest first", "d1migrate history --json"),
    "list": Command("read", "the migration files", "d1migrate list"),
    "current": Command("read", "the highest applied version, alone", "d1migrate current"),
    "plan": Command(
        "planning",
        "what `up` (or `down`) would run; changes nothing",
        "d1migrate plan --sql",
        (
            _argument("--sql", help="as SQL that `wrangler d1 execute --file` can run", **_FLAG),
            _argument("--down", help="plan a `down`", **_FLAG),
            _argument("--to", help="the version to go to", **_VERSION),
            *(_LATE, _SINGLE, _PHASE),
            _argument("--output", metavar="FILE", help="also write it to a file, for `up --plan FILE`"),
            *_DOWN,
            *_UP_GATES,
        ),
    ),
    "new": Command(
        "author",
        "write the next migration file",
        'd1migrate new "add teams table"',
        (_argument("description", metavar="DESCRIPTION", help="a few words"),),
        alias="create",
    ),
    "diff": Command(
        "author",
        "write the migration, with its way back, that leads to a desired schema",
        "d1migrate diff --to schema.sql",
        (
            _argument(
                "--to",
                metavar="FILE",
                help="CREATE statements: what there should be (default: as `schema --output`)",
            ),
            _argument(
                "--from",
                dest="source",
                choices=("files", "live"),
                default="files",
                help="what there is: what the files build (default), or the live schema",
            ),
            _argument(
                "--rename",
                action="append",
                default=[],
                metavar="OLD=NEW",
                help="`users.name=full_name` or `users=people`; or a note in FILE, `-- renamed from: name`",
            ),
            _argument(
                "--allow-drop",
                action="append",
                default=[],
                metavar="NAME",
                help="a table, or TABLE.COLUMN, that may go with its values, or `all`",
            ),
            *_DRAFT,
        ),
    ),
    "rebuild": Command(
        "author",
        "write the migration that changes columns of one table and keeps every row",
        "d1migrate rebuild tasks --set \"status TEXT NOT NULL CHECK (status IN ('new', 'done'))\"",
        (
            _argument("table", metavar="TABLE", help="the table"),
            _argument(
                "--set",
                action="append",
                default=[],
                metavar="COLUMN",
                help="a column's definition, old or new",
            ),
            _argument("--drop", action="append", default=[], metavar="COLUMN", help="a column that goes"),
            *_DRAFT,
        ),
    ),
    "index": Command(
        "author",
        "write a Python module that embeds the migrations, for Workers",
        "d1migrate index --output src/migrations_index.py",
        (
            _argument("--output", metavar="FILE", help="the module (default: `index` in d1migrate.toml)"),
            _argument("--check", help="write nothing; exit 3 if the module is not up to date", **_FLAG),
        ),
    ),
    "verify": Command(
        "read",
        "files against history, live schema against what the files build; writes nothing",
        "d1migrate verify --check",
        (_argument("--check", help="exit 3 if anything disagrees", **_FLAG),),
    ),
    "schema": Command(
        "schema",
        "the live schema, or that of any version: to read, as SQL for git, as a diagram",
        "d1migrate schema --at latest --sql --check",
        (
            _argument("table", metavar="TABLE", nargs="?", help="one table only"),
            _argument("--at", help="what the files up to this version build; no database is asked", **_STATE),
            _argument(
                "--between",
                nargs=2,
                help="what differs between two versions",
                **_STATE | {"metavar": ("A", "B")},
            ),
            _argument("--sql", help="as the SQL that builds it, always in one order and layout", **_FLAG),
            _argument(
                "--format",
                choices=("mermaid", "svg"),
                help="as a diagram of tables and foreign keys: text for Mermaid, or a drawing (which needs"
                " `pip install d1migrate[diagram]`)",
            ),
            _argument(
                "--output",
                nargs="?",
                const=True,
                metavar="FILE",
                help="write that to FILE if it differs (default: `schema` in d1migrate.toml, else"
                " schema.sql beside the migrations folder)",
            ),
            _argument(
                "--check",
                nargs="?",
                const=True,
                metavar="FILE",
                help="write nothing; print how FILE differs from that, and exit 3 if it does",
            ),
        ),
    ),
    "lint": Command(
        "judge",
        "what is wrong with pending migrations, before they run; writes nothing without --fix",
        "d1migrate lint --all --strict",
        (
            _argument("files", nargs="*", metavar="FILE", help="judge these, without a database"),
            _argument("--all", help="judge every migration, without a database", **_FLAG),
            _argument("--strict", help="exit 3 on warnings too", **_FLAG),
            _argument("--fix", help="rewrite pending files whose rebuilds lose rows; shown first", **_FLAG),
            _argument("--dry-run", help="with --fix: only show what would be written", **_FLAG),
            _argument("--yes", help="with --fix: write it without asking", **_FLAG),
            _argument(
                "--format", choices=("text", "github", "sarif"), default="text", help="(default: text)"
            ),
        ),
    ),
    "rehearse": Command(
        "judge",
        "run pending migrations on a scratch database with rows in every table; writes nothing",
        "d1migrate rehearse --rows 200",
        (
            _argument("--to", help="the last version to rehearse", **_VERSION),
            _argument("--all", help="every migration, from an empty database", **_FLAG),
            _argument("--rows", type=int, default=50, metavar="N", help="made-up rows a table (default: 50)"),
            _argument(
                "--data",
                nargs="?",
                const="",
                metavar="FILE",
                help="take schema, history and rows from a SQLite file or a D1 export; without FILE, from"
                " the target, where it is a local file",
            ),
            _argument(
                "--scale",
                action="append",
                default=[],
                metavar="TABLE=ROWS",
                help="rows of a table in the target, to estimate the cost there; repeat it for several",
            ),
            _argument(
                "--way-back",
                help="prove the ways back, too: let each migration fail, go back to a restore point, roll it"
                " back, and compare every row",
                **_FLAG,
            ),
        ),
    ),
    "adopt": Command(
        "adopt",
        "find out which files a database has, by its objects and other tools' histories; record those",
        "d1migrate adopt --dry-run",
        (
            _argument("--dry-run", help="only say what was found; change nothing", **_FLAG),
            _argument("--yes", help="record what is proved without asking", **_FLAG),
            _argument("--assume", help="it ran, though nothing shows it; repeat it for several", **_EACH),
            _argument("--pending", help="it did not run; leave it to `up`; likewise", **_EACH),
            _CONFIRM,
        ),
    ),
    "baseline": Command(
        "migrate",
        "begin a history: write down what a database holds as its first file, or take files for applied",
        'd1migrate baseline "as found in production"',
        (
            _argument(
                "description",
                metavar="DESCRIPTION",
                nargs="?",
                help="write a file of this name that builds all there is, and record it",
            ),
            _argument("--to", help="record the files up to this version instead; run nothing", **_VERSION),
            _argument("--dry-run", help="print the file; change nothing", **_FLAG),
            _CONFIRM,
        ),
    ),
    "squash": Command(
        "squash",
        "put one file in the place of all up to a version, proved to do the same",
        "d1migrate squash --to 40",
        (
            _argument("--to", required=True, help="the last version that it stands for", **_VERSION),
            _argument("--name", default="squashed", metavar="DESCRIPTION", help="(default: squashed)"),
            _argument("--keep-rows", help="keep the statements that write rows, too", **_FLAG),
            _argument("--dry-run", help="print the file; change nothing", **_FLAG),
        ),
    ),
    "renumber": Command(
        "renumber",
        "move files behind others whose number is used twice, or lies below what is applied",
        "d1migrate renumber --dry-run",
        (_argument("--dry-run", help="only say which; change nothing", **_FLAG),),
    ),
    "repair": Command(
        "migrate",
        "make history agree with the files, where you know better",
        'd1migrate repair --accept 2 --reason "reworded a CHECK"',
        (
            _argument("--accept", help="record the file as it is now", **_VERSION),
            _argument("--forget", help="a version whose file was removed on purpose", **_VERSION),
            _argument("--reason", required=True, metavar="TEXT", help="why; it goes to the log"),
            _CONFIRM,
        ),
    ),
    "backup": Command(
        "preserve",
        "write a dump that restores: plain SQL, every value exact",
        "d1migrate backup --output app.sql --verify",
        (
            _argument("--output", metavar="FILE", help="where to (default: named by database and time)"),
            _argument("--verify", help="restore it into a scratch database and compare every table", **_FLAG),
        ),
    ),
    "restore": Command(
        "preserve",
        "go back to a restore point, or load a backup; without arguments, list the points",
        "d1migrate restore --to 3",
        (
            _argument(
                "--to",
                metavar="POINT",
                help="a point's name, a version, or a time (ISO 8601, UTC)",
            ),
            _argument("--file", metavar="FILE", help="load a backup into an empty database"),
            _argument("--yes", help="do not ask for the database's name", **_FLAG),
            _CONFIRM,
        ),
    ),
    "env": Command(
        "overview", "the environments, side by side: version, pending, protection, reachable", "d1migrate env"
    ),
    "gate": Command(
        "judge",
        "whether code of a version can run on the database; exit 3 if not; writes nothing",
        "d1migrate gate --code-version 7",
        (
            _argument(
                "--code-version",
                required=True,
                help="the newest migration that the code was written with",
                **_VERSION,
            ),
        ),
    ),
    "completion": Command(
        "author",
        "print a shell's completion script",
        "d1migrate completion bash",
        (_argument("shell", choices=("bash", "zsh", "tcsh")),),
    ),
}
