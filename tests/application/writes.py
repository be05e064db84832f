"""What an application writes: every kind of statement that can change a row, with random keys and values."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.application.tables import PARENTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.application.tables import Kind


class Values:
    """Random keys and values, as SQL, of which many exist and many conflict."""

    def __init__(self, chance: Random, kind: Kind) -> None:
        self._chance, self.kind = chance, kind
        self.rowid = "rowid" if kind.rowid else "id"

    def number(self, most: int = 30) -> int:
        """A small number."""
        return self._chance.randint(1, most)

    def key(self, beyond: int = 0) -> str:
        """A key; many rows have one of them."""
        return self.kind.literal.format(self.number(64) + beyond)

    def u(self) -> str:
        """A value of a column that is unique."""
        letter = self._chance.choice("uuuU")
        return "NULL" if self.number() < 5 else f"'{letter}{self.number(80)}'"

    def p(self) -> str:
        """A value of a column that references another table, mostly one that exists."""
        if self.kind.parent == "T":
            return "NULL" if self.number() < 8 else self.key()
        return "NULL" if self.number() < 3 else str(self.number(PARENTS + (self.number() > 25)))

    def v(self) -> str:
        """A value of a column without a constraint; some are those that triggers act on."""
        return f"'{self._chance.choice(['a', 'b', 'i', 'kept', 'ignored', 'refused', 'r', 's'])}'"

    def row(self) -> str:
        """The values of id, u, p and v."""
        return f"({self.key()}, {self.u()}, {self.p()}, {self.v()})"


class Write(NamedTuple):
    """A transaction of the application.

    Attributes:
        kind: what it is called.
        statements: the SQL.
        last_id: whether the id of the last row is part of the result: it is a plain INSERT.
    """

    kind: str
    statements: tuple[str, ...]
    last_id: bool = False


NO_ORPHANS = "SELECT json_extract('{}', 'an orphan') FROM pragma_foreign_key_check('T')"
"""What follows each statement on a table that references itself.

