"""The keys of d1migrate.toml: what each takes and means. `docs/reference/configuration.md` shows it.

`check` compares a section with this table. What a value does to a run belongs in `config` and `environment`.
"""

from __future__ import annotations

from d1migrate.errors import UsageError
from d1migrate.hints import nearest
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

LEVELS = ("error", "warning")
_TYPES = {
    str: "a string",
    list: "a list of strings",
    bool: "true or false",
    dict: "a table",
    int: "a whole number",
}


class Setting(NamedTuple):
    """A key.

    Attributes:
        name: the key.
        kinds: the types that its value can have, and the strings that it can be.
        default: what applies without it, in Markdown.
        example: a line or two of TOML.
        meaning: what it sets, in Markdown.
    """

    name: str
    kinds: tuple[type | str, ...]
    default: str
    example: str
    meaning: str

    @property
    def takes(self) -> str:
        """The values it can have, in words."""
        *most, last = (f'"{kind}"' if isinstance(kind, str) else _TYPES[kind] for kind in self.kinds)
        return f"{', '.join(most)} or {last}" if most else last

    def accepts(self, value: object) -> bool:
        """Whether a value is of one of the kinds."""
        if isinstance(value, list) and not all(isinstance(part, str) for part in value):
            return False
        if isinstance(value, bool):  # which Python takes for a number
            return bool in self.kinds
        return any(value == kind if isinstance(kind, str) else isinstance(value, kind) for kind in self.kinds)


_TABLE = Setting(
    "table",
    (str,),
    "the migrations table that the database has",
    'table = "d1_migrations"',
    "The name of the [migrations table](#choosing-the-migrations-table).",
)
_PATTERN = Setting(
    "pattern",
    (str,),
    "wrangler's `migrations_pattern`, else `*.sql`",
    'pattern = "*/migration.sql"',
    "Which files below the folder are migrations. See [choosing the files](#choosing-the-files).",
)
_BUDGET = Setting(
    "budget",
    (int,),
    "50000 on D1; no limit for SQLite files and Durable Objects",
    "budget = 20000",
    "How many entries, that is rows and index entries, one batch may write. D1 stops a batch that takes too"
    " much CPU time, and does not report how much that is: 50000 is a fifth of what is known to have failed."
    " A drafted rebuild asserts the budget of the project: see"
    " [a rebuild](../concepts/how-it-works.md#a-rebuild). An index for TypeScript contains it, for the"
    " chunks of a job. `plan` and `rehearse` warn of other changes.",
)
_INDEX = Setting(
    "index",
    (str, list),
    "no index is written",
    'index = "src/migrations_index.py"',
    "The modules that embed the migrations, for a Worker: a path, or a list of paths. `index` writes them,"
    " and so does every command that writes a migration file.",
)
_RUNTIME = Setting(
    "runtime",
    (str,),
    "no runtime is written",
    'runtime = "src/lib/migrations.ts"',
    "The TypeScript file that applies an index in a Worker. `index` writes it.",
)

SCHEMA = (
    Setting(
        "file",
        (str,),
        "`schema.sql` next to the migrations folder",
        'file = "db/schema.sql"',
        "The schema as SQL: the file that `schema --output` writes and `schema --check` compares. Without"
        " `source`, `diff` reads it.",
    ),
    Setting(
        "source",
        (str,),
        "the file",
        'source = "python:app.models:Base.metadata"',
        "The desired schema of `diff` and `diff --check`: one of the table above.",
    ),
    Setting(
        "python",
        (str,),
        "the interpreter that runs d1migrate",
        'python = ".venv/bin/python"',
        "The interpreter that imports the models: a path, or a name such as `python3.12`, which is looked up"
        " in `PATH`. `diff --python` overrides it.",
    ),
)

