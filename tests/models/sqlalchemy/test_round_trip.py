"""Models → migration → models again: no difference, for all that SQLAlchemy's dialect of SQLite can declare.

Each group of models is drafted and applied, then every table gets a column, then a CHECK, which rebuilds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy.dialects.sqlite

if TYPE_CHECKING:
    from tests.cli.project import Project
    from tests.models.sqlalchemy.conftest import Write

pytestmark = pytest.mark.slow

HEAD = """\
import enum
import uuid
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Optional

from sqlalchemy import *
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.associationproxy import association_proxy
from sqlalchemy.ext.declarative import AbstractConcreteBase
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import *
from sqlalchemy.schema import DDL

class Base(DeclarativeBase):
    pass

metadata = Base.metadata

def core(name, *parts, **options):
    return Table(name, metadata, Column("id", Integer, primary_key=True), *parts, **options)

class Color(enum.Enum):
    RED = "red"
    DARK_BLUE = "it's"
"""
COLUMN = """
for table in metadata.tables.values():
    table.append_column(Column("extra", Integer))
"""
CHECK = """
for table in metadata.tables.values():
    table.append_constraint(CheckConstraint("extra > 0"))
"""

GENERIC = """
BigInteger Boolean Date DateTime Double Float Integer Interval JSON LargeBinary Numeric PickleType SmallInteger String
Text Time Unicode UnicodeText Uuid CHAR NCHAR NVARCHAR CLOB BINARY VARBINARY UUID DOUBLE_PRECISION
String(50) Text(10) Unicode(20) CHAR(3) Numeric(10,2) Numeric(5) Float(24) Float(53) DateTime(timezone=True)
LargeBinary(100) Uuid(as_uuid=False) Uuid(native_uuid=False) BINARY(16) DECIMAL(8,3)
String(collation="NOCASE") Text(collation="RTRIM") Integer().with_variant(BigInteger(),"postgresql")
BigInteger().with_variant(Integer(),"sqlite") postgresql.JSONB().with_variant(JSON(),"sqlite")
postgresql.ARRAY(Integer).with_variant(JSON(),"sqlite") postgresql.UUID().with_variant(String(36),"sqlite")
sqlite.DATE(storage_format="%(year)04d/%(month)02d/%(day)02d") JSON(none_as_null=True)
"""  # fmt: skip
TYPES = [
    *GENERIC.split(),
    *(f"sqlite.{name}" for name in sqlalchemy.dialects.sqlite.__all__ if name.isupper()),
]

GROUPS = {
    "types": "core('types', " + ", ".join(f"Column('c{i}', {kind})" for i, kind in enumerate(TYPES)) + ")",
    "not null types": "core('types', "
    + ", ".join(f"Column('c{i}', {kind}, nullable=False)" for i, kind in enumerate(TYPES))
    + ")",
    "enums": """
core("plain", Column("c", Enum(Color)))
core("checked", Column("c", Enum(Color, create_constraint=True)), Column("d", Enum(Color, create_constraint=True, name="d_kind"), nullable=False, server_default="RED"))
core("words", Column("c", Enum("a", "b'c", "d", create_constraint=True, name="words")), Column("d", Enum("x", "y")))
core("values", Column("c", Enum(Color, create_constraint=True, values_callable=lambda kind: [one.value for one in kind])))
core("longer", Column("c", Enum(Color, length=40)), Column("e", Enum(Color, native_enum=False)))
core("flags", Column("b", Boolean(create_constraint=True)), Column("c", Boolean(create_constraint=True, name="c_is_bool"), nullable=False, server_default=true()))
""",
    "server defaults": """
core("defaults",
    Column("a", Integer, server_default="5"), Column("b", String, server_default="it's"), Column("c", String, server_default=""),
    Column("d", DateTime, server_default=func.now()), Column("e", DateTime, server_default=text("CURRENT_TIMESTAMP")),
    Column("f", DateTime, server_default=func.current_timestamp()), Column("g", Date, server_default=func.current_date()),
    Column("h", Boolean, server_default=true()), Column("i", Boolean, server_default=false(), nullable=False),
    Column("j", Integer, server_default=text("-1")), Column("k", Float, server_default=text("1.5")),
    Column("l", String, server_default=text("'text'")), Column("m", Integer, server_default=literal(7)),
    Column("n", String, server_default=func.lower("ABC")), Column("o", String, server_default=text("(hex(randomblob(4)))")),
    Column("p", LargeBinary, server_default=text("X'00ff'")), Column("q", Integer, server_default=text("(1 + 2)")),
    Column("r", JSON, server_default="{}"), Column("s", Integer, server_default=sql.null()),
    Column("t", Integer, server_default=func.strftime("%s", "now")), Column("u", String, server_default=literal("it's")),
    Column("v", Integer, server_default=FetchedValue()), Column("w", Integer, Sequence("some_seq")),
    Column("x", Integer, server_default=literal(3) + literal(4)), Column("y", Date, server_default="2020-01-02"))
