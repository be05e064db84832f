"""Constraints that the rows of an existing table may not meet."""

from __future__ import annotations

from d1migrate.lint.declared_types import columns_of
from d1migrate.lint.domains import default_of, holds_never
from d1migrate.lint.indexes import terms_of
from d1migrate.lint.rule import REBUILD, Finding, rule
from d1migrate.lint.unmet_constraints import cannot_repeat, unmet_constraints
from d1migrate.sql.names import fold, quote_identifier, unquote
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.lint.replay.model import ReplayedStatement
    from d1migrate.schema.model import Index
    from d1migrate.sql.implied import Domain


@rule("F106", "unique-index", "warning", on=("create index",))
def unique_index(replay: AnalyzedReplay) -> Iterator[Finding]:
    """CREATE UNIQUE INDEX fails if two rows have the same value.

    Why: it passes on an empty table. Look for duplicates in production first.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);
    Bad:
        CREATE UNIQUE INDEX users_email ON users(email);
    Good:
        CREATE INDEX users_email ON users(email);
    """
    for statement in replay.of("create index"):
        owner = statement.after.owners.get(statement.shape.name, "")
        if (
            "UNIQUE" not in [token.keyword for token in statement.tokens[:2]]
            or owner not in statement.before.tables
            or statement.before is statement.after
        ):
            continue
        table = statement.after.tables[owner]
        index = next(i for i in table.indexes if fold(i.name) == statement.shape.name)
        if (
            replay.is_new(owner, statement)
            or replay.is_empty(owner, statement)
            or not _may_repeat(replay, statement, index)
        ):
            continue
        if None in index.columns:
            fix = None
        else:
            columns = ", ".join(quote_identifier(c) for c in index.columns if c)
            fix = (
                f"-- find them:\nSELECT {columns}, count(*) FROM {quote_identifier(table.name)}"
                f" GROUP BY {columns} HAVING count(*) > 1;"
            )
        yield Finding(
            f"UNIQUE INDEX {index.name} fails if two rows of {table.name} have the same value",
            statement,
            fix=fix,
        )


def _may_repeat(replay: AnalyzedReplay, statement: ReplayedStatement, index: Index) -> bool:
    """Whether two rows may have the same value in an index, and the file does nothing about it."""
    owner = statement.after.owners[statement.shape.name]
    number = statement.before.ids[owner]
    named = {fold(column) for column in index.columns if column}
    earlier = [w for w in replay.writers.get(number, ()) if w.index < statement.index]
    if any(w.verb == "delete" or (w.verb == "update" and _parts(replay, w, named)) for w in earlier):
        return False
    terms = terms_of(statement.after.tables[owner], index)
    before = replay.before.tables.get(replay.before.name_of(number) or "")
    if before and terms and cannot_repeat(terms, before):
        return False
    added = _untouched(replay, statement, owner)
    where = significant(terms.where) if terms else []
    if where and holds_never(where, {name: d for name, d in added.items() if d}):
        return False
    return not any((d := added[name]) and d.literals == frozenset() for name in named & added.keys())


def _parts(replay: AnalyzedReplay, update: ReplayedStatement, named: Collection[str]) -> bool:
    """Whether an UPDATE may have been written to make values of an index differ.

    It gives a column values that differ, or changes those it had; one that fills a column which the file adds
    from other columns repeats what these repeat.
    """
    columns = replay.columns.at(update.before.ids[update.target], update.index)
    keys = {"rowid", *map(fold, update.before.tables[update.target].primary_key)}
    for name, value in update.sets().items():
        texts = {fold(unquote(token.text)) for token in value}
        is_new = name in columns and columns[name].since >= 0
        if name in named and (not is_new or texts & (keys | _DIFFER) or name in texts):
            return True
    return False


_DIFFER = {"select", "random", "randomblob", "row_number"}


def _untouched(replay: AnalyzedReplay, statement: ReplayedStatement, owner: str) -> dict[str, Domain | None]:
    """Return {column: its default} of the columns that the file has added to a table and not filled."""
    first = replay.before.name_of(statement.before.ids[owner])
    existing = columns_of(replay.before.tables[first]).keys() if first else set()
    filled = {
        c for r in replay.of("update") if r.index < statement.index and r.target == owner for c in r.sets()
    }
    columns = statement.before.tables[owner].columns
    return {
        fold(c.name): default_of(c)
        for c in columns
        if not c.generated and fold(c.name) not in existing and fold(c.name) not in filled
    }


@rule("F107", "rebuild-tightens", "warning", on=REBUILD)
def rebuild_tightens(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A rebuild adds a constraint that the copied rows may violate.

    Why: the copy passes on an empty table. In production, a single row that violates the new NOT NULL, CHECK,
        UNIQUE, foreign key or STRICT type makes the migration fail.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
    Bad:
        CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
        INSERT INTO users_new SELECT id, name FROM users;
        DROP TABLE users;
        ALTER TABLE users_new RENAME TO users;
    Good:
        CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
        INSERT INTO users_new SELECT id, coalesce(name, '') FROM users;
        DROP TABLE users;
        ALTER TABLE users_new RENAME TO users;
    """
    for rebuild in replay.rebuilds:
        if added := unmet_constraints(replay, rebuild):
            what = ", ".join(each.what for each in added)
            yield Finding(
                f"the rebuild of {rebuild.name} adds {what}: it fails if a row violates this",
                rebuild.fills[-1],
            )
