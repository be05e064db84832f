"""Each change of a model is seen, migrated, and rolled back: a comparison that ignores names ignores no meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.project import Project
    from tests.models.sqlalchemy.conftest import Write

HEAD = """\
import enum
from sqlalchemy import *
from sqlalchemy.dialects import sqlite

metadata = MetaData()

class Small(enum.Enum):
    A = 1
    B = 2

class Large(enum.Enum):
    A = 1
    B = 2
    C = 3

def core(name, *parts, **options):
    return Table(name, metadata, Column("id", Integer, primary_key=True), *parts, **options)

core("others", Column("code", String, unique=True))
"""

CHANGES = {
    "nullable": ("Column('a', Integer)", "Column('a', Integer, nullable=False, server_default='1')"),
    "default_value": ("Column('a', Integer, server_default='1')", "Column('a', Integer, server_default='2')"),
    "default_kind": ("Column('a', String, server_default='now')", "Column('a', String, server_default=func.now())"),
    "default_dropped": ("Column('a', Integer, server_default='1')", "Column('a', Integer)"),
    "type": ("Column('a', Integer)", "Column('a', String)"),
    "type_of_python": ("Column('a', Boolean)", "Column('a', DateTime)"),
    "collation": ("Column('a', String)", "Column('a', String(collation='NOCASE'))"),
    "enum_check": ("Column('a', Enum(Small, create_constraint=True))", "Column('a', Enum(Large, create_constraint=True))"),
    "enum_gets_check": ("Column('a', Enum(Small))", "Column('a', Enum(Small, create_constraint=True))"),
    "boolean_check": ("Column('a', Boolean)", "Column('a', Boolean(create_constraint=True))"),
    "check": ("Column('a', Integer), CheckConstraint('a > 0', name='c')", "Column('a', Integer), CheckConstraint('a > 1', name='c')"),
    "unique": ("Column('a', Integer)", "Column('a', Integer, unique=True)"),
    "unique_columns": ("Column('a', Integer), Column('b', Integer), UniqueConstraint('a', 'b')", "Column('a', Integer), Column('b', Integer), UniqueConstraint('b')"),
    "on_conflict": ("Column('a', Integer), UniqueConstraint('a')", "Column('a', Integer), UniqueConstraint('a', sqlite_on_conflict='IGNORE')"),
    "computed": ("Column('a', Integer), Column('b', Integer, Computed('a * 2'))", "Column('a', Integer), Column('b', Integer, Computed('a * 3'))"),
    "computed_stored": ("Column('a', Integer), Column('b', Integer, Computed('a * 2'))", "Column('a', Integer), Column('b', Integer, Computed('a * 2', persisted=True))"),
    "foreign_key": ("Column('a', Integer)", "Column('a', ForeignKey('others.id'))"),
    "on_delete": ("Column('a', ForeignKey('others.id'))", "Column('a', ForeignKey('others.id', ondelete='CASCADE'))"),
    "on_update": ("Column('a', ForeignKey('others.id', onupdate='CASCADE'))", "Column('a', ForeignKey('others.id'))"),
    "deferred": ("Column('a', ForeignKey('others.id'))", "Column('a', ForeignKey('others.id', deferrable=True, initially='DEFERRED'))"),
    "referred": ("Column('a', String, ForeignKey('others.id'))", "Column('a', String, ForeignKey('others.code'))"),
    "index": ("Column('a', Integer)", "Column('a', Integer, index=True)"),
    "index_dropped": ("Column('a', Integer, index=True)", "Column('a', Integer)"),
    "index_unique": ("Column('a', Integer), Index('ix_u', 'a')", "Column('a', Integer), Index('ix_u', 'a', unique=True)"),
    "index_where": ("Column('a', Integer), Index('ix_w', 'a', sqlite_where=text('a > 1'))", "Column('a', Integer), Index('ix_w', 'a', sqlite_where=text('a > 2'))"),
    "index_expression": ("Column('a', String), Index('ix_e', text('lower(a)'))", "Column('a', String), Index('ix_e', text('upper(a)'))"),
    "index_order": ("Column('a', Integer), Index('ix_o', 'a')", "Column('a', Integer), Index('ix_o', text('a DESC'))"),
    "index_name": ("Column('a', Integer), Index('ix_old', 'a')", "Column('a', Integer), Index('ix_new', 'a')"),
    "strict": ("Column('a', TEXT)", "Column('a', TEXT), sqlite_strict=True"),
    "autoincrement": ("Column('a', Integer)", "Column('a', Integer), sqlite_autoincrement=True"),
    "added": ("Column('a', Integer)", "Column('a', Integer), Column('b', Integer)"),
    "order": ("Column('a', Integer)", "Column('a', Integer, nullable=True), Column('select', JSON)"),
}  # fmt: skip
SAME = {
    "constraint_name": ("Column('a', Integer), CheckConstraint('a > 0')", "Column('a', Integer), CheckConstraint('a > 0', name='positive')"),
    "key_name": ("Column('a', ForeignKey('others.id'))", "Column('a', ForeignKey('others.id', name='fk_a'))"),
    "unique_name": ("Column('a', Integer, unique=True)", "Column('a', Integer), UniqueConstraint('a', name='uq_a')"),
    "enum_name": ("Column('a', Enum(Small, create_constraint=True))", "Column('a', Enum(Small, create_constraint=True, name='kind'))"),
    "length": ("Column('a', String(50))", "Column('a', String(100))"),
    "enum_grew": ("Column('a', Enum('a', 'b'))", "Column('a', Enum('a', 'b', 'longer'))"),
    "column_order": ("Column('a', Integer), Column('b', Integer)", "Column('b', Integer), Column('a', Integer)"),
    "comment": ("Column('a', Integer)", "Column('a', Integer, comment='new')"),
    "python_default": ("Column('a', Integer)", "Column('a', Integer, default=5)"),
    "no_action": ("Column('a', ForeignKey('others.id'))", "Column('a', ForeignKey('others.id', ondelete='NO ACTION'))"),
    "now": ("Column('a', DateTime, server_default=func.now())", "Column('a', DateTime, server_default=text('(CURRENT_TIMESTAMP)'))"),
}  # fmt: skip
"""What means the same to the database."""


def tables(changes: dict[str, tuple[str, str]], side: int) -> str:
    """The models before (0) or after (1) the changes."""
    return HEAD + "".join(f"core('{name}', {both[side]})\n" for name, both in changes.items())


@pytest.mark.slow
def test_each_change_is_seen(project: Project, models: Write) -> None:
    """All in one migration, which is applied and rolled back."""
    models('[schema]\nsource = "python:app.models:metadata"\n', "d1migrate.toml")
    models(tables(CHANGES, 0))
    project.run("diff", "--name", "before")
    project.run("up")
    models(tables(CHANGES, 1))
    project.run("diff", "--check", code=3)
    project.run("diff", "--name", "after", "--backfill", "nullable.a=0")
    (file,) = project.migrations.glob("*after*")
    text = file.read_text().partition("-- Rollback")[0]
    assert [name for name in CHANGES if name not in text] == []
    assert project.run("diff", "--check").err.endswith("no difference\n")
    project.run("lint")
    project.run("up")
    assert project.run("diff", "--check", "--from", "live").err.endswith("no difference\n")
    project.run("down")
    models(tables(CHANGES, 0))
    assert project.run("diff", "--check", "--from", "live").err.endswith("no difference\n")


@pytest.mark.slow
def test_what_means_the_same(project: Project, models: Write) -> None:
    """It is no difference."""
    models('[schema]\nsource = "python:app.models:metadata"\n', "d1migrate.toml")
    models(tables(SAME, 0))
    project.run("diff", "--name", "before")
    models(tables(SAME, 1))
    assert project.run("diff", "--check").err.endswith("no difference\n")
