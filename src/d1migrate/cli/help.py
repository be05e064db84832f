"""`help`: all commands in groups, or one command in full."""

from __future__ import annotations

from d1migrate.cli.argument_parser import build
from d1migrate.cli.commands import COMMANDS, GROUPS, NAMES
from d1migrate.errors import UsageError
from d1migrate.hints import did_you_mean
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project

GLOBAL_OPTIONS = (
    ("--env NAME", "an environment in d1migrate.toml (default: local)"),
    ("--database URL", "sqlite:PATH, wrangler:BINDING, d1:NAME or do:CLASS/NAME"),
    ("--migrations DIR", "the folder of migration files"),
    ("--config FILE", "the d1migrate.toml to use"),
    ("--format FORMAT", "text (the default), json, …; --json is --format json"),
    ("-q, --quiet", "print data and errors only"),
    ("-v, --verbose", "print more, such as the SQL that is sent"),
    ("--outside-project", "allow writing to configured paths outside the project"),
)


class Options(NamedTuple):
    """The options of `help`."""

    topic: str | None = None


def run(options: Options, _project: Project, output: Output) -> int:
    """Print the list, or the help of one command."""
    topic = options.topic
    if topic is None:
        output.print(list(all_commands(output)))
        return 0
    if topic not in NAMES:
        hint = did_you_mean(topic, NAMES, otherwise="`d1migrate help` lists the commands")
        raise UsageError(f"there is no command {topic!r}", hint=hint)
    output.print(build(NAMES[topic]).format_help().rstrip())
    return 0


def all_commands(output: Output) -> Iterator[str]:
    """Yield the lines of the list of commands."""
    yield "usage: d1migrate [--env NAME | --database URL] COMMAND …"
    for heading, names in GROUPS.items():
        yield f"\n{output.paint(heading, 'bold')}"
        for name in names:
            alias = COMMANDS[name].alias
            yield f"  {f'{name}, {alias}' if alias else name:<{_WIDTH}}  {COMMANDS[name].help}"
    yield f"\n{output.paint('options of every command', 'bold')}"
    for option, text in GLOBAL_OPTIONS:
        yield f"  {option:<{_WIDTH}}  {text}"
    yield "\n`d1migrate help COMMAND` explains one."
    yield "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a check found something."


_WIDTH = max(len(option) for option, _ in GLOBAL_OPTIONS)
