"""Statements that D1 refuses. The message is D1's own, from the engine; the advice is ours."""

from __future__ import annotations

import re

from d1migrate.lint.rule import Finding, rule
from d1migrate.migrate.table import VERSIONS
from d1migrate.sql import d1
from d1migrate.sql.statement import pragma_of
from d1migrate.sql.unusual_characters import spelled_out, unusual

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.lint.replay.model import ReplayedStatement

_FUNCTION = re.compile(r"(?:not authorized to use function: |no such function: )([^ :]+)")
_TRANSACTIONS = ("begin", "commit", "end", "rollback", "savepoint", "release")
_ALTERS = ("sqlite_fail", "sqlite_drop_constraint", "sqlite_add_constraint")
_LIMITS = (
    "too many columns", "too many SQL variables", "variable number must be", "Expression tree is too large",
    "too many arguments on", "tables in a join", "string or blob too big", "LIKE or GLOB pattern too complex",
    "triggers nested too deep", "too many levels",
)  # fmt: skip
_NEVER_ADDED = (
    "Cannot add a UNIQUE column",
    "Cannot add a PRIMARY KEY column",
    "after drop column",
    "cannot drop ",
)


def kind_of(statement: ReplayedStatement) -> str:
    """Return the code of the rule that a refusal belongs to."""
    text, verb = statement.refusal or "", statement.verb
    if verb in _TRANSACTIONS:
        return "R101"
    if verb == "vacuum":
        return "R105"
    if text == d1.TOO_LONG:
        return "R109"
    if "compound SELECT" in text:
        return "R107"
    if verb == "alter table" and any(part in text for part in (*_ALTERS, *_NEVER_ADDED)):
        return "R110"
    if _FUNCTION.search(text):
        return "R103"
    if any(part in text for part in _LIMITS):
        return "R108"
    if "not authorized" in text:
        return "R102" if verb == "pragma" else "R104"
    return "R106"


def _refused(replay: AnalyzedReplay, code: str) -> Iterator[ReplayedStatement]:
    return (
        statement
        for statement in replay.statements
        if statement.refusal is not None and kind_of(statement) == code
    )


def _finding(
    replay: AnalyzedReplay, statement: ReplayedStatement, message: str | None = None, fix: str | None = None
) -> Finding:
    error, at, _ = d1.error_parts(statement.refusal or "")
    offset = len(statement.sql.encode()[: at or 0].decode(errors="replace"))
    if message is None and (odd := next(unusual(statement.sql), None)):
        return Finding(
            f"{replay.platform.label} refuses it: {spelled_out(error)}; {odd.token} contains a {odd}",
            statement,
            odd.offset,
        )
    advice = None if message else _advice(statement, error, offset if at is not None else None)
    refused = f"{replay.platform.label} refuses it: {error}" + (f"; {advice}" if advice else "")
    return Finding(message or refused, statement, offset, fix=fix)


def _advice(statement: ReplayedStatement, error: str, offset: int | None) -> str | None:
    """Return what to write instead: SQLite's way of what another database has, or a name that exists."""
    from d1migrate.lint.unknown_names import meant_in
    from d1migrate.sql.other_dialects import instead_of

    if instead := instead_of(error, statement.sql, offset):
        return instead
    meant = meant_in(statement, error)
    return f"did you mean {meant}?" if meant else None


@rule("R101", "transaction", "error", on=("refused",))
def transaction(replay: AnalyzedReplay) -> Iterator[Finding]:
    """BEGIN, COMMIT, SAVEPOINT or another transaction statement.

    Why: every migration runs as one transaction, and SQL that begins or ends one is refused.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
    Bad:
        BEGIN TRANSACTION;
        ALTER TABLE users ADD COLUMN name TEXT;
        COMMIT;
    Good:
        ALTER TABLE users ADD COLUMN name TEXT;
    """
    for statement in _refused(replay, "R101"):
        yield _finding(
            replay,
            statement,
            f"{replay.platform.label} refuses {statement.verb.upper()}: remove it, the whole file already runs as"
            " one transaction",
        )


