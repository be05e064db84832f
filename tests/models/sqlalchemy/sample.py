"""A sample project: its models, what was written by hand beside them, its rows, and five changes of the models.

The models are text, as in an editor, because d1migrate imports them in a process of its own.
"""

from __future__ import annotations

import datetime as dt
import sys
from decimal import Decimal
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy.orm import Session

from d1migrate.sql.names import quote_identifier, quote_literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Engine

ROWS = 1_000

MODELS = """\
import enum
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import JSON, Column, Computed, Enum, ForeignKey, Index, Numeric, String, Table, Text, UniqueConstraint, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Plan(enum.Enum):
    free = "free"
    paid = "paid"


class Role(enum.Enum):
    member = "member"
    admin = "admin"


class Team(Base):
    __tablename__ = "teams"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    plan: Mapped[Plan] = mapped_column(Enum(Plan, create_constraint=True, name="plan"))
    settings: Mapped[dict] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    members: Mapped[list["User"]] = relationship(back_populates="team")


class User(Base):
    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("team_id", "email", name="one_email"), Index("users_by_name", "name"))

    id: Mapped[int] = mapped_column(primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"))
    manager_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    email: Mapped[str] = mapped_column(String(120))
    name: Mapped[str] = mapped_column(String(80))
    role: Mapped[Role] = mapped_column(Enum(Role))
    is_active: Mapped[bool] = mapped_column(default=True)
    legacy_id: Mapped[str | None] = mapped_column(String(40), unique=True)
    team: Mapped[Team] = relationship(back_populates="members")
    manager: Mapped["User | None"] = relationship(remote_side=[id])


project_tags = Table(
    "project_tags",
    Base.metadata,
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    Column("tag_id", ForeignKey("tags.id", ondelete="CASCADE"), primary_key=True),
)


class Tag(Base):
    __tablename__ = "tags"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)


class Project(Base):
    __tablename__ = "projects"

    id: Mapped[int] = mapped_column(primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id"))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    title: Mapped[str] = mapped_column(String(200))
    budget: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    spent: Mapped[Decimal] = mapped_column(Numeric(12, 2), server_default="0")
    left: Mapped[Decimal] = mapped_column(Numeric(12, 2), Computed("budget - spent"))
    slug: Mapped[str] = mapped_column(Computed("lower(title)", persisted=True))
    tags: Mapped[list[Tag]] = relationship(secondary=project_tags)


class Task(Base):
    __tablename__ = "tasks"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("tasks.id"))
    title: Mapped[str] = mapped_column(String(200))
    notes: Mapped[str] = mapped_column(Text)
    estimate: Mapped[str] = mapped_column(String(10))
    priority: Mapped[int] = mapped_column(server_default="3")
    due: Mapped[date | None]
    project: Mapped[Project] = relationship()


class Badge(Base):
    __tablename__ = "badges"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    label: Mapped[str]
"""

BY_HAND = """\
CREATE TABLE audit (id INTEGER PRIMARY KEY, team_id INTEGER REFERENCES teams(id) ON DELETE CASCADE, what TEXT NOT NULL);

CREATE TRIGGER users_named AFTER UPDATE OF name ON users BEGIN
  INSERT INTO audit (team_id, what) VALUES (new.team_id, old.name || ' is now ' || new.name);
END;

CREATE VIEW team_sizes AS SELECT t.name, count(u.name) AS members FROM teams t LEFT JOIN users u ON u.team_id = t.id GROUP BY t.id;

CREATE VIRTUAL TABLE tasks_fts USING fts5(title, notes, content='tasks', content_rowid='id');
CREATE TRIGGER tasks_fts_insert AFTER INSERT ON tasks BEGIN
  INSERT INTO tasks_fts (rowid, title, notes) VALUES (new.id, new.title, new.notes);
END;
CREATE TRIGGER tasks_fts_delete AFTER DELETE ON tasks BEGIN
  INSERT INTO tasks_fts (tasks_fts, rowid, title, notes) VALUES ('delete', old.id, old.title, old.notes);
END;
CREATE TRIGGER tasks_fts_update AFTER UPDATE ON tasks BEGIN
  INSERT INTO tasks_fts (tasks_fts, rowid, title, notes) VALUES ('delete', old.id, old.title, old.notes);
  INSERT INTO tasks_fts (rowid, title, notes) VALUES (new.id, new.title, new.notes);
END;

-- Rollback:
--   DROP TABLE tasks_fts;
--   DROP TRIGGER tasks_fts_insert;
--   DROP TRIGGER tasks_fts_delete;
--   DROP TRIGGER tasks_fts_update;
--   DROP VIEW team_sizes;
--   DROP TRIGGER users_named;
--   DROP TABLE audit;
"""
KEPT = {
    "audit",
    "users_named",
    "team_sizes",
    "tasks_fts",
    "tasks_fts_insert",
    "tasks_fts_delete",
    "tasks_fts_update",
}
"""What no model has."""