""",
    "generated": """
core("generated", Column("a", Integer, nullable=False), Column("b", Integer, Computed("a * 2")),
    Column("c", Integer, Computed("a * 3", persisted=True)), Column("d", String(10), Computed("a || 'x'", persisted=False), nullable=False),
    Column("j", JSON), Column("k", String, Computed("json_extract(j, '$.k')")), Index("generated_k", "k"))
Table("identity", metadata, Column("id", Integer, Identity(), primary_key=True), Column("n", Integer))
Table("always", metadata, Column("id", Integer, Identity(always=True, start=10), primary_key=True))
Table("numbered", metadata, Column("id", Integer, primary_key=True, autoincrement=True), Column("n", Integer), sqlite_autoincrement=True)
""",
    "options": """
Table("no_rowid", metadata, Column("code", String, primary_key=True), Column("n", Integer), sqlite_with_rowid=False)
Table("strict", metadata, Column("id", Integer, primary_key=True), Column("n", TEXT), Column("b", BLOB), Column("r", REAL), sqlite_strict=True)
Table("both", metadata, Column("code", TEXT, primary_key=True), Column("n", INTEGER), sqlite_with_rowid=False, sqlite_strict=True)
core("comments", Column("a", Integer, comment="it's a comment"), comment="of the table")
core("prefixed", Column("a", Integer), info={"x": 1})
""",
    "constraints": """
core("unnamed", Column("a", Integer, unique=True), Column("b", Integer), Column("c", Integer), CheckConstraint("b > 0"),
    UniqueConstraint("b", "c"), CheckConstraint("b <> c"))
core("named", Column("a", Integer), Column("b", Integer), UniqueConstraint("a", "b", name="named_ab"), CheckConstraint("a < b", name="a_less_b"))
core("conflict", Column("a", Integer), Column("b", Integer, unique=True, sqlite_on_conflict_unique="REPLACE"),
    Column("c", Integer, nullable=False, sqlite_on_conflict_not_null="FAIL"), UniqueConstraint("a", sqlite_on_conflict="IGNORE"))
Table("key_conflict", metadata, Column("id", Integer, primary_key=True, sqlite_on_conflict_primary_key="FAIL"), Column("n", Integer))
Table("named_key", metadata, Column("a", Integer), Column("b", String), PrimaryKeyConstraint("a", "b", name="pk_named"))
Table("composite", metadata, Column("a", Integer, primary_key=True), Column("b", Integer, primary_key=True), Column("n", Integer))
Table("big_key", metadata, Column("id", BigInteger, primary_key=True), Column("n", Integer))
Table("small_key", metadata, Column("id", SmallInteger, primary_key=True), Column("n", Integer))
Table("text_key", metadata, Column("id", String(36), primary_key=True), Column("n", Integer))
Table("uuid_key", metadata, Column("id", Uuid, primary_key=True, default=uuid.uuid4), Column("n", Integer))
Table("keyless", metadata, Column("a", Integer), Column("n", Integer))
""",
    "foreign keys": """
core("parents", Column("code", String, unique=True), Column("x", Integer), Column("y", Integer), UniqueConstraint("x", "y"))
core("children", Column("a", ForeignKey("parents.id", ondelete="CASCADE", onupdate="SET NULL")), Column("b", ForeignKey("parents.code", name="fk_code")),
    Column("c", ForeignKey("parents.id", deferrable=True, initially="DEFERRED")), Column("d", ForeignKey("parents.id", ondelete="SET DEFAULT"), server_default="1"),
    Column("x", Integer), Column("y", Integer), ForeignKeyConstraint(["x", "y"], ["parents.x", "parents.y"], ondelete="RESTRICT", name="fk_xy"),
    Column("e", ForeignKey("parents.id", ondelete="NO ACTION"), nullable=False, index=True))
core("trees", Column("parent_id", ForeignKey("trees.id")))
core("hens", Column("egg_id", ForeignKey("eggs.id", use_alter=True, name="fk_egg")))
core("eggs", Column("hen_id", ForeignKey("hens.id", name="fk_hen")))
Table("links", metadata, Column("parent_id", ForeignKey("parents.id"), primary_key=True), Column("tree_id", ForeignKey("trees.id"), primary_key=True))
""",
    "indexes": """
t = core("indexed", Column("a", Integer, index=True), Column("b", String), Column("c", String, unique=True, index=True), Column("d", Integer))
Index("ix_ab", t.c.a, t.c.b)
Index("ix_where", t.c.a, sqlite_where=t.c.b.is_not(None))
Index("ix_where_value", t.c.a, unique=True, sqlite_where=and_(t.c.b == "it's", t.c.d > 5))
Index("ix_lower", func.lower(t.c.b))
Index("ix_unique_lower", func.lower(t.c.b), unique=True)
Index("ix_desc", t.c.a.desc(), t.c.b.asc())
Index("ix_collate", collate(t.c.b, "NOCASE"))
Index("ix_text", text("a + d"), text("b COLLATE NOCASE DESC"))
Index("ix_expression", t.c.a + t.c.d)
Index("ix_cast", cast(t.c.b, Integer))
Index("ix_coalesce", func.coalesce(t.c.b, "none"), unique=True)
Index("MixedIndex", t.c.d)
Index("ix with space", t.c.d)
""",
    "names": """
