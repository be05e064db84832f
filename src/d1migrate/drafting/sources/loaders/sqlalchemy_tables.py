"""Build the tables of SQLAlchemy's models in a scratch file, in the interpreter of the project."""

from __future__ import annotations

import inspect
import os
import sys

from d1migrate_answer import OTHER_INTERPRETER, Refused, answer, imported, indented, nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType
    from typing import Any

    from sqlalchemy import Column, Engine, MetaData, Table
    from sqlalchemy.orm import Mapper

_CHOICES = 5  # in a hint
_LINES = 12  # of a statement
_EXAMPLE = "for example: python:app.models:Base.metadata"


def load(request: dict[str, Any]) -> dict[str, Any]:
    """Create the tables of `request["target"]`, `module:object`; return what the models say about them."""
    name, _, path = request["target"].partition(":")
    mappers = _mappers()
    metadatas = _metadatas(imported(name), path)
    classes = _classes(mappers)
    tables = [table for metadata in metadatas for table in metadata.tables.values()]
    if not tables:
        raise Refused(
            "its metadata has no tables",
            "the modules that define the models must be imported: name a module that imports them all, or"
            f" import them in {name}",
        )
    engine = _engine(request["database"])
    _check(tables, classes, engine)
    _create(metadatas, classes, engine)
    columns = [(table.name, column) for table in tables for column in table.columns]
    return {
        "classes": {table.name: classes[table] for table in tables if table in classes},
        "defaults": list(_defaults(columns, engine)),
        "functions": [*_functions(columns), *_factories(mappers, tables)],
    }


def _mappers() -> list[Mapper[Any]]:
    """Return a list to which SQLAlchemy adds each mapper of the models that are imported from now on."""
    try:
        from sqlalchemy import event
        from sqlalchemy.orm import Mapper
    except ModuleNotFoundError as error:
        if error.name != "sqlalchemy":
            raise
        raise Refused(f"{sys.executable} has no SQLAlchemy", OTHER_INTERPRETER) from error
    found: list[Mapper[Any]] = []
    event.listen(Mapper, "instrument_class", lambda mapper, _: found.append(mapper))
    return found


def _engine(database: str) -> Engine:
    from sqlalchemy import create_engine
    from sqlalchemy.engine import URL

    # Without a cache: in its keys, two Enums of one class are the same, whatever values they store.
    return create_engine(URL.create("sqlite", database=database), query_cache_size=0)


# What the target names.


def _metadatas(module: ModuleType, path: str) -> list[MetaData]:
    """Return the metadata that an attribute of a module has, each once.

    Raises:
        Refused: there is no such attribute, or it has none.
    """
    if not path:
        raise Refused(f"which object of {module.__name__}?", _choices(module) or _EXAMPLE)
    found: Any = module
    for part in path.split("."):
        if not hasattr(found, part):
            meant = (found is module and nearest(part, [*_found_in(module)])) or nearest(part, dir(found))
            hint = f"did you mean {meant}?" if meant else _choices(module)
            raise Refused(f"{_kind(found)} has no {part}", hint)
        found = getattr(found, part)
    if not isinstance(found, type) and callable(found) and _of(found) is None:
        found = _called(found)
    parts = found if isinstance(found, (list, tuple)) else [found]
    metadatas: list[MetaData] = []
    for part in parts:
        metadata = _of(part)
        if metadata is None:
            raise Refused(
                f"expected a MetaData or a declarative base, found {_kind(part)}",
                _choices(module) or _EXAMPLE,
            )
        if metadata not in metadatas:
            metadatas.append(metadata)
    return metadatas


def _called(function: Callable[[], Any]) -> Any:
    try:
        inspect.signature(function).bind()
    except TypeError as error:
        raise Refused(
            f"the function is called without arguments: {error}", "name a function that needs none"
        ) from error
    except ValueError:  # a built-in has no signature
        pass
    return function()


def _of(found: Any) -> MetaData | None:
    """Return the metadata that something is, or that it has as a declarative base does; else None."""
    from sqlalchemy import MetaData

    try:
        metadata = found if isinstance(found, MetaData) else getattr(found, "metadata", None)
    except Exception:  # a proxy of a web framework, outside a request
        return None
    return metadata if isinstance(metadata, MetaData) else None


def _kind(found: Any) -> str:
    if inspect.ismodule(found):
        return f"the module {found.__name__}"
    return (
        f"the class {found.__name__}" if isinstance(found, type) else f"an instance of {type(found).__name__}"
    )


def _choices(module: ModuleType) -> str | None:
    """Return the hint with the flags of the objects in a module that would do; None if there are none."""
    found = _found_in(module)
    names = [name for name, metadata in found.items() if metadata.tables] or list(found)
    return " or ".join(f"--to python:{module.__name__}:{name}" for name in names[:_CHOICES]) or None


def _found_in(module: ModuleType) -> dict[str, MetaData]:
    """Return {name: metadata} of the objects in a module that would do."""
    return {
        name: metadata
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (metadata := _of(value)) is not None
        and not (hasattr(value, "__table__") or hasattr(value, "c"))  # a class with a table, or a table
    }


# What the models say.


