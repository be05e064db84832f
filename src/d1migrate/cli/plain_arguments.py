"""Plain arguments: flags, and options with one value as a word of its own, each given once.

Few command lines have others. argparse gives the same values, but loading it and building a parser takes 17
million instructions, more than a tenth of a `status` (ADR 0009).
"""

from __future__ import annotations

from d1migrate.cli.arguments import global_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from d1migrate.cli.arguments import Command


def read(words: Sequence[str], command: Command) -> dict[str, Any] | None:
    """Return {argument: value} of a command, as argparse would; None if the words are not plain, or wrong."""
    groups = [*((one,) for one in command.arguments), *global_options(command.formats)]
    known = {
        flag: (_name(flags, options), options, group)
        for group, arguments in enumerate(groups)
        for flags, options in arguments
        for flag in flags
    }
    values = {name: _default(options) for name, options, _ in reversed(known.values())}
    given = set[int]()
    rest = iter(words)
    for word in rest:
        name, options, group = known.get(word, ("", {}, -1))
        if word[:1] != "-" or group in {-1, *given}:
            return None
        given.add(group)
        match options.get("action"):
            case "store_true":
                values[name] = True
            case "store_const":
                values[name] = options["const"]
            case None if not options.keys() & {"nargs", "type"}:
                value = values[name] = next(rest, "-")
                if value[:1] == "-" or value not in options.get("choices", (value,)):
                    return None
            case _:
                return None
    needed = {group for flag, (_, options, group) in known.items() if _is_needed(flag, options)}
    return values if needed <= given else None


def _name(flags: tuple[str, ...], options: dict[str, Any]) -> str:
    """Return the name that argparse gives an argument."""
    return str(options.get("dest") or flags[0].lstrip("-").replace("-", "_"))


def _default(options: dict[str, Any]) -> Any:
    if options.get("action") == "store_true":
        return False
    default = options.get("default")
    return () if default == [] or options.get("nargs") == "*" else default


def _is_needed(flag: str, options: dict[str, Any]) -> bool:
    is_positional = flag[0] != "-"
    return bool(options.get("required")) or (is_positional and options.get("nargs") not in ("?", "*"))