Row = dict[str, Any]
Rows = dict[str, list[Row]]
"""The rows of each table, in the order of their keys."""


class Change(NamedTuple):
    """A change of the models, and what a user types for it.

    Attributes:
        edits: what is replaced in the models, and by what.
        options: of `diff`.
        expected: what becomes of the rows.
        undone: what becomes of them when the change is rolled back.
    """

    edits: Sequence[tuple[str, str]]
    options: Sequence[str]
    expected: Callable[[Rows], Rows]
    undone: Callable[[Rows], Rows]

    def edit(self, models: str) -> str:
        """Return the models after the change."""
        for old, new in self.edits:
            assert old in models, old
            models = models.replace(old, new)
        return models


def _with(rows: Rows, table: str, **values: Any) -> Rows:
    return rows | {table: [row | values for row in rows[table]]}


def _without(rows: Rows, table: str, column: str) -> Rows:
    return rows | {table: [{name: row[name] for name in row if name != column} for row in rows[table]]}


def _converted(rows: Rows, kind: type) -> Rows:
    return rows | {"tasks": [row | {"estimate": kind(row["estimate"])} for row in rows["tasks"]]}


def _renamed(rows: Rows, table: str, column: str, *, to_table: str, to_column: str) -> Rows:
    """Rename a column of users, and a table."""
    users = [{to_column if name == column else name: row[name] for name in row} for row in rows["users"]]
    return {to_table if name == table else name: own for name, own in rows.items()} | {"users": users}


def _no_table(rows: Rows, table: str) -> Rows:
    return {name: own for name, own in rows.items() if name != table}


CHANGES = {
    "add a NOT NULL column": Change(
        [
            (
                "    settings: Mapped[dict]",
                "    region: Mapped[str] = mapped_column(String(8))\n    settings: Mapped[dict]",
            )
        ],
        ["--backfill", "teams.region='eu'"],
        lambda rows: _with(rows, "teams", region="eu"),
        lambda rows: _without(rows, "teams", "region"),
    ),
    "rename a column and a table": Change(
        [
            (
                "    name: Mapped[str] = mapped_column(String(80))\n    role",
                "    full_name: Mapped[str] = mapped_column(String(80))\n    role",
            ),
            ('Index("users_by_name", "name")', 'Index("users_by_name", "full_name")'),
            ('__tablename__ = "tags"', '__tablename__ = "labels"'),
            ("tags.id", "labels.id"),
        ],
        ["--rename", "users.name=full_name", "--rename", "tags=labels"],
        lambda rows: _renamed(rows, "tags", "name", to_table="labels", to_column="full_name"),
        lambda rows: _renamed(rows, "labels", "full_name", to_table="tags", to_column="name"),
    ),
    "change a type": Change(
        [
            ("    estimate: Mapped[str] = mapped_column(String(10))", "    estimate: Mapped[int]"),
            ('    paid = "paid"\n', '    paid = "paid"\n    enterprise = "enterprise"\n'),
            ('    admin = "admin"\n', '    admin = "admin"\n    guest = "guest"\n'),
        ],
        [],
        lambda rows: _converted(rows, int),
        lambda rows: _converted(rows, str),
    ),
    "drop a column and a table": Change(
        [
            ("    legacy_id: Mapped[str | None] = mapped_column(String(40), unique=True)\n", ""),
            (MODELS[MODELS.index("\n\nclass Badge") :], ""),
        ],
        ["--allow-drop", "users.legacy_id", "--allow-drop", "badges"],
        lambda rows: _without(_no_table(rows, "badges"), "users", "legacy_id"),
        lambda rows: _with(rows, "users", legacy_id=None) | {"badges": []},
    ),
    "add a relation": Change(
        [
            (
                "class User(Base):",
                (
                    'class Office(Base):\n    __tablename__ = "offices"\n\n    id: Mapped[int] = mapped_column(primary_key=True)\n'
                    "    city: Mapped[str] = mapped_column(String(60))\n\n\nclass User(Base):"
                ),
            ),
            (
                "    email: Mapped[str]",
                (
                    '    office_id: Mapped[int | None] = mapped_column(ForeignKey("offices.id", ondelete="SET NULL"))\n'
                    "    office: Mapped[Office | None] = relationship()\n    email: Mapped[str]"
                ),
            ),
        ],
        [],
        lambda rows: _with(rows, "users", office_id=None) | {"offices": []},
        lambda rows: _without(_no_table(rows, "offices"), "users", "office_id"),
    ),
}


