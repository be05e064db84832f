"""SQL of other databases that SQLite refuses, and what to write instead.

It is asked about a statement that the engine refused. So what SQLite accepts is not here, whatever it means
(`INT UNSIGNED`), nor what it has by now (`concat`, `RETURNING`).
"""

from __future__ import annotations

import re
from functools import cache

from d1migrate.hints import did_you_mean
from d1migrate.sql.tokens import RESERVED, significant

_UUID = "lower(hex(randomblob(16)))"
_NUMBERED = "INTEGER PRIMARY KEY, which numbers rows by itself"
_REBUILD = 'to change a column, `d1migrate rebuild {} --set "{} …"` writes the migration'
_CONSTRAIN = 'to change a constraint, `d1migrate rebuild {} --set "{} …"` writes the migration'
_RENAME = r"write ALTER TABLE \1 RENAME COLUMN \2 TO \3"
_UNIQUE = r"write CREATE UNIQUE INDEX name ON \1 \2"
_OPTIONS = "leave this out: the options of a table are STRICT and WITHOUT ROWID"
_NO_USERS = "leave this out: D1 has no users"
_INDEX = "write an index as a statement of its own: CREATE INDEX name ON table (column)"
_ONE_SCHEMA = "leave this out: D1 has one schema, which has no name"
_NO_ROUTINES = "leave this out: SQLite has no functions, procedures or blocks"

_FUNCTIONS = {
    # of other builds of SQLite
    "power": "pow",
    "ceiling": "ceil",
    "log10": "log",
    "json_pretty": "json",
    "unistr": "char, or the characters themselves",
    "sqlite_version": "nothing: D1 does not report its version",
    # of other databases; several that have one answer are on a line
    "now getdate sysdate utc_timestamp unix_timestamp": "unixepoch(), or datetime('now') for text",
    "curdate": "date('now')",
    "curtime": "time('now')",
    "date_format to_char date_trunc date_part year month day": "strftime, e.g. strftime('%Y-%m', column)",
    "date_add date_sub dateadd": "datetime(column, '+1 day')",
    "datediff age": "julianday(a) - julianday(b)",
    "from_unixtime to_timestamp": "datetime(column, 'unixepoch')",
    "uuid gen_random_uuid uuid_generate_v4 newid": _UUID,
    "left right": "substr(text, 1, length), or substr(text, -length)",
    "char_length character_length len": "length",
    "locate strpos charindex": "instr(text, part)",
    "lpad rpad": "format, e.g. format('%05d', n)",
    "regexp regexp_replace": "GLOB, LIKE or replace",
    "if": "iif",
    "nvl": "coalesce",
    "greatest": "max(a, b)",
    "least": "min(a, b)",
    "rand": "random",
    "json_build_object jsonb_build_object": "json_object",
    "json_agg jsonb_agg json_arrayagg array_agg": "json_group_array",
    "json_unquote": "the operator ->>",
    "to_json": "json_quote",
    "md5 sha1 sha2 crypt": "nothing: D1 has no such functions; compute it in the application",
    "last_insert_id scope_identity": "last_insert_rowid",
    "nextval currval setval": _NUMBERED,
}
"""{functions: what to use}."""

