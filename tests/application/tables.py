"""Tables that an application writes to while they are rebuilt: before, after, and what surrounds them.

Every table is called T. It has the columns id, u, p and v; `gone` is dropped by the rebuild, and `w` is added.
"""

from __future__ import annotations

from typing import NamedTuple

ROWS = 60
"""Of a table at the start, with the keys 1 to ROWS."""
PARENTS = 5


class Kind(NamedTuple):
    """One kind of table.

    Attributes:
        name: of the test.
        key: the definition of `id`.
        unique: the constraint of `u`; and after the rebuild, if it changes.
        action: what the foreign key to the parent does; and after the rebuild, if it changes.
        more: other columns and constraints; they stay.
        options: after the columns.
        indexes: besides one of `p` and one of `v`, which have the same names after the rebuild.
        children: tables that reference it.
        literal: the SQL of a key, of its number.
        parent: the table that `p` references.
        primary_key: its columns.
    """

    name: str
    key: str = "INTEGER PRIMARY KEY"
    unique: str = " UNIQUE"
    unique_after: str | None = None
    action: str = " ON DELETE CASCADE ON UPDATE CASCADE"
    action_after: str | None = None
    more: str = ""
    options: str = ""
    indexes: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    literal: str = "{0}"
    parent: str = "P"
    primary_key: str = "id"

    @property
    def rowid(self) -> bool:
        """Whether it has rowids."""
        return "WITHOUT ROWID" not in self.options

    def schema(self, *, after: bool, triggers: bool) -> list[str]:
        """The statements that create all of the schema, before or after the rebuild."""
        unique = self.unique_after if after and self.unique_after is not None else self.unique
        action = self.action_after if after and self.action_after is not None else self.action
        columns = (
            ["v TEXT CHECK (v <> 'never'), w INTEGER DEFAULT 7"]
            if after
            else ["v TEXT, gone TEXT DEFAULT 'gone'"]
        )
        definition = (
            f"id {self.key}, u TEXT{unique}, p INTEGER REFERENCES {self.parent}(id){action}, {columns[0]}"
        )
        return [
            "CREATE TABLE P (id INTEGER PRIMARY KEY, n TEXT)",
            f"CREATE TABLE T ({definition}{self.more}){self.options}",
            "CREATE INDEX T_p ON T (p)",
            "CREATE INDEX T_v ON T (v)",
            *self.indexes,
            *self.children,
            *SURROUNDINGS,
            *(TRIGGERS if triggers else ()),
        ]

    def rows(self) -> list[str]:
        """The statements that insert the rows at the start."""
        key = self.literal.format("i")
        parent = (
            f"1 + i % {PARENTS}"
            if self.parent == "P"
            else f"iif(i % 5, {self.literal.format('1 + i * 7 % 60')}, NULL)"
        )
        numbers = f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})"
        return [
            "PRAGMA defer_foreign_keys = ON",
            f"INSERT INTO P (id) {numbers} SELECT i FROM n WHERE i <= {PARENTS}",
            f"INSERT INTO T (id, u, p, v) {numbers} SELECT {key}, 'u' || i, {parent}, 'a' || (i / 5) FROM n",
            *(
                f"INSERT INTO C{place} (t) {numbers} SELECT {key} FROM n WHERE i % 3"
                for place in range(len(self.children))
            ),
        ]


SURROUNDINGS = [
    "CREATE TABLE events (id INTEGER PRIMARY KEY, t, what TEXT)",
    "CREATE TABLE archive (id INTEGER PRIMARY KEY, t, v TEXT)",
    "CREATE VIEW V AS SELECT id, u, v FROM T WHERE v IS NOT NULL",
    "CREATE TRIGGER V_insert INSTEAD OF INSERT ON V BEGIN INSERT INTO T (id, u, p, v) VALUES (NEW.id, NEW.u, NULL, NEW.v); END",
    "CREATE TRIGGER V_update INSTEAD OF UPDATE ON V BEGIN UPDATE T SET u = NEW.u, v = NEW.v WHERE id = OLD.id; END",
    "CREATE TRIGGER V_delete INSTEAD OF DELETE ON V BEGIN DELETE FROM T WHERE id = OLD.id; END",
    # Of another table: it writes to this one, and its conflict clause is overridden by that of the statement.
    (
        "CREATE TRIGGER events_insert AFTER INSERT ON events BEGIN"
        " UPDATE T SET v = NEW.what || 's' WHERE id = NEW.t;"
        " INSERT OR IGNORE INTO T (id, u, v) SELECT NEW.t, NEW.what, 'event' WHERE NEW.what LIKE 'u%'; END"
    ),
]

