"""Derive from a guarded rebuild, and the live schema, how to do the same in chunks."""

from __future__ import annotations

from d1migrate.errors import ParseError, PlanError
from d1migrate.migrate.jobs.online.parts import HOLD, ONLY, read_parts, refused
from d1migrate.migrate.jobs.online.plan import NewIndex, OnlinePlan, Parent, Unique, Value
from d1migrate.migrate.jobs.online.unchanged import definition_of
from d1migrate.schema.catalog import Catalog
from d1migrate.schema.keys import is_indexed, parent_columns, rowid_alias
from d1migrate.schema.model import Column, ForeignKey, Index, Table
from d1migrate.schema.normalize import mentioned_names
from d1migrate.schema.queries import column_affinity, holds_no_null, is_autoincrement, rowid_of
from d1migrate.schema.rebuild import MAX_COLUMNS
from d1migrate.sql.create import parse, parse_table
from d1migrate.sql.definitions import IndexDefinition
from d1migrate.sql.names import HELPER, ROWIDS, fold, is_helper, quote_literal, unquote
from d1migrate.sql.names import quote_identifier as q
from d1migrate.sql.select import selects
from d1migrate.sql.statement import insert_of
from d1migrate.sql.token_groups import span, text_at
from d1migrate.sql.tokens import significant
from d1migrate.sql.triggers import safe_form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d1migrate.migrate.jobs.online.parts import Part, Parts
    from d1migrate.migrate.migration import Migration
    from d1migrate.schema.model import Schema
    from d1migrate.sql.definitions import TableDefinition, Term
    from d1migrate.sql.select import Select
    from d1migrate.sql.tokens import Token

_IN_STEPS = "change it in steps: `d1migrate rebuild --expand` adds a column, fills it, and drops the old one"
_MOST_KEYS = 4
_VARY = {"random", "randomblob", "date", "time", "datetime", "julianday", "unixepoch", "strftime", "timediff"}
_NOW = {"CURRENT_TIME", "CURRENT_DATE", "CURRENT_TIMESTAMP"}


def derive(migration: Migration, schema: Schema) -> OnlinePlan:
    """Return what an online migration does.

    Args:
        migration: the file, with an online directive.
        schema: the live schema.

    Raises:
        SourceError: the file is not a guarded rebuild of that table, and nothing else.
        PlanError: the table cannot be rebuilt online; the hint has the next step.
    """
    if migration.job is None:
        raise ValueError(f"{migration.name} has no directive")
    table = migration.job.table
    parts = read_parts(migration, table)
    catalog = Catalog.of(schema)
    old = catalog.tables.get(fold(table))
    if old is None or old.is_virtual:
        kind = "a virtual table" if old else "not a table of the database"
        raise PlanError(f"{migration.name}: {table} is {kind}", hint="correct the directive of the file")
    return _Derivation(migration, parts, old, catalog).plan()


