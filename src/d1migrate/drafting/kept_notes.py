"""What a person may expect of models that does not happen: a type that changes, a table that is dropped."""

from __future__ import annotations

from d1migrate.hints import flags, listed
from d1migrate.schema.kept_clauses import kept_clauses
from d1migrate.schema.normalize import canonical_type
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.drafting.desired import Desired

_MOST = 3  # names in one line


def kept_notes(models: Desired, whole: Desired) -> Iterator[str]:
    """Yield at most three lines: which declared types are kept, which clauses, and which tables.

    Args:
        models: what the source builds; a whole schema keeps nothing.
        whole: what `complete` made of it.
    """
    if models.models is None:
        return
    kept = {fold(table.name): table for table in whole.schema.tables}
    pairs = [(table, kept[fold(table.name)]) for table in models.schema.tables]
    pairs = [(wanted, table) for wanted, table in pairs if not table.is_virtual]  # which stays as it is
    types = [
        f"{table.name}.{wish.name} {has.type or 'without a type'} (models: {wish.type or 'none'})"
        for wanted, table in pairs
        for wish, has in zip(wanted.columns, table.columns, strict=True)
        if canonical_type(wish.type) != canonical_type(has.type)
    ]
    if types:
        yield f"types that SQLite treats alike are kept: {listed(types, _MOST)}; --types changes them"
    clauses = [
        clause
        for wanted, table in pairs
        for clause in kept_clauses(wanted, table)
        if models.models.undeclared
    ]
    if clauses:
        listing = listed(clauses, _MOST)
        yield f"clauses that the models cannot declare are kept: {listing}; --types changes them"
    # A source may say more of some of them.
    named = {fold(name) for row in models.models.rows for name in row.drops}
    named |= {fold(table.name) for table in models.schema.tables}
    tables = [table.name for name, table in kept.items() if name not in named and not table.is_virtual]
    if tables:
        what = (
            f"{flags('--allow-drop', tables)} drops it" if len(tables) == 1 else "--allow-drop NAME drops one"
        )
        yield f"outside the models, and kept: {listed(tables, _MOST)} ({what})"