TRIGGERS = [
    "CREATE TRIGGER T_ignore BEFORE INSERT ON T WHEN NEW.v = 'ignored' BEGIN SELECT RAISE(IGNORE); END",
    "CREATE TRIGGER T_ignore_update BEFORE UPDATE ON T WHEN NEW.v = 'ignored' BEGIN SELECT RAISE(IGNORE); END",
    # Also during the action of a foreign key, as of REPLACE of a parent.
    "CREATE TRIGGER T_ignore_delete BEFORE DELETE ON T WHEN OLD.v LIKE 'kept%' BEGIN SELECT RAISE(IGNORE); END",
    "CREATE TRIGGER T_refuse AFTER UPDATE OF v ON T WHEN NEW.v = 'refused' BEGIN SELECT RAISE(ABORT, 'refused'); END",
    "CREATE TRIGGER T_update AFTER UPDATE ON T BEGIN UPDATE T SET v = substr(NEW.v, 1, 9) || '*' WHERE id = NEW.id; END",
    "CREATE TRIGGER T_insert AFTER INSERT ON T BEGIN UPDATE T SET v = substr(NEW.v, 1, 9) || '+' WHERE id = NEW.id; END",
    # Two on one event: they run in the order in which they were created.
    "CREATE TRIGGER T_archive AFTER DELETE ON T BEGIN INSERT INTO archive (t, v) VALUES (OLD.id, OLD.v); END",
    "CREATE TRIGGER T_replace AFTER DELETE ON T WHEN OLD.v LIKE 'i%' BEGIN INSERT OR REPLACE INTO T (id, u, v) VALUES (OLD.id, 'u3', 'again'); END",
]

_NOTHING = " ON DELETE NO ACTION"
_CHILD = "CREATE TABLE C{0} (id INTEGER PRIMARY KEY, t REFERENCES T(id) ON DELETE {1} ON UPDATE {2})"

KINDS = (
    Kind("INTEGER key"),
    Kind(
        "AUTOINCREMENT", "INTEGER PRIMARY KEY AUTOINCREMENT", action=" ON DELETE SET NULL ON UPDATE CASCADE"
    ),
    Kind("UNIQUE dropped", unique_after="", action=" ON DELETE SET NULL ON UPDATE CASCADE"),
    Kind("ON CONFLICT REPLACE", unique=" UNIQUE ON CONFLICT REPLACE"),
    Kind("ON CONFLICT IGNORE", unique=" UNIQUE ON CONFLICT IGNORE", action=" ON DELETE SET NULL"),
    Kind("another action", action_after=" ON DELETE SET NULL"),
    Kind("RESTRICT instead of CASCADE", action_after=" ON DELETE RESTRICT"),
    Kind("an action instead of none", action="", action_after=" ON DELETE CASCADE ON UPDATE CASCADE"),
    Kind("child with RESTRICT", action=" ON DELETE RESTRICT"),
    Kind("child with NO ACTION", action=_NOTHING),
    Kind("INT key", "INT PRIMARY KEY"),
    Kind("TEXT key", "TEXT PRIMARY KEY NOT NULL", literal="'k' || ({0})"),
    Kind("WITHOUT ROWID", "PRIMARY KEY", options=" WITHOUT ROWID"),
    Kind(
        "keys of mixed types",
        "PRIMARY KEY NOT NULL",
        options=" WITHOUT ROWID",
        literal="CASE ({0}) % 4 WHEN 0 THEN ({0}) WHEN 1 THEN 'k' || ({0}) WHEN 2 THEN ({0}) + 0.5 ELSE CAST('b' || ({0}) AS BLOB) END",
    ),
    Kind(
        "composite key",
        "INTEGER NOT NULL",
        more=", part INTEGER NOT NULL DEFAULT 1, PRIMARY KEY (part, id)",
        options=" WITHOUT ROWID",
        primary_key="part, id",
    ),
    Kind(
        "other unique indexes",
        unique="",
        more=", UNIQUE (p, v)",
        indexes=(
            "CREATE UNIQUE INDEX T_part ON T (u) WHERE p > 2",
            "CREATE UNIQUE INDEX T_expression ON T (lower(u) || coalesce(p, 0))",
            "CREATE UNIQUE INDEX T_collated ON T (u COLLATE NOCASE) WHERE v IS NOT NULL",
        ),
    ),
    Kind(
        "STRICT, generated columns",
        unique=" COLLATE NOCASE UNIQUE",
        more=", twice TEXT AS (u || u) VIRTUAL, kept TEXT NOT NULL UNIQUE AS (coalesce(u, id)) STORED",
        options=" STRICT",
    ),
    *(
        Kind(
            f"children with {action}",
            children=(_CHILD.format(0, action, "CASCADE"), _CHILD.format(1, "CASCADE", action)),
        )
        for action in ("CASCADE", "SET NULL", "RESTRICT")
    ),
    *(
        Kind(f"itself with {action}", parent="T", action=f" ON DELETE {action} ON UPDATE CASCADE")
        for action in ("CASCADE", "SET NULL", "RESTRICT", "NO ACTION")
    ),
)
