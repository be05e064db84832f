"""The law of backups: what is dumped and restored is what was there, whatever it is."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from d1migrate.backup import dump, load
from d1migrate.drivers.connect import connect
from d1migrate.sql.batch import Batch, Query
from tests.inputs import scaled
from tests.laws.schemas import Example, examples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.drivers.protocol import Driver

VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.text(" 'a\n\r\0\x1f\x7f;-é𝄞", max_size=8),
    st.binary(max_size=40),
    st.builds(
        lambda piece, times: piece * times, st.binary(min_size=1, max_size=3), st.integers(2000, 60000)
    ),
)
NAMES = st.text("ab \"'`[]é;-", min_size=1, max_size=6)
FORMS = ["{0}, {1}", "{0} INTEGER, {1} TEXT", "{0} TEXT, {1} ANY) STRICT --", "{0} REAL, {1} NUMERIC"]


def restored(driver: Driver, folder: str, target: Driver) -> list[str]:
    """What is different after dump and restore, as the tool sees it."""
    file = os.path.join(folder, "dump.sql")
    dump.write(driver, file)
    return load.differences(load.load(file, target), target)


@given(examples())
@settings(max_examples=scaled(60), suppress_health_check=list(HealthCheck))
def test_any_schema_comes_back(example: Example) -> None:
    """Foreign keys in all directions, any keys, triggers that would delete what is inserted."""
    with tempfile.TemporaryDirectory() as folder:
        source = connect(f"sqlite:{folder}/a.db")
        target = connect(f"sqlite:{folder}/b.db")
        source.batch(Batch([Query(sql) for sql in (*example.schema, *example.rows, *example.triggers)]))
        assert restored(source, folder, target) == []
        for table in example.tables:
            query = Batch([Query(f"SELECT * FROM {table.name} ORDER BY 1, 2")], reads=True)
            assert source.batch(query)[0].rows == target.batch(query)[0].rows
        source.close()
        target.close()


@given(
    st.lists(NAMES, min_size=3, max_size=3, unique_by=str.lower),
    st.sampled_from(FORMS),
    st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=8),
    st.sampled_from(["rowid", "text", "without"]),
)
@settings(max_examples=scaled(150), suppress_health_check=list(HealthCheck))
def test_any_value_comes_back(
    names: Sequence[str], form: str, rows: Sequence[tuple[Any, Any]], kind: str
) -> None:
    """Every value in every kind of column, under any name, to the bit."""
    table, *columns = ('"' + name.replace('"', '""') + '"' for name in names)
    key = {"rowid": "", "text": "k INTEGER PRIMARY KEY, ", "without": "k ANY PRIMARY KEY, "}[kind]
    strict = form.endswith("--")
    body = form.removesuffix(") STRICT --").format(*columns)
    options = [word for word, on in (("STRICT", strict), ("WITHOUT ROWID", kind == "without")) if on]
    if not strict:
        key = key.replace("ANY", "")
    with tempfile.TemporaryDirectory() as folder:
        source = connect(f"sqlite:{folder}/a.db")
        target = connect(f"sqlite:{folder}/b.db")
        source.batch(Batch([Query(f"CREATE TABLE {table} ({key}{body}) {', '.join(options)}")]))
        for number, row in enumerate(rows):
            # A STRICT text column refuses other types; the text order of a key differs from the order of numbers.
            values = (str(row[0]) if strict else row[0], row[1])
            own = {"rowid": "", "text": f"{number * 7}, ", "without": f"'{number % 3}{number}', "}[kind]
            source.batch(Batch([Query(f"INSERT INTO {table} VALUES ({own}?, ?)", values)]))
        assert restored(source, folder, target) == []
        query = Batch(
            [Query(f"SELECT *, typeof({columns[0]}) AS t0, typeof({columns[1]}) AS t1 FROM {table}")],
            reads=True,
        )
        assert list(map(repr, source.batch(query)[0].rows)) == list(map(repr, target.batch(query)[0].rows))
        source.close()
        target.close()
