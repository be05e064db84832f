"""The table of the actions of `job`."""

from __future__ import annotations

from d1migrate.cli.arguments import CONFIRM, FLAG, UP_GATES, Command, argument

_REASON = argument("--reason", metavar="TEXT", help="the reason, which is logged")

ACTIONS = {
    "status": Command(
        "show the open job",
        "d1migrate job status",
        details="Shows how far it is, what it created beside its table, and which migrations wait for it."
        " Writes nothing.",
    ),
    "run": Command(
        "run chunks of the open job, or begin the next one",
        "d1migrate job run --max-seconds 50",
        (
            argument("--max-seconds", type=float, metavar="N", help="begin no chunk after this many seconds"),
            argument("--max-chunks", type=int, metavar="N", help="run at most this many chunks"),
            *UP_GATES,
        ),
        details="For example from cron. Continues the open job; without one, begins that of the next pending"
        " migration, if it has one. Applies no other migration. Several runners can work on a job at once.",
    ),
    "pause": Command(
        "pause the job, for every runner",
        "d1migrate job pause --reason 'peak hours'",
        (_REASON,),
        details="A chunk that is running is finished. The triggers of an online rebuild stay.",
    ),
    "resume": Command(
        "let a paused job continue",
        "d1migrate job resume",
        details="Then `up`, or `job run`, runs its chunks.",
    ),
    "cancel": Command(
        "end the job before it is done",
        "d1migrate job cancel",
        (_REASON, argument("--yes", help="cancel without asking", **FLAG), CONFIRM),
        details="The migration is pending again. Rows that a batch migration has changed stay changed; an"
        " online rebuild leaves its table as it is, and drops the copy and the triggers.",
    ),
}
