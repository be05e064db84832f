"""Names in the wrong quotes, or with characters that nobody sees."""

from __future__ import annotations

import re

from d1migrate.lint.rule import Finding, rule
from d1migrate.sql.unusual_characters import unusual

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.analysis import AnalyzedReplay

_QUOTED = re.compile(r'no such column: "(.*)" - should this be a string literal', re.DOTALL)
_WITH_DEFAULTS = ("create table", "alter table")


@rule("S103", "double-quoted-string", "warning")
def double_quoted_string(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A string is in double quotes.

    Why: double quotes are for names. If no column has the name, SQLite reads it as a string, but the meaning
        changes once a column of that name is added, or in another database. Write strings in single quotes.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, role TEXT);
    Bad:
        UPDATE users SET role = "admin" WHERE id = 1;
    Good:
        UPDATE users SET role = 'admin' WHERE id = 1;
    """
    for statement in replay.statements:
        if statement.quoting_error and statement.refusal is None:
            found = _QUOTED.search(statement.quoting_error)
            name = found[1] if found else ""
            place = max(statement.sql.find(f'"{name}"'), 0)
            if "SELECT" in statement.words and statement.verb in ("insert", "replace"):
                what = f"there is no column {name} to read, so every row gets the text '{name}'"
            else:
                what = f"\"{name}\" is not a column, so SQLite reads it as a string: write '{name}'"
            yield Finding(what, statement, place)
        for word, value in (
            zip(statement.tokens, statement.tokens[1:], strict=False)
            if statement.verb in _WITH_DEFAULTS and '"' in statement.sql
            else ()
        ):
            if word.keyword == "DEFAULT" and value.text.startswith('"'):
                yield Finding(
                    f"the default {value.text} is a string in double quotes", statement, value.start
                )


@rule("S109", "unusual-character", "warning", summed=True)
def unusual_character(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A name contains an invisible character, or one that looks like a space, a quote or an operator.

    Why: SQLite reads every character beyond ASCII as a letter. A no-break space before a column becomes the
        column's name, and the word after it the type; `\u201cusers\u201d` and `users` are two tables.

    Bad:
        CREATE TABLE notes (id INTEGER PRIMARY KEY, \u201cbody\u201d TEXT);
    Good:
        CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);
    """
    for statement in replay.statements:
        if statement.refusal is None:
            for odd in unusual(statement.sql):
                yield Finding(f"the name {odd.token} contains a {odd}", statement, odd.offset)
