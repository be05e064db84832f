"""`NamedTuple`: to a type checker that of `typing`, at import a tenth of its cost.

A `status` defines 40 such classes. `typing.NamedTuple` compiles the text of each annotation, and then a
constructor: 1.0 million instructions a class, and loading `typing` takes 16 million (of all, see ADR 0009).
Here a class takes 0.1 million: its constructor is a copy of one that is compiled already, with other names.
"""

from __future__ import annotations

from collections import _tuplegetter  # type: ignore[attr-defined]  # what namedtuple's fields are, too
from types import FunctionType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType
    from typing import Any, Self

_new: Any = tuple.__new__
_CONSTRUCTORS: tuple[Any, ...] = (
    lambda _cls: _new(_cls, ()),
    lambda _cls, a: _new(_cls, (a,)),
    lambda _cls, a, b: _new(_cls, (a, b)),
    lambda _cls, a, b, c: _new(_cls, (a, b, c)),
    lambda _cls, a, b, c, d: _new(_cls, (a, b, c, d)),
    lambda _cls, a, b, c, d, e: _new(_cls, (a, b, c, d, e)),
    lambda _cls, a, b, c, d, e, f: _new(_cls, (a, b, c, d, e, f)),
    lambda _cls, a, b, c, d, e, f, g: _new(_cls, (a, b, c, d, e, f, g)),
    lambda _cls, a, b, c, d, e, f, g, h: _new(_cls, (a, b, c, d, e, f, g, h)),
    lambda _cls, a, b, c, d, e, f, g, h, i: _new(_cls, (a, b, c, d, e, f, g, h, i)),
)
"""`__new__` by the number of fields."""


class _Row(tuple):  # type: ignore[type-arg]
    """The base class of all: what does not depend on the fields."""

    __slots__ = _fields = ()

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

    __replace__ = _replace  # what `copy.replace` of Python 3.13 calls

    def _asdict(self) -> dict[str, Any]:
        return dict(zip(self._fields, self, strict=True))

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self._asdict().items())
        return f"{type(self).__name__}({values})"

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self)


class _Definition(type):
    """Makes a subclass of `_Row` of the body of a class statement."""

    def __new__(cls, name: str, _bases: tuple[type, ...], body: dict[str, Any]) -> Any:
        annotations = body.get("__annotations__", {})
        fields = tuple(annotations)
        defaults = {field: body.pop(field) for field in fields if field in body}
        body |= {"_fields": fields, "__match_args__": fields, "_field_defaults": defaults, "__slots__": ()}
        body |= {field: _tuplegetter(index, f"Field {index}.") for index, field in enumerate(fields)}
        new = body["__new__"] = FunctionType(_code(fields), globals(), None, tuple(defaults.values()))
        new.__annotations__, new.__qualname__ = annotations, f"{name}.__new__"
        return type(name, (_Row,), body)


def _code(fields: tuple[str, ...]) -> CodeType:
    """Return the code of a constructor whose parameters are the fields."""
    if len(fields) < len(_CONSTRUCTORS):
        code: CodeType = _CONSTRUCTORS[len(fields)].__code__
        return code.replace(co_varnames=("_cls", *fields))
    values = ", ".join(fields)
    made: FunctionType = eval(f"lambda _cls, {values}: _new(_cls, ({values}))")  # noqa: S307
    return made.__code__


if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
else:
    NamedTuple = type.__new__(_Definition, "NamedTuple", (), {})
