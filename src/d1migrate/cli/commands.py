"""The table of commands: what each is for, an example, and its arguments.

A command's code is the module of its name, which reads these arguments as its `Options`. The table is apart
from that code so that `--help` need not import all of it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from d1migrate.cli.arguments import (
    ANY_GATES,
    BACKFILL,
    CONFIRM,
    DECLARED,
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
    UP_GATES,
    VERSION,
    argument,
)


class Command(NamedTuple):
    """What the parser knows of a command.

    Attributes:
        help: one line, which `--help` shows.
        example: a complete command line.
        arguments: the names of each argument, and what argparse is given for it.
        alias: another name of the command.
    """

    help: str
    example: str
    arguments: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = ()
    alias: str | None = None


COMMANDS = {
    "up": Command(
        "apply pending migrations",
        "d1migrate up --to 3",
        (
            *(TO_UP, LATE, SINGLE, PHASE),
            argument(
                "--plan",
                metavar="FILE",
                help="apply the plan in FILE if it is still valid; see `plan --output`",
            ),
            argument("--dry-run", help="print the plan; change nothing", **FLAG),
            *UP_GATES,
        ),
        alias="apply",
    ),
    "down": Command(
        "roll back applied migrations",
        "d1migrate down --steps 1",
        (
            *(TO_DOWN, *DOWN),
            argument("--dry-run", help="print the plan; change nothing", **FLAG),
            *ANY_GATES,
        ),
    ),
    "status": Command(
        "show applied and pending migrations; writes nothing",
        "d1migrate status --check",
        (argument("--check", help="exit 3 unless every migration is applied and unchanged", **FLAG),),
    ),
    "history": Command("show everything that happened, oldest first", "d1migrate history --json"),
    "list": Command("list the migration files", "d1migrate list"),
    "current": Command("print the highest applied version", "d1migrate current"),
    "plan": Command(
        "show what `up` (or `down`) would run; changes nothing",
        "d1migrate plan --sql",
        (
            argument("--sql", help="print SQL that `wrangler d1 execute --file` can run", **FLAG),
            argument("--down", help="plan a rollback", **FLAG),
            argument("--to", help="the version to migrate or roll back to", **VERSION),
            *(LATE, SINGLE, PHASE),
            argument("--output", metavar="FILE", help="also write the plan to FILE, for `up --plan FILE`"),
            *DOWN,
            *UP_GATES,
        ),
    ),
    "new": Command(
        "create the next migration file",
        'd1migrate new "add teams table"',
        (argument("description", metavar="DESCRIPTION", help="a few words, which name the file"),),
        alias="create",
    ),
    "diff": Command(
        "write the migration, with its rollback, that leads to a desired schema",
        "d1migrate diff --to schema.sql",
        (
            argument(
                "--to",
                metavar="FILE",
                help="the desired schema, as CREATE statements (default: the file of `schema --output`)",
            ),
            argument(
                "--from",
                dest="source",
                choices=("files", "live"),
                default="files",
                help="the current schema: what the migration files build (default), or the live schema",
            ),
            *DECLARED,
            *DRAFT,
        ),
    ),
    "rebuild": Command(
        "write the migration that changes columns of one table and keeps every row",
        "d1migrate rebuild tasks --set \"status TEXT NOT NULL CHECK (status IN ('new', 'done'))\"",
        (
            argument("table", metavar="TABLE", help="the table"),
            argument(
                "--set",
                action="append",
                default=[],
                metavar="COLUMN",
                help="definition of a new or changed column; can be repeated",
            ),
            argument(
                "--drop",
                action="append",
                default=[],
                metavar="COLUMN",
                help="a column to drop; can be repeated",
            ),
            BACKFILL,
            *DRAFT,
        ),
    ),
    "index": Command(
        "write a Python module that embeds the migrations, for Workers",
        "d1migrate index --output src/migrations_index.py",
        (
            argument(
                "--output", metavar="FILE", help="the module to write (default: `index` in d1migrate.toml)"
            ),
            argument("--check", help="write nothing; exit 3 if the module is not up to date", **FLAG),
        ),
    ),
    "verify": Command(
        "compare files with the history, and the live schema with what the files build; writes nothing"
        " without --fix live",
        "d1migrate verify --check",
        (
            argument("--check", help="exit 3 if anything differs", **FLAG),
            argument(
                "--fix",
                choices=("files", "live"),
                help="`files`: print SQL that makes the live schema match the files; `live`: write a"
                " migration that makes the files match the live schema",
            ),
            *DECLARED,
        ),
    ),
    "schema": Command(
        "show the live schema, or that of any version: as text, as SQL, or as a diagram",
        "d1migrate schema --at latest --sql --check",
        (
            argument("table", metavar="TABLE", nargs="?", help="show only this table"),
            argument("--at", help="what the files up to this version build; uses no database", **STATE),
            argument(
                "--between",
                nargs=2,
                help="what differs between two versions",
                **STATE | {"metavar": ("A", "B")},
            ),
            argument("--sql", help="print the SQL that builds it, in a stable order and layout", **FLAG),
            argument(
                "--format",
                choices=("mermaid", "svg"),
                help="print a diagram of tables and foreign keys: text for Mermaid, or an image (needs"
                " `pip install d1migrate[diagram]`)",
            ),
            argument(
                "--output",
                nargs="?",
                const=True,
                metavar="FILE",
                help="write it to FILE if that differs (default: `schema` in d1migrate.toml, or schema.sql"
                " next to the migrations folder)",
            ),
            argument(
                "--check",
                nargs="?",
                const=True,
                metavar="FILE",
                help="write nothing; print how FILE differs, and exit 3 if it does",
            ),
        ),
    ),
    "lint": Command(
        "check pending migrations for problems before they run; writes nothing without --fix",
        "d1migrate lint --all --strict",
        (
            argument("files", nargs="*", metavar="FILE", help="check these files, without a database"),
            argument("--all", help="check every migration, without a database", **FLAG),
            argument("--strict", help="exit 3 on warnings too", **FLAG),
            argument(
                "--fix",
                help="rewrite pending files whose table rebuilds lose rows, after showing how",
                **FLAG,
            ),
            argument("--dry-run", help="with --fix: only show what would be written", **FLAG),
            argument("--yes", help="with --fix: write without asking", **FLAG),
            argument(
                "--format",
                choices=("text", "github", "sarif"),
                default="text",
                help="output format (default: text)",
            ),
        ),
    ),
    "rehearse": Command(
        "run pending migrations on a scratch database with rows in every table; writes nothing",
        "d1migrate rehearse --rows 200",
        (
            argument("--to", help="rehearse migrations up to this version", **VERSION),
            argument("--all", help="rehearse every migration, from an empty database", **FLAG),
            argument(
                "--rows",
                type=int,
                default=50,
                metavar="N",
                help="generated rows per table (default: 50); none with --data",
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
                help="rows that a table has in the target, to estimate the cost there; can be repeated",
            ),
            argument(
                "--recovery",
                help="also test recovery: make each migration fail, restore the point before it, roll it"
                " back, and compare every row",
                **FLAG,
            ),
        ),
    ),
    "adopt": Command(
        "find out which migrations an existing database already has, and record them as applied",
        "d1migrate adopt --dry-run",
        (
            argument("--dry-run", help="only print what was found; change nothing", **FLAG),
            argument("--yes", help="record what is proved without asking", **FLAG),
            argument("--assume", help="this version was applied, without proof; can be repeated", **EACH),
            argument("--pending", help="this version was not applied; can be repeated", **EACH),
            CONFIRM,
        ),
    ),
    "baseline": Command(
        "start the history of an existing database",
        'd1migrate baseline "as found in production"',
        (
            argument(
                "description",
                metavar="DESCRIPTION",
                nargs="?",
                help="write a first migration of this name that builds the live schema, and record it",
            ),
            argument(
                "--to", help="instead, record files up to this version as applied without checking", **VERSION
            ),
            argument("--dry-run", help="print the migration; change nothing", **FLAG),
            CONFIRM,
        ),
    ),
    "squash": Command(
        "replace all files up to a version with one that is proved to do the same",
        "d1migrate squash --to 40",
        (
            argument("--to", required=True, help="the last version to include", **VERSION),
            argument(
                "--name",
                default="squashed",
                metavar="DESCRIPTION",
                help="name of the file (default: squashed)",
            ),
            argument("--dry-run", help="print the file; change nothing", **FLAG),
        ),
    ),
    "renumber": Command(
        "give new numbers to files whose number is used twice or is below the newest applied one",
        "d1migrate renumber --dry-run",
        (argument("--dry-run", help="only print the new names; change nothing", **FLAG),),
    ),
    "repair": Command(
        "correct the recorded history by hand",
        'd1migrate repair --accept 2 --reason "reworded a CHECK"',
        (
            argument("--accept", help="record the file of this version as it is now", **VERSION),
            argument("--forget", help="remove the record of a version whose file was deleted", **VERSION),
            argument("--reason", required=True, metavar="TEXT", help="the reason, which is logged"),
            CONFIRM,
        ),
    ),
    "backup": Command(
        "write a backup as plain SQL, with every value exact",
        "d1migrate backup --output app.sql --verify",
        (
            argument(
                "--output", metavar="FILE", help="the file to write (default: named by database and time)"
            ),
            argument("--verify", help="restore it to a scratch database and compare every table", **FLAG),
        ),
    ),
    "restore": Command(
        "go back to a restore point, or load a backup; without arguments, list the restore points",
        "d1migrate restore --to 3",
        (
            argument(
                "--to",
                metavar="POINT",
                help="name of a restore point, a version, or a time (ISO 8601, UTC)",
            ),
            argument("--file", metavar="FILE", help="load a backup into an empty database"),
            argument("--yes", help="do not ask for the name of the database", **FLAG),
            CONFIRM,
        ),
    ),
    "env": Command(
        "compare the environments: version, pending migrations, protection, reachability", "d1migrate env"
    ),
    "gate": Command(
        "check whether code of a version can run on the database; exit 3 if not; writes nothing",
        "d1migrate gate --code-version 7",
        (
            argument(
                "--code-version",
                required=True,
                help="the newest migration that the code was written for",
                **VERSION,
            ),
        ),
    ),
    "completion": Command(
        "print a shell completion script",
        "d1migrate completion bash",
        (argument("shell", choices=("bash", "zsh", "tcsh"), help="the shell"),),
    ),
}
