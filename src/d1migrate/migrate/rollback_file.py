"""A rollback in a file of its own: `rollback/NAME.sql`, for generated migrations that nobody edits.

Its text is SQL that is not commented out, so it is outside the migrations folder, where wrangler would run it
forward. `project/rollback_folder` reads it from disk.
"""

from __future__ import annotations

from d1migrate.errors import SourceError
from d1migrate.migrate.rollback_block import Block, BlockFinder
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.split import split


class RollbackFile(NamedTuple):
    """The rollback file of a migration.

    Attributes:
        path: where it is, for errors.
        text: what it holds, with LF line ends.
        problem: why it cannot be used, or None.
    """

    path: str
    text: str
    problem: SourceError | None = None

    def block(self) -> Block:
        """Return its SQL as a rollback block; `-- Rollback: none, <reason>` declares that there is none.

        Raises:
            SourceError: it cannot be used or parsed, has no statement, or has some and declares that there is
                no rollback.
        """
        if self.problem:
            raise self.problem
        finder, has_sql = BlockFinder(self.path), False
        for piece in split(self.text, file=self.path):
            lead = piece.text[: piece.body]
            line = piece.line - lead.count("\n")
            finder.comments(lead, line, line_start=piece.start == 0, first=not has_sql)
            has_sql = has_sql or bool(piece.sql)
        declared = finder.block if finder.block and finder.block.reason is not None else None
        if declared and has_sql:
            raise SourceError(
                f"{self.path}:{declared.line}: it declares that there is no rollback, and has SQL",
                hint="delete one of them",
            )
        if not declared and not has_sql:
            raise SourceError(
                f"{self.path}: the rollback file has no SQL statement",
                hint="write the SQL, not commented out, or `-- Rollback: none, <reason>` if there is none",
            )
        return declared or Block(self.text, 1)
