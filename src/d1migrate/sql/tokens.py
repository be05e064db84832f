"""SQLite's tokens, exactly as its own tokenizer (src/tokenize.c) reads them."""

from __future__ import annotations

import re
from functools import cache

from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# Classes list the ASCII characters that they exclude: as inclusive classes they take 20 ms to compile.
WORD_CHAR = r"[^\x00-#%-/:-@\[-^`{-\x7f]"
"""SQLite's IdChar: letters, digits, `_`, `$`, and everything beyond ASCII."""

SPACE = r"[ \t\r\n\f\ufeff]++"
"""White space. A byte order mark at the start of a token is white space too."""

BLANKS = " \t\r\n\f\ufeff"
"""The same as characters, for `strip`: Python's default also strips U+00A0 and others, letters in SQLite."""

COMMENT = r"--[^\n]*+|/\*(?:[^*]++|\*(?!/))*+\*/"

TRIVIA = rf"(?:{SPACE}|{COMMENT})"

_KINDS = {
    "space": SPACE,
    "comment": COMMENT,
    "string": r"'(?:[^']++|'')*+'",
    "blob": r"[xX]'[^']*+'",
    "word": rf"[^\x00-@\[-^`{{-\x7f]{WORD_CHAR}*+",
    "quoted": r'"(?:[^"]++|"")*+"|`(?:[^`]++|``)*+`|\[[^\]]*+\]',
    "number": rf"(?:0[xX][0-9a-fA-F_]++|(?:[0-9][0-9_]*+(?:\.[0-9_]*+)?|\.[0-9][0-9_]*+)"
    rf"(?:[eE][+-]?[0-9_]++)?){WORD_CHAR}*+",
    "variable": rf"\?[0-9]*+|[:@#$]{WORD_CHAR}++",
    "operator": r"->>|->|\|\||<<|>>|<=|>=|<>|==|!=|(?!/\*)[-+*/%=<>(),.;&|~]",
    "illegal": r".",
}


SIGNIFICANT = re.compile(
    rf"{TRIVIA}*+("
    + "|".join(pattern for kind, pattern in _KINDS.items() if kind not in ("space", "comment"))
    + ")",
    re.DOTALL,
)
"""`findall` over SQL that does not end in a comment gives the texts of its significant tokens."""

KEYWORDS = frozenset(
    """ABORT ACTION ADD AFTER ALL ALTER ALWAYS ANALYZE AND AS ASC ATTACH AUTOINCREMENT BEFORE BEGIN BETWEEN
    BY CASCADE CASE CAST CHECK COLLATE COLUMN COMMIT CONFLICT CONSTRAINT CREATE CROSS CURRENT CURRENT_DATE
    CURRENT_TIME CURRENT_TIMESTAMP DATABASE DEFAULT DEFERRABLE DEFERRED DELETE DESC DETACH DISTINCT DO DROP
    EACH ELSE END ESCAPE EXCEPT EXCLUDE EXCLUSIVE EXISTS EXPLAIN FAIL FILTER FIRST FOLLOWING FOR FOREIGN
    FROM FULL GENERATED GLOB GROUP GROUPS HAVING IF IGNORE IMMEDIATE IN INDEX INDEXED INITIALLY INNER INSERT
    INSTEAD INTERSECT INTO IS ISNULL JOIN KEY LAST LEFT LIKE LIMIT MATCH MATERIALIZED NATURAL NO NOT NOTHING
    NOTNULL NULL NULLS OF OFFSET ON OR ORDER OTHERS OUTER OVER PARTITION PLAN PRAGMA PRECEDING PRIMARY QUERY
    RAISE RANGE RECURSIVE REFERENCES REGEXP REINDEX RELEASE RENAME REPLACE RESTRICT RETURNING RIGHT ROLLBACK
    ROW ROWS SAVEPOINT SELECT SET TABLE TEMP TEMPORARY THEN TIES TO TRANSACTION TRIGGER UNBOUNDED UNION
    UNIQUE UPDATE USING VACUUM VALUES VIEW VIRTUAL WHEN WHERE WINDOW WITH WITHIN WITHOUT""".split()
)
"""SQLite's keywords. Checksums of version 1 depend on exactly this set: never change it."""


RESERVED = frozenset(
    """ADD ALL ALTER AND AS AUTOINCREMENT BETWEEN CASE CAST CHECK COLLATE COMMIT CONSTRAINT CREATE
    CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP DEFAULT DEFERRABLE DELETE DISTINCT DROP ELSE ESCAPE
    EXCEPT EXISTS FOREIGN FROM GROUP HAVING IN INDEX INSERT INTERSECT INTO IS ISNULL JOIN LIMIT NOT
    NOTHING NOTNULL NULL ON OR ORDER PRIMARY RAISE REFERENCES RETURNING SELECT SET TABLE THEN TO
    TRANSACTION UNION UNIQUE UPDATE USING VALUES WHEN WHERE""".split()
)
"""The keywords that cannot name a column without quotes; `plan`, `key` or `action` can."""


class Token(NamedTuple):
    """A piece of SQL: its kind (a key of _KINDS), its text, and where it starts."""

    kind: str
    text: str
    start: int

    @property
    def keyword(self) -> str:
        """The word in upper case, or "" for everything that is not a bare word."""
        return self.text.upper() if self.kind == "word" and self.text.isascii() else ""


@cache
def _token() -> re.Pattern[str]:
    """Return the pattern of one token; its `lastgroup` is the kind. Compiled when first needed."""
    return re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _KINDS.items()), re.DOTALL)


def tokenize(sql: str) -> Iterator[Token]:
    """Yield every token of `sql`, including white space and comments; joined, they are `sql`."""
    for match in _token().finditer(sql):
        yield Token(match.lastgroup or "", match[0], match.start())


def without_strings(sql: str) -> str:
    """Return SQL with its string literals emptied: a quick look at what else there is.

    SQL with comments is returned as it is, for an apostrophe in one begins no string.
    """
    return sql if "--" in sql or "/*" in sql else _STRINGS.sub("''", sql)


_STRINGS = re.compile(r"'(?:[^']++|'')*+'")


@cache
def _significant() -> re.Pattern[str]:
    """Return the pattern of one token with what precedes it, or of what remains at the end."""
    kinds = (f"(?P<{kind}>{pattern})" for kind, pattern in _KINDS.items() if kind not in ("space", "comment"))
    return re.compile(rf"{TRIVIA}*+(?:{'|'.join(kinds)}|\Z)", re.DOTALL)


def significant(sql: str) -> list[Token]:
    """Return the tokens of `sql` that SQLite's parser sees: without white space and comments."""
    return [
        Token(match.lastgroup or "", match[at], match.start(at))
        for match in _significant().finditer(sql)
        if (at := match.lastindex)
    ]