core("order", Column("group", Integer), Column("select", String, unique=True), Column("from", Integer, index=True), CheckConstraint('"group" > 0'))
core("MixedCase", Column("UserName", String, nullable=False), Column("user id", Integer), Column("a-b", Integer), UniqueConstraint("UserName", name="UQ_Name"))
core("with space", Column("it's", Integer), Column('quo"te', Integer), Column("ünï", String, index=True), Column("a.b", Integer), Column("p%c", Integer))
core("refers", Column("Order Id", ForeignKey("order.id")), Column("m", ForeignKey("MixedCase.id")), Column("key", String, key="other"), Index("ix_key", "other"))
core("quoted", Column(quoted_name("plain", True), Integer), Column("values", Integer), Column("default", Integer, server_default="1"))
core("main_schema", Column("n", Integer), schema="main")
conventional = MetaData(naming_convention={"ix": "ix_%(column_0_label)s", "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s", "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s", "pk": "pk_%(table_name)s"})
Table("a_table", conventional, Column("id", Integer, primary_key=True), Column("b", Boolean(create_constraint=True, name="is_b")), Column("u", Integer, unique=True),
    Column("i", Integer, index=True), Column("e", Enum(Color, create_constraint=True)), Column("p", ForeignKey("a_table.id")), CheckConstraint("u > 0", name="positive"))
for one in conventional.tables.values():
    one.to_metadata(metadata)
""",
    "classes": """
class Money(TypeDecorator):
    impl = Integer
    cache_ok = True

class Ids(TypeDecorator):
    impl = postgresql.ARRAY(Integer)
    cache_ok = True
    def load_dialect_impl(self, dialect):
        return dialect.type_descriptor(JSON() if dialect.name == "sqlite" else self.impl)

class Stamped:
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[Optional[datetime]] = mapped_column(onupdate=func.now())

links = Table("user_tags", metadata, Column("user_id", ForeignKey("users.id"), primary_key=True), Column("tag_id", ForeignKey("tags.id"), primary_key=True))

class User(Stamped, Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(30), default="new")
    color: Mapped[Color]
    price: Mapped[Decimal] = mapped_column(Numeric(10, 2))
    cents: Mapped[int] = mapped_column(Money)
    ids: Mapped[Any] = mapped_column(Ids)
    token: Mapped[uuid.UUID] = mapped_column(default=uuid.uuid4)
    wait: Mapped[timedelta]
    boss_id: Mapped[Optional[int]] = mapped_column(ForeignKey("users.id"))
    boss: Mapped[Optional["User"]] = relationship(remote_side=[id])
    tags: Mapped[list["Tag"]] = relationship(secondary=links)
    tag_names = association_proxy("tags", "name")
    big = mapped_column(Integer, deferred=True)
    @hybrid_property
    def twice(self):
        return self.cents * 2
    __mapper_args__ = {"version_id_col": big}

class Tag(Base):
    __tablename__ = "tags"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)

class Person(Base):
    __tablename__ = "people"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "person"}

class Manager(Person):
    level: Mapped[Optional[int]]
    __mapper_args__ = {"polymorphic_identity": "manager"}

class Engineer(Person):
    __tablename__ = "engineers"
    id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    skill: Mapped[str]
    __mapper_args__ = {"polymorphic_identity": "engineer"}

class Shape(AbstractConcreteBase, Base):
    id: Mapped[int] = mapped_column(primary_key=True)

class Circle(Shape):
    __tablename__ = "circles"
    r: Mapped[float]
    __mapper_args__ = {"polymorphic_identity": "circle", "concrete": True}

class Point(MappedAsDataclass, Base):
    __tablename__ = "points"
    id: Mapped[int] = mapped_column(init=False, primary_key=True)
    x: Mapped[float] = mapped_column(default=0.0)
    data: Mapped[Any] = mapped_column(PickleType, default=None)
""",
}


@pytest.mark.parametrize("group", GROUPS)
def test_no_difference(group: str, project: Project, models: Write) -> None:
    """Nothing that SQLAlchemy names or adds is one; neither before nor after a column and a rebuild."""
    models('[schema]\nsource = "python:app.models:metadata"\n', "d1migrate.toml")
    text = HEAD + GROUPS[group]
    for addition in ("", COLUMN, CHECK):
        text += addition
        models(text)
        project.run("diff")
        assert project.run("diff", "--check").err.endswith("no difference\n")
        project.run("lint")
        project.run("up")
        assert project.run("diff", "--check", "--from", "live").err.endswith("no difference\n")
    project.run("down", "--steps", "2")
    models(HEAD + GROUPS[group])
    assert project.run("diff", "--check", "--from", "live").err.endswith("no difference\n")
