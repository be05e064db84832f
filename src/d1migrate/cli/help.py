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

    topic: tuple[str, ...] = ()


def run(options: Options, _project: Project, output: Output) -> int:
    """Print the list, or the help of one command."""
    if not options.topic:
        output.print(list(all_commands(output)))
        return 0
    output.print(build(_name(*options.topic)).format_help().rstrip())
    return 0


def _name(word: str, *others: str) -> str:
    """Return the name of the command, or the action, that words name."""
    if word not in NAMES:
        hint = did_you_mean(word, NAMES, otherwise="`d1migrate help` lists the commands")
        raise UsageError(f"there is no command {word!r}", hint=hint)
    name = NAMES[word]
    if not others:
        return name
    action, *more = others
    actions = COMMANDS[name].actions
    if more or not actions:
        raise UsageError("help explains one command", hint=f"`d1migrate help {name}` explains {name}")
    if action not in actions:
        from d1migrate.cli import mistakes

        raise mistakes.no_action(name, action, "", ())
    return f"{name} {action}"


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
