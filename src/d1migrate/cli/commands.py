"""The table of commands: what each is for, an example, and its arguments.

A command's code is the module of its name, which reads these arguments as its `Options`. The table is apart
from that code so that `--help` need not import all of it. A command with actions is a package with a module
for each of them, and its actions are a table of their own: a `status` need not build it.
"""

from __future__ import annotations

from d1migrate.cli.arguments import (
    ANY_GATES,
    APPLY,
    BACKFILL,
    CONFIRM,
    DECLARED,
    DOWN,
    DRAFT,
    EACH,
    FLAG,
    FOR,
    MIGRATION,
    MODELS,
    SCALE,
    TO_DOWN,
    TO_UP,
    UP_GATES,
    Command,
    argument,
)

COMMANDS = {
    "init": Command(
        "set up a project",
        "d1migrate init",
        (argument("--dry-run", "-n", help="print what would be written; write nothing", **FLAG),),
        details="Finds the configuration of wrangler, drizzle-kit, Prisma, Alembic or Django, and writes a"
        " d1migrate.toml only if a setting is missing. In an empty folder, also writes a first migration."
        " Overwrites nothing.",
    ),
    "up": Command(
        "apply pending migrations",
        "d1migrate up --to 3",
        (
            TO_UP,
            *APPLY,
            argument(
                "--plan",
                metavar="FILE",
                help="apply the plan in FILE if it is still valid; see `plan --output`",
            ),
            argument("--dry-run", "-n", help="print the plan; change nothing", **FLAG),
            argument(
                "--no-wait",
                help="stop before a migration that runs in chunks, and leave it to `job run`",
                **FLAG,
            ),
            *UP_GATES,
        ),
        alias="apply",
    ),
    "down": Command(
        "roll back applied migrations",
        "d1migrate down --steps 1",
        (
            TO_DOWN,
            *DOWN,
            argument("--dry-run", "-n", help="print the plan; change nothing", **FLAG),
            *ANY_GATES,
        ),
        details="Runs their rollback blocks, newest first.",
    ),
    "status": Command(
        "show applied and pending migrations",
        "d1migrate status --check",
        (argument("--check", help="exit 3 unless every migration is applied and unchanged", **FLAG),),
        details="Writes nothing. If an applied file was edited, shows how the edit changes the schema.",
    ),
    "history": Command("show what was done to the database, oldest first", "d1migrate history --json"),
    "list": Command("list the migration files", "d1migrate list"),
    "current": Command("print the last applied migration", "d1migrate current"),
    "plan": Command(
        "show what `up` (or `down`) would run",
        "d1migrate plan --sql",
        (
            argument("--down", help="plan a rollback", **FLAG),
            argument("--to", help="the migration to apply or roll back to", **MIGRATION),
            *APPLY,
            argument("--output", metavar="FILE", help="also write the plan to FILE, for `up --plan FILE`"),
            *DOWN,
            *UP_GATES,
        ),
        details="Also shows whether the gates of the environment would pass. Changes nothing. `--sql` prints"
        " the SQL, which `wrangler d1 execute --file` can run.",
        formats=("text", "sql", "json"),
    ),
    "new": Command(
        "create the next migration file",
        'd1migrate new "add teams table"',
        (argument("description", metavar="DESCRIPTION", help="a few words, which name the file"),),
        alias="create",
    ),
    "diff": Command(
        "write the migration that leads to a desired schema",
        "d1migrate diff --to schema.sql",
        (
            argument(
                "--to",
                metavar="SOURCE",
                help="the desired schema: a file, a folder of migrations, `sqlite:FILE`,"
                " `python:MODULE:OBJECT`, `django:SETTINGS` or `'command:WORDS {db}'` (default: `source` of"
                " [schema] in d1migrate.toml, else the file of `schema --output`)",
            ),
            argument(
                "--python",
                metavar="FILE",
                help="the interpreter that imports the models (default: the one that runs d1migrate)",
            ),
            argument(
                "--app",
                action="append",
                default=[],
                metavar="LABEL",
                help="only the tables of this Django app; can be repeated",
            ),
            argument(
                "--from",
                dest="source",
                choices=("files", "live"),
                default="files",
                help="the current schema: what the migration files build (default), or the live schema"
                " (`verify` shows how these differ)",
            ),
            *DECLARED,
            *MODELS,
            *DRAFT,
        ),
        details="The migration has a rollback. Renames are declared, never guessed; dropping a column needs"
        " permission; a new NOT NULL column needs a value for existing rows. On a terminal, diff asks.",
    ),
    "rebuild": Command(
        "write the migration that changes columns of one table",
        "d1migrate rebuild tasks --set \"status TEXT NOT NULL CHECK (status IN ('new', 'done'))\"",
        (
            argument("table", metavar="TABLE", help="the table"),
            argument(
                "--set",
                action="append",
                default=[],
                metavar="COLUMN",
                help="new definition of a column; can be repeated",
            ),
            argument(
                "--add",
                action="append",
                default=[],
                metavar="COLUMN",
                help="definition of a column to add; can be repeated",
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
        details="One transaction rebuilds the table and keeps every row, index, trigger and foreign key.",
    ),
    "index": Command(
        "write the module that embeds the migrations in a Worker",
        "d1migrate index --format ts --runtime src/lib/migrations.ts",
        (
            argument(
                "--output", metavar="FILE", help="the module to write (default: `index` in d1migrate.toml)"
            ),
            argument(
                "--runtime",
                metavar="FILE",
                help="also write the TypeScript file that applies the index (default: `runtime` in"
                " d1migrate.toml)",
            ),
            argument("--check", help="write nothing; exit 3 if a module is not up to date", **FLAG),
        ),
        details="A Worker imports the module, because it cannot read a folder. The ending of its name decides"
        " the language: .py, or .ts, .mts, .js and .mjs. `--format ts` writes only the TypeScript modules; if"
        " none is configured, index.ts in the migrations folder.",
        formats=("text", "json", "py", "ts"),
    ),
    "verify": Command(
        "compare files, history and live schema",
        "d1migrate verify --check",
        (
            argument("--check", help="exit 3 if anything differs", **FLAG),
            argument(
                "--fix",
                choices=("files", "live"),
                help="`files`: print SQL that makes the live schema match the files; `live`: write a"
                " migration that makes the files match the live schema, and record it as applied",
            ),
            *DECLARED,
            CONFIRM,
        ),
        details="Compares files with the history, and the live schema with what the applied files build."
        " Pending files are not a difference. Exits with 0 even if something differs, unless --check is"
        " given. Writes nothing, except with `--fix live`. To compare with a schema file: `schema --check`,"
        " or `diff`, which writes the migration that leads to it.",
    ),
    "schema": Command(
        "show the live schema, or the one that files build",
        "d1migrate schema --at latest --sql --check",
        (
            argument("table", metavar="TABLE", nargs="?", help="show only this table"),
            argument(
                "--at", help="show what the files up to this migration build; use no database", **MIGRATION
            ),
            argument(
                "--between",
                nargs=2,
                help="show how the schema differs between two migrations",
                **MIGRATION | {"metavar": ("A", "B")},
            ),
            argument(
                "--output",
                nargs="?",
                const=True,
                metavar="FILE",
                help="write the schema to FILE, if FILE differs (default: `schema` in d1migrate.toml, or"
                " schema.sql next to the migrations folder)",
            ),
            argument(
                "--check",
                nargs="?",
                const=True,
                metavar="FILE",
                help="write nothing; print how FILE differs, and exit 3 if it does (`verify` compares the"
                " live schema with the migrations instead)",
            ),
        ),
        details="Writes nothing, except with `--output`. `--sql` prints the SQL that builds the schema, in a"
        " stable order and layout. `--format mermaid` and `svg` print a diagram of tables and foreign keys:"
        " text for Mermaid, or an image, which needs `pip install d1migrate[diagram]`.",
        formats=("text", "sql", "json", "mermaid", "svg"),
    ),
    "lint": Command(
        "check pending migrations for problems",
        "d1migrate lint --all --strict",
        (
            argument("files", nargs="*", metavar="FILE", help="check these files, without a database"),
            argument("--all", help="check every migration, without a database", **FLAG),
            argument("--strict", help="exit 3 on warnings, too", **FLAG),
            FOR,
            argument(
                "--scale",
                action="append",
                default=[],
                metavar="TABLE=ROWS",
                help="how many rows a table has in production, to find what is too much for one batch there;"
                " can be repeated",
            ),
            argument(
                "--fix",
                help="in pending files, rewrite rebuilds that lose rows, and add a missing `;`; with --scale,"
                " also the line by which a statement runs in chunks",
                **FLAG,
            ),
            argument("--dry-run", "-n", help="with --fix: only show what would be written", **FLAG),
            argument("--yes", help="with --fix: write without asking", **FLAG),
        ),
        details="Exits with 3 on errors. Writes nothing, except with `--fix`. `--format github` and `sarif`"
        " are for code review.",
        formats=("text", "json", "github", "sarif"),
    ),
    "rehearse": Command(
        "run pending migrations on a scratch database with rows",
        "d1migrate rehearse --rows 200",
        (
            argument("--to", help="rehearse migrations up to this one", **MIGRATION),
            argument("--all", help="rehearse every migration, from an empty database", **FLAG),
            FOR,
            argument(
                "--rows",
                type=int,
                default=50,
                metavar="N",
                help="how many rows to generate per table (default: 50); none with --data",
            ),
            argument(
                "--data",
                nargs="?",
                const="",
                metavar="FILE",
                help="use the schema, history and rows of a SQLite file or a D1 export, unchanged; without"
                " FILE, those of the database, if it is a local file",
            ),
            SCALE,
            argument(
                "--recovery",
                help="also test recovery: make each migration fail, restore the point before it, roll it"
                " back, and compare every row",
                **FLAG,
            ),
        ),
        details="Reports what happens to the rows, and what each migration costs. Exits with 3 if a migration"
        " fails or loses rows. Writes nothing to your database.",
    ),
    "adopt": Command(
        "record which migrations an existing database has",
        "d1migrate adopt --dry-run",
        (
            argument("--dry-run", "-n", help="only print what was found; change nothing", **FLAG),
            argument("--yes", help="do not ask before recording", **FLAG),
            argument("--assume", help="declare that this migration was applied; can be repeated", **EACH),
            argument(
                "--pending", help="declare that this migration was not applied; can be repeated", **EACH
            ),
            CONFIRM,
        ),
        details="Compares the objects that each file creates with the database, and reads the histories of"
        " other tools. Records the migrations whose objects exist, and the checksums of what wrangler applied"
        " if the schema is what the files build. Runs nothing.",
    ),
    "baseline": Command(
        "start the history of an existing database",
        'd1migrate baseline "as found in production"',
        (
            argument(
                "description",
                metavar="DESCRIPTION",
                nargs="?",
                help="write a first migration of this name that builds the live schema, and record it as"
                " applied",
            ),
            argument(
                "--to",
                help="record the files up to this one as applied; ask first if the database lacks their"
                " objects",
                **MIGRATION,
            ),
            argument(
                "--dry-run",
                "-n",
                help="print the migration, or what would be recorded; change nothing",
                **FLAG,
            ),
            argument("--yes", help="with --to: record without asking", **FLAG),
            CONFIRM,
        ),
    ),
    "squash": Command(
        "replace the first files, up to one of them, by a single one",
        "d1migrate squash --to 40",
        (
            argument("--to", required=True, help="the last file to include", **MIGRATION),
            argument(
                "--name",
                default="squashed",
                metavar="DESCRIPTION",
                help="name of the file (default: squashed)",
            ),
            argument("--dry-run", "-n", help="print the file; change nothing", **FLAG),
            argument("--yes", help="replace the files without asking", **FLAG),
        ),
        details="First runs old and new files on scratch databases, and refuses if the results differ.",
    ),
    "renumber": Command(
        "move pending files after the applied ones",
        "d1migrate renumber --dry-run",
        (
            argument("--dry-run", "-n", help="only print the new names; change nothing", **FLAG),
            argument("--yes", help="rename without asking", **FLAG),
        ),
        details="Renames pending files that come before an applied one, and pending files whose number is"
        " taken in schema_migrations. Applied files keep their names.",
    ),
    "repair": Command(
        "correct the recorded history by hand",
        'd1migrate repair --accept 2 --reason "reworded a CHECK"',
        (
            argument("--accept", help="record the content that this file has now", **MIGRATION),
            argument(
                "--rename",
                nargs=2,
                metavar=("OLD", "NEW"),
                help="record the new name of an applied migration whose file was renamed",
            ),
            argument("--forget", help="remove the record of a migration whose file was deleted", **MIGRATION),
            argument(
                "--sync-tables",
                help="make schema_migrations and wrangler's table record the same migrations",
                **FLAG,
            ),
            argument(
                "--move-history",
                help="move the history to the table that `table = …` names",
                **FLAG,
            ),
            argument("--reason", metavar="TEXT", help="the reason, which is logged"),
            argument("--dry-run", "-n", help="only show what would be recorded; change nothing", **FLAG),
            argument("--yes", help="record the correction without asking", **FLAG),
            CONFIRM,
        ),
        details="Without arguments, lists what can be corrected. Runs no SQL of a migration.",
    ),
    "backup": Command(
        "write a backup as plain SQL",
        "d1migrate backup --output app.sql --verify",
        (
            argument(
                "--output", metavar="FILE", help="the file to write (default: named by database and time)"
            ),
            argument(
                "--verify", help="restore the backup to a scratch database and compare every table", **FLAG
            ),
        ),
        details="Keeps every value exactly. `restore --file` loads the backup.",
    ),
    "restore": Command(
        "go back to a restore point, or load a backup",
        "d1migrate restore --to 3",
        (
            argument(
                "--to",
                metavar="POINT",
                help='a restore point, a migration, or a time: "2026-11-22 13:59:05 +0100" or ISO 8601',
            ),
            argument("--file", metavar="FILE", help="load a backup into an empty database"),
            argument(
                "--dry-run", "-n", help="with --to: only show what would change; change nothing", **FLAG
            ),
            argument("--yes", help="restore without asking for the name of the database", **FLAG),
            CONFIRM,
        ),
        details="Without arguments, lists the restore points. A restore first keeps the current state as a"
        " restore point.",
    ),
    "job": Command(
        "show, run, pause or cancel a migration that runs in chunks",
        "d1migrate job run --max-seconds 50",
        details="A migration with `-- d1migrate: batch TABLE` or `-- d1migrate: online TABLE` runs as a job"
        " if its table is too large for one batch. `up` runs the job, too. Without an action, shows its"
        " status.",
        formats=("text",),
        actions=("status", "run", "pause", "resume", "cancel"),
        default_action="status",
    ),
    "fleet": Command(
        "migrate many databases that have one schema",
        "d1migrate fleet up tenants",
        details="A fleet is a section [fleet.NAME] of d1migrate.toml; with only one, NAME can be left out."
        " Each database takes one request. A run is resumed after anything by the same command.",
        formats=("text",),
        actions=("up", "jobs", "plan", "status", "list", "verify", "retry", "pause", "resume", "stop"),
    ),
    "env": Command(
        "show all environments side by side",
        "d1migrate env",
        details="For each: last migration, pending migrations, protection, and whether it can be reached.",
    ),
    "gate": Command(
        "check whether code can run on the database",
        "d1migrate gate --code-version 7",
        (
            argument(
                "--code-version",
                required=True,
                help="the newest migration that the code was written for",
                **MIGRATION,
            ),
        ),
        details="Exits with 3 if a migration that the code needs is pending, or an applied one breaks it."
        " Writes nothing.",
    ),
    "completion": Command(
        "print a shell completion script",
        "d1migrate completion bash",
        (argument("shell", choices=("bash", "zsh", "fish"), metavar="SHELL", help="bash, zsh or fish"),),
        details="Completes commands, options, environments, migrations and tables. Write into the file that"
        ' the shell reads at its start: eval "$(d1migrate completion bash)", or for fish: d1migrate'
        " completion fish | source",
        formats=("text",),
    ),
    "explain": Command(
        "explain a rule of the linter, with examples",
        "d1migrate explain D101",
        (argument("code", metavar="CODE", help="the code of a rule, such as D101, or its name"),),
    ),
    "help": Command(
        "list the commands, or explain one",
        "d1migrate help up",
        (argument("topic", nargs="*", metavar="COMMAND", help="the command to explain"),),
        formats=("text",),
    ),
    "version": Command("print the version of d1migrate, SQLite and Python", "d1migrate version"),
    "start": Command("print the state of the project and the usual commands", "d1migrate", formats=("text",)),
}

GROUPS = {
    "start": ("init", "adopt", "baseline"),
    "run": ("up", "down", "plan", "job", "fleet"),
    "inspect": ("status", "history", "current", "list", "env"),
    "check": ("lint", "explain", "rehearse", "verify", "gate"),
    "write": ("new", "diff", "rebuild", "schema", "index"),
    "back up": ("backup", "restore"),
    "correct": ("repair", "renumber", "squash"),
    "d1migrate": ("help", "version", "completion"),
}
"""{a heading: the commands under it}, in the order of `help` and of the README."""

NAMES = {name: name for name in COMMANDS if name != "start"} | {
    command.alias: name for name, command in COMMANDS.items() if command.alias
}
"""{what can be typed: the command}; `start` is what is shown without a command."""


def command_of(name: str) -> Command:
    """Return a command by its name, or an action by both words: `fleet up`."""
    word, _, action = name.partition(" ")
    if not action:
        return COMMANDS[word]
    table = __import__(f"d1migrate.cli.{word}.actions", fromlist=("ACTIONS",))
    found: Command = table.ACTIONS[action]
    return found


def with_actions(name: str) -> tuple[str, ...]:
    """Return the name of a command, and those of its actions."""
    return (name, *(f"{name} {action}" for action in COMMANDS[name].actions))
