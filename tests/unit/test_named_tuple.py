"""`NamedTuple`: the same as typing's in everything that the package uses, and cheaper to define."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
import typing
from pathlib import Path

import pytest

import d1migrate
from d1migrate.named_tuple import NamedTuple


class Ours(NamedTuple):
    """Has a field, a default, a property, and an alternative constructor."""

    name: str
    size: int = 0
    tags: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """Both."""
        return f"{self.name}: {self.size}"

    @classmethod
    def empty(cls) -> Ours:
        """One without a name."""
        return cls("")


class Typings(typing.NamedTuple):
    """The same, as typing makes it."""

    name: str
    size: int = 0
    tags: tuple[str, ...] = ()


class Derived(Ours):
    """A subclass, with attributes of its own."""


class Empty(NamedTuple):
    """Has no fields."""


class Long(NamedTuple):
    """Has more fields than most."""

    a: int
    b: int
    c: int
    d: int
    e: int
    f: int
    g: int
    h: int
    i: int
    j: int
    k: int = 11


def test_instances_equal_those_of_typing() -> None:
    """Positions, names and defaults; as tuples, in comparisons, as keys, and unpacked."""
    calls: list[tuple[tuple[typing.Any, ...], dict[str, typing.Any]]]
    calls = [(("a",), {}), (("a", 1), {}), (("a",), {"tags": ("x",)}), ((), {"name": "a"})]
    for arguments, named in calls:
        ours: typing.Any = Ours(*arguments, **named)
        theirs: typing.Any = Typings(*arguments, **named)
        assert tuple(ours) == tuple(theirs) == (ours.name, ours.size, ours.tags)
        assert ours == theirs
        assert hash(ours) == hash(theirs)
        assert repr(ours) == repr(theirs).replace("Typings", "Ours")
        assert ours._asdict() == theirs._asdict()
        assert ours._replace(size=9) == theirs._replace(size=9)
        assert Ours._make(theirs) == theirs
    name, size, _ = Ours("a", 1)
    assert (name, size) == ("a", 1)
    assert Ours._fields == Typings._fields
    assert Ours._field_defaults == Typings._field_defaults
    assert Empty() == ()
    assert Long(*range(10)) == (*range(10), 11)
    assert Long(*range(10))._replace(k=12).k == 12
    assert str(inspect.signature(Ours)) == "(name: 'str', size: 'int' = 0, tags: 'tuple[str, ...]' = ())"


def test_matches_by_position() -> None:
    """In a `match` statement."""
    match Ours("a", 1):
        case Ours(name, 1):
            assert name == "a"
        case _:
            pytest.fail("no match")


def test_keeps_methods_docstring_and_annotations() -> None:
    """Everything else in the body of a class."""
    assert Ours("a", 1).shown == "a: 1"
    assert Ours.empty() == ("", 0, ())
    assert (Ours.__doc__ or "").startswith("Has a field")
    assert typing.get_type_hints(Ours) == typing.get_type_hints(Typings)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Ours(),  # type: ignore[call-arg]
        lambda: Ours("a", 1, (), 2),  # type: ignore[call-arg]
        lambda: Ours("a", other=1),  # type: ignore[call-arg]
        lambda: Ours("a", name="b"),  # type: ignore[misc]
        lambda: Ours("a")._replace(other=1),  # type: ignore[call-arg]
        lambda: Ours._make(["a"]),
        lambda: Empty(1),  # type: ignore[call-arg]
    ],
)
def test_refuses_wrong_arguments(wrong: typing.Callable[[], object]) -> None:
    """Whether it is the first call or a later one."""
    with pytest.raises(TypeError):
        wrong()


def test_has_no_other_attributes() -> None:
    """A value cannot be changed, and a misspelled attribute is an error."""
    with pytest.raises(AttributeError):
        Ours("a").name = "b"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        Ours("a").nmae = "b"  # type: ignore[attr-defined]


def test_a_subclass_makes_its_own_instances() -> None:
    """Even if it makes the first instance of all."""

    class Base(NamedTuple):
        name: str

    class Sub(Base):
        pass

    assert type(Sub("a")) is Sub
    assert type(Base("a")) is Base
    assert type(Derived("a")._replace(size=1)) is Derived


def test_can_be_copied_and_pickled() -> None:
    """As processes that work in parallel do."""
    value = Ours("a", 1, ("x",))
    assert copy.deepcopy(value) == value
    assert pickle.loads(pickle.dumps(value)) == value  # noqa: S301
    assert type(pickle.loads(pickle.dumps(value))) is Ours  # noqa: S301


def test_can_be_copied_with_changes() -> None:
    """By `copy.replace` of Python 3.13, which calls this method."""
    assert Ours("a").__replace__(size=9) == Ours("a", 9)  # type: ignore[attr-defined]


def test_is_used_everywhere() -> None:
    """No module of the package takes typing's."""
    sources = Path(d1migrate.__file__).parent.rglob("*.py")
    others = {path.name for path in sources if re.search(r"typing import .*NamedTuple", path.read_text())}
    assert others == {"named_tuple.py"}