class _Derivation:
    def __init__(self, migration: Migration, parts: Parts, old: Table, catalog: Catalog) -> None:
        self._migration, self._parts, self._old, self._catalog = migration, parts, old, catalog
        self._name = fold(old.name)
        self._number = (HOLD.fullmatch(parts.hold.shape.name) or ["", "1"])[1]
        definition, before = parse_table(parts.create.sql), parse_table(old.sql)
        if definition is None or before is None:
            raise refused(migration, parts.create, f"{ONLY}; this CREATE TABLE lists no columns")
        self._definition, self._before = definition, before
        self._new = _table_of(definition, parts)
        self._held = self._read_hold()
        self._filled = self._read_fill()

    def plan(self) -> OnlinePlan:
        """Return the plan.

        Raises:
            SourceError, PlanError: as `derive`.
        """
        self._check_others()
        self._refuse_deferred(self._new.name, self._definition)
        key, shadow_key, values = self._keyed()
        if len(self._held) + len(key) > MAX_COLUMNS:
            raise self._cannot(f"it has {len(self._old.columns)} columns", "drop one first")
        parents = tuple(self._parents())
        return OnlinePlan(
            self._new.name,
            self._number,
            self._create(),
            key,
            shadow_key,
            self._collations(key),
            ", ".join(f"{sql} AS {q(name)}" for name, sql in self._held.items()),
            values,
            tuple(_uniques(self._old, key)),
            tuple(self._indexes()),
            tuple(safe_form(part.sql) for part in self._parts.triggers),
            tuple(trigger.name for trigger in self._old.triggers),
            parents,
            tuple(self._unindexed(parents)),
            tuple(self._children()),
            self._links(),
            is_autoincrement(self._old) and is_autoincrement(self._new),
            sum(1 for k in self._definition.all_keys if not k.primary or not rowid_alias(self._new)),
            tuple(definition_of(self._old, self._catalog)),
        )

    # --- the file ---

    def _read_hold(self) -> dict[str, str]:
        """Return {column of the hold table: SQL over the table}."""
        part = self._parts.hold
        at = next((i for i, token in enumerate(part.tokens) if token.keyword == "AS"), len(part.tokens))
        query = selects(part.tokens[at + 1 :])
        if len(query) != 1 or not self._reads_all(query[0], self._name):
            raise self._error(part, f"{ONLY}; the copy must have every row of {self._old.name}")
        columns: dict[str, str] = {}
        for value in query[0].values:
            text = span(part.sql, value.tokens)
            if text == "*":
                columns |= {column.name: q(column.name) for column in self._old.columns}
            elif value.alias or len(value.tokens) == 1:
                columns[value.alias or unquote(text)] = self._binary(value.tokens, text)
            else:
                raise self._error(part, f"{ONLY}; {text} needs a name")
        return columns

    def _binary(self, tokens: Sequence[Token], text: str) -> str:
        """Return a column as the hold table has it: CREATE TABLE AS keeps no collation."""
        named = self._column(tokens)
        column = next((c for c in self._before.columns if named and fold(c.name) == named), None)
        is_plain = column is None or fold(column.collation or "binary") == "binary"
        return text if is_plain else f"{text} COLLATE BINARY"

    def _read_fill(self) -> dict[str, tuple[str, Sequence[Token]]]:
        """Return {column of the new table: the SQL of its value over the hold table, and the tokens}."""
        part = self._parts.fill
        insert = insert_of(part.tokens)
        query = selects(insert.source) if insert else []
        hold = f"{HELPER}hold_{self._number}"
        has_or = text_at(part.tokens, 1).upper() == "OR"
        if insert is None or len(query) != 1 or not self._reads_all(query[0], hold) or has_or:
            raise self._error(part, f"{ONLY}; it must fill {self._old.name} with every row of {hold}")
        columns = insert.columns or tuple(c.name for c in self._new.columns if not c.generated)
        values = query[0].values
        if len(columns) != len(values):
            raise self._error(part, f"{len(values)} values for {len(columns)} columns")
        for value in values:
            if any(token.keyword == "SELECT" for token in value.tokens):
                raise self._error(
                    part, "a value that reads other rows cannot follow them while the table is copied"
                )
        named = {fold(column.name): column.name for column in self._new.columns}
        return {
            named.get(fold(column), column): (span(part.sql, value.tokens), value.tokens)
            for column, value in zip(columns, values, strict=True)
        }

    @staticmethod
    def _reads_all(query: Select, table: str) -> bool:
        return [source.table for source in query.sources] == [table] and not query.where and not query.picks

    def _check_others(self) -> None:
        """Refuse a DROP of anything else than helpers and what belongs to the table."""
        own = {fold(i.name) for i in self._old.indexes} | {fold(t.name) for t in self._old.triggers}
        for part in self._parts.others:
            is_drop = part.shape.verb in ("drop index", "drop trigger")
            if is_drop and not is_helper(part.shape.name) and part.shape.name not in own:
                raise self._error(part, f"{ONLY}; {part.shape.name} is not of {self._old.name}")

    def _create(self) -> str:
        """Return the CREATE TABLE under the name of the shadow; REFERENCES to the table itself stay."""
        sql, tokens, at = self._parts.create.sql, self._parts.create.tokens, self._parts.create.shape.at
        for before, token in zip(tokens[at + 1 :], tokens[at + 2 :], strict=False):
            if token.text == "." and fold(unquote(before.text)) == self._name:
                raise self._error(self._parts.create, "write its columns without the name of the table")
        end = tokens[at].start + len(tokens[at].text)
        return f"CREATE TABLE {q(f'{HELPER}hold_{self._number}')}{sql[end:]}"

    def _indexes(self) -> Iterator[NewIndex]:
        for number, part in enumerate(self._parts.indexes):
            definition, at = parse(part.sql), part.shape.at
            if not isinstance(definition, IndexDefinition):  # `_role` saw that it is one
                continue
            on = next(i for i in range(at, len(part.tokens)) if part.tokens[i].keyword == "ON") + 1
            temporary = f"{HELPER}new_{self._number}_{number}"
            rest = part.sql[part.tokens[on].start + len(part.tokens[on].text) :]
            unique = "UNIQUE " if definition.unique else ""
            shadow = q(f"{HELPER}hold_{self._number}")
            yield NewIndex(
                definition.name,
                part.sql,
                temporary,
                f"CREATE {unique}INDEX {q(temporary)} ON {shadow}{rest}",
            )

    # --- keys ---

    def _keyed(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[Value, ...]]:
        """Return the key in the table, the key in the shadow, and the values with it."""
        values = {
            column: sql for column, (sql, _) in self._filled.items() if fold(column) not in self._rowids()
        }
        made = tuple(self._value(column, sql) for column, sql in values.items())
        old_rowid, new_rowid = rowid_of(self._old), rowid_of(self._new)
        alias = rowid_alias(self._new)
        if old_rowid and new_rowid:
            source = self._source(alias) if alias and alias in values else None
            own = rowid_alias(self._old)
            if source is not None and own and source == fold(own):
                return (old_rowid,), (new_rowid,), made
            if source is None and not (alias and alias in values):
                rowid = Value(new_rowid, q(f"{HELPER}rowid"), compared=False)
                self._held[f"{HELPER}rowid"] = old_rowid
                return (old_rowid,), (new_rowid,), (rowid, *made)
        key = self._old.primary_key
        same = {fold(name): self._source(name) for name in self._new.primary_key}
        is_kept = bool(key) and set(same.values()) == set(map(fold, key))
        if not is_kept or not all(holds_no_null(self._before, name) for name in key):
            raise self._cannot(
                "its rows get other keys", "add a table with the new key, and fill it in batches"
            )
        if len(key) > _MOST_KEYS:
            raise self._cannot(
                f"its key has {len(key)} columns, more than {_MOST_KEYS}", "rebuild it in one batch"
            )
        target = {source: name for name, source in same.items()}
        return key, tuple(target[fold(name)] for name in key), made

    def _rowids(self) -> set[str]:
        """Return the names of the rowid that no column of the new table has."""
        return {*ROWIDS} - {fold(column.name) for column in self._new.columns}

    def _value(self, column: str, sql: str) -> Value:
        new = next((c for c in self._new.columns if fold(c.name) == fold(column)), None)
        if new is None:
            raise self._error(self._parts.fill, f"{self._new.name} has no column {column}")
        source = self._source(column)
        old = next((c for c in self._old.columns if source and fold(c.name) == source), None)
        kind = column_affinity(self._new, new)
        is_same = old is not None and column_affinity(self._old, old) == kind
        message = quote_literal(f"{self._new.name}.{new.name}, by its new type, would change the value ")
        varies = {fold(t.text) for t in self._filled[column][1]} & _VARY
        varies |= {t.keyword for t in self._filled[column][1]} & _NOW
        return Value(
            q(new.name),
            sql,
            compared=not varies,
            typed=is_same and kind in ("BLOB", "NUMERIC"),
            checked=any(message in part.sql for part in self._parts.others),
            strict=new.type.upper() if self._definition.strict and new.type.upper() != "ANY" else "",
        )

    def _source(self, column: str | None) -> str | None:
        """Return the column of the old table, folded, that a new one is a copy of; None if it is not one."""
        found = next((f for name, f in self._filled.items() if column and fold(name) == fold(column)), None)
        held = self._column(found[1]) if found else None
        sql = next((sql for name, sql in self._held.items() if held and fold(name) == held), None)
        name = self._column(significant(sql.removesuffix(" COLLATE BINARY"))) if sql else None
        return name if name in {fold(c.name) for c in self._old.columns} else None

    @staticmethod
    def _column(tokens: Sequence[Token]) -> str | None:
        """Return the name that is all of an expression, folded, or None."""
        names = [token for token in tokens if token.text != "."]
        is_name = len(tokens) == 2 * len(names) - 1 and all(t.kind in ("word", "quoted") for t in names)
        return fold(unquote(names[-1].text)) if is_name else None

    def _collations(self, key: tuple[str, ...]) -> tuple[str, ...]:
        own = {fold(c.name): c.collation or "BINARY" for c in self._before.columns}
        is_rowid = key[0] in ROWIDS and rowid_of(self._old) == key[0]
        return ("",) if is_rowid else tuple(own[fold(name)] for name in key)

    # --- other tables ---

    def _parents(self) -> Iterator[Parent]:
        before = {
            (tuple(map(fold, key.columns)), fold(key.table), key.to, key.on_delete, key.on_update)
            for key in self._old.foreign_keys
        }
        # RAISE(IGNORE) in a trigger of the table keeps a row that an action deletes, but not its copy.
        ignores = any("ignore" in trigger.sql.lower() for trigger in self._old.triggers)
        for key in self._new.foreign_keys:
            is_own = fold(key.table) == self._name
            parent = self._new if is_own else self._catalog.tables.get(fold(key.table))
            if parent is None:
                raise self._cannot(
                    f"it references {key.table}, which does not exist", "create that table first"
                )
            columns = tuple(self._source(name) or "" for name in key.columns)
            same = (columns, fold(key.table), key.to, key.on_delete, key.on_update)
            to = parent_columns(parent, key)
            is_watched = is_own or ignores or same not in before
            uniques = tuple(_uniques(self._old if is_own else parent, to)) if is_watched else ()
            yield Parent(key.columns, self._new.name if is_own else parent.name, to, is_watched, uniques)

    def _unindexed(self, parents: Sequence[Parent]) -> Iterator[int]:
        """Yield the foreign keys by which rows of the shadow are searched, and that have no index."""
        for number, (key, parent) in enumerate(zip(self._new.foreign_keys, parents, strict=True)):
            if parent.is_watched and not is_indexed(self._new, key):
                yield number

    def _children(self) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
        found: dict[str, list[tuple[str, str]]] = {}
        for place, (name, key) in enumerate(self._catalog.references(self._name)):
            if name == self._name:
                continue
            child = self._catalog.tables[name]
            self._refuse_deferred(child.name, parse_table(child.sql))
            indexes = found.setdefault(child.name, [])
            if not is_indexed(child, key):
                columns = ", ".join(map(q, key.columns))
                helper = f"{HELPER}index_{self._number}_{place}"
                indexes.append((helper, f"CREATE INDEX {q(helper)} ON {q(child.name)} ({columns})"))
        yield from ((name, tuple(indexes)) for name, indexes in found.items())

    def _refuse_deferred(self, name: str, definition: TableDefinition | None) -> None:
        """Refuse a key that is checked at the commit: SQLite would count the rows that the DROP orphans."""
        for key in definition.all_references if definition else ():
            if fold(key.table) == self._name and key.deferrable == "DEFERRABLE INITIALLY DEFERRED":
                raise self._cannot(f"the foreign key of {name} to it is INITIALLY DEFERRED", _IN_STEPS)

    def _links(self) -> int:
        """Return how many foreign keys SQLite follows for each row when the table is dropped."""
        shadow = sum(1 for key in self._new.foreign_keys if fold(key.table) == self._name)
        return shadow + sum(1 for _ in self._catalog.references(self._name))

    # --- errors ---

    def _error(self, part: Part, message: str) -> ParseError:
        return refused(self._migration, part, message)

    def _cannot(self, why: str, hint: str) -> PlanError:
        return PlanError(f"{self._old.name} cannot be rebuilt online: {why}", hint=hint)


