"""Every command: what it is for, an example, and its own arguments."""

from __future__ import annotations

from typing import Any, NamedTuple

from d1migrate.cli.arguments import (
    ANY_GATES,
    BACKFILL,
    CONFIRM,
    DOWN,
    DRAFT,
    EACH,
    FLAG,
    LATE,
    PHASE,
    SINGLE,
    STATE,
    TO_DOWN,
    TO_UP,
    TOLD,
    UP_GATES,
    VERSION,
    argument,
)


class Command(NamedTuple):
    """A command: the function that runs it, its help, an example, and its own arguments."""

    module: str
    help: str
    example: str
    arguments: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = ()
    alias: str | None = None


COMMANDS = {
    "up": Command(
        "up",
        "apply pending migrations",
        "d1migrate up --to 3",
        (
            *(TO_UP, LATE, SINGLE, PHASE),
            argument(
                "--plan", metavar="FILE", help="apply what `plan --output FILE` wrote, if it still holds"
            ),
            argument("--dry-run", help="print what `plan` prints; change nothing", **FLAG),
            *UP_GATES,
        ),
        alias="apply",
    ),
    "down": Command(
        "up",
        "take migrations back by their rollback blocks",
        "d1migrate down --steps 1",
        (
            *(TO_DOWN, *DOWN),
            argument("--dry-run", help="print what `plan --down` prints; change nothing", **FLAG),
            *ANY_GATES,
        ),
    ),
    "status": Command(
        "status",
        "what is applied and what is pending; writes nothing",
        "d1migrate status --check",
        (argument("--check", help="exit 3 unless every migration is applied as it is", **FLAG),),
    ),
    "history": Command("status", "all that happened, oldest first", "d1migrate history --json"),
    "list": Command("status", "the migration files", "d1migrate list"),
    "current": Command("status", "the highest applied version, alone", "d1migrate current"),
    "plan": Command(
        "plan",
        "what `up` (or `down`) would run; changes nothing",
        "d1migrate plan --sql",
        (
            argument("--sql", help="as SQL that `wrangler d1 execute --file` can run", **FLAG),
            argument("--down", help="plan a `down`", **FLAG),
            argument("--to", help="the version to go to", **VERSION),
            *(LATE, SINGLE, PHASE),
            argument("--output", metavar="FILE", help="also write it to a file, for `up --plan FILE`"),
            *DOWN,
            *UP_GATES,
        ),
    ),
    "new": Command(
        "diff",
        "write the next migration file",
        'd1migrate new "add teams table"',
        (argument("description", metavar="DESCRIPTION", help="a few words"),),
        alias="create",
    ),
    "diff": Command(
        "diff",
        "write the migration, with its way back, that leads to a desired schema",
        "d1migrate diff --to schema.sql",
        (
            argument(
                "--to",
                metavar="FILE",
                help="CREATE statements: what there should be (default: as `schema --output`)",
            ),
            argument(
                "--from",
                dest="source",
                choices=("files", "live"),
                default="files",
                help="what there is: what the files build (default), or the live schema",
            ),
            *TOLD,
            *DRAFT,
        ),
    ),
    "rebuild": Command(
        "diff",
        "write the migration that changes columns of one table and keeps every row",
        "d1migrate rebuild tasks --set \"status TEXT NOT NULL CHECK (status IN ('new', 'done'))\"",
        (
            argument("table", metavar="TABLE", help="the table"),
            argument(
                "--set",
                action="append",
                default=[],
                metavar="COLUMN",
                help="a column's definition, old or new",
            ),
            argument("--drop", action="append", default=[], metavar="COLUMN", help="a column that goes"),
            BACKFILL,
            *DRAFT,
        ),
    ),
    "index": Command(
        "diff",
        "write a Python module that embeds the migrations, for Workers",
        "d1migrate index --output src/migrations_index.py",
        (
            argument("--output", metavar="FILE", help="the module (default: `index` in d1migrate.toml)"),
            argument("--check", help="write nothing; exit 3 if the module is not up to date", **FLAG),
        ),
    ),
    "verify": Command(
        "status",
        "files against history, live schema against what the files build; writes nothing",
        "d1migrate verify --check",
        (
            argument("--check", help="exit 3 if anything disagrees", **FLAG),
            argument(
                "--fix",
                choices=("files", "live"),
                help="`files`: print the SQL that makes the live schema what the files build; `live`: write"
                " the migration that makes the files build what is live",
            ),
            *TOLD,
        ),
    ),
    "schema": Command(
        "schema",
        "the live schema, or that of any version: to read, as SQL for git, as a diagram",
        "d1migrate schema --at latest --sql --check",
        (
            argument("table", metavar="TABLE", nargs="?", help="one table only"),
            argument("--at", help="what the files up to this version build; no database is asked", **STATE),
            argument(
                "--between",
                nargs=2,
                help="what differs between two versions",
                **STATE | {"metavar": ("A", "B")},
            ),
            argument("--sql", help="as the SQL that builds it, always in one order and layout", **FLAG),
            argument(
                "--format",
                choices=("mermaid", "svg"),
                help="as a diagram of tables and foreign keys: text for Mermaid, or a drawing (which needs"
                " `pip install d1migrate[diagram]`)",
            ),
            argument(
                "--output",
                nargs="?",
                const=True,
                metavar="FILE",
                help="write that to FILE if it differs (default: `schema` in d1migrate.toml, else"
                " schema.sql beside the migrations folder)",
            ),
            argument(
                "--check",
                nargs="?",
                const=True,
                metavar="FILE",
                help="write nothing; print how FILE differs from that, and exit 3 if it does",
            ),
        ),
    ),
    "lint": Command(
        "lint",
        "what is wrong with pending migrations, before they run; writes nothing without --fix",
        "d1migrate lint --all --strict",
        (
            argument("files", nargs="*", metavar="FILE", help="judge these, without a database"),
            argument("--all", help="judge every migration, without a database", **FLAG),
            argument("--strict", help="exit 3 on warnings too", **FLAG),
            argument("--fix", help="rewrite pending files whose rebuilds lose rows; shown first", **FLAG),
            argument("--dry-run", help="with --fix: only show what would be written", **FLAG),
            argument("--yes", help="with --fix: write it without asking", **FLAG),
            argument("--format", choices=("text", "github", "sarif"), default="text", help="(default: text)"),
        ),
    ),
    "rehearse": Command(
        "lint",
        "run pending migrations on a scratch database with rows in every table; writes nothing",
        "d1migrate rehearse --rows 200",
        (
            argument("--to", help="the last version to rehearse", **VERSION),
            argument("--all", help="every migration, from an empty database", **FLAG),
            argument(
                "--rows",
                type=int,
                default=50,
                metavar="N",
                help="made-up rows per table (default: 50); none with --data",
            ),
            argument(
                "--data",
                nargs="?",
                const="",
                metavar="FILE",
                help="use the schema, history and rows of a SQLite file or a D1 export, unchanged; without"
                " FILE, those of the target, if it is a local file",
            ),
            argument(
                "--scale",
                action="append",
                default=[],
                metavar="TABLE=ROWS",
                help="rows of a table in the target, to estimate the cost there; repeat it for several",
            ),
            argument(
                "--way-back",
                help="prove the ways back, too: let each migration fail, go back to a restore point, roll it"
                " back, and compare every row",
                **FLAG,
            ),
        ),
    ),
    "adopt": Command(
        "adopt",
        "find out which files a database has, by its objects and other tools' histories; record those",
        "d1migrate adopt --dry-run",
        (
            argument("--dry-run", help="only say what was found; change nothing", **FLAG),
            argument("--yes", help="record what is proved without asking", **FLAG),
            argument("--assume", help="it ran, though nothing shows it; repeat it for several", **EACH),
            argument("--pending", help="it did not run; leave it to `up`; likewise", **EACH),
            CONFIRM,
        ),
    ),
    "baseline": Command(
        "up",
        "begin a history: write down what a database holds as its first file, or take files for applied",
        'd1migrate baseline "as found in production"',
        (
            argument(
                "description",
                metavar="DESCRIPTION",
                nargs="?",
                help="write a file of this name that builds all there is, and record it",
            ),
            argument("--to", help="record the files up to this version instead; run nothing", **VERSION),
            argument("--dry-run", help="print the file; change nothing", **FLAG),
            CONFIRM,
        ),
    ),
    "squash": Command(
        "squash",
        "put one file in the place of all up to a version, proved to do the same",
        "d1migrate squash --to 40",
        (
            argument("--to", required=True, help="the last version that it stands for", **VERSION),
            argument("--name", default="squashed", metavar="DESCRIPTION", help="(default: squashed)"),
            argument("--dry-run", help="print the file; change nothing", **FLAG),
        ),
    ),
    "renumber": Command(
        "renumber",
        "move files behind others whose number is used twice, or lies below what is applied",
        "d1migrate renumber --dry-run",
        (argument("--dry-run", help="only say which; change nothing", **FLAG),),
    ),
    "repair": Command(
        "up",
        "make history agree with the files, where you know better",
        'd1migrate repair --accept 2 --reason "reworded a CHECK"',
        (
            argument("--accept", help="record the file as it is now", **VERSION),
            argument("--forget", help="a version whose file was removed on purpose", **VERSION),
            argument("--reason", required=True, metavar="TEXT", help="why; it goes to the log"),
            CONFIRM,
        ),
    ),
    "backup": Command(
        "restore",
        "write a dump that restores: plain SQL, every value exact",
        "d1migrate backup --output app.sql --verify",
        (
            argument("--output", metavar="FILE", help="where to (default: named by database and time)"),
            argument("--verify", help="restore it into a scratch database and compare every table", **FLAG),
        ),
    ),
    "restore": Command(
        "restore",
        "go back to a restore point, or load a backup; without arguments, list the points",
        "d1migrate restore --to 3",
        (
            argument(
                "--to",
                metavar="POINT",
                help="a point's name, a version, or a time (ISO 8601, UTC)",
            ),
            argument("--file", metavar="FILE", help="load a backup into an empty database"),
            argument("--yes", help="do not ask for the database's name", **FLAG),
            CONFIRM,
        ),
    ),
    "env": Command(
        "env", "the environments, side by side: version, pending, protection, reachable", "d1migrate env"
    ),
    "gate": Command(
        "lint",
        "whether code of a version can run on the database; exit 3 if not; writes nothing",
        "d1migrate gate --code-version 7",
        (
            argument(
                "--code-version",
                required=True,
                help="the newest migration that the code was written with",
                **VERSION,
            ),
        ),
    ),
    "completion": Command(
        "diff",
        "print a shell's completion script",
        "d1migrate completion bash",
        (argument("shell", choices=("bash", "zsh", "tcsh")),),
    ),
}
