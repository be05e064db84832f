"""`explain`: print the page of a rule of the linter."""

from __future__ import annotations

from d1migrate.errors import UsageError
from d1migrate.hints import did_you_mean
from d1migrate.lint.check import RULES
from d1migrate.named_tuple import NamedTuple
from d1migrate.report import rule_page

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project


_CODES = "`d1migrate lint` prints the code of each finding"


class Options(NamedTuple):
    """The options of `explain`."""

    code: str


def run(options: Options, _project: Project, output: Output) -> int:
    """Print the page of the rule with this code or name."""
    known = {word: rule for rule in RULES for word in (rule.code, rule.name)}
    rule = known.get(options.code.upper()) or known.get(options.code.lower())
    if rule is None:
        begun = [rule.code for rule in RULES if rule.code.startswith(options.code.upper())]
        hint = (
            f"these begin so: {', '.join(begun)}"
            if begun
            else did_you_mean(options.code, known, otherwise=_CODES)
        )
        raise UsageError(f"there is no rule {options.code!r}", hint=hint)
    if output.as_json:
        output.print_json(rule_page.value(rule))
    else:
        output.print(list(rule_page.text(rule, output.paint)))
    return 0
