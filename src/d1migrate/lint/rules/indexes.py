"""Indexes that are missing or redundant."""

from __future__ import annotations

from d1migrate.lint.rule import Finding, rule
from d1migrate.schema.keys import is_indexed
from d1migrate.sql.names import fold, quote_identifier
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.schema.model import ForeignKey, Index, Table


@rule("H104", "unindexed-foreign-key", "info")
def unindexed_foreign_key(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A foreign key has no index on its columns.

    Why: every delete or update of a parent row reads the whole child table, and rows read are billed.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
    Bad:
        CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id));
    Good:
        CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id));
        CREATE INDEX idx_posts_user_id ON posts(user_id);
    """
    for table, key in replay.added_foreign_keys():
        if not is_indexed(table, key):
            message = f"there is no index on the foreign key {table.name}({', '.join(key.columns)})"
            yield Finding(message, replay.definer_of(table), fix=index_on(table, key))


@rule("W104", "unindexed-child", "warning", on=("drop table",))
def unindexed_child(replay: AnalyzedReplay) -> Iterator[Finding]:
    """DROP TABLE of a parent whose children have no index on the foreign key.

    Why: for every row of the parent the whole child table is read. With 500 parents and 15,000 children that is
        7.5 million rows, which is billed and takes seconds.

    Given:
        CREATE TABLE teams (id INTEGER PRIMARY KEY);
        CREATE TABLE members (id INTEGER PRIMARY KEY, team_id INTEGER REFERENCES teams(id));
    Bad:
        PRAGMA defer_foreign_keys = ON;
        CREATE TABLE teams_hold AS SELECT id FROM teams;
        DROP TABLE teams;
        CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT);
        INSERT INTO teams (id) SELECT id FROM teams_hold;
        DROP TABLE teams_hold;
    Good:
        CREATE INDEX idx_members_team ON members(team_id);
        PRAGMA defer_foreign_keys = ON;
        CREATE TABLE teams_hold AS SELECT id FROM teams;
        DROP TABLE teams;
        CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT);
        INSERT INTO teams (id) SELECT id FROM teams_hold;
        DROP TABLE teams_hold;
    """
    for statement in replay.drops_of_rows():
        parent = statement.shape.name
        for child, key in statement.before.references(parent):
            stays = statement.before.ids[child] in replay.after.names and not replay.is_new(child, statement)
            if child != parent and stays and not replay.is_empty(child, statement):
                table = statement.before.tables[child]
                if not is_indexed(table, key):
                    columns = ", ".join(key.columns)
                    yield Finding(
                        f"{table.name}({columns}) has no index: dropping {statement.before.tables[parent].name} reads"
                        f" all of {table.name} for every row",
                        statement,
                        fix=index_on(table, key),
                    )


def index_on(table: Table, key: ForeignKey) -> str:
    """Return the CREATE INDEX for a foreign key."""
    name = quote_identifier(f"idx_{table.name}_{'_'.join(key.columns)}")
    columns = ", ".join(quote_identifier(column) for column in key.columns)
    return f"CREATE INDEX IF NOT EXISTS {name} ON {quote_identifier(table.name)}({columns});"


@rule("H105", "redundant-index", "info", on=("create index",))
def redundant_index(replay: AnalyzedReplay) -> Iterator[Finding]:
    """An index repeats another index, a UNIQUE constraint or the primary key.

    Why: every write has to update it, and no query is faster.

    Bad:
        CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE);
        CREATE INDEX idx_users_email ON users(email);
    Good:
        CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE);
    """
    indexes: dict[str, _Indexes] = {}
    for statement in replay.of("create index"):
        owner = statement.after.owners.get(statement.shape.name, "")
        table = replay.after.tables.get(owner)
        if table is None or statement.before is statement.after:
            continue
        plain = indexes[owner] = indexes.get(owner) or _Indexes(table)
        index = plain.by_name.get(statement.shape.name)
        if index and (other := plain.covering(index, statement.before.owners)):
            yield Finding(f"index {index.name} repeats {other}", statement, fix=f"DROP INDEX {index.name};")


_NOT_PLAIN = frozenset(("WHERE", "COLLATE", "DESC"))


class _Indexes:
    """The plain indexes of a table: of all rows, on columns, in their own collation and ascending.

    Attributes:
        by_name: them by folded name.
    """

    def __init__(self, table: Table) -> None:
        self.by_name = {fold(index.name): index for index in table.indexes if _is_plain(index)}
        self._table = table
        self._by_first: dict[str, list[Index]] = {}
        for index in self.by_name.values():
            self._by_first.setdefault(_folded(index.columns)[0], []).append(index)

    def covering(self, mine: Index, earlier: Container[str]) -> str | None:
        """Return what makes an index unneeded, or None."""
        wanted = _folded(mine.columns)
        primary = _folded(self._table.primary_key)
        if primary[: len(wanted)] == wanted and not (mine.unique and len(primary) > len(wanted)):
            return f"the primary key of {self._table.name}"
        for other in self._by_first[wanted[0]]:
            if other is mine or _folded(other.columns[: len(wanted)]) != wanted:
                continue
            same = len(other.columns) == len(wanted)
            # Of two that are the same, the one that came first stays; a constraint has an index without SQL.
            is_first = not other.sql or fold(other.name) in earlier
            if (same and other.unique and is_first) or (
                not mine.unique and (is_first or other.unique or not same)
            ):
                return (
                    f"index {other.name}" if other.sql else f"UNIQUE ({', '.join(map(str, other.columns))})"
                )
        return None


def _is_plain(index: Index) -> bool:
    if not index.columns or None in index.columns:
        return False
    sql = (index.sql or "").upper()
    if not any(word in sql for word in _NOT_PLAIN):  # nearly always: no need to tokenize it
        return True
    return _NOT_PLAIN.isdisjoint(token.keyword for token in significant(sql))


def _folded(columns: Sequence[str | None]) -> list[str]:
    return [fold(column or "") for column in columns]