_SYNTAX = (
    # numbered rows
    (r"^AUTOINCREMENT is only", "write INTEGER PRIMARY KEY AUTOINCREMENT: INT and BIGINT number no rows"),
    (r"^ALTER TABLE .*«AUTO_INCREMENT", "leave this out: SQLite continues after the highest number"),
    (r"«AUTO_?INCREMENT\b|«IDENTITY|«AS IDENTITY|CREATE «SEQUENCE|DEFAULT nextval «", f"write {_NUMBERED}"),
    # defaults
    (r"(CURRENT_\w+) «\(", r"write \1 without parentheses"),
    (r"DEFAULT (?:now|getdate|sysdate) «\(", "write DEFAULT (unixepoch()), or DEFAULT CURRENT_TIMESTAMP"),
    (r"DEFAULT (?:\w*uuid\w*|newid) «\(", f"write DEFAULT ({_UUID})"),
    (r"DEFAULT (\w+) «\(", r"write parentheses around a computed default: DEFAULT (\1(…))"),
    (
        r"«ON UPDATE CURRENT_",
        "write a trigger: CREATE TRIGGER name AFTER UPDATE ON table BEGIN UPDATE …; END",
    ),
    # types
    (r"(NAME) (?:ENUM \( «''|«SET \( '')", r"write \1 TEXT CHECK (\1 IN ('…', '…'))"),
    (r"«(UNSIGNED|SIGNED|ZEROFILL)", r"leave \1 out; CHECK (column >= 0) refuses negative numbers"),
    (r"\( «MAX \)", "write TEXT, which has no length"),
    (r"«CHARACTER SET|CHARACTER «SET", "leave this out: text is always Unicode"),
    (r"^no such collation", "leave COLLATE out, or write COLLATE NOCASE to ignore the case of ASCII letters"),
    (r"«WITH TIME ZONE", "leave this out: SQLite has no time zones; store UTC"),
    (r"^unknown datatype for", "a STRICT table has the types INTEGER, REAL, TEXT, BLOB and ANY"),
    (r"«COMMENT (?:''|ON)|COMMENT «''", "write a comment: -- text"),
    # tables
    (r"^CREATE TABLE .*\) (?:OPTION «|«DEFAULT (?:CHAR|COLLATE))|^unknown table option", _OPTIONS),
    (r"^CREATE TABLE .*UNIQUE «(?:KEY|INDEX)", "write UNIQUE (column)"),
    (r"^CREATE TABLE .*(?:«INDEX|(?:FULLTEXT|SPATIAL|,) KEY NAME \( «)", _INDEX),
    (r"^CREATE TABLE NAME «LIKE (NAME)", r"`d1migrate schema \1 --sql` prints the CREATE TABLE to copy"),
    (r"^CREATE «OR REPLACE TABLE", "write CREATE TABLE, or ALTER TABLE if it exists"),
    (r"^CREATE «OR REPLACE (\w+) (NAME)", r"write DROP \1 IF EXISTS \2, then CREATE \1"),
    (r"^CREATE «MATERIALIZED", "write CREATE VIEW, or fill a table by triggers"),
    (r"^CREATE «(?:TYPE|DOMAIN)", "write TEXT CHECK (column IN ('…', '…')) where the type is used"),
    (r"^(?:CREATE|DROP) «(?:SCHEMA|DATABASE)|^unknown database|^«USE\b", _ONE_SCHEMA),
    (r"^CREATE «(?:FUNCTION|PROCEDURE|EXTENSION)|^«(?:DO|CALL|EXEC|DELIMITER|GO)\b", _NO_ROUTINES),
    (r"^CREATE «(?:ROLE|USER|POLICY)|^«(?:GRANT|REVOKE)|^ALTER .*«(?:OWNER|ENABLE)", _NO_USERS),
    (r"^CREATE TRIGGER .*«(?:EXECUTE|SET)\b", "write the statements of the trigger: BEGIN UPDATE …; END"),
    (r"EACH «STATEMENT", "write FOR EACH ROW: SQLite has no other triggers"),
    # indexes
    (r"INDEX .*«USING", "leave USING out: SQLite has one kind of index, and FTS5 tables for full text"),
    (r"INDEX CONCURRENTLY «", "leave CONCURRENTLY out"),
    (r"INDEX .*«INCLUDE", "write these columns into the index, after the others"),
    (r"^CREATE «FULLTEXT", "write CREATE VIRTUAL TABLE name USING fts5(column)"),
    (r"^CREATE INDEX «ON", "write a name: CREATE INDEX name ON table (column)"),
    (
        r"^no such function: (\w+)\n.*INDEX .*\b\1 \( \d",
        r"write \1 without a length: SQLite indexes all of it",
    ),
    # ALTER TABLE and DROP
    (r"^ALTER TABLE (NAME) CHANGE(?: COLUMN)? (NAME) (?!\2 )(NAME)", _RENAME),
    (r"^ALTER TABLE (NAME) (?:ALTER|MODIFY|CHANGE)(?: COLUMN)? (NAME)", _REBUILD.format(r"\1", r"\2")),
    (r"^ALTER TABLE (NAME) ADD (?:CONSTRAINT NAME )?UNIQUE (?:(?:INDEX|KEY) NAME )?(\(.*\))", _UNIQUE),
    (r"^ALTER TABLE (NAME) ADD (?:\w+ )?(?:INDEX|KEY) NAME (\(.*\))", r"write CREATE INDEX name ON \1 \2"),
    (r"^ALTER TABLE (NAME) ADD .*\b(?:FOREIGN|PRIMARY) KEY \( (NAME)", _CONSTRAIN.format(r"\1", r"\2")),
    (
        r"^ALTER TABLE (NAME) (?:ADD|DROP) (?:CONSTRAINT|CHECK|FOREIGN|PRIMARY)",
        _CONSTRAIN.format(r"\1", "COLUMN"),
    ),
    (r"^ALTER TABLE .*(?:DROP|RENAME) «INDEX", "write DROP INDEX name, then CREATE INDEX if it is renamed"),
    (r"(?:COLUMN|TABLE) IF (?:NOT )?«EXISTS", "leave this out: d1migrate applies a file only once"),
    (r"^ALTER TABLE .*(?:«,|ADD(?: COLUMN)? «\()", "write an ALTER TABLE for each column"),
    (r"^ALTER TABLE NAME RENAME COLUMN (NAME) «(NAME)", r"write RENAME COLUMN \1 TO \2"),
    (r"^«RENAME TABLE (NAME) TO (NAME)", r"write ALTER TABLE \1 RENAME TO \2"),
    (r"^incomplete input\nALTER TABLE (NAME) RENAME (NAME)", r"write ALTER TABLE \1 RENAME TO \2"),
    (r"^ALTER «(?:INDEX|VIEW)", "write DROP, then CREATE"),
    (
        r"^DROP TABLE .*«(?:CASCADE|RESTRICT)",
        "leave this out: SQLite drops indexes and triggers with a table",
    ),
    (r"^DROP \w+ NAME «,", "write a DROP for each"),
    (r"^DROP INDEX (NAME) «ON", r"write DROP INDEX \1"),
    # other statements
    (r"^«TRUNCATE(?: TABLE)? (NAME)", r"write DELETE FROM \1"),
    (r"^«(?:SHOW|DESCRIBE|DESC)\b|^EXPLAIN «", "this changes nothing; `d1migrate schema` shows the tables"),
    (r"^«SET FOREIGN_KEY_CHECKS", "leave this out: D1 always checks foreign keys"),
    (
        r"^«(?:SET|OPTIMIZE|REFRESH|COPY)\b|^ANALYZE «TABLE|FOR «UPDATE|^no such table: dual$",
        "leave this out",
    ),
    (r"^«(?:START|LOCK|UNLOCK)\b", "leave this out: the whole file already runs as one transaction"),
    (r"^«MERGE|«DUPLICATE KEY", "write INSERT … ON CONFLICT (column) DO UPDATE SET column = excluded.column"),
    (r"^INSERT «IGNORE", "write INSERT OR IGNORE"),
    (r"^INSERT INTO NAME «SET", "write INSERT INTO table (column) VALUES (…)"),
    (r"VALUES \(.*«DEFAULT\b", "leave the column out of the INSERT: it gets its default"),
    (r"RETURNING .*«INTO", "leave INTO out: RETURNING returns rows"),
    (r"^UPDATE .*«(?:JOIN|INNER|LEFT)", "write UPDATE table SET … FROM other WHERE …"),
    (r"^UPDATE (NAME) «(NAME) SET", r"write UPDATE \1 AS \2 SET column = …, without \2 before the column"),
    (r"^DELETE (?:«NAME FROM|.*«USING)", "write DELETE FROM table WHERE id IN (SELECT …)"),
    # expressions
    (r"«ILIKE", "write LIKE, which ignores the case of ASCII letters"),
    (r"«(?:SIMILAR|RLIKE|~)", "use GLOB or LIKE"),
    (r"(NAME) «: :(\w+)", r"write CAST(\1 AS \2)"),
    (r"\bINTERVAL (?:''|«\d)", "use datetime(column, '+1 day')"),
    (r"\bEXTRACT \( \w+ «", "use strftime, e.g. strftime('%Y', column)"),
    (r"\bSUBSTRING \( NAME «FROM", "use substr(text, start, length)"),
    (r"\bPOSITION \( '' IN", "use instr(text, part)"),
    (r"«ISNULL \(", "use ifnull(a, b)"),
    (r"«SEPARATOR", "write group_concat(column, separator)"),
    (r"\bTOP «\d|\bFETCH «FIRST", "write LIMIT at the end"),
    (r"^SELECT .*«INTO", "write CREATE TABLE name AS SELECT …, or INSERT INTO table SELECT …"),
    (r"\bDISTINCT «ON", "use GROUP BY"),
    (r"\b([EN]) «''", r"leave \1 out; a quote in a string is written twice: 'it''s'"),
    (r"^no such table: information_schema", "query sqlite_schema and pragma_table_info('table')"),
    # SQLite's own grammar
    (r", «\)", "remove the comma before it"),
    (r"^(?:CREATE|INSERT|ALTER) .*(?:[(,]|ADD(?: COLUMN)?) «(RESERVED)\b", r'\1 is a keyword: write "\1"'),
)
"""(pattern, what to do) for an error and the statement below it; `«` marks the token at which it failed."""

