"""SQL scripts of other tools, run on a plain SQLite file to find out what they build.

D1 accepts few of them unchanged. `wrangler d1 export` writes a child's rows before its parent's table, and a
trigger before its view; the sqlite3 shell writes FTS5 and R*Tree tables into sqlite_schema, with the bytes of
their hidden tables. SQLite itself accepts all of that.
"""

from __future__ import annotations

import re
from contextlib import suppress

import apsw

from d1migrate.drivers.plain import Watchdog
from d1migrate.errors import SourceError
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.names import fold, quote_identifier, quote_literal, unquote
from d1migrate.sql.split import split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.sql.split import Statement

_CHUNK = 1 << 20
_HEAD = 200  # characters that suffice to classify a statement
_ATTACH = 24  # SQLite's authorizer: ATTACH, and VACUUM INTO
_OK, _DENY = 0, 1

_NAME = r"""("(?:[^"]|"")*"|'(?:[^']|'')*'|`[^`]*`|\[[^\]]*\]|[^\s("'`\[]+)"""
_TABLE = re.compile(
    rf"CREATE\s+(VIRTUAL\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:main\.)?{_NAME}\s*", re.IGNORECASE
)
_LATE = re.compile(r"CREATE\s+(UNIQUE\s+INDEX|INDEX|VIEW|TRIGGER)\b", re.IGNORECASE)
_STATISTICS = re.compile(r"""(CREATE\s+TABLE|INSERT\s+INTO)\s+["'`\[]?sqlite_stat\d""", re.IGNORECASE)
_SEQUENCE = re.compile(
    r"""CREATE\s+TABLE\s+(IF\s+NOT\s+EXISTS\s+)?["'`\[]?sqlite_sequence\b""", re.IGNORECASE
)
_COUNTERS = re.compile(r"""DELETE\s+FROM\s+["'`\[]?sqlite_sequence\b""", re.IGNORECASE)
_CHANGES = re.compile(r"(WITH|UPDATE|DELETE|REPLACE|DROP|ALTER|INSERT\s+OR\s+REPLACE)\b", re.IGNORECASE)
_PRAGMA = re.compile(r"PRAGMA\s+(?:main\.)?(\w+)", re.IGNORECASE)
_PRAGMAS = frozenset(
    "defer_foreign_keys encoding foreign_keys ignore_check_constraints legacy_alter_table recursive_triggers"
    " writable_schema".split()
)
_KEYS_OFF = re.compile(r"PRAGMA\s+foreign_keys\s*[=(]\s*'?(0|OFF|FALSE|NO)\b", re.IGNORECASE)
_SHELL = ".dbconfig defensive off"  # what `.recover` begins with; scratch files are not defensive
_ROLLED_BACK = "it ends with ROLLBACK: the tool that wrote it had errors, so nothing would be kept"


class _Waiting(NamedTuple):
    """A view, trigger or index that refers to an object the script creates later."""

    statement: Statement
    error: str


def run_script(path: str, target: str) -> None:
    """Run a script on an empty file.

    Foreign keys are off while the script only creates and inserts: a child may precede its parent. Once it
    changes or deletes rows they are on, as on D1, unless the script has switched them off.

    Args:
        path: the script.
        target: the file.

    Raises:
        SourceError: a statement cannot be run, with its line; or there are no statements.
        UnicodeDecodeError, OSError: the script cannot be read.
        apsw.Error: the file cannot be written.
    """
    connection = apsw.Connection(target)
    try:
        _Run(path, connection).run()
    finally:
        connection.close()


