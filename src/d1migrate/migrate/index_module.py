"""The index: a Python module that embeds the migrations, for a Worker, which cannot read a folder.

`workers` reads it; here it is written.
"""

from __future__ import annotations

import json

from d1migrate.migrate.table import SUFFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.table import Shape

_INDEX = "The migrations as a Python value, written by `d1migrate index`. Do not edit."


def index_module(
    migrations: Sequence[Migration], shape: Shape, schemas: Mapping[str, Mapping[str, str | None]]
) -> str:
    """Return the index of migrations.

    Args:
        migrations: the migrations, for MIGRATIONS.
        shape: the shape of the migrations table, for TABLE.
        schemas: {name: what it changed, as `schema.digest.changes` returns it}, for SCHEMAS.

    Returns:
        The text of the module; the same for the same migrations.

    Raises:
        SourceError: a file is not UTF-8, or cannot be read.
    """
    rollbacks = {m.name + SUFFIX: m.rollback_file.text for m in migrations if m.rollback_file}
    lines = [
        f'"""{_INDEX}"""',
        "# fmt: off",
        "# ruff: noqa: E501, ISC004",
        "",
        "# What the migrations table records: versions, or names as wrangler's does.",
        f"TABLE = {_literal(shape)}",
        "",
        *_migrations(migrations),
        "",
        *_schemas(schemas),
        *(["", *_rollbacks(rollbacks)] if rollbacks else []),
        "",
    ]
    return "\n".join(lines)


def _migrations(migrations: Iterable[Migration]) -> Iterator[str]:
    yield "MIGRATIONS = ("
    for migration in migrations:
        yield "    ("
        yield f"        {_literal(migration.name + SUFFIX)},"
        *most, last = _lines(migration.text)
        yield from most
        yield f"{last},"
        yield "    ),"
    yield ")"


def _schemas(schemas: Mapping[str, Mapping[str, str | None]]) -> Iterator[str]:
    yield "# The digest of each object that a migration changes, for `verify_schema`; None: it is dropped."
    yield "SCHEMAS = {"
    for name, changes in schemas.items():
        yield f"    {_literal(name)}: {{"
        for key, known in sorted(changes.items()):
            yield f"        {_literal(key)}: {_literal(known)},"
        yield "    },"
    yield "}"


def _rollbacks(texts: Mapping[str, str]) -> Iterator[str]:
    yield "# The rollbacks that are in files of their own."
    yield "ROLLBACKS = {"
    for name, text in texts.items():
        yield f"    {_literal(name)}: ("
        yield from _lines(text)
        yield "    ),"
    yield "}"


def is_index_module(text: str) -> bool:
    """Whether a text is a module that `index_module` wrote."""
    return _INDEX in text


def _literal(text: str | None) -> str:
    return "None" if text is None else json.dumps(text, ensure_ascii=False)


def _lines(text: str) -> list[str]:
    """Return the literals of a text, one for each of its lines."""
    *whole, last = text.split("\n")
    parts = [line + "\n" for line in whole] + ([last] if last or not whole else [])
    return [f"        {_literal(part)}" for part in parts]
