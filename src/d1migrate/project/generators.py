"""What the configurations of drizzle-kit and Prisma declare. They are programs, and are not run.

A value is known only if it is written as one literal; `process.env.FILE` and `"a" + b` are not.
"""

from __future__ import annotations

import os
import re

from d1migrate.errors import UsageError
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DRIZZLE = "drizzle-kit"
_DRIZZLE_CONFIGS = (
    "drizzle.config.ts",
    "drizzle.config.js",
    "drizzle.config.json",
)  # the names drizzle-kit looks for
_PRISMA_CONFIGS = ("prisma.config.ts", "prisma.config.mts", "prisma.config.js", "prisma.config.mjs")
_PRISMA_SCHEMAS = ("schema.prisma", "prisma/schema.prisma")
_SQLITE = ("sqlite", "turso")
_TOKEN = re.compile(
    r"""
    (?P<skipped> \s+ | //[^\n]* | /\*.*?\*/ )
    | "(?P<double> (?: \\. | [^"\\] )* )" | '(?P<single> (?: \\. | [^'\\] )* )' | `(?P<template> [^`$\\]* )`
    | (?P<word> [\w$]+ ) | (?P<mark> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_ENDS = {",", "}", ")", ";"}


class Generator(NamedTuple):
    """A tool that generates migration files.

    Attributes:
        tool: its name.
        root: the folder of its project.
        config: its configuration file.
        dialect: the kind of database, in the words of the tool; None if that is not known.
        folder: the folder of its migrations; None if that is not known.
        database: the path of its SQLite file; None if that is not known.
        pattern: which files of the folder are migrations, if the tool always writes the same.
        command: the command that generates the next file.
        names_database: whether its configuration is about a database; one that only generates need not be.
    """

    tool: str
    root: str
    config: str
    dialect: str | None
    folder: str | None
    database: str | None
    pattern: str | None
    command: str
    names_database: bool = True

    @property
    def is_for_sqlite(self) -> bool:
        """Whether its migrations are for SQLite, as far as is known."""
        return self.dialect in (None, *_SQLITE)


class _Token(NamedTuple):
    text: str
    is_string: bool


def find(folder: str) -> Generator | None:
    """Return what generates migrations in a project: its folder has the tool's configuration.

    Raises:
        UsageError: a configuration cannot be read.
    """
    return _drizzle(folder) or _prisma(folder)


def _paths(folder: str, names: Sequence[str]) -> Iterator[str]:
    return (_below(folder, name) for name in names)


def _drizzle(root: str) -> Generator | None:
    config = next(filter(os.path.isfile, _paths(root, _DRIZZLE_CONFIGS)), None)
    if config is None:
        return None
    tokens = _tokens(config)
    out = _literal(tokens, "out") if any(_values(tokens, "out", ":")) else "drizzle"  # drizzle-kit's default
    return Generator(
        DRIZZLE,
        root,
        config,
        _literal(tokens, "dialect"),
        None if out is None else _below(root, out),
        _file(root, _literal(tokens, "url")),
        None,  # 0.31 writes files, and 1.0 a folder for each
        "npx drizzle-kit generate",
        names_database=any(token.text in ("driver", "dbCredentials") for token in tokens),
    )


def _prisma(root: str) -> Generator | None:
    config = next(filter(os.path.isfile, _paths(root, _PRISMA_CONFIGS)), None)
    tokens = _tokens(config) if config else []
    named = _literal(tokens, "schema")
    is_below = os.path.basename(os.path.abspath(root)) == "prisma"  # the project is the folder above
    usual = () if is_below else _PRISMA_SCHEMAS
    schemas = (named, f"{named}/schema.prisma") if named else usual
    schema = next(filter(os.path.isfile, _paths(root, schemas)), None)
    if schema is None:
        return None
    beside = os.path.dirname(schema)
    source, path = _block(_tokens(schema), "datasource"), _literal(_block(tokens, "migrations"), "path")
    url = _literal(_block(tokens, "datasource"), "url")
    return Generator(
        "Prisma",
        root,
        schema,
        _literal(source, "provider", "="),
        _below(root, path) if path else os.path.join(beside, "migrations"),
        _file(root, url) if url else _file(beside, _literal(source, "url", "=")),
        "*/migration.sql",
        "npx prisma migrate dev --create-only",
    )


def _block(tokens: list[_Token], name: str) -> list[_Token]:
    """Return a block without the rest of the file: another block may have the same keys."""
    words = [token.text for token in tokens]
    if name not in words:
        return []
    start = words.index(name)
    return tokens[start : words.index("}", start) if "}" in words[start:] else None]


def _tokens(path: str) -> list[_Token]:
    """Return the strings, words and marks of a file in TypeScript, JavaScript, JSON or Prisma's language."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
    found = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind != "skipped":
            found.append(_Token(match[kind], is_string=kind not in ("word", "mark")))
    return found


def _literal(tokens: list[_Token], key: str, between: str = ":") -> str | None:
    """Return the value of a key if it is one literal."""
    for value, after in _values(tokens, key, between):
        if value.is_string and (between == "=" or after.text in _ENDS) and value.text.isprintable():
            return value.text
    return None


def _values(tokens: list[_Token], key: str, between: str) -> Iterator[tuple[_Token, _Token]]:
    """Yield the first token of each value of a key, and the token after it."""
    padded = [*tokens, *[_Token("}", is_string=False)] * 3]
    for at in range(len(tokens)):
        name, mark, value, after = padded[at : at + 4]
        if name.text == key and mark == _Token(between, is_string=False):
            yield value, after


def _file(folder: str, url: str | None) -> str | None:
    """Return the path that a url names; None for a remote database, and for one in memory."""
    path = (url or "").removeprefix("file:").partition("?")[0]
    is_path = path and path != ":memory:" and not re.match(r"[a-z]{2,}:", path)
    return _below(folder, path) if is_path else None


def _below(folder: str, path: str) -> str:
    return os.path.normpath(os.path.join(folder, path))