def _uniques(table: Table, key: tuple[str, ...]) -> Iterator[Unique]:
    """Yield the keys by which OR REPLACE may delete a row of a table, other than the one with some key."""
    definition, alias = parse_table(table.sql), rowid_alias(table)
    known = [set(map(fold, key)), {fold(alias)} if alias and key[0] in (*ROWIDS, alias) else set()]
    for found in definition.all_keys if definition else ():
        names = {fold(term.column or "") for term in found.terms}
        if names not in known or any(term.collation for term in found.terms):
            yield _unique(table, found.terms, "")
    for index in table.indexes:
        created = parse(index.sql) if index.unique and index.sql else None
        if isinstance(created, IndexDefinition):
            yield _unique(table, created.terms, created.where or "")


def _unique(table: Table, terms: Sequence[Term], where: str) -> Unique:
    columns = {fold(c.name): c for c in table.columns}
    found, reads, is_plain = list[tuple[str, bool, str]](), set[str](), not where
    for term in terms:
        name, expression, collation = term.column, term.expression, term.collation
        found.append((q(name) if name else expression, bool(name), q(collation) if collation else ""))
        mentioned = {fold(name)} if name else mentioned_names(expression)
        reads |= mentioned & columns.keys()
        is_plain &= name is not None and not columns[fold(name)].generated
    names = tuple(columns[name].name for name in sorted(reads))
    return Unique(tuple(found), where, names if is_plain else (), names)


def _table_of(definition: TableDefinition, parts: Parts) -> Table:
    """Return the new table as a value, before it exists."""
    key = definition.primary_key
    places = {fold(term.column or ""): n for n, term in enumerate(key.terms if key else (), 1)}
    columns = tuple(
        Column(
            column.name,
            column.type,
            column.not_null is not None,
            column.default,
            places.get(fold(column.name), 0),
            column.generated is not None,
        )
        for column in definition.columns
    )
    keys = tuple(
        ForeignKey(r.columns, r.table, r.to or (None,) * len(r.columns), r.on_delete, r.on_update)
        for r in definition.all_references
    )
    found = [(part, parse(part.sql)) for part in parts.indexes]
    indexes = tuple(
        Index(d.name, d.unique, tuple(term.column for term in d.terms), part.sql)
        for part, d in found
        if isinstance(d, IndexDefinition)
    )
    return Table(definition.name, parts.create.sql, columns, indexes, keys)