def _classes(mappers: list[Mapper[Any]]) -> dict[Table, str]:
    """Return the mapped class of each table; of a hierarchy in one table, its base."""
    found: dict[Table, str] = {}
    for mapper in mappers:
        class_ = mapper.class_
        for table in mapper.tables if mapper.inherits is None else [mapper.local_table]:
            found.setdefault(table, f"{class_.__module__}.{class_.__qualname__}")  # type: ignore[arg-type]
    return found


def _defaults(columns: list[tuple[str, Column[Any]]], engine: Engine) -> Iterator[list[str]]:
    """Yield the values that SQLAlchemy gives to columns of new rows, as SQL; not those SQL cannot express."""
    from sqlalchemy import ColumnDefault, func, literal, select

    with engine.connect() as connection:
        for table, column in columns:
            if not (isinstance(column.default, ColumnDefault) and column.default.is_scalar):
                continue
            try:  # as SQLAlchemy would bind it
                sql = connection.scalar(select(func.quote(literal(column.default.arg, column.type))))
            except Exception:  # noqa: S112  # the type's author can raise anything
                continue
            if isinstance(sql, str) and sql != "NULL":
                yield [table, column.name, sql]


def _functions(columns: list[tuple[str, Column[Any]]]) -> Iterator[list[str]]:
    """Yield the names of the functions, and the SQL expressions, that are evaluated for each new row."""
    from sqlalchemy import ColumnDefault

    for table, column in columns:
        default = column.default
        if not isinstance(default, ColumnDefault):  # a Sequence, which SQLite does not have
            continue
        if default.is_callable:
            yield [table, column.name, _name(default.arg)]
        elif default.is_clause_element:
            yield [table, column.name, " ".join(str(default.arg).split())]


def _factories(mappers: list[Mapper[Any]], tables: list[Table]) -> Iterator[list[str]]:
    """Yield the functions that dataclasses call for new objects; SQLAlchemy calls none for these columns."""
    for mapper in mappers:
        for field in getattr(mapper.class_, "__dataclass_fields__", {}).values():
            column = mapper.columns.get(field.name)
            if column is None or column.default is not None or column.table not in tables:
                continue
            if callable(field.default_factory):
                yield [column.table.name, column.name, _name(field.default_factory)]


def _name(function: Any) -> str:
    """Return the name of a function that SQLAlchemy wrapped; of one without a name, what it is."""
    function = inspect.unwrap(function)
    if not hasattr(function, "__qualname__"):
        function = type(function)
    if function.__name__ == "<lambda>":
        code = function.__code__
        return f"a lambda ({os.path.relpath(code.co_filename)}:{code.co_firstlineno})"
    owner = getattr(function, "__self__", None)  # of a built-in method, which has no module
    module = function.__module__ or getattr(owner, "__module__", None)
    name = function.__name__ if "<" in function.__qualname__ else function.__qualname__
    return name if module in (None, "builtins") else f"{module}.{name}"


# What is refused, by the name of its class.


def _check(tables: list[Table], classes: Mapping[Table, str], engine: Engine) -> None:
    """Refuse what no SQLite database can have, or what SQLAlchemy would leave out without an error.

    Raises:
        Refused: a table has a schema, is declared twice, or has a type that SQLite's dialect does not know.
    """
    from sqlalchemy.types import NullType

    seen: dict[str, Table] = {}
    for table in tables:
        label = _label(table, classes)
        if table.schema not in (None, "main"):
            raise Refused(
                f"{label} is in the schema {table.schema!r}, and D1 has no schemas",
                f"leave out schema={table.schema!r}: every query would name it, and fail on D1",
            )
        other = seen.setdefault(table.name.casefold(), table)
        if other is not table and other.name == table.name:
            raise Refused(f"two of the metadatas declare the {label}", "leave one out")
        if other is not table:
            raise Refused(f"{_label(other, classes)}, {label}: SQLite compares names without regard to case")
        for column in table.columns:
            if isinstance(column.type, NullType):  # SQLAlchemy says why it has no type
                continue
            try:
                column.type.compile(engine.dialect)
            except Exception as error:  # a type of the project can raise anything
                kind = type(column.type).__name__
                raise Refused(
                    f"column {column.name} of {label}: SQLite's dialect does not know the type {kind}",
                    f'{kind}(...).with_variant(JSON(), "sqlite") declares what SQLite stores instead',
                ) from error


def _create(metadatas: list[MetaData], classes: Mapping[Table, str], engine: Engine) -> None:
    """Create the tables.

    Raises:
        Refused: SQLite, or SQLAlchemy, refuses one.
    """
    from sqlalchemy import event
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    begun: list[Table] = []
    for metadata in metadatas:
        for table in metadata.tables.values():
            event.listen(table, "before_create", lambda table, *_, **__: begun.append(table))
        try:
            metadata.create_all(engine)
        except DBAPIError as error:
            statement = indented((error.statement or "").strip().splitlines()[:_LINES])
            label = f"{_label(begun[-1], classes)}: " if begun else ""
            raise Refused(f"{label}{error.orig}{statement}") from error
        except SQLAlchemyError as error:
            raise Refused(f"the tables cannot be created: {error}") from error
    engine.dispose()


def _label(table: Table, classes: Mapping[Table, str]) -> str:
    return f"table {table.name} ({classes[table]})" if table in classes else f"table {table.name}"


if __name__ == "__main__":
    answer(load)