PROJECT = (
    Setting(
        "migrations",
        (str,),
        "wrangler's `migrations_dir`, else `migrations`",
        'migrations = "drizzle"',
        "The folder of the migration files, relative to this file.",
    ),
    _PATTERN,
    _TABLE,
    _INDEX,
    _RUNTIME,
    Setting(
        "schema",
        (str, dict),
        "`schema.sql` next to the migrations folder",
        'schema = "db/schema.sql"',
        "The schema as SQL: the file that `schema --output` writes, `schema --check` compares and `diff`"
        " reads. A section `[schema]` can also name [another desired schema](#keys-of-the-schema).",
    ),
    Setting(
        "wrangler",
        (str,),
        "the nearest one in this folder or above",
        'wrangler = "workers/wrangler.jsonc"',
        "The wrangler configuration, which describes the databases that urls refer to.",
    ),
    Setting(
        "out_of_order",
        ("refuse", "allow"),
        '`"refuse"`',
        'out_of_order = "allow"',
        "Whether `up` applies pending migrations that come before an applied one.",
    ),
    _BUDGET,
    Setting(
        "lint",
        (dict,),
        "the severity of each rule",
        '[lint]\nD104 = "error"',
        "Severities of lint rules, by code or by letter: `error`, `warning`, `info` or `off`. See"
        " [the rules](rules.md#configuring-severities).",
    ),
    Setting(
        "env",
        (dict,),
        "the environments of the wrangler configuration",
        '[env.local]\ndatabase = "wrangler:DB"',
        "The environments: one section for each, see below.",
    ),
    Setting(
        "objects",
        (dict,),
        "no class has migrations of its own",
        '[objects.Tenant]\nmigrations = "migrations/tenant"',
        "The classes of SQLite-backed Durable Objects: one section for each, see below.",
    ),
    Setting(
        "fleet",
        (dict,),
        "there is no fleet",
        '[fleet.tenants]\ndatabases = "d1:tenant-*"',
        "The fleets: many databases with one schema, in one section for each fleet, see below.",
    ),
)
"""The keys at the top level."""

ENVIRONMENT = (
    Setting(
        "database",
        (str,),
        "required",
        'database = "d1:app"',
        "The url of the database. See [urls](#urls).",
    ),
    Setting(
        "account",
        (str,),
        "not checked",
        'account = "0123456789abcdef0123456789abcdef"',
        "The id of the Cloudflare account that a `d1:` database must be in. A token of another account is"
        " refused.",
    ),
    Setting(
        "protected",
        (bool,),
        "`false`",
        "protected = true",
        "Whether each change has to be confirmed with the name of the environment: typed, or given by"
        " `--confirm NAME`.",
    ),
    Setting(
        "after",
        (str,),
        "no other environment",
        'after = "staging"',
        "The environment in which a migration must be applied first, with the same content."
        " `--skip-after REASON` overrides it.",
    ),
    Setting(
        "window",
        (str,),
        "at any time",
        'window = "Sun 02:00-04:00 UTC"',
        "When `up` and `down` may change the database. See"
        " [maintenance windows](../guides/maintenance-windows.md). `--outside-window REASON` overrides it.",
    ),
    Setting(
        "require_rollback",
        (bool,),
        "`false`",
        "require_rollback = true",
        "Whether every migration must have a rollback. `--allow-irreversible REASON` overrides it.",
    ),
    Setting(
        "rehearse",
        LEVELS,
        "no rehearsal",
        'rehearse = "error"',
        "`up` first rehearses the pending migrations, and refuses them if it finds an error, or with"
        ' `"warning"` also a warning. `--no-rehearse REASON` overrides it.',
    ),
    _BUDGET._replace(default="that of the project", meaning="The [budget](#budget) in this environment."),
    Setting(
        "lint",
        (dict, *LEVELS),
        "that of the project",
        'lint = { level = "warning", D104 = "info" }',
        "Severities of lint rules in this environment, and as `level` the findings for which `up` refuses:"
        " errors, or warnings too. A string sets only the level. `--no-lint REASON` overrides it.",
    ),
    Setting(
        "restore_point",
        (bool,),
        "one is taken if possible; for a `d1:` url it is required",
        "restore_point = true",
        "Whether a restore point is required before each change. With `false`, none is taken."
        " `--no-restore-point REASON` overrides it.",
    ),
    Setting(
        "out_of_order",
        ("refuse", "allow"),
        "that of the project",
        'out_of_order = "allow"',
        "Whether `up` applies pending migrations that come before an applied one, in this environment.",
    ),
)
"""The keys of an `[env.NAME]` section."""