def load(models: str) -> ModuleType:
    """Import models from their text, for the test's own use of them."""
    module = ModuleType(f"sample_models_{len(sys.modules)}")
    sys.modules[module.__name__] = module  # where the mapper looks up annotations
    exec(models, module.__dict__)  # noqa: S102 - it is the text above
    return module


def objects(models: Any) -> Iterator[list[Any]]:
    """Yield objects of the first models, in an order in which they can be written: 1,000 of each class."""
    numbers = range(1, ROWS + 1)
    yield [
        models.Team(
            id=n,
            name=f"Team {n}",
            plan=models.Plan.paid if n % 3 else models.Plan.free,
            settings={"n": n, "on": n % 2 == 0},
        )
        for n in numbers
    ]
    yield [
        models.User(
            id=n, team_id=n, manager_id=n // 2 or None, email=f"{n}@example.com", name=f"Name {n}",
            role=models.Role.admin if n % 10 == 0 else models.Role.member, is_active=n % 7 != 0,
            legacy_id=f"L{n}" if n % 4 else None,
        )
        for n in numbers
    ]  # fmt: skip
    tags = [models.Tag(id=n, name=f"tag {n}") for n in numbers]
    yield tags
    yield [
        models.Project(
            id=n, team_id=ROWS + 1 - n, owner_id=n if n % 5 else None, title=f"Project {n}", budget=Decimal(n * 10 + 50) / 100,
            spent=Decimal(n) / 4, tags=[tags[n - 1]],
        )
        for n in numbers
    ]  # fmt: skip
    due = dt.date(2026, 1, 1)
    yield [
        models.Task(
            id=n, project_id=n, assignee_id=n if n % 6 else None, parent_id=n // 3 or None, title=f"Task {n}",
            notes=f"about word{n}", estimate=str(n % 13), due=due + dt.timedelta(days=n) if n % 2 else None,
        )
        for n in numbers
    ]  # fmt: skip
    yield [models.Badge(id=n, user_id=n, label=f"badge {n % 9}") for n in numbers]


def fill(models: Any, engine: Engine) -> None:
    """Write 1,000 rows into each table of the first models."""
    with Session(engine) as session:
        for group in objects(models):
            session.add_all(group)
            session.flush()
        session.commit()


def inserts(models: Any, rows: Rows) -> Iterator[str]:
    """Yield statements that write rows, 250 each; parents come first, and generated columns are left out."""
    for table in models.Base.metadata.sorted_tables:
        names = [column.name for column in table.columns if column.computed is None]
        values = [f"({', '.join(_literal(row[name]) for name in names)})" for row in rows[table.name]]
        columns = ", ".join(map(quote_identifier, names))
        for start in range(0, len(values), 250):
            yield f"INSERT INTO {table.name} ({columns}) VALUES {', '.join(values[start : start + 250])}"


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    return quote_literal(value) if isinstance(value, str) else repr(value)


AUDIT = (
    f"WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS})"
    " INSERT INTO audit (team_id, what) SELECT n, 'entry ' || n FROM n"
)
"""The same for the table outside the models."""


def read_rows(read: Callable[[str], Sequence[Sequence[Any]]], tables: Sequence[str]) -> Rows:
    """Return all rows of tables, as the database has them."""
    found: Rows = {}
    for table in tables:
        columns = [
            str(row[0])
            for row in read(f"SELECT name FROM pragma_table_xinfo('{table}') WHERE hidden <> 1 ORDER BY cid")
        ]
        chosen = ", ".join(f'"{name}"' for name in columns)
        found[table] = [
            dict(zip(columns, row, strict=True))
            for row in read(f'SELECT {chosen} FROM "{table}" ORDER BY 1, 2')
        ]
    return found
