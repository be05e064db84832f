"""What models say beside their tables: classes, Python's values for new rows, and the functions that give them."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from d1migrate.drafting.sources import Source, read_from_tool

if TYPE_CHECKING:
    from pathlib import Path

    from d1migrate.drafting.desired import Models

HEAD = """\
import datetime as dt
import enum
import functools
import secrets
import uuid
from decimal import Decimal

from sqlalchemy import *
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.mutable import MutableDict
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column, orm_insert_sentinel
from sqlmodel import Field, SQLModel

class Base(DeclarativeBase):
    pass

class Color(enum.Enum):
    RED = "red"

class Level(enum.IntEnum):
    HIGH = 3

class Word(str, enum.Enum):
    NEW = "new"

class Cents(TypeDecorator):
    impl = Integer
    cache_ok = True

    def process_bind_param(self, value, dialect):
        return int(value * 100)

class Shouted(TypeDecorator):
    impl = String
    cache_ok = True

    def bind_expression(self, value):
        return func.upper(value, type_=self)

class Broken(TypeDecorator):
    impl = String
    cache_ok = True

    def process_bind_param(self, value, dialect):
        raise ValueError(value)

class Counter:
    def __call__(self, context):
        return 1

def local():
    def inner():
        return 1
    return inner
"""

VALUES = {
    "String, default='viewer'": "viewer",
    'String, default="it\'s"': "it's",
    "String, default=''": "",
    "Integer, default=-7": -7,
    "Integer, default=0": 0,
    "BigInteger, default=2**62": 2**62,
    "Float, default=0.1": 0.1,
    "Boolean, default=True": 1,
    "Boolean, default=False": 0,
    "Boolean(create_constraint=True), default=True": 1,
    "Enum(Color), default=Color.RED": "RED",
    "Enum(Color, values_callable=lambda kind: [one.value for one in kind]), default=Color.RED": "red",
    "Enum('a', 'b'), default='b'": "b",
    "JSON, default={'a': [1, \"it's\", None]}": '{"a": [1, "it\'s", null]}',
    "JSON, default=[]": "[]",
    "Numeric(10, 2), default=Decimal('1.25')": 1.25,
    "Date, default=dt.date(2024, 2, 29)": "2024-02-29",
    "Time, default=dt.time(1, 2)": "01:02:00.000000",
    "DateTime, default=dt.datetime(2024, 2, 29, 1)": "2024-02-29 01:00:00.000000",
    "Interval, default=dt.timedelta(days=1)": "1970-01-02 00:00:00.000000",
    "LargeBinary, default=b'\\0a'": b"\0a",
    "Uuid, default=uuid.UUID(int=10)": "0000000000000000000000000000000a",
    "postgresql.ARRAY(Integer).with_variant(JSON(), 'sqlite'), default=[1, 2]": "[1, 2]",
    "MutableDict.as_mutable(JSON), default={}": "{}",
    "Integer, default=Level.HIGH": 3,
    "String, default=Word.NEW": "new",
    "Cents, default=Decimal('1.5')": 150,
    "Shouted, default='loud'": "LOUD",
}
NOTHING = [
    "String", "String, default=None", "String, server_default='x'", "Broken, default='x'", "Integer, default=object()",
    "Integer, Sequence('numbers')", "DateTime, onupdate=func.now()",
]  # fmt: skip
FUNCTIONS = {
    "Uuid, default=uuid.uuid4": "uuid.uuid4",
    "String, default=secrets.token_hex": "secrets.token_hex",
    "DateTime, default=dt.datetime.now": "datetime.datetime.now",
    "JSON, default=dict": "dict",
    "String, default=lambda: 'x'": "a lambda (models.py:{line})",
    "String, default=lambda context: 'x'": "a lambda (models.py:{line})",
    "String, default=functools.partial(secrets.token_hex, 4)": "functools.partial",
    "Integer, default=Counter()": "models.Counter",
    "Integer, default=local()": "models.inner",
    "DateTime, default=func.now()": "now()",
    "Integer, default=select(func.count()).select_from(text('t')).scalar_subquery()": "(SELECT count(*) AS count_1 FROM t)",
}


def load(text: str, target: str, folder: Path) -> Models:
    """What models say."""
    (folder / "models.py").write_text(HEAD + text)
    found = read_from_tool(Source("python", f"models:{target}"), folder=str(folder)).models
    assert found is not None
    return found


def columns(declared: list[str]) -> str:
    """A table with columns of these types and options, one a line."""
    lines = "".join(f"Column('C{i}', {column}),\n" for i, column in enumerate(declared))
    return f"Table('T', Base.metadata,\n{lines})\n"


def test_values(tmp_path: Path) -> None:
    """The SQL of a value is what SQLAlchemy would store; what it cannot store is left out."""
    found = load(columns([*VALUES, *NOTHING]), "Base", tmp_path)
    with sqlite3.connect(":memory:") as connection:
        stored = {
            place: connection.execute(f"SELECT {sql}").fetchone()[0] for place, sql in found.defaults.items()
        }
    connection.close()
    assert stored == {("t", f"c{i}"): value for i, value in enumerate(VALUES.values())}
    assert found.functions == {}


def test_functions(tmp_path: Path) -> None:
    """A function is named, and not called; an expression is shown."""
    found = load(columns(list(FUNCTIONS)), "Base", tmp_path)
    first = HEAD.count("\n") + 2
    names = [name.format(line=first + i) for i, name in enumerate(FUNCTIONS.values())]
    assert found.functions == {("t", f"c{i}"): name for i, name in enumerate(names)}
    assert found.defaults == {}


def test_sqlmodel_and_dataclasses(tmp_path: Path) -> None:
    """Their defaults are those of Python's fields; a sentinel is not a default."""
    text = """
class Hero(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = "new"
    token: uuid.UUID = Field(default_factory=uuid.uuid4)

class Point(MappedAsDataclass, Base):
    __tablename__ = "points"
    id: Mapped[int] = mapped_column(init=False, primary_key=True)
    x: Mapped[float] = mapped_column(default=0.5)
    token: Mapped[str] = mapped_column(default_factory=secrets.token_hex)
    order: Mapped[int] = orm_insert_sentinel(omit_from_statements=False)

both = [SQLModel, Base]
"""
    found = load(text, "both", tmp_path)
    assert found.classes == {"hero": "models.Hero", "points": "models.Point"}
    assert found.defaults == {("hero", "name"): "'new'", ("points", "x"): "0.5"}
    assert found.functions == {("hero", "token"): "uuid.uuid4", ("points", "token"): "secrets.token_hex"}


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        (
            """
class Person(Base):
    __tablename__ = "People"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    __mapper_args__ = {"polymorphic_on": "kind"}
class Manager(Person):
    __mapper_args__ = {"polymorphic_identity": "manager"}
class Engineer(Person):
    __tablename__ = "engineers"
    id: Mapped[int] = mapped_column(ForeignKey("People.id"), primary_key=True)
""",
            {"people": "models.Person", "engineers": "models.Engineer"},
        ),
        (
            """
from sqlalchemy.orm import registry
table = Table("plain", Base.metadata, Column("id", Integer, primary_key=True))
Table("links", Base.metadata, Column("id", Integer, primary_key=True))
class Holder:
    class Plain:
        pass
registry().map_imperatively(Holder.Plain, table)
""",
            {"plain": "models.Holder.Plain"},
        ),
    ],
)
def test_classes(text: str, classes: dict[str, str], tmp_path: Path) -> None:
    """Of a hierarchy in one table, its base; a class that is mapped by a call; a table without a class has none."""
    assert load(text, "Base", tmp_path).classes == classes
