"""Random SQL: the linter's corpus with pieces cut out, repeated, swapped and replaced."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from tests.corpus.corpus import CASES
from tests.fuzz import values

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence
    from pathlib import Path

    from tests.fuzz.conftest import Run

_TOKEN = re.compile(r"\s+|--[^\n]*|'(?:[^']|'')*'|\"[^\"]*\"|\w+|.", re.DOTALL)
_WORDS = (
    *(
        "ALTER",
        "TABLE",
        "CREATE",
        "DROP",
        "INDEX",
        "TRIGGER",
        "VIEW",
        "BEGIN",
        "END",
        "INSERT",
        "INTO",
        "VALUES",
        "AS",
    ),
    *(
        "SELECT",
        "FROM",
        "WHERE",
        "UPDATE",
        "SET",
        "DELETE",
        "REPLACE",
        "WITH",
        "RECURSIVE",
        "RENAME",
        "TO",
        "COLUMN",
    ),
    *(
        "ADD",
        "PRAGMA",
        "foreign_keys",
        "UNIQUE",
        "PRIMARY",
        "KEY",
        "REFERENCES",
        "CHECK",
        "DEFAULT",
        "NOT",
        "NULL",
    ),
    *(
        "CONFLICT",
        "ON",
        "OR",
        "(",
        ")",
        ",",
        ";",
        ".",
        "=",
        "*",
        "1",
        "x'00'",
        "''",
        '""',
        "[",
        "`",
        "/*",
        "--",
        "?1",
    ),
    *(
        "WITHOUT",
        "ROWID",
        "STRICT",
        "GENERATED",
        "ALWAYS",
        "VIRTUAL",
        "USING",
        "fts5",
        "rtree",
        "VACUUM",
        "ATTACH",
    ),
    *(
        "schema_migrations",
        "sqlite_schema",
        "users",
        "INSTEAD",
        "OF",
        "CASE",
        "WHEN",
        "COLLATE",
        "json_each",
        "|",
    ),
)
_COMMANDS = (
    *(
        "lint --all",
        "lint --all",
        "list",
        "plan",
        "up",
        "up --no-lint",
        "schema --at latest --sql",
        "up --phase before",
    ),
    *(
        "gate --code-version 1",
        "down",
        "diff --to schema.sql --dry-run",
        "verify",
        "adopt --dry-run",
        "lint --all --format github",
    ),
    *(
        "squash --to 2 --dry-run",
        "lint --fix --yes",
        "plan --down",
        "index --output i.py",
        "schema --format mermaid",
    ),
    *(
        "rebuild users --add x --dry-run",
        "verify --fix files",
        "lint --all --verbose",
        "baseline x --dry-run",
    ),
)


@functools.cache
def corpus() -> tuple[str, ...]:
    """Return the SQL of the corpus."""
    return tuple(path.read_text() for path in sorted(CASES.rglob("*.sql")))


def sql(generator: random.Random, folder: Path) -> Sequence[Sequence[str]]:
    """Two migrations and a schema of SQL that was right once, and some commands."""
    for name in ("migrations/001_a.sql", "migrations/002_b.sql", "schema.sql"):
        (folder / name).write_bytes(
            changed(generator, generator.choice(corpus())).encode("utf-8", "surrogatepass")
        )
    commands = [command.split() for command in values.some(generator, _COMMANDS, 3)]
    return [*commands, ["rehearse", "--all", "--rows", "3"]] if generator.random() < 0.05 else commands


def changed(generator: random.Random, text: str) -> str:
    """Return SQL of which some tokens are gone, repeated, swapped or others."""
    tokens = _TOKEN.findall(text)
    for _ in range(generator.choice((0, 1, 1, 2, 3, 6))):
        at = generator.randrange(len(tokens) + 1)
        kind = generator.randrange(7)
        if kind == 0:
            del tokens[at : at + generator.randint(1, 4)]
        elif kind == 1:
            tokens[at:at] = tokens[at : at + 8]
        elif kind == 2:
            del tokens[at:]
        elif kind == 3 and tokens:
            tokens[at : at + 1] = [generator.choice(tokens)]
        elif kind == 4:
            tokens[at : at + 1] = [values.text(generator)[:500]]
        else:
            tokens[at:at] = [" ", generator.choice(_WORDS), " "]
    return "".join(tokens)


def test_sql(run: Run) -> None:
    """No SQL makes a command stumble."""
    run("sql", sql)
