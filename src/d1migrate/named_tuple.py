"""`NamedTuple`, as `typing` has it to a type checker, for a tenth of its cost at import.

A `status` defines 60 such classes. `typing.NamedTuple` compiles the text of each annotation, and the
constructor: 1.0 million instructions a class, 60 of the 360 million of a whole `status`, beside 16 million to
load `typing`. Here a class takes 0.1 million, and its constructor is compiled for its first instance: most
classes of a run have none.
"""

from __future__ import annotations

from collections import _tuplegetter  # type: ignore[attr-defined]  # what namedtuple's fields are, too

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Self


class _Row(tuple):  # type: ignore[type-arg]
    """The base class of all: what does not depend on the fields."""

    __slots__ = _fields = ()

    def __new__(cls, /, *values: Any, **named: Any) -> Any:
        """Make the first instance, and the constructor for all others."""
        owner: Any = next(one for one in cls.__mro__ if "_fields" in vars(one))  # not a class derived from it
        owner.__new__ = constructor = _constructor(owner._fields, owner._field_defaults)
        return constructor(cls, *values, **named)

    @classmethod
    def _make(cls, values: Iterable[Any]) -> Self:
        made = tuple.__new__(cls, values)
        if len(made) != len(cls._fields):
            raise TypeError(f"{cls.__name__} has {len(cls._fields)} fields, not {len(made)}")
        return made

    def _replace(self, /, **changes: Any) -> Self:
        made = self._make(map(changes.pop, self._fields, self))
        if changes:
            raise TypeError(f"{type(self).__name__} has no fields {list(changes)}")
        return made

    def _asdict(self) -> dict[str, Any]:
        return dict(zip(self._fields, self, strict=True))

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self._asdict().items())
        return f"{type(self).__name__}({values})"

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self)


def _constructor(fields: tuple[str, ...], defaults: dict[str, Any]) -> Any:
    """Return `__new__` for these fields, compiled: with parameters of its own it is as fast as it can be."""
    values = "".join(f"{field}, " for field in fields)
    made = eval(f"lambda _cls, {values}: _new(_cls, ({values}))", {"_new": tuple.__new__})  # noqa: S307
    made.__defaults__ = tuple(defaults.values())
    return made


class _Definition(type):
    """Makes a subclass of `_Row` of the body of a class statement."""

    def __new__(cls, name: str, _bases: tuple[type, ...], body: dict[str, Any]) -> Any:
        fields = tuple(body.get("__annotations__", ()))
        body["_field_defaults"] = {field: body.pop(field) for field in fields if field in body}
        body["_fields"] = body["__match_args__"] = fields
        body["__slots__"] = ()
        for index, field in enumerate(fields):
            body[field] = _tuplegetter(index, f"Field {index}.")
        return type(name, (_Row,), body)


if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
else:
    NamedTuple = type.__new__(_Definition, "NamedTuple", (), {})