_NAME = r"(?:\"[^\"]+\"|`[^`]+`|\[[^\]]+\]|\w+)"


def function_instead_of(name: str) -> str | None:
    """Return what to use instead of a function that D1 does not have, or None."""
    word = name.lower()
    return next((instead for names, instead in _FUNCTIONS.items() if word in names.split()), None)


def instead_of(error: str, sql: str, offset: int | None) -> str | None:
    """Return what to write instead of a refused statement, or None.

    Args:
        error: SQLite's message.
        sql: the statement.
        offset: where it failed, in characters, if the error says so.
    """
    tokens = significant(sql)
    texts, marked = list[str](), list[str]()
    for token in tokens:
        text = "''" if token.kind == "string" else token.text
        texts.append(text)
        marked.append(f"«{text}" if token.start == offset else text)
    searched = "\n".join([error, *dict.fromkeys((" ".join(texts), " ".join(marked)))])
    for pattern, advice in _patterns():
        if found := pattern.search(searched):
            return found.expand(advice).replace("( ", "(").replace(" )", ")").replace(" ,", ",")
    return _misspelled([token.text for token in tokens if offset is not None and token.start <= offset])


_VERBS = "ALTER ANALYZE CREATE DELETE DROP INSERT PRAGMA REINDEX REPLACE SELECT UPDATE VALUES WITH".split()
_OBJECTS = ("TABLE", "INDEX", "VIEW", "TRIGGER")
_SECOND = {
    "ALTER": ("TABLE",),
    "CREATE": (*_OBJECTS, "UNIQUE", "VIRTUAL"),
    "DELETE": ("FROM",),
    "DROP": _OBJECTS,
    "INSERT": ("INTO", "OR"),
}


def _misspelled(words: list[str]) -> str | None:
    """Return a hint for the last of a statement's first words, if it is a misspelled keyword."""
    if len(words) == 1:
        return did_you_mean(words[0], _VERBS)
    return did_you_mean(words[1], _SECOND.get(words[0].upper(), ())) if len(words) == 2 else None


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """Return the patterns with their words filled in. Compiled on the first failure: most runs need none."""
    options = "ENGINE|COMMENT|AUTO_INCREMENT|CHARSET|COLLATE|ROW_FORMAT|TABLESPACE|PARTITION|INHERITS"
    not_a_name = ("CHECK", "CONSTRAINT", "FOREIGN", "PRIMARY", "UNIQUE", "SELECT")
    words = {
        "NAME": _NAME,
        "OPTION": f"(?:{options})",
        "RESERVED": "|".join(sorted(RESERVED.difference(not_a_name))),
    }

    def compiled(pattern: str) -> re.Pattern[str]:
        filled = re.sub(rf"\b(?:{'|'.join(words)})\b", lambda word: words[word[0]], pattern)
        return re.compile(filled, re.IGNORECASE | re.MULTILINE)

    return [(compiled(pattern), advice) for pattern, advice in _SYNTAX]
