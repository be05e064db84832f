"""Runs inside the Worker: SQLAlchemy over the D1 binding, as the guide to models says that it behaves."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import Enum, String, func, select, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.util.concurrency import greenlet_spawn
from sqlalchemy_cloudflare_d1 import create_engine_from_binding


class Status(enum.Enum):
    """Names that differ from their values."""

    OPEN = "open"
    DONE = "done"


def values(members: type[Status]) -> list[str]:
    """What the guide gives to an Enum."""
    return [str(member.value) for member in members]


class Base(DeclarativeBase):
    """The models of this module."""


class Task(Base):
    """A column for each statement of the guide."""

    __tablename__ = "tasks"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(String(20), unique=True)
    status: Mapped[Status] = mapped_column(Enum(Status, values_callable=values), default=Status.DONE)
    due: Mapped[datetime] = mapped_column(default=datetime(2026, 1, 2, 3, 4, 5))
    made: Mapped[str] = mapped_column(server_default=func.current_timestamp())


class Named(Base):
    """An Enum as SQLAlchemy declares it by itself."""

    __tablename__ = "named"

    id: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[Status]


async def crud(db: Any) -> list[object]:
    """Write a row, and change it; what another session reads of it."""
    engine = create_engine_from_binding(db)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        task = Task(name="call Ann")
        session.add(task)
        session.commit()
        task.name = "call Bob"
        session.commit()
    with Session(engine) as session:
        return list(session.execute(select(Task.id, Task.name)).one())


async def rolled_back(db: Any) -> int:
    """How many rows a session leaves that is rolled back."""
    engine = create_engine_from_binding(db)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Task(name="one"))
        session.flush()
        session.rollback()
    with Session(engine) as session:
        return session.scalar(select(func.count()).select_from(Task)) or 0


async def violated(db: Any) -> str:
    """The class of the error of two equal names."""
    engine = create_engine_from_binding(db)
    Base.metadata.create_all(engine)
    try:
        with Session(engine) as session:
            session.add_all([Task(name="one"), Task(name="one")])
            session.commit()
    except (IntegrityError, OperationalError) as error:
        return type(error).__name__
    return "none"


async def stored(db: Any) -> dict[str, object]:
    """What is in the columns of a task that is done."""
    engine = create_engine_from_binding(db)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Task(name="one"))
        session.commit()
        assert session.scalar(select(Task.status)) is Status.DONE
        return dict(session.execute(text("SELECT status, due, made FROM tasks")).one()._mapping)


async def named(db: Any) -> str:
    """Why a status without `values_callable` cannot be read."""
    engine = create_engine_from_binding(db)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Named(status=Status.DONE))
        session.commit()
        try:
            return str(session.scalar(select(Named.status)))
        except LookupError as error:
            return str(error)


async def without_name(db: Any) -> bool:
    """Whether a None is written and read."""
    engine = create_engine_from_binding(db)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Task(name=None))
        session.commit()
        return session.scalar(select(Task.name)) is None


async def asynchronous(db: Any) -> str:
    """What SQLAlchemy says when an AsyncSession calls the driver, which it does in this way."""
    engine = create_engine_from_binding(db)
    try:
        await greenlet_spawn(engine.connect)
    except Exception as error:
        return str(error)
    return "works"
