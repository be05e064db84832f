"""Rows, values and rowids that a rebuild copies wrongly or not at all."""

from __future__ import annotations

from d1migrate.lint.column_copies import copies_star, values_of
from d1migrate.lint.columns import ColumnId
from d1migrate.lint.declared_types import columns_of, is_narrower, types_of
from d1migrate.lint.expressions import as_column, is_mapping
from d1migrate.lint.rule import REBUILD, Finding, rule
from d1migrate.schema.keys import rowid_alias
from d1migrate.schema.queries import content_of, holds_no_null
from d1migrate.sql.checks import allowed_values
from d1migrate.sql.create import parse_table
from d1migrate.sql.names import fold, quote_identifier, unquote
from d1migrate.sql.token_groups import span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.lint.rebuilds import Rebuild
    from d1migrate.lint.replay.model import ReplayedStatement
    from d1migrate.sql.tokens import Token


@rule("D108", "narrower-type", "warning", on=REBUILD)
def narrower_type(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A rebuild gives a column a type that changes its values.

    Why: the affinity of the new column converts the values copied into it: '007' in TEXT becomes 7 in INTEGER.

    Given:
        CREATE TABLE parcels (id INTEGER PRIMARY KEY, zip TEXT);
    Bad:
        CREATE TABLE parcels_new (id INTEGER PRIMARY KEY, zip INTEGER);
        INSERT INTO parcels_new SELECT id, zip FROM parcels;
        DROP TABLE parcels;
        ALTER TABLE parcels_new RENAME TO parcels;
    Good:
        CREATE TABLE parcels_new (id INTEGER PRIMARY KEY, zip TEXT NOT NULL DEFAULT '');
        INSERT INTO parcels_new SELECT id, coalesce(zip, '') FROM parcels;
        DROP TABLE parcels;
        ALTER TABLE parcels_new RENAME TO parcels;
    """
    for rebuild in replay.rebuilds:
        new = columns_of(rebuild.new)
        for column, old_type in columns_of(rebuild.old).items():
            if column in new and is_narrower(old_type, new[column]) and rebuild.is_copied(column):
                yield Finding(
                    f"{rebuild.name}.{column} changes from {old_type or 'no type'} to {new[column]}, which may"
                    " change its values",
                    rebuild.fills[-1],
                )
            elif (
                column in new
                and rebuild.is_copied(column)
                and (via := _narrowed_on_the_way(replay, rebuild, column))
            ):
                yield Finding(
                    f"{rebuild.name}.{column} is copied through {via}, which may change its values",
                    rebuild.fills[-1],
                )


def _narrowed_on_the_way(replay: AnalyzedReplay, rebuild: Rebuild, column: str) -> str:
    """Return `table.column type` of an intermediate copy whose type may change values of a column."""
    each = ColumnId(rebuild.number, column)
    if replay.lineage.is_kept(each, rebuild.dropped_at, of_all_rows=False):
        return ""
    for copy in replay.lineage.copies_of(each):
        name = copy.statement.after.name_of(copy.into.table)
        type_ = types_of(copy.statement.after.tables[name]).get(copy.into.name) if name else None
        if type_ is not None and is_narrower(types_of(rebuild.old)[column], type_):
            return f"{replay.lineage.name_of(copy.into)} {type_}"
    return ""


@rule("D115", "copies-by-position", "warning", on=REBUILD)
def copies_by_position(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A rebuild copies `SELECT *` into columns in a different order.

    Why: INSERT … SELECT matches columns by position, not by name: values end up in the wrong columns, without an
        error.

    Given:
        CREATE TABLE people (id INTEGER PRIMARY KEY, first TEXT, last TEXT);
    Bad:
        CREATE TABLE people_new (id INTEGER PRIMARY KEY, last TEXT, first TEXT);
        INSERT INTO people_new SELECT * FROM people;
        DROP TABLE people;
        ALTER TABLE people_new RENAME TO people;
    Good:
        CREATE TABLE people_new (id INTEGER PRIMARY KEY, last TEXT, first TEXT);
        INSERT INTO people_new (id, last, first) SELECT id, last, first FROM people;
        DROP TABLE people;
        ALTER TABLE people_new RENAME TO people;
    """
    for rebuild in replay.rebuilds:
        stars = any(copies_star(fill) for fill in rebuild.fills)
        old, new = list(columns_of(rebuild.old)), list(columns_of(rebuild.new))
        shared = set(old) & set(new)
        if stars and [c for c in old if c in shared] != [c for c in new if c in shared]:
            yield Finding(
                f"`*` copies into {rebuild.name} by position, but its columns are in a different order",
                rebuild.fills[-1],
            )


@rule("D116", "copy-leaves-rows-out", "warning", on=REBUILD)
def copy_leaves_rows_out(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A rebuild copies only some of the rows.

    Why: rows that a WHERE, JOIN, DISTINCT or OR IGNORE omits are dropped with the old table.

    Given:
        CREATE TABLE jobs (id INTEGER PRIMARY KEY, done INTEGER);
    Bad:
        CREATE TABLE jobs_new (id INTEGER PRIMARY KEY, done INTEGER, at INTEGER);
        INSERT INTO jobs_new (id, done) SELECT id, done FROM jobs WHERE done = 0;
        DROP TABLE jobs;
        ALTER TABLE jobs_new RENAME TO jobs;
    Good:
        CREATE TABLE jobs_new (id INTEGER PRIMARY KEY, done INTEGER, at INTEGER);
        INSERT INTO jobs_new (id, done) SELECT id, done FROM jobs;
        DROP TABLE jobs;
        ALTER TABLE jobs_new RENAME TO jobs;
    """
    for rebuild in replay.rebuilds:
        if not rebuild.fills or not rebuild.is_dropped:
            continue
        copies, at = replay.lineage, rebuild.dropped_at
        partial = copies.partial_copy(rebuild.number, at)
        if partial and not copies.rows_are_kept(rebuild.number, at):
            yield Finding(f"the copy into {rebuild.name} omits rows: {partial.omits}", partial.statement)


@rule("D112", "rebuild-renumbers-rowids", "warning", on=REBUILD)
def rebuild_renumbers_rowids(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A rebuild renumbers the rowids that a full-text index refers to.

    Why: an FTS5 table with `content=` finds its text by rowid. A table without INTEGER PRIMARY KEY gets new
        rowids when it is copied, and searches then return the wrong rows.

    Given:
        CREATE TABLE notes (slug TEXT PRIMARY KEY, body TEXT);
        CREATE VIRTUAL TABLE notes_fts USING fts5(body, content='notes');
    Bad:
        CREATE TABLE notes_new (slug TEXT PRIMARY KEY, body TEXT, tag TEXT);
        INSERT INTO notes_new (slug, body) SELECT slug, body FROM notes;
        DROP TABLE notes;
        ALTER TABLE notes_new RENAME TO notes;
    Good:
        CREATE TABLE notes_new (slug TEXT PRIMARY KEY, body TEXT, tag TEXT);
        INSERT INTO notes_new (rowid, slug, body) SELECT rowid, slug, body FROM notes;
        DROP TABLE notes;
        ALTER TABLE notes_new RENAME TO notes;
    """
    for rebuild in replay.rebuilds:
        if rowid_alias(rebuild.new):
            continue
        tables = replay.after.tables.values()
        searches = [t.name for t in tables if fold(content_of(t) or "") == fold(rebuild.name)]
        copies_rowid = any(token.text.lower() == "rowid" for fill in rebuild.fills for token in fill.tokens)
        rebuilt = any("'rebuild'" in statement.sql.lower() for statement in replay.of("insert"))
        if searches and not copies_rowid and not rebuilt:
            yield Finding(
                f"the rebuild of {rebuild.name} renumbers the rowids that {', '.join(searches)} refers to",
                rebuild.fills[-1] if rebuild.fills else rebuild.statement,
                fix=f"INSERT INTO {quote_identifier(searches[0])}({quote_identifier(searches[0])})"
                " VALUES ('rebuild');",
            )


@rule("D119", "copy-changes-values", "warning", on=REBUILD)
def copy_changes_values(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A rebuild changes the values of a column while copying them.

    Why: the old values are dropped with the old table. Text in single quotes is a literal, even if it is the name
        of the column; an expression or CAST changes the values; `row_number()` assigns new ids that nothing
        references. COALESCE, and a CASE with `ELSE column`, keep all values that they do not name.
        INTEGER PRIMARY KEY cannot hold NULL: it replaces NULL with the next free number.

    Given:
        CREATE TABLE bookmarks (id INTEGER PRIMARY KEY, label TEXT);
    Bad:
        CREATE TABLE bookmarks_new (id INTEGER PRIMARY KEY, label TEXT, port INTEGER);
        INSERT INTO bookmarks_new (id, label) SELECT id, 'label' FROM bookmarks;
        DROP TABLE bookmarks;
        ALTER TABLE bookmarks_new RENAME TO bookmarks;
    Good:
        CREATE TABLE bookmarks_new (id INTEGER PRIMARY KEY, label TEXT, port INTEGER);
        INSERT INTO bookmarks_new (id, label) SELECT id, label FROM bookmarks;
        DROP TABLE bookmarks;
        ALTER TABLE bookmarks_new RENAME TO bookmarks;
    """
    for rebuild in filter(lambda each: each.is_dropped, replay.rebuilds):
        names = {fold(column.name): column.name for column in rebuild.new.columns}
        for fill in rebuild.fills:
            changed = {
                to: span(fill.sql, value)
                for values in values_of(fill)
                for to, value in (values or {}).items()
                if to in names and _changes(replay, rebuild, fill, to, value)
            }
            if changed:
                assigned = ", ".join(f"{rebuild.name}.{names[to]} = {text}" for to, text in changed.items())
                is_text = any(text[:1] == "'" and fold(unquote(text)) == to for to, text in changed.items())
                hint = ": text in single quotes is not a column" if is_text else ""
                yield Finding(f"the copy does not keep the values of {assigned}{hint}", fill)
    for rebuild in replay.rebuilds:
        if (column := _nullable_rowid(rebuild)) and not _asserts_no_null(replay):
            yield Finding(
                f"the copy turns NULL in {rebuild.name}.{column} into a new number: INTEGER PRIMARY KEY cannot hold NULL",
                rebuild.fills[-1],
                fix=f"-- find them:\nSELECT count(*) FROM {quote_identifier(rebuild.old.name)}"
                f" WHERE {quote_identifier(column)} IS NULL;",
            )


def _nullable_rowid(rebuild: Rebuild) -> str:
    """Return the column of the old table that may be NULL and is copied into the new one's rowid; else ""."""
    alias, old = rowid_alias(rebuild.new), parse_table(rebuild.old.sql)
    if not alias or old is None or not rebuild.is_copied(alias):
        return ""
    if any("WHERE" in fill.words for fill in rebuild.fills) or fold(alias) not in columns_of(rebuild.old):
        return ""
    return "" if holds_no_null(old, alias) else alias


def _asserts_no_null(replay: AnalyzedReplay) -> bool:
    """Whether the file itself fails if a row has a NULL."""
    return any(
        "json_extract" in statement.sql and statement.sql.endswith("IS NULL LIMIT 1)")
        for statement in replay.of("select")
    )


def _changes(
    replay: AnalyzedReplay, rebuild: Rebuild, fill: ReplayedStatement, to: str, value: Sequence[Token]
) -> bool:
    """Whether the value copied into a column differs from what the old column of that name held."""
    column = ColumnId(rebuild.number, to)
    if to not in columns_of(rebuild.old) or not replay.lineage.passes_on(fill, rebuild.number):
        return False
    itself = as_column(value)
    if value[0].start == 0 or (itself and itself.name == to):  # `*` is for D115, a narrower type for D108
        return False
    if replay.lineage.is_kept(column, rebuild.dropped_at, of_all_rows=False):
        return False
    old = parse_table(rebuild.old.sql)
    lists = dict(filter(None, map(allowed_values, old.all_checks))) if old else {}
    return not is_mapping(value, to, lists.get(to, ()))
