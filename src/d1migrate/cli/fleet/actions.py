"""The table of the actions of `fleet`."""

from __future__ import annotations

from d1migrate.cli.arguments import FLAG, TO_UP, UP_GATES, Command, argument

_NAME = argument("name", nargs="?", metavar="NAME", help="the fleet: the NAME of its section [fleet.NAME]")
_ONLY = argument(
    "--only",
    action="append",
    default=[],
    metavar="TENANT",
    help="only this database, by name or id; `*` and `?` match as in a shell; can be repeated",
)
_WAVE = argument("--wave", type=int, metavar="N", help="only this wave, from 1")
_LAST_WAVE = argument("--wave", type=int, metavar="N", help="stop after this wave, from 1")

ACTIONS = {
    "up": Command(
        "apply pending migrations to every database of a fleet",
        "d1migrate fleet up tenants",
        (
            _NAME,
            _ONLY,
            _LAST_WAVE,
            TO_UP,
            argument("--dry-run", "-n", help="print the plan; change nothing", **FLAG),
            *UP_GATES,
        ),
        details="Migrates wave after wave, and stops if too many of a wave fail. The same command continues"
        " a run that was interrupted, here or on another machine; several can work on a run at once.",
    ),
    "jobs": Command(
        "run the jobs of databases that wait for one",
        "d1migrate fleet jobs tenants",
        (_NAME, _ONLY, _LAST_WAVE, TO_UP, *UP_GATES),
        details="A database waits if the table of its next migration is too large for one batch. Its job runs"
        " in chunks, and other databases are worked on in its pauses; then its other migrations are applied."
        " The window is checked before every chunk. The same command continues after an interruption; several"
        " can run at once. `fleet up` first brings all other databases up to date.",
    ),
    "plan": Command(
        "show what `fleet up` would do",
        "d1migrate fleet plan tenants",
        (_NAME, _ONLY, _LAST_WAVE, TO_UP, *UP_GATES),
        details="Lists the databases, and reads some of each wave. Shows the waves, what is pending, the"
        " gates, and how long the requests take under Cloudflare's rate limit. Changes nothing.",
    ),
    "status": Command(
        "show the progress of a run",
        "d1migrate fleet status --failed",
        (
            _NAME,
            argument("--failed", help="group the failures by their error", **FLAG),
            argument("--versions", help="count the databases by their last migration", **FLAG),
            argument("--check", help="exit 3 unless every database has all migrations", **FLAG),
        ),
        details="Reads the journal only, and takes as long for ten databases as for a million, except with"
        " --versions.",
    ),
    "list": Command(
        "list the databases of a fleet",
        "d1migrate fleet list --only 'tenant-7*'",
        (
            _NAME,
            _ONLY,
            _WAVE,
            argument("--failed", help="only those that failed", **FLAG),
            argument("--vanished", help="those that only the run before the newest one had", **FLAG),
        ),
        details="For each: wave, state in the newest run, name, url, last migration and error. With --json,"
        " one object with a line for each.",
    ),
    "verify": Command(
        "compare the databases of a fleet with the migration files",
        "d1migrate fleet verify --wave 1 --check",
        (_NAME, _ONLY, _WAVE, argument("--check", help="exit 3 if a database differs", **FLAG)),
        details="Compares the history of each database with the files, and its schema with what they build;"
        " one request for each. Exits with 0 even if something differs, unless --check is given. Writes"
        " nothing.",
    ),
    "retry": Command(
        "let the next `fleet up` try failed databases again",
        "d1migrate fleet retry --only tenant-7",
        (_NAME, _ONLY, _WAVE),
        details="For use after the cause is fixed. Without --only and --wave, for all that failed.",
    ),
    "pause": Command(
        "pause a run",
        "d1migrate fleet pause",
        (_NAME,),
        details="Each process, here and on other machines, finishes what it has begun, and ends.",
    ),
    "resume": Command(
        "let a paused or stopped run continue",
        "d1migrate fleet resume",
        (_NAME,),
        details="Then `fleet up` continues it. If too many failures stopped the run, these are accepted.",
    ),
    "stop": Command(
        "stop a run, so that one of other migrations can begin",
        "d1migrate fleet stop",
        (_NAME,),
        details="Databases that were migrated stay so. With the same migrations, `fleet up` continues the"
        " run.",
    ),
}
