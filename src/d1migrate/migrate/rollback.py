"""The rollback of a migration as a value: its SQL, its statements, its digest."""

from __future__ import annotations

from d1migrate.errors import LimitExceeded, ParseError
from d1migrate.migrate.meaning import digest_of_meaning
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.batch import Query
from d1migrate.sql.d1 import WORKERD
from d1migrate.sql.split import Statement, split
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_STARTS = frozenset(
    "ALTER ANALYZE BEGIN COMMIT CREATE DELETE DROP END EXPLAIN INSERT PRAGMA REINDEX REPLACE SELECT UPDATE"
    " VACUUM VALUES WITH ATTACH DETACH ROLLBACK SAVEPOINT RELEASE".split()
)


class Rollback(NamedTuple):
    """The rollback of a migration: its block, its rollback file, or rollback SQL from the log.

    Attributes:
        sql: the SQL; of a block without its `--` marks, line by line.
        file: the migration, the rollback file or the log, for errors.
        first_line: the line of that file on which it starts.
        reason: why there is no rollback (`-- Rollback: none, <reason>`), or None if there is one.
    """

    sql: str
    file: str
    first_line: int = 1
    reason: str | None = None

    @property
    def digest(self) -> str:
        """The sha256 of its meaning, like a migration's checksum."""
        return digest_of_meaning(split(self.sql, file=self.file))

    def texts(self) -> Iterator[str]:
        """Yield the SQL of its statements."""
        return (statement.sql for statement in self.statements())

    def queries(self) -> Iterator[Query]:
        """Yield its statements as queries."""
        return (Query(sql, (), True) for sql in self.texts())

    def statements(self) -> Iterator[Statement]:
        """Yield its statements, with the line numbers of the file.

        Raises:
            ParseError: the block is not SQL.
            LimitExceeded: a statement is longer than D1 accepts.
        """
        shift = self.first_line - 1
        try:
            pieces = [s._replace(line=s.line + shift) for s in split(self.sql, file=self.file) if s.sql]
        except ParseError as error:
            error.line += shift
            error.hint = "this is inside the rollback block, which must be SQL; write prose above it"
            raise
        for statement in pieces:
            self._check(statement)
            yield statement

    def _check(self, statement: Statement) -> None:
        tokens = significant(statement.sql)
        if tokens[0].keyword not in _STARTS:
            first = statement.sql.split("\n", 1)[0]
            raise ParseError(
                "this line of the rollback block is not SQL",
                file=self.file,
                line=statement.line,
                column=1,
                source=first,
                hint=_prose_hint(first),
            )
        if (size := len(statement.sql.encode())) > WORKERD.sql_length:
            raise too_long(self.file, statement.line, size)


def _prose_hint(line: str) -> str:
    reason = " ".join(line.split()).removesuffix(";")
    return f"if there is no rollback: `-- Rollback: none, {reason}`; write other prose as `-- -- like this`"


def too_long(file: str, line: int, actual: int) -> LimitExceeded:
    """Return the error of a statement that is longer than D1 accepts."""
    return LimitExceeded(
        f"{file}:{line}: the statement has {actual} bytes, D1 accepts {WORKERD.sql_length}",
        limit=WORKERD.sql_length,
        actual=actual,
        hint="split it: use several INSERTs with fewer rows, or append a long value in parts with UPDATE",
    )
