"""What runs locally and not in production: file ends, sizes, ROLLBACK inside a statement."""

from __future__ import annotations

from d1migrate.lint.rule import Finding, rule
from d1migrate.migrate.migration import LARGE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.analysis import AnalyzedReplay

LARGE_FILE = 50_000_000
"""Bytes. Cloudflare advises import files of tens of megabytes; larger ones have reset databases."""


LONG_BATCH = 100_000
"""Statements. 20,000 took local D1 2.2 s in one batch (d1-facts §1.6); production ends a batch after 30 s."""


@rule("P104", "missing-semicolon", "warning", only="d1")
def missing_semicolon(replay: AnalyzedReplay) -> Iterator[Finding]:
    """The last statement does not end with `;`.

    Why: `wrangler d1 migrations apply` appends its own INSERT to the file, and fails on it: a syntax error, and
        nothing is applied. An import of the file by `wrangler d1 execute --remote --file` ignores a statement
        without `;`, and reports no error. d1migrate runs the statement; `lint --fix` adds the `;`.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
    Bad:
        ALTER TABLE users ADD COLUMN name TEXT
    Good:
        ALTER TABLE users ADD COLUMN name TEXT;
    """
    last = replay.last
    if last is None or last.is_terminated:
        return
    line = last.line + last.sql.count("\n")
    end = last.sql[last.sql.rfind("\n") + 1 :]
    message = "no `;` after the last statement: wrangler fails on this file; `lint --fix` adds it"
    yield Finding(message, line=line, fix=f"{end};")


@rule("P106", "large-file", "warning", only="d1")
def large_file(replay: AnalyzedReplay) -> Iterator[Finding]:
    """The file is larger than 50 MB.

    Why: D1 imports it as a whole while every other request waits, and large imports have reset databases.
        Cloudflare recommends tens of megabytes.
    """
    if replay.migration.size > LARGE_FILE:
        yield Finding(f"the file has {replay.migration.size} bytes: split it", line=1)


@rule("P107", "long-batch", "warning", only="d1")
def long_batch(replay: AnalyzedReplay) -> Iterator[Finding]:
    """The file has more than 100,000 statements.

    Why: D1 aborts a batch after 30 seconds and applies nothing. An INSERT with several rows is faster.
    """
    if replay.count > LONG_BATCH:
        yield Finding(f"the file has {replay.count} statements, more than D1 runs in 30 seconds", line=1)


@rule("P114", "over-budget", "warning", only="d1")
def over_budget(replay: AnalyzedReplay) -> Iterator[Finding]:
    """The file writes more rows and index entries than one batch may.

    Why: production D1 stops a batch that takes too much CPU time (code 7429), at a number that it does not report. Its
        `budget`, 50,000 entries, is a fifth of what is known to have failed. Only reported if the number of rows is
        known: `plan` counts them, and `lint --scale TABLE=ROWS` declares them. An `-- d1migrate: batch` or `online`
        line makes the file run in chunks where it is too much.
    """
    target = replay.target
    if target is None:
        return
    from d1migrate.lint import batch_cost

    costs = batch_cost.entries_by_statement(replay, target.rows)
    or_more = target.counted_to in target.rows.values()
    if found := batch_cost.over_budget(replay, costs, target.budget, or_more=or_more):
        statement, message = found
        yield Finding(message, statement, fix=batch_cost.batch_line(replay, statement))


@rule("P111", "too-large-for-index", "error", only="durable-object")
def too_large_for_index(replay: AnalyzedReplay) -> Iterator[Finding]:
    """The file is larger than 1 MiB.

    Why: a Durable Object has its migrations from an index, which is part of its Worker. `d1migrate index` refuses a
        larger file. Split it, or let the object's own code load the rows.
    """
    size = replay.migration.size
    if size > LARGE:
        yield Finding(f"the file has {size} bytes: the index of a Worker holds files up to {LARGE}", line=1)


@rule("P109", "raise-rollback", "error")
def raise_rollback(replay: AnalyzedReplay) -> Iterator[Finding]:
    """RAISE(ROLLBACK), OR ROLLBACK or ON CONFLICT ROLLBACK.

    Why: it ends the transaction that D1 itself has open. The request fails with `internal error`, and the
        database object is reset, with every other request on it. Use ABORT.

    In a Durable Object:
        it ends the transaction that the object has open. The object is reset with `internal error`, and what the
        event has written may be lost, earlier migrations too. Use ABORT.

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
                yield Finding("ROLLBACK here resets the database object: use ABORT", statement, token.start)
                break