OBJECT_CLASS = (
    Setting(
        "migrations",
        (str,),
        "required",
        'migrations = "migrations/tenant"',
        "The folder of the migration files of the class.",
    ),
    _PATTERN._replace(default="that of the project"),
    _TABLE._replace(default="that of the project"),
    _INDEX._replace(example='index = "src/tenant_index.py"'),
    _RUNTIME._replace(default="that of the project"),
    Setting(
        "schema",
        (str, dict),
        "`schema.CLASS.sql` next to this file",
        'schema = "db/tenant.sql"',
        "The schema of the class as SQL, or a section `[objects.CLASS.schema]` with the keys of `[schema]`.",
    ),
)
"""The keys of an `[objects.CLASS]` section."""

FLEET = (
    Setting(
        "databases",
        (str,),
        "one of `databases`, `query`, `file` and `objects` is required",
        'databases = "d1:tenant-*"',
        "The tenants: all D1 databases of the account whose names match, or all SQLite files whose paths"
        " match, such as `sqlite:data/*.db`. `*`, `?` and `[…]` match as in a shell.",
    ),
    Setting(
        "query",
        (str,),
        "see `databases`",
        'query = "SELECT database_id, name FROM tenants WHERE active"',
        "The SQL that lists the tenants in a control database. A row is a tenant: `database_id`, `id` or"
        " `url` is its database, and `name`, which can be left out, is what you call it.",
    ),
    Setting(
        "control",
        (str,),
        "the database of `env`",
        'control = "d1:control"',
        "The database that `query` reads: a url, or the name of an environment.",
    ),
    Setting(
        "file",
        (str,),
        "see `databases`",
        'file = "tenants.csv"',
        "A CSV file that lists the tenants. Its first line names the columns, which are those of `query`; a"
        " file without that line is a list of ids or urls, one on each line.",
    ),
    Setting(
        "objects",
        (str,),
        "see `databases`",
        'objects = "Tenant"',
        "A class of Durable Objects, whose objects are the tenants. It needs a section `[objects.CLASS]`,"
        " which has their migrations. No request reaches them from outside, so [a Workflow"
        "](../guides/fleet-of-objects.md) migrates them; `query` lists their names.",
    ),
    Setting(
        "workflow",
        (str,),
        "no Workflow is written",
        'workflow = "src/lib/fleet.ts"',
        "The TypeScript file with [the Workflow](../guides/fleet-of-objects.md) that migrates the objects of"
        " `objects`. `index` writes it.",
    ),
    Setting(
        "migrations",
        (str,),
        "those of the project",
        'migrations = "migrations/tenant"',
        "The folder of the migration files of the tenants.",
    ),
    _PATTERN._replace(default="that of the project"),
    _TABLE._replace(default="that of the project"),
    _INDEX._replace(
        default="with `migrations`, no index is written; else that of the project",
        example='index = "src/tenant_index.py"',
    ),
    _RUNTIME._replace(default="that of the project"),
    Setting(
        "schema",
        (str, dict),
        "with `migrations`, `schema.NAME.sql` next to this file; else that of the project",
        'schema = "db/tenant.sql"',
        "The schema of the tenants as SQL, or a section `[fleet.NAME.schema]` with the keys of `[schema]`.",
    ),
    Setting(
        "env",
        (str,),
        "no gates; the lint severities of the project",
        'env = "production"',
        "The environment whose gates and lint severities apply to the fleet.",
    ),
    Setting(
        "waves",
        (list,),
        '`["1", "10%", "rest"]`',
        'waves = ["3", "10%", "50%", "rest"]',
        "The parts of the fleet that a run migrates one after the other: numbers of tenants, in the order of"
        " the list; then shares, each of which includes the waves before it; then the rest. A share has the"
        " same tenants in each run.",
    ),
    Setting(
        "canary",
        (list,),
        "none",
        'canary = ["tenant-demo", "tenant-7*"]',
        "The names of tenants that are in the first wave, in addition to those that `waves` puts there. `*`,"
        " `?` and `[…]` match as in a shell. Each has to match a tenant.",
    ),
    Setting(
        "stop",
        (str, list, int),
        '`["0", "2%"]`, the last for all further waves',
        'stop = "2%"',
        "How many tenants of a wave, or what share of it, can fail before the run stops. A share is rounded"
        " up, so `2%` lets 1 of 10 fail. A single value applies from the second wave on, and any failure in"
        " the first wave stops the run; a list has one value for each wave.",
    ),
    Setting(
        "at_once",
        (int,),
        "`8`",
        "at_once = 16",
        "How many requests a process sends at the same time, from 1 to 64. Files are migrated one by one.",
    ),
    Setting(
        "create",
        (bool,),
        "`false`",
        "create = true",
        "Whether a tenant without tables is given its schema. Otherwise it is a failure: most likely the list"
        " names a wrong database.",
    ),
    Setting(
        "restore_points",
        ("canary", "all", "none"),
        '`"canary"`',
        'restore_points = "all"',
        "For which tenants a restore point is recorded before the change, at one request each: those of the"
        " first wave, all, or none.",
    ),
    Setting(
        "inspect",
        (int,),
        "`3`",
        "inspect = 10",
        "How many tenants of each wave are checked after their migration, as `verify` does.",
    ),
    Setting(
        "journal",
        (str,),
        "`sqlite:.d1migrate/fleet-NAME.sqlite` next to this file",
        'journal = "d1:fleet-journal"',
        "The database that records the state of each tenant. If several machines share a run, it has to be a"
        " D1.",
    ),
    Setting(
        "reserve",
        (str,),
        '`"10%"`',
        'reserve = "25%"',
        "The share of Cloudflare's rate limit that a run leaves to other users of the token.",
    ),
)
"""The keys of a `[fleet.NAME]` section."""