@rule("R102", "pragma", "error")
def pragma(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A PRAGMA that D1 does not allow.

    Why: a short list of PRAGMAs is allowed, and the rest refused with `not authorized`.

    Bad:
        PRAGMA journal_mode = WAL;
    Good:
        PRAGMA foreign_key_check;
    """
    refuses = f"{replay.platform.label} does not allow PRAGMA"
    for statement in _refused(replay, "R102"):
        yield _finding(replay, statement, f"{refuses} {pragma_of(statement.tokens).name}")
    for statement in replay.statements:
        for token in statement.tokens if "pragma_" in statement.sql.lower() else ():
            name = token.text.lower()
            if token.kind == "word" and name.startswith("pragma_") and name[7:] not in d1.PRAGMAS:
                yield Finding(
                    f"{refuses} {name[7:]}, nor its table-valued function",
                    statement,
                    token.start,
                )


@rule("R103", "function", "error", on=("refused",))
def function(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A function that D1 does not have or does not allow.

    Why: other builds of SQLite have it. Cloudflare's refuses it with `not authorized to use function` or
        `no such function`.

    Given:
        CREATE TABLE scores (id INTEGER PRIMARY KEY, n INTEGER);
    Bad:
        UPDATE scores SET n = power(n, 2) WHERE n > 0;
    Good:
        UPDATE scores SET n = pow(n, 2) WHERE n > 0;
    """
    for statement in _refused(replay, "R103"):
        yield _finding(replay, statement, f"{replay.platform.label} has no {_no_function(statement)}")


def _no_function(statement: ReplayedStatement) -> str:
    from d1migrate.sql.other_dialects import function_instead_of

    error = d1.error_parts(statement.refusal or "")[0]
    found = _FUNCTION.search(error)
    name = found[1] if found else ""
    if instead := function_instead_of(name):
        return f"function {name}: use {instead}"
    advice = _advice(statement, error, None)
    return f"function {name}" + (f"; {advice}" if advice else "")


@rule("R104", "not-authorized", "error", on=("refused",))
def not_authorized(replay: AnalyzedReplay) -> Iterator[Finding]:
    """ATTACH, a temporary table, a name reserved for Cloudflare, or a module that D1 does not have.

    Why: they are refused with `not authorized`.

    Bad:
        CREATE TEMP TABLE held (id INTEGER);
    Good:
        CREATE TABLE held (id INTEGER);
        DROP TABLE held;
    """
    for statement in _refused(replay, "R104"):
        what = f"{replay.platform.label} does not allow this {statement.verb.upper()}"
        yield _finding(replay, statement, f"{what}: {_reason(statement)}")


def _reason(statement: ReplayedStatement) -> str:
    words = statement.words
    if statement.verb in ("attach", "detach"):
        return "it has one database; remove it"
    if "TEMP" in words or "TEMPORARY" in words:
        return "it has no temporary tables; create an ordinary table and drop it at the end"
    if "VIRTUAL" in words:
        return f"the modules it has are {', '.join(sorted(d1.MODULES))}"
    if "_cf_" in statement.sql.lower():
        return "names that begin with _cf_ are reserved for Cloudflare"
    return "not authorized"


@rule("R105", "vacuum", "error", on=("refused",))
def vacuum(replay: AnalyzedReplay) -> Iterator[Finding]:
    """VACUUM.

    Why: VACUUM cannot run inside a transaction, and every migration runs in one.

    Bad:
        VACUUM;
    Good:
        PRAGMA optimize;
    """
    for statement in _refused(replay, "R105"):
        yield _finding(replay, statement, f"{replay.platform.label} refuses VACUUM: remove it")


@rule("R106", "invalid", "error", on=("refused",))
def invalid(replay: AnalyzedReplay) -> Iterator[Finding]:
    """Invalid SQL, or SQL that does not fit the schema.

    Why: a misspelled keyword, a table or column that does not exist, a name that is already taken: the
        migration fails.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
    Bad:
        CREATE INDEX idx_users_email ON users(email);
    Good:
        ALTER TABLE users ADD COLUMN email TEXT;
        CREATE INDEX idx_users_email ON users(email);
    """
    for statement in _refused(replay, "R106"):
        text = statement.refusal or ""
        if text.startswith("error in view"):
            found = _finding(replay, statement)
            yield found._replace(
                message=f"{found.message}; drop the view first, and create it again at the end"
            )
        elif "already exists" not in text and not _adds_twice(statement):
            yield _finding(replay, statement)
        elif VERSIONS in text:
            yield _finding(
                replay, statement, f"d1migrate creates {VERSIONS} itself: write CREATE TABLE IF NOT EXISTS"
            )
        else:
            found = _finding(replay, statement)
            yield found._replace(
                message=f"{found.message}; if the file was applied by other means, `d1migrate adopt`"
                " proves that and records it"
            )


def _adds_twice(statement: ReplayedStatement) -> bool:
    return statement.verb == "alter table" and "duplicate column name" in (statement.refusal or "")


@rule("R107", "compound-select", "error", on=("refused",))
def compound_select(replay: AnalyzedReplay) -> Iterator[Finding]:
    """More than five SELECTs combined with UNION, EXCEPT or INTERSECT.

    Why: a compound SELECT may have five terms (in SQLite, 500). A VALUES list has no such limit.

    Given:
        CREATE TABLE roles (name TEXT PRIMARY KEY);
    Bad:
        INSERT INTO roles SELECT 'a' UNION ALL SELECT 'b' UNION ALL SELECT 'c'
        UNION ALL SELECT 'd' UNION ALL SELECT 'e' UNION ALL SELECT 'f';
    Good:
        INSERT INTO roles VALUES ('a'), ('b'), ('c'), ('d'), ('e'), ('f');
    """
    for statement in _refused(replay, "R107"):
        yield _finding(
            replay,
            statement,
            "a compound SELECT has more than 5 terms: use VALUES (…), (…) or several INSERTs",
        )


@rule("R108", "limit", "error")
def limit(replay: AnalyzedReplay) -> Iterator[Finding]:
    """The statement exceeds a limit of D1: columns, parameters, expression depth, arguments, joins, LIKE pattern.

    Why: Cloudflare's limits are lower than SQLite's: 100 columns in a table, 50 bytes in a LIKE pattern.

    Given:
        CREATE TABLE pages (id INTEGER PRIMARY KEY, url TEXT);
    Bad:
        DELETE FROM pages WHERE url LIKE 'https://example.com/a/very/long/path/that/goes/on/%';
    Good:
        DELETE FROM pages WHERE substr(url, 1, 51) = 'https://example.com/a/very/long/path/that/goes/on/x';
    """
    for statement in _refused(replay, "R108"):
        yield _finding(replay, statement)
    allowed = d1.WORKERD.like_pattern_length
    for statement in replay.statements:
        if statement.refusal is not None or not (
            "like" in statement.sql.lower() or "glob" in statement.sql.lower()
        ):
            continue
        for word, pattern in zip(statement.tokens, statement.tokens[1:], strict=False):
            size = len(pattern.text[1:-1].replace("''", "'").encode())
            if word.keyword in ("LIKE", "GLOB") and pattern.kind == "string" and size > allowed:
                message = (
                    f"the pattern has {size} bytes, {replay.platform.label} allows {allowed}: LIKE or GLOB pattern"
                    " too complex"
                )
                yield Finding(message, statement, pattern.start)


@rule("R109", "too-long", "error", on=("refused",))
def too_long(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A statement is longer than 100,000 bytes.

    Why: a statement may have 100,000 bytes, however it is sent.
    """
    for statement in _refused(replay, "R109"):
        size, allowed = len(statement.sql.encode()), d1.WORKERD.sql_length
        yield _finding(
            replay, statement, f"the statement has {size} bytes, {replay.platform.label} allows {allowed}"
        )


@rule("R110", "alter", "error", on=("refused",))
def alter(replay: AnalyzedReplay) -> Iterator[Finding]:
    """An ALTER TABLE that D1 always refuses.

    Why: a UNIQUE or PRIMARY KEY column cannot be added, and an indexed column cannot be dropped. SET NOT NULL
        and ADD CONSTRAINT, which SQLite has since 3.53, are not allowed.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);
        CREATE INDEX idx_users_email ON users(email);
    Bad:
        ALTER TABLE users DROP COLUMN email;
    Good:
        DROP INDEX idx_users_email;
        -- d1migrate: allow=D105 reason="moved to contacts in 014"
        ALTER TABLE users DROP COLUMN email;
    """
    for statement in _refused(replay, "R110"):
        text = statement.refusal or ""
        if any(part in text for part in _ALTERS):
            advice = _advice(statement, text, None) or "rebuild the table"
            yield _finding(replay, statement, f"{replay.platform.label} does not allow this; {advice}")
        elif "UNIQUE column" in text and "add" in text.lower():
            yield _finding(
                replay,
                statement,
                "a UNIQUE column cannot be added: add the column without UNIQUE, then CREATE UNIQUE INDEX",
            )
        else:
            yield _finding(replay, statement)
