"""Random schemas, and random migrations over them, for laws about rows: what each statement says is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from hypothesis.strategies import DrawFn

ACTIONS = ["CASCADE", "SET NULL", "SET DEFAULT", "NO ACTION", "RESTRICT"]
KEYS = {
    "int": "id INTEGER PRIMARY KEY",
    "auto": "id INTEGER PRIMARY KEY AUTOINCREMENT",
    "text": "id TEXT PRIMARY KEY NOT NULL",
    "unique": "id INTEGER UNIQUE",
    "bare": "id INTEGER",
    "pair": "id INTEGER NOT NULL",
}
PRAGMAS = [
    *([], ["defer_foreign_keys = ON"], ["defer_foreign_keys = ON", "defer_foreign_keys = OFF"]),
    *(["foreign_keys = OFF", "foreign_keys = ON"], ["legacy_alter_table = ON", "legacy_alter_table = OFF"]),
]


class Link(NamedTuple):
    """A foreign key: its columns, the parent and its columns, all by name, and what happens."""

    columns: tuple[str, ...]
    parent: str
    to: tuple[str, ...]
    on_delete: str
    on_update: str
    ends: str = ""


class Table(NamedTuple):
    """A table.

    `columns` is {what a column is: its name}: the first stays when it is renamed, or copied into another
    table. `types` is {what it is: the SQL behind its name}.
    """

    number: int
    name: str
    key: str
    columns: dict[str, str]
    types: dict[str, str]
    links: tuple[Link, ...] = ()
    options: str = ""

    def sql(self) -> str:
        """CREATE TABLE."""
        parts = [KEYS[self.key].replace("id", self.columns["id"], 1)]
        parts += [f"{name} {self.types[what]}" for what, name in self.columns.items() if what != "id"]
        parts += [f"PRIMARY KEY ({self.columns['id']}, {self.columns['part']})"] if self.key == "pair" else []
        for link in self.links:
            own, to = ", ".join(link.columns), ", ".join(link.to)
            acts = f"ON DELETE {link.on_delete} ON UPDATE {link.on_update}"
            parts.append(f"FOREIGN KEY ({own}) REFERENCES {link.parent}({to}) {acts}{link.ends}")
        return f"CREATE TABLE {self.name} ({', '.join(parts)}){self.options}"

    def pointing(self, old: str, new: str) -> Table:
        """The same, with foreign keys to a table of another name."""
        links = tuple(k._replace(parent=new) if k.parent == old else k for k in self.links)
        return self._replace(links=links)


class Step(NamedTuple):
    """A statement, what it does to the rows of which table (by number), and the tables around it."""

    sql: str
    kind: str
    target: int
    sets: frozenset[str]
    before: tuple[Table, ...]
    after: tuple[Table, ...]


class Example(NamedTuple):
    """A database, and a migration.

    `heirs` is {table: the one that has its rows in the end}, by number, None where they are dropped;
    `computed` has the (table, column) that a rebuild computes.
    """

    schema: list[str]
    rows: list[str]
    triggers: list[str]
    tables: tuple[Table, ...]
    steps: list[Step]
    heirs: dict[int, int | None]
    computed: set[tuple[int, str]]

    @property
    def migration(self) -> str:
        """Its SQL."""
        return "".join(f"{step.sql};\n" for step in self.steps)

    def __repr__(self) -> str:
        parts = ("".join(f"{sql};\n" for sql in part) for part in (self.schema, self.rows, self.triggers))
        return "\n" + "-- --\n".join((*parts, self.migration))


class Maker:
    """Makes an example, statement by statement."""

    def __init__(self, draw: DrawFn) -> None:
        self._draw = draw
        self.tables: dict[str, Table] = {}
        self.first: tuple[Table, ...] = ()
        self.steps: list[Step] = []
        self.heirs: dict[int, int | None] = {}
        self.computed: set[tuple[int, str]] = set()
        self._made = 0

    def _pick(self, choices: Sequence[Any]) -> Any:
        return self._draw(st.sampled_from(choices))

    def _chance(self, percent: int) -> bool:
        return bool(self._draw(st.integers(0, 99)) >= 100 - percent)

    # --- the schema ---

    def schema(self) -> list[str]:
        """Make tables; foreign keys may go to any of them, itself and later ones too."""
        names = [f"t{i}" for i in range(self._draw(st.integers(2, 5)))]
        keys = {name: self._pick(list(KEYS)) for name in names}
        keys["t0"] = self._pick([key for key in KEYS if key != "bare"])  # something to point at
        for number, name in enumerate(names):
            self.tables[name] = self._table(number, name, keys)
        self.first = tuple(self.tables.values())
        self.heirs = {number: number for number in range(len(names))}
        self._made = len(names)
        found = [table.sql() for table in self.first]
        for table in self.first:
            own = [link.columns[0] for link in table.links if self._chance(70)]
            found += [f"CREATE INDEX {table.name}_{column} ON {table.name}({column})" for column in own]
            if self._chance(6):
                found.append(f"CREATE VIEW view_{table.name} AS SELECT tag FROM {table.name}")
        return found

    def _table(self, number: int, name: str, keys: dict[str, str]) -> Table:
        types = {"part": "INTEGER NOT NULL"} if keys[name] == "pair" else {}
        types |= {"tag": "TEXT", "v": self._pick(["INTEGER", "INTEGER DEFAULT 5"]), "n": "TEXT"}
        links = []
        targets = [other for other in keys if keys[other] != "bare"]
        for place in range(self._pick([0, 1, 1, 2, 3]) if number else self._pick([0, 0, 1])):
            parent, on_delete = self._pick(targets), self._pick(ACTIONS[:3] + ACTIONS)
            width = 2 if keys[parent] == "pair" else 1
            own, to = (f"r{place}", f"r{place}b")[:width], ("id", "part")[:width]
            must = not on_delete.startswith("SET") and self._chance(30)
            type_ = ("TEXT" if keys[parent] == "text" else "INTEGER") + (" NOT NULL" if must else "")
            types |= dict(zip(own, (type_, type_.replace("TEXT", "INTEGER")), strict=False))
            on_update = self._pick(["CASCADE", "NO ACTION"] if must else ACTIONS)
            ends = self._pick(["", "", " DEFERRABLE INITIALLY DEFERRED"])
            links.append(Link(own, parent, to, on_delete, on_update, ends))
        compact = keys[name] in ("int", "text", "pair") and self._chance(25)
        options = [word for word, on in (("WITHOUT ROWID", compact), ("STRICT", self._chance(15))) if on]
        columns = {what: what for what in ("id", *types)}
        return Table(number, name, keys[name], columns, types, tuple(links), " " + ", ".join(options))

    def rows(self) -> list[str]:
        """Make rows for every table, with tags; how many, and what they point at, is random."""
        counts = {name: self._draw(st.integers(1, 5)) for name in self.tables}
        found = ["PRAGMA defer_foreign_keys = ON"]
        for table in self.tables.values():
            for i in range(counts[table.name]):
                row = {"id": _id(table, i), "tag": f"'{table.number}.{i}'", "part": "1", "n": "'n'"}
                row["v"] = self._pick(["1", "NULL", "-2"])
                for link in table.links:
                    to = _id(self.tables[link.parent], self._draw(st.integers(0, counts[link.parent] - 1)))
                    free = "NOT NULL" not in table.types[link.columns[0]] and self._chance(25)
                    row |= dict(zip(link.columns, ("NULL", "NULL") if free else (to, "1"), strict=False))
                names = ", ".join(table.columns)
                values = ", ".join(row[column] for column in table.columns)
                found.append(f"INSERT INTO {table.name} ({names}) VALUES ({values})")
        return found

    def triggers(self) -> list[str]:
        """Make triggers; they are created after the rows."""
        found = []
        for i in range(self._pick([0, 0, 0, 1, 2])):
            on, other = self._pick(list(self.tables)), self._pick(list(self.tables))
            event = self._pick(
                ["BEFORE DELETE", "AFTER DELETE", "AFTER UPDATE", "AFTER INSERT", "BEFORE INSERT"]
            )
            when = self._pick(["", "", f" WHEN {'OLD' if 'DEL' in event else 'NEW'}.v > 0"])
            deletes = [f"DELETE FROM {other}", f"DELETE FROM {other} WHERE v > 0"]
            body = self._pick([*deletes, f"UPDATE {other} SET v = 7", "SELECT RAISE(IGNORE)"])
            found.append(f"CREATE TRIGGER tr{i} {event} ON {on}{when} BEGIN {body}; END")
        return found

    # --- the migration ---

    def migration(self) -> None:
        """Make one to four moves."""
        moves: list[Callable[[Table], None]] = [*[self._rebuild] * 6, *[self._keep_children] * 2]
        moves += [self._delete, self._update, self._replace, self._drop] * 2
        moves += [self._rename, self._rename_column, self._add, self._drop_column, self._copy, self._index]
        for _ in range(self._pick([1, 1, 2, 3, 4])):
            if alive := [t for t in self.tables.values() if t.number in self.heirs.values()]:
                self._pick(moves)(self._pick(alive))

    def _do(self, sql: str, kind: str = "", table: Table | None = None, sets: Collection[str] = ()) -> None:
        before = self.steps[-1].after if self.steps else self.first
        target = table.number if table else -1
        self.steps.append(Step(sql, kind, target, frozenset(sets), before, tuple(self.tables.values())))

    def _put(self, table: Table, *, renamed: str = "") -> None:
        """Have a table; references follow when it had another name."""
        self.tables.pop(renamed, None)
        self.tables[table.name] = table
        if renamed:
            self.tables = {name: t.pointing(renamed, table.name) for name, t in self.tables.items()}

    def _rebuild(self, table: Table) -> None:
        style, guarded = self._pick(["new", "new", "aside", "hold"]), self._pick([0, 0, 1, 9])
        pragmas = self._pick(PRAGMAS)
        if guarded:
            pragmas = PRAGMAS[1 if style == "hold" else 2]
        self._made += 1
        place = f"new{self._made}" if style == "new" else table.name
        itself = self._pick([place, place, table.name])
        new = table.pointing(table.name, itself)._replace(number=self._made, name=place)
        heirs = [first for first, heir in self.heirs.items() if heir == table.number]
        select = dict(table.columns)
        if self._chance(20) and "v" in select:
            select["v"] = f"coalesce({select['v']}, 0)"
            self.computed |= {(first, "v") for first in heirs}
        if self._chance(30):
            extra = {f"x{self._made}": f"x{self._made}"}
            new = new._replace(columns=new.columns | extra, types=new.types | dict.fromkeys(extra, "TEXT"))
        verb = self._pick(["INSERT", "INSERT", "INSERT", "INSERT", "INSERT OR IGNORE", "INSERT OR REPLACE"])
        fill = (
            f"{verb} INTO {place} ({', '.join(table.columns.values())}) SELECT {', '.join(select.values())}"
        )
        for pragma in pragmas[:1]:
            self._do(f"PRAGMA {pragma}")
        if style == "new":
            self._put(new)
            self._do(new.sql())
            self._do(f"{fill} FROM {table.name}")
            self._drop_guarded(table, guarded)
            self._put(self.tables[place]._replace(name=table.name), renamed=place)
            self._do(f"ALTER TABLE {place} RENAME TO {table.name}")
        elif style == "aside":
            old = table._replace(name=f"old{self._made}")
            self._put(old, renamed=table.name)
            self._do(f"ALTER TABLE {table.name} RENAME TO {old.name}")
            self._put(new)
            self._do(new.sql())
            self._do(f"{fill} FROM {old.name}")
            self._drop_guarded(self.tables[old.name], guarded)
        else:
            self._do(
                f"CREATE TABLE hold{self._made} AS SELECT {', '.join(table.columns.values())} FROM {table.name}"
            )
            names = self._drop_guarded(table, guarded, lift=False)
            self._put(new)
            self._do(new.sql())
            self._do(f"{fill} FROM hold{self._made}")
            for name in names:
                self._do(f"DROP TRIGGER {name}")
            self._do(f"DROP TABLE hold{self._made}")
        self.heirs |= dict.fromkeys(heirs, self._made)
        for pragma in pragmas[1:]:
            self._do(f"PRAGMA {pragma}")

    def _drop_guarded(self, table: Table, guarded: int, *, lift: bool = True) -> list[str]:
        """Drop a table, with guard triggers on some of its children; return those that are there still."""
        names: list[str] = []
        for child in list(self.tables.values()):
            for link in child.links if child.number != table.number else ():
                if link.parent != table.name or len(names) >= guarded:
                    continue
                event = "DELETE" if link.on_delete == "CASCADE" else "UPDATE"
                names.append(f"guard{len(self.steps)}")
                self._do(
                    f"CREATE TRIGGER {names[-1]} BEFORE {event} ON {child.name} BEGIN SELECT RAISE(IGNORE); END"
                )
        del self.tables[table.name]
        self._do(f"DROP TABLE {table.name}")
        for name in names if lift else ():
            self._do(f"DROP TRIGGER {name}")
        return [] if lift else names

    def _keep_children(self, table: Table) -> None:
        """Copy children aside, rebuild their parent, and put them back."""
        children = [t for t in self.tables.values() if any(k.parent == table.name for k in t.links)]
        kept = [child for child in children if child.number != table.number][:2]
        for child in kept:
            self._do(f"CREATE TABLE keep_{child.name} AS SELECT * FROM {child.name}")
        self._rebuild(table)
        for child in kept:
            names = ", ".join(child.columns.values())
            if self._chance(70):
                self._do(f"DELETE FROM {child.name}", "delete", child)
            verb = self._pick(["INSERT", "INSERT OR IGNORE"])
            self._do(
                f"{verb} INTO {child.name} ({names}) SELECT {names} FROM keep_{child.name}", "insert", child
            )
            self._do(f"DROP TABLE keep_{child.name}")

    def _delete(self, table: Table) -> None:
        self._do(f"DELETE FROM {table.name}", "delete", table)

    def _update(self, table: Table) -> None:
        what = self._pick([what for what in table.columns if what not in ("tag", "part")])
        column = table.columns[what]
        type_ = table.types.get(what, "TEXT" if table.key == "text" else "INTEGER")
        is_link = any(column in link.columns for link in table.links)
        shifted = f"{column} || 'x'" if type_.startswith("TEXT") else f"{column} + 1000"
        value = self._pick(["NULL", column, f"-{column}"]) if is_link else shifted
        if value.startswith("-") and type_.startswith("TEXT"):
            value = column
        self._do(f"UPDATE {table.name} SET {column} = {value}", "update", table, {what})

    def _replace(self, table: Table) -> None:
        names = list(table.columns.values())
        verb = self._pick(["REPLACE", "INSERT OR REPLACE"])
        sql = f"{verb} INTO {table.name} ({', '.join(names)}) SELECT {', '.join(names)} FROM {table.name}"
        self._do(sql, "replace", table)

    def _drop(self, table: Table) -> None:
        self.heirs |= {first: None for first, heir in self.heirs.items() if heir == table.number}
        self._drop_guarded(table, self._pick([0, 0, 9]))

    def _rename(self, table: Table) -> None:
        self._made += 1
        self._put(table._replace(name=f"named{self._made}"), renamed=table.name)
        self._do(f"ALTER TABLE {table.name} RENAME TO named{self._made}")

    def _rename_column(self, table: Table) -> None:
        self._made += 1
        what = self._pick(list(table.columns))
        old, new = table.columns[what], f"c{self._made}"
        for name, other in self.tables.items():
            links = tuple(
                k._replace(
                    columns=tuple(new if c == old and name == table.name else c for c in k.columns),
                    to=tuple(new if c == old and k.parent == table.name else c for c in k.to),
                )
                for k in other.links
            )
            columns = {w: new if name == table.name and w == what else c for w, c in other.columns.items()}
            self.tables[name] = other._replace(links=links, columns=columns)
        self._do(f"ALTER TABLE {table.name} RENAME COLUMN {old} TO {new}")

    def _add(self, table: Table) -> None:
        self._made += 1
        name = f"a{self._made}"
        type_ = self._pick(["TEXT", "INTEGER NOT NULL DEFAULT 1"])
        self.tables[table.name] = table._replace(
            columns=table.columns | {name: name}, types=table.types | {name: type_}
        )
        self._do(f"ALTER TABLE {table.name} ADD COLUMN {name} {type_}")

    def _drop_column(self, table: Table) -> None:
        if "n" in table.columns:
            columns = {what: name for what, name in table.columns.items() if what != "n"}
            self.tables[table.name] = table._replace(columns=columns)
            self._do(f"ALTER TABLE {table.name} DROP COLUMN {table.columns['n']}")

    def _copy(self, table: Table) -> None:
        """Copy rows elsewhere, or beside themselves."""
        if table.key == "text" or self._chance(40):
            self._made += 1
            self._do(f"CREATE TABLE copy{self._made} AS SELECT * FROM {table.name}")
            return
        select = {
            w: f"{c} + 500" if w == "id" else f"{c} || '+'" if w == "tag" else c
            for w, c in table.columns.items()
        }
        names = ", ".join(table.columns.values())
        sql = f"INSERT INTO {table.name} ({names}) SELECT {', '.join(select.values())} FROM {table.name}"
        self._do(sql, "insert", table)

    def _index(self, table: Table) -> None:
        self._do(f"CREATE INDEX IF NOT EXISTS by_{table.number}_tag ON {table.name}({table.columns['tag']})")


def _id(table: Table, number: int) -> str:
    return f"'k{number}'" if table.key == "text" else str(10 + number)


@st.composite
def examples(draw: DrawFn) -> Example:
    """Databases with rows, each with a migration."""
    maker = Maker(draw)
    schema, rows, triggers = maker.schema(), maker.rows(), maker.triggers()
    maker.migration()
    return Example(schema, rows, triggers, maker.first, maker.steps, maker.heirs, maker.computed)