_PLACES = (
    (PROJECT, "before all sections"),
    (ENVIRONMENT, "in a section such as [env.local]"),
    (FLEET, "in a section such as [fleet.tenants]"),
)


def check(path: str, where: str, section: Mapping[str, Any], settings: tuple[Setting, ...]) -> None:
    """Check that a section has only known keys, with values that these can have.

    Args:
        path: the file.
        where: the section, for messages.
        section: its content.
        settings: the keys that it can have.

    Raises:
        UsageError: a key is unknown, or its value is of the wrong type or empty.
    """
    known = {setting.name: setting for setting in settings}
    if unknown := sorted(section.keys() - known):
        name = unknown[0]
        raise UsageError(
            f"{path}: {where}unknown key {name!r}", hint=_meant(name, section[name], settings, known)
        )
    for name, value in section.items():
        setting = known[name]
        if not setting.accepts(value):
            raise UsageError(
                f"{path}: {where}{name} is {value!r}, expected {setting.takes}",
                hint=f"for example: {setting.example}",
            )
        # An empty value looks like a setting, and sets nothing.
        if value in ("", []) or (isinstance(value, list) and "" in value):
            raise UsageError(f"{path}: {where}{name} is empty", hint=f"for example: {setting.example}")


def _meant(name: str, value: object, settings: tuple[Setting, ...], known: Mapping[str, Setting]) -> str:
    """Return what an unknown key probably means: a similar one, one of another kind of section, or any."""
    for keys, where in _PLACES:
        if any(name == setting.name for setting in keys):
            return f"write it {where}"
    if meant := nearest(name, known):
        return f"did you mean {meant}?"
    if settings is PROJECT and isinstance(value, dict):
        return f"did you mean [env.{name}]?"
    return f"known: {', '.join(sorted(known))}"
