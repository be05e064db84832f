"""The declared types of columns, and which type may change values of another."""

from __future__ import annotations

from d1migrate.sql.affinity import affinity
from d1migrate.sql.create import parse_table
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.schema.model import Table


def columns_of(table: Table) -> dict[str, str]:
    """Return {folded name: declared type} of a table's stored columns."""
    types = types_of(table)
    return {
        name: types[name] for column in table.columns if not column.generated and (name := fold(column.name))
    }


def types_of(table: Table) -> dict[str, str]:
    """Return {folded column: declared type}; "" for ANY in a STRICT table, which changes no value either."""
    types = {fold(column.name): column.type for column in table.columns}
    if (
        "ANY" in (type_.upper() for type_ in types.values())
        and (there := parse_table(table.sql))
        and there.strict
    ):
        return {name: "" if type_.upper() == "ANY" else type_ for name, type_ in types.items()}
    return types


_NUMERIC = ("INTEGER", "REAL", "NUMERIC")
_LONG = ("BIG", "INT8")  # for integers that REAL rounds: 2 ** 53 and above


def is_narrower(old: str, new: str) -> bool:
    """Whether values of one declared type may change when stored in a column of another."""
    before, after = affinity(old), affinity(new)
    if before == "TEXT":
        return after in _NUMERIC
    if before == "REAL":
        return after == "INTEGER"
    if before == "INTEGER":
        return after == "REAL" and any(word in old.upper() for word in _LONG)
    return before == "BLOB" and after in (*_NUMERIC, "TEXT")