class _Run:
    """One script on one connection."""

    def __init__(self, path: str, connection: apsw.Connection) -> None:
        self._path, self._connection = path, connection
        self._waiting: list[_Waiting] = []
        self._keys_are_off = self._keys_are_on = False
        self._watchdog = Watchdog(connection)

    def run(self) -> None:
        execute = self._connection.execute
        self._connection.authorizer = _authorize
        execute("PRAGMA synchronous = OFF")
        execute("PRAGMA foreign_keys = OFF")
        # Creates sqlite_sequence, whether or not the script uses it.
        execute("CREATE TABLE d1migrate_counted (id INTEGER PRIMARY KEY AUTOINCREMENT)")
        execute("DROP TABLE d1migrate_counted")
        execute("BEGIN")
        statement = None
        for statement in self._statements():
            self._run_statement(statement)
        if statement is None:
            raise SourceError(f"{self._path} contains no SQL")
        self._run_waiting()
        try:
            execute("COMMIT")
        except apsw.ConstraintError as error:
            raise self._refused(statement, str(error)) from error

    def _statements(self) -> Iterator[Statement]:
        # Newlines unchanged: strings may contain them.
        with open(self._path, encoding="utf-8-sig", newline="") as file:
            for statement in split(iter(lambda: file.read(_CHUNK), ""), file=self._path):
                if statement.sql:
                    yield statement

    def _run_statement(self, statement: Statement) -> None:
        sql = statement.sql.removeprefix(_SHELL).lstrip()
        head = sql[:_HEAD]
        word = re.split(r"[\s;(]", head, maxsplit=1)[0].upper()
        if word in ("ATTACH", "DETACH") or (word == "VACUUM" and "INTO" in head.upper()):
            raise self._refused(statement, f"{word} accesses another file")
        if word in ("BEGIN", "COMMIT", "END", "VACUUM"):
            return
        if word == "ROLLBACK" and " TO" not in head.upper():
            raise self._refused(statement, _ROLLED_BACK)
        if word.startswith("."):
            raise self._refused(statement, f"{word.lower()} is a command of the sqlite3 shell, not SQL")
        if word == "PRAGMA":
            self._pragma(sql)
        elif word == "CREATE":
            self._create(statement, sql, head)
        elif not _STATISTICS.match(head):
            if _CHANGES.match(head) and not _COUNTERS.match(head):
                self._switch_keys_on()
            self._execute(statement, sql)

    def _pragma(self, sql: str) -> None:
        """Run a PRAGMA that changes the meaning of later statements; others are about the original file."""
        match = _PRAGMA.match(sql)
        if match and match[1].lower() in _PRAGMAS:
            self._keys_are_off = self._keys_are_off or _KEYS_OFF.match(sql) is not None
            with suppress(apsw.Error):
                self._connection.execute(sql)

    def _switch_keys_on(self) -> None:
        if self._keys_are_on or self._keys_are_off:
            return
        self._keys_are_on = True
        for sql in ("COMMIT", "PRAGMA foreign_keys = ON", "BEGIN", "PRAGMA defer_foreign_keys = ON"):
            self._connection.execute(sql)

    def _create(self, statement: Statement, sql: str, head: str) -> None:
        table = _TABLE.match(head)
        if _STATISTICS.match(head) or _SEQUENCE.match(head):
            return  # SQLite's own tables: they exist, or are not kept
        if _LATE.match(head):
            self._execute(statement, sql, waits=True)
        elif table is None:
            self._execute(statement, sql)
        elif table[1]:
            self._create_virtual(statement, sql, unquote(table[2]))
        elif self._is_shadow(unquote(table[2])):
            # Its virtual table has created it, with rows that the script inserts too.
            self._execute(statement, f"DELETE FROM {quote_identifier(unquote(table[2]))}")
        else:
            self._execute(statement, sql)

    def _create_virtual(self, statement: Statement, sql: str, name: str) -> None:
        """Create a virtual table; if its hidden tables exist, enter it as the sqlite3 shell does."""
        try:
            self._execute(statement, sql)
        except SourceError:
            hidden = quote_literal(f"{name}_")
            existing = f"SELECT 1 FROM sqlite_schema WHERE substr(name, 1, {len(name) + 1}) = {hidden}"
            if not self._connection.execute(existing).fetchall():
                raise
            rest = sql[_TABLE.match(sql).end() :]  # type: ignore[union-attr]
            self._connection.execute("PRAGMA writable_schema = ON")
            self._connection.execute(
                "INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql)"
                " VALUES ('table', ?, ?, 0, ?)",
                (name, name, f"CREATE VIRTUAL TABLE {quote_identifier(name)} {rest}"),
            )

    def _is_shadow(self, name: str) -> bool:
        kinds = self._connection.execute(
            "SELECT type FROM pragma_table_list WHERE schema = 'main' AND lower(name) = ?", (fold(name),)
        )
        return ("shadow",) in kinds.fetchall()

    def _execute(self, statement: Statement, sql: str, *, waits: bool = False) -> None:
        self._watchdog.armed, self._watchdog.started = True, 0.0
        try:
            for _ in self._connection.execute(sql, can_cache=False):
                pass
        except apsw.InterruptError as error:
            raise self._refused(statement, f"it was stopped: {self._watchdog.reason}") from error
        except (
            apsw.SQLError,
            apsw.ConstraintError,
            apsw.MismatchError,
            apsw.TooBigError,
            apsw.AuthError,
        ) as error:
            if not waits:
                raise self._refused(statement, str(error)) from error
            self._waiting.append(_Waiting(statement, str(error)))
        except ValueError as error:  # a character NUL
            raise self._refused(statement, str(error)) from error

    def _run_waiting(self) -> None:
        """Create the objects that refer to later ones; repeat as long as this makes progress."""
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            for one in waiting:
                self._execute(one.statement, one.statement.sql, waits=True)
            if len(self._waiting) == len(waiting):
                raise self._refused(*self._waiting[0])

    def _refused(self, statement: Statement, why: str) -> SourceError:
        return SourceError(
            f"{self._path}:{statement.line}: {why}",
            hint="correct the file: it must load into an empty database with the sqlite3 shell",
        )


def _authorize(action: int, *_: str | None) -> int:
    """Confine a script to its own file."""
    return _DENY if action == _ATTACH else _OK
