"""What the dialect for D1 from PyPI cannot do, on the real D1: the guide lists it, and says for which version."""

from __future__ import annotations

import enum
import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from alembic.migration import MigrationContext
from sqlalchemy import JSON, BigInteger, create_engine, func, select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.schema import CreateTable

from tests.docs.pages import ROOT
from tests.models.sqlalchemy.places import d1, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from tests.runtime.cloudflare import Cloudflare

GUIDE = (ROOT / "docs" / "guides" / "sqlalchemy.md").read_text(encoding="utf-8")


class Base(DeclarativeBase):
    """The models."""


class Color(enum.Enum):
    """One value is not its name."""

    same = "same"
    RED = "red"


class Thing(Base):
    """A row with what is difficult."""

    __tablename__ = "things"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(unique=True)
    color: Mapped[Color | None]
    data: Mapped[bytes | None]
    big: Mapped[int | None] = mapped_column(BigInteger)
    extra: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class Place(NamedTuple):
    """A database with the table, and an engine on it."""

    server: Cloudflare
    id: str
    engine: Engine

    def sql(self, sql: str) -> list[list[Any]]:
        """Run a statement past the dialect; its rows."""
        return self.server.sql(self.id, sql)[0]


@pytest.fixture
def place(cloudflare: Cloudflare) -> Iterator[Place]:
    """A database with the table that SQLAlchemy's own dialect for SQLite creates."""
    database = cloudflare.create("shop")
    create = CreateTable(Thing.__table__)  # type: ignore[arg-type]
    cloudflare.sql(database, str(create.compile(create_engine("sqlite://"))))
    with opened(d1(cloudflare, database)) as engine:
        yield Place(cloudflare, database, engine)


def test_the_guide_is_about_this_version() -> None:
    """A new version may do more: then correct the list, and the tests here."""
    (said,) = re.findall(r"Version (\S+) of it", GUIDE)
    assert said == version("sqlalchemy-cloudflare-d1")
    limits = GUIDE.partition("<!-- limits:")[2].partition("<!-- end -->")[0]
    tests = [name for name in globals() if name.startswith("test_it_")]
    assert limits.count("\n- ") == len(tests)


def write(engine: Engine, **values: object) -> None:
    """Write a row."""
    with Session(engine) as session:
        session.add(Thing(**values))
        session.commit()


def test_it_has_no_transactions(place: Place) -> None:
    """What is rolled back stays."""
    with Session(place.engine) as session:
        session.add(Thing(name="a"))
        session.flush()
        session.rollback()
        assert session.scalar(select(func.count()).select_from(Thing)) == 1


def test_it_sends_a_request_for_each_row(place: Place) -> None:
    """And D1 refuses more than 100 parameters."""
    before = len(place.server.requests())
    with Session(place.engine) as session:
        session.add_all([Thing(id=n) for n in range(5)])
        session.commit()
        assert len(place.server.requests()) == before + 5
        with pytest.raises(OperationalError, match="too many SQL variables"):
            session.scalars(select(Thing).where(Thing.id.in_(range(101))))


def test_it_has_one_error(place: Place) -> None:
    """A constraint that is violated is no IntegrityError."""
    write(place.engine, name="a")
    with pytest.raises(OperationalError, match="UNIQUE constraint failed") as caught:
        write(place.engine, name="a")
    assert not isinstance(caught.value, IntegrityError)


def test_it_writes_values_of_enums_and_reads_names(place: Place) -> None:
    """So the row cannot be read."""
    write(place.engine, id=1, color=Color.same)
    write(place.engine, id=2, color=Color.RED)
    with Session(place.engine) as session:
        assert session.get_one(Thing, 1).color == Color.same
        with pytest.raises(LookupError, match="'red' is not among the defined enum values"):
            session.get_one(Thing, 2)


def test_it_writes_base64(place: Place) -> None:
    """Other clients see a text; what they write as a BLOB is a list here."""
    write(place.engine, id=1, data=b"\x00\xff")
    assert place.sql("SELECT data, typeof(data) FROM things") == [["AP8=", "text"]]
    place.sql("INSERT INTO things (id, data) VALUES (2, x'00ff')")
    with Session(place.engine) as session:
        found: Any = session.get_one(Thing, 2).data
        assert found == [0, 255]


def test_it_loses_digits(place: Place) -> None:
    """Of large integers, which JSON has as floating-point numbers."""
    place.sql(f"INSERT INTO things (id, big) VALUES (1, {2**60 + 1})")
    with Session(place.engine) as session:
        assert session.get_one(Thing, 1).big != 2**60 + 1


def test_it_has_no_json_paths(place: Place) -> None:
    """A column can be written and read as a whole."""
    write(place.engine, id=1, extra={"a": 1})
    with Session(place.engine) as session:
        assert session.get_one(Thing, 1).extra == {"a": 1}
        with pytest.raises(OperationalError, match="bad JSON path"):
            session.scalars(select(Thing.id).where(Thing.extra["a"].as_integer() == 1))


def test_it_counts_the_rows_of_triggers(place: Place) -> None:
    """Unless it does not count at all."""
    place.sql("CREATE TABLE log (what)")
    place.sql(
        "CREATE TRIGGER named AFTER UPDATE ON things BEGIN INSERT INTO log VALUES (new.name); END",
    )
    write(place.engine, id=1, name="a")
    for counts in (True, False):
        place.engine.dialect.supports_sane_rowcount = counts
        with Session(place.engine) as session:
            session.get_one(Thing, 1).name = f"b{counts}"
            if counts:
                with pytest.raises(StaleDataError):
                    session.commit()
            else:
                session.commit()


def test_alembic_does_not_know_it(place: Place) -> None:
    """Without a class of your own for it."""
    with place.engine.connect() as connection, pytest.raises(KeyError, match="cloudflare_d1"):
        MigrationContext.configure(connection)


def test_its_types_are_others(place: Place) -> None:
    """What SQLAlchemy's dialect for SQLite calls BIGINT and JSON."""
    create = CreateTable(Thing.__table__)  # type: ignore[arg-type]
    ours, its = (str(create.compile(engine)) for engine in (create_engine("sqlite://"), place.engine))
    assert "big BIGINT" in ours
    assert "big INTEGER" in its
