"""How CREATE TRIGGER has to be written so that production D1 finds where the trigger ends."""

from __future__ import annotations

from d1migrate.lint.rule import Finding, rule
from d1migrate.sql.token_groups import outside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.lint.replay.model import ReplayedStatement
    from d1migrate.sql.tokens import Token


def _triggers(replay: AnalyzedReplay) -> Iterator[tuple[ReplayedStatement, list[Token]]]:
    """Yield each CREATE TRIGGER, accepted or not, with the tokens of its body from BEGIN on."""
    for statement in replay.statements:
        if statement.verb == "create trigger":
            # After the names of trigger and table, which may be keywords themselves.
            on = next(
                (
                    i
                    for i in range(statement.shape.at + 1, len(statement.words))
                    if statement.words[i] == "ON"
                ),
                None,
            )
            begin = on and next(
                (i for i in range(on + 2, len(statement.words)) if statement.words[i] == "BEGIN"), None
            )
            if begin:
                yield statement, statement.tokens[begin:]


@rule("P101", "trigger-lower-case", "error", on=("create trigger",), only="d1")
def trigger_lower_case(replay: AnalyzedReplay) -> Iterator[Finding]:
    """BEGIN or END of a trigger is not in upper case.

    Why: production D1 splits SQL on the server and recognizes the body of a trigger only by upper-case BEGIN and
        END. It fails with `incomplete input`, while local D1 accepts it (workers-sdk#10998).

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, at INTEGER);
    Bad:
        CREATE TRIGGER users_at AFTER INSERT ON users begin UPDATE users SET at = unixepoch() WHERE id = new.id; end;
    Good:
        CREATE TRIGGER users_at AFTER INSERT ON users BEGIN UPDATE users SET at = unixepoch() WHERE id = new.id; END;
    """
    for statement, body in _triggers(replay):
        for token in (body[0], body[-1]):
            if token.keyword in ("BEGIN", "END") and token.text != token.keyword:
                yield Finding(
                    f"`{token.text}` in a trigger must be `{token.keyword}`", statement, token.start
                )
                break


@rule("P102", "trigger-case", "error", on=("create trigger",), only="d1")
def trigger_case(replay: AnalyzedReplay) -> Iterator[Finding]:
    """CASE … END in the body of a trigger is not in parentheses.

    Why: production D1 splits SQL on the server and takes the END of a CASE for the end of the trigger. It fails
        with `incomplete input` (workers-sdk#4326, #4727). In parentheses it passes.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, n INTEGER, size TEXT);
    Bad:
        CREATE TRIGGER users_size AFTER INSERT ON users BEGIN
          UPDATE users SET size = CASE WHEN new.n > 9 THEN 'big' ELSE 'small' END WHERE id = new.id;
        END;
    Good:
        CREATE TRIGGER users_size AFTER INSERT ON users BEGIN
          UPDATE users SET size = (CASE WHEN new.n > 9 THEN 'big' ELSE 'small' END) WHERE id = new.id;
        END;
    """
    for statement, body in _triggers(replay):
        case = next((body[at] for at in outside(body) if body[at].keyword == "CASE"), None)
        if case:
            message = "CASE … END in a trigger must be in parentheses, or become a WHEN of the trigger"
            yield Finding(message, statement, case.start)


@rule("P103", "trigger-crlf", "error", on=("create trigger",), only="d1")
def trigger_crlf(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A file with CRLF line endings creates a trigger.

    Why: production D1 splits SQL on the server and does not find the end of a trigger written with CRLF. It fails
        with `incomplete input` (workers-sdk#14991). Save the file with LF.
    """
    if replay.migration.has_crlf:
        for statement, _ in _triggers(replay):
            yield Finding("the lines of this trigger end in CRLF: save the file with LF", statement)