SQLite lets a row that replaces another one reference the row that it replaces, which is then gone. Such a row cannot be
copied, and beside its copy SQLite may refuse to write it.
"""


def random_write(chance: Random, kind: Kind) -> Write:
    """Return one for a kind of table."""
    name = chance.choice(_OFTEN if chance.random() < 0.8 else ALL)
    made = _WRITES[name](Values(chance, kind))
    statements = (made,) if isinstance(made, str) else tuple(made)
    if kind.parent == "T":
        statements = tuple(sql for statement in statements for sql in (statement, NO_ORPHANS))
    return Write(name, statements, last_id=name == "INSERT" and kind.rowid)


_INTO = "INTO T (id, u, p, v) VALUES"


def _new_key(x: Values) -> str:
    if "INTEGER PRIMARY KEY" in x.kind.key:
        return f"INSERT INTO T (u, p, v) VALUES ({x.u()}, {x.p()}, {x.v()})"
    return f"INSERT {_INTO} ({x.key(60)}, {x.u()}, {x.p()}, {x.v()})"


def _parent(x: Values, kept: str) -> str:
    """Return SQL for the table that is referenced, of statements for P; T references itself in some kinds."""
    return kept if x.kind.parent == "P" else f"UPDATE T SET p = {x.p()} WHERE id = {x.key()}"


_WRITES: dict[str, Callable[[Values], str | list[str]]] = {
    "INSERT": _new_key,
    "INSERT of many rows": lambda x: f"INSERT {_INTO} {x.row()}, ({x.key(60)}, {x.u()}, {x.p()}, 'b')",
    "INSERT of a key": lambda x: f"INSERT {_INTO} {x.row()}",
    "INSERT ... SELECT": lambda x: (
        f"INSERT INTO T (id, u, p, v) SELECT {x.key(130)}, u || 'x', p, v FROM T WHERE id = {x.key()}"
    ),
    "INSERT OR REPLACE by key": lambda x: f"INSERT OR REPLACE {_INTO} ({x.key()}, NULL, {x.p()}, {x.v()})",
    "INSERT OR REPLACE by both keys": lambda x: f"INSERT OR REPLACE {_INTO} {x.row()}, {x.row()}",
    "REPLACE ... SELECT": lambda x: (
        f"REPLACE INTO T (id, u, p, v) SELECT {x.key()}, {x.u()}, p, v FROM T WHERE v <> {x.v()} ORDER BY id LIMIT 2"
    ),
    "INSERT OR IGNORE": lambda x: f"INSERT OR IGNORE {_INTO} {x.row()}, {x.row()}",
    "INSERT OR FAIL": lambda x: f"INSERT OR FAIL {_INTO} ({x.key(60)}, NULL, NULL, 'f'), {x.row()}",
    "INSERT OR ABORT": lambda x: f"INSERT OR ABORT {_INTO} ({x.key(60)}, NULL, NULL, 'f'), {x.row()}",
    "UPSERT": lambda x: (
        f"INSERT {_INTO} {x.row()} ON CONFLICT (id) DO UPDATE SET v = excluded.v || v, u = excluded.u"
        f" ON CONFLICT (u) DO UPDATE SET v = 'upsert', id = {x.key()}"
    ),
    "UPSERT of any conflict": lambda x: (
        f"INSERT {_INTO} {x.row()}, {x.row()} ON CONFLICT DO UPDATE SET v = excluded.v WHERE v <> {x.v()}"
    ),
    "DO NOTHING": lambda x: f"INSERT {_INTO} {x.row()}, {x.row()} ON CONFLICT DO NOTHING",
    "UPDATE": lambda x: f"UPDATE T SET v = 'w' || v WHERE id = {x.key()}",
    "UPDATE of many rows": lambda x: f"UPDATE T SET v = {x.v()} WHERE id >= {x.key()} AND u LIKE '%{x.number(9)}'",
    "UPDATE of a value that stays": lambda x: f"UPDATE T SET id = id, u = u WHERE id = {x.key()}",
    "UPDATE of a unique column": lambda x: f"UPDATE T SET u = {x.u()}, p = {x.p()} WHERE id = {x.key()}",
    "UPDATE of a key": lambda x: f"UPDATE T SET id = {x.key()} WHERE id = {x.key()}",
    "UPDATE of many keys": lambda x: f"UPDATE T SET id = {x.key(60)} WHERE id = {x.key()} OR u = {x.u()}",
    "UPDATE OR REPLACE of a unique column": lambda x: f"UPDATE OR REPLACE T SET u = {x.u()} WHERE id = {x.key()}",
    "UPDATE OR REPLACE of a key": lambda x: f"UPDATE OR REPLACE T SET id = {x.key()} WHERE id = {x.key()}",
    "UPDATE OR REPLACE of both": lambda x: (
        f"UPDATE OR REPLACE T SET id = {x.key()}, u = {x.u()}, p = {x.p()} WHERE id = {x.key()}"
    ),
    "UPDATE OR REPLACE of many rows": lambda x: f"UPDATE OR REPLACE T SET u = {x.u()} WHERE u LIKE '%{x.number(9)}'",
    "UPDATE OR IGNORE": lambda x: f"UPDATE OR IGNORE T SET u = {x.u()}, id = {x.key()} WHERE u LIKE '%{x.number(9)}'",
    "UPDATE OR FAIL": lambda x: f"UPDATE OR FAIL T SET u = {x.u()} WHERE u LIKE '%{x.number(9)}'",
    "UPDATE FROM": lambda x: f"UPDATE T SET v = x.v FROM T AS x WHERE x.p = T.p AND x.u = {x.u()}",
    "UPDATE ... RETURNING": lambda x: f"UPDATE T SET v = v || '-' WHERE id = {x.key()} RETURNING id, u, p, v",
    "DELETE": lambda x: f"DELETE FROM T WHERE id = {x.key()}",
    "DELETE of many rows": lambda x: f"DELETE FROM T WHERE u LIKE '%{x.number(9)}' AND p = {x.number(PARENTS)}",
    "DELETE without WHERE": lambda x: "DELETE FROM T" if x.number() < 4 else f"DELETE FROM T WHERE id > {x.key(20)}",
    "DELETE and INSERT": lambda x: [f"DELETE FROM T WHERE id = {x.key()}", f"INSERT {_INTO} {x.row()}"],
    "row by rowid": lambda x: f"INSERT OR REPLACE INTO T ({x.rowid}, u, v) VALUES ({x.number(64)}, {x.u()}, 'rowid')",
    "UPDATE of a rowid": lambda x: f"UPDATE OR IGNORE T SET {x.rowid} = {x.number(90)} WHERE {x.rowid} = {x.number(64)}",
    "row at the end of all keys": lambda x: f"UPDATE OR REPLACE T SET {x.rowid} = 1000 WHERE {x.rowid} = {x.number(64)}",
    "DELETE of a parent": lambda x: _parent(x, f"DELETE FROM P WHERE id = {x.number(PARENTS)}"),
    "UPDATE of a parent's key": lambda x: _parent(
        x, f"UPDATE OR IGNORE P SET id = {x.number(PARENTS + 3)} WHERE id = {x.number(PARENTS)}"
    ),
    "REPLACE of a parent": lambda x: _parent(x, f"REPLACE INTO P VALUES ({x.number(PARENTS)}, 'n')"),
    "UPSERT of a parent": lambda x: _parent(
        x, f"INSERT INTO P VALUES ({x.number(PARENTS)}, 'n') ON CONFLICT (id) DO UPDATE SET n = 'm', id = id + 10"
    ),
    "new parent": lambda x: _parent(x, f"INSERT OR IGNORE INTO P VALUES ({x.number(PARENTS)}, 'new')"),
    "keys deferred": lambda x: [
        "PRAGMA defer_foreign_keys = ON",
        f"INSERT {_INTO} ({x.key(60)}, {x.u()}, {70 + x.number(2)}, 'late')",
        _parent(x, f"INSERT OR IGNORE INTO P VALUES ({70 + x.number(2)}, 'late')"),
    ],
    "INSERT into a view": lambda x: f"INSERT INTO V (id, u, v) VALUES ({x.key()}, {x.u()}, {x.v()})",
    "REPLACE into a view": lambda x: f"INSERT OR REPLACE INTO V (id, u, v) VALUES ({x.key()}, {x.u()}, {x.v()})",
    "UPDATE of a view": lambda x: f"UPDATE V SET u = {x.u()} WHERE id = {x.key()}",
    "UPDATE OR REPLACE of a view": lambda x: f"UPDATE OR REPLACE V SET u = {x.u()} WHERE id = {x.key()}",
    "DELETE from a view": lambda x: f"DELETE FROM V WHERE id = {x.key()}",
    "trigger of another table": lambda x: f"INSERT INTO events (t, what) VALUES ({x.key()}, 'event')",
    "trigger that inserts": lambda x: (
        f"INSERT OR {('REPLACE', 'IGNORE', 'FAIL')[x.number() % 3]} INTO events (id, t, what)"
        f" VALUES ({x.number()}, {x.key(30)}, {x.u()})"
    ),
    "child": lambda x: (
        f"INSERT INTO C0 (t) VALUES ({x.key()})" if x.kind.children else f"UPDATE T SET p = {x.p()} WHERE id = {x.key()}"
    ),
    "many statements": lambda x: [f"UPDATE T SET v = 'm' WHERE id = {x.key()}", _new_key(x), f"DELETE FROM T WHERE id = {x.key()}"],
    "a transaction that fails": lambda x: [
        f"INSERT OR REPLACE {_INTO} {x.row()}",
        f"UPDATE T SET v = 'm' WHERE id <= {x.key()}",
        "INSERT INTO P VALUES (NULL, NULL), ('no number', 'n')",
    ],
}  # fmt: skip
ALL = list(_WRITES)
"""The kinds of write."""
_OFTEN = [name for name in ALL if name not in ("DELETE without WHERE", "row at the end of all keys")]
