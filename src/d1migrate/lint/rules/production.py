"""P: it works here, and breaks on the way to production."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.lint.rule import Finding, rule
from d1migrate.lint.sqltext import depths, is_on, pragma_of
from d1migrate.sql.tokens import significant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.replay.model import Replay, ReplayedStatement
    from d1migrate.sql.tokens import Token

LARGE_FILE = 50_000_000
"""Bytes. Cloudflare advises import files of tens of megabytes; larger ones have reset databases."""

LONG_BATCH = 100_000
"""Statements. 20,000 took local D1 2.2 s in one batch (d1-facts §1.6); production ends a batch after 30 s."""

LEAKING = frozenset(
    (
        *("ignore_check_constraints", "legacy_alter_table", "recursive_triggers"),
        *("case_sensitive_like", "reverse_unordered_selects"),
    )
)


def _triggers(replay: Replay) -> Iterator[tuple[ReplayedStatement, list[Token]]]:
    """Yield the CREATE TRIGGERs, accepted or not, with the tokens of their bodies from BEGIN on."""
    for statement in replay.statements:
        if statement.verb == "create trigger":
            # Behind the name and the table, which may be called like a keyword.
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


@rule("P101", "trigger-lower-case", "error")
def trigger_lower_case(replay: Replay) -> Iterator[Finding]:
    """A trigger whose BEGIN or END is not in upper case.

    Why: production D1 cuts SQL on the server, and finds a trigger's body by BEGIN and END in upper case only:
        `incomplete input`, while local D1 accepts it (workers-sdk#10998).

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


@rule("P102", "trigger-case", "error")
def trigger_case(replay: Replay) -> Iterator[Finding]:
    """CASE … END in a trigger's body, outside parentheses.

    Why: production D1 cuts SQL on the server and takes the END of a CASE for the end of the trigger:
        `incomplete input` (workers-sdk#4326, #4727). In parentheses it passes.

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
        for _, token, depth in depths(body):
            if token.keyword == "CASE" and depth == 0:
                message = "CASE … END in a trigger must stand in parentheses, or be a WHEN of the trigger"
                yield Finding(message, statement, token.start)
                break


@rule("P103", "trigger-crlf", "error")
def trigger_crlf(replay: Replay) -> Iterator[Finding]:
    """A file with CRLF line ends that creates a trigger.

    Why: production D1 cuts SQL on the server and does not find the end of a trigger written with CRLF:
        `incomplete input` (workers-sdk#14991). Save the file with LF.
    """
    if replay.migration.has_crlf:
        for statement, _ in _triggers(replay):
            yield Finding("this trigger's lines end in CRLF: save the file with LF", statement)


@rule("P104", "missing-semicolon", "error")
def missing_semicolon(replay: Replay) -> Iterator[Finding]:
    """No `;` behind the last statement.

    Why: `wrangler d1 migrations apply` puts its own INSERT behind the file, which then is part of the
        statement; an import drops what has no `;` without a word.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
    Bad:
        ALTER TABLE users ADD COLUMN name TEXT
    Good:
        ALTER TABLE users ADD COLUMN name TEXT;
    """
    last = replay.last
    if last is None or not last.sql:
        return
    behind = last.text[last.body + len(last.sql) :]
    if not significant(behind):
        line = last.line + last.sql.count("\n")
        yield Finding("no `;` behind the last statement", line=line)


@rule("P105", "unclosed", "error")
def unclosed(_: Replay) -> Iterator[Finding]:
    """A comment, string or name that is not closed.

    Why: `wrangler d1 migrations apply` puts its own INSERT behind the file, into the comment: the change is
        applied, never recorded, and applied again.
    """
    return iter(())  # found where the file is read


@rule("P106", "large-file", "warning")
def large_file(replay: Replay) -> Iterator[Finding]:
    """A file of more than 50 MB.

    Why: D1 imports it as a whole while every other request waits, and large imports have reset databases;
        Cloudflare advises tens of megabytes.
    """
    if replay.migration.size > LARGE_FILE:
        yield Finding(f"the file has {replay.migration.size} bytes: split it", line=1)


@rule("P107", "long-batch", "warning")
def long_batch(replay: Replay) -> Iterator[Finding]:
    """More than 100,000 statements in a file.

    Why: D1 ends a batch after 30 seconds, and nothing of it is done. Several rows an INSERT are quicker.
    """
    if replay.count > LONG_BATCH:
        yield Finding(f"the file has {replay.count} statements, more than D1 runs in 30 seconds", line=1)


@rule("P108", "leaking-pragma", "warning")
def leaking_pragma(replay: Replay) -> Iterator[Finding]:
    """A PRAGMA that stays on behind the migration.

    Why: on D1 it is a state of the connection, which other requests use next: checks stay off, or LIKE stays
        case-sensitive, until the database object is evicted. Switch it back in the same file.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, age INTEGER CHECK (age > 0));
    Bad:
        PRAGMA ignore_check_constraints = ON;
        UPDATE users SET age = 0 WHERE age IS NULL;
    Good:
        PRAGMA ignore_check_constraints = ON;
        UPDATE users SET age = 0 WHERE age IS NULL;
        PRAGMA ignore_check_constraints = OFF;
    """
    left: dict[str, ReplayedStatement] = {}
    for statement in replay.of("pragma"):
        name, value = pragma_of(statement)
        if name in LEAKING and value is not None:
            left.pop(name, None)
            if is_on(value):
                left[name] = statement
    for name, statement in left.items():
        yield Finding(f"PRAGMA {name} stays on for other requests", statement, fix=f"PRAGMA {name} = OFF;")


@rule("P109", "raise-rollback", "error")
def raise_rollback(replay: Replay) -> Iterator[Finding]:
    """RAISE(ROLLBACK), OR ROLLBACK, ON CONFLICT ROLLBACK.

    Why: it ends the transaction that D1 itself has open: the request fails with `internal error` and the
        database object is reset, with every other request on it. Use ABORT.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);
    Bad:
        INSERT OR ROLLBACK INTO users (email) VALUES ('a@example.com');
    Good:
        INSERT OR ABORT INTO users (email) VALUES ('a@example.com');
    """
    before = {("RAISE", "("), ("INSERT", "OR"), ("UPDATE", "OR"), ("ON", "CONFLICT")}
    for statement in replay.statements:
        if "rollback" not in statement.sql.lower():
            continue
        texts = [token.text.upper() for token in statement.tokens]
        for i, token in enumerate(statement.tokens):
            if token.keyword == "ROLLBACK" and tuple(texts[max(0, i - 2) : i]) in before:
                yield Finding(
                    "ROLLBACK here resets the database object on D1: use ABORT", statement, token.start
                )
                break


@rule("P110", "runs-forward", "error")
def runs_forward(_: Replay) -> Iterator[Finding]:
    """Rollback SQL that is not commented out.

    Why: D1 runs every statement of a file, so SQL after `-- Rollback:`, `-- +goose Down`, `-- Down` or another
        tool's marker undoes the change that the file has just made.

    Bad:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
        -- Rollback:
        DROP TABLE users;
    Good:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
        -- Rollback:
        --   DROP TABLE users;
    """
    return iter(())  # found where the file is read
