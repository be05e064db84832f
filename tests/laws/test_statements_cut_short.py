"""Readers of SQL on statements that end too early, or lack a token: they never stumble."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable  # noqa: TC003 - of a table's type
from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import Error, ParseError
from d1migrate.migrate.deploy_phase import impact_of
from d1migrate.migrate.history_guard import check_history_use, is_record, recorded_version
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.table import USUAL_TABLE
from d1migrate.schema.normalize import canonical
from d1migrate.schema.render import create_text
from d1migrate.sql.canonical import canonical_expression, canonical_text
from d1migrate.sql.create import parse, parse_table
from d1migrate.sql.dump import user_statement
from d1migrate.sql.format import squeezed
from d1migrate.sql.select import selects, with_names, without_subqueries
from d1migrate.sql.split import Statement, split
from d1migrate.sql.statement import (
    alteration_of,
    assignments,
    conflict_target,
    effects,
    insert_of,
    pragma_of,
    shape_of,
    target_of,
)
from d1migrate.sql.tokens import significant, tokenize
from d1migrate.sql.triggers import is_carried, is_create_trigger, one_line, safe_form
from tests import inputs
from tests.corpus.corpus import CASES

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST = 40  # tokens of a statement


_TEXT: tuple[Callable[..., object], ...] = (
    *(parse, parse_table, effects, canonical, canonical_text, create_text),
    *(canonical_expression, is_create_trigger, one_line, safe_form, is_carried, recorded_version),
    *(is_record, squeezed),
)
_TOKENS: tuple[Callable[..., object], ...] = (
    *(shape_of, target_of, alteration_of, insert_of, pragma_of, assignments, conflict_target),
    *(selects, with_names, without_subqueries),
)
READERS: dict[str, Callable[..., object]] = {reader.__name__: reader for reader in (*_TEXT, *_TOKENS)}
READERS["user_statement"] = lambda sql: user_statement(sql, significant(sql))
READERS["impact_of"] = lambda sql: impact_of(Migration(1, "001_a", sql))
READERS["check_history_use"] = lambda sql: check_history_use(
    [Statement(sql, 0, 1, 0, sql)], "a.sql", USUAL_TABLE, Migration(1, "001_a", sql)
)


def without_names(sql: str) -> str:
    """Statements that differ in names and literals only are read alike."""
    return re.sub(r"'[^']*'|\"[^\"]*\"|\b[a-z]\w*|\d+", "x", sql)


@functools.cache
def statements() -> list[str]:
    """Statements of the corpus that differ in form, and all of them about the history too."""
    found: dict[str, str] = {}
    for path in sorted(CASES.rglob("*.sql")):
        try:
            for piece in split(path.read_text()):
                found.setdefault(without_names(piece.sql), piece.sql)
        except ParseError:
            continue
    return [sql for sql in found.values() if sql]


def cuts(sql: str) -> Iterator[str]:
    """Every beginning of a statement, and the statement without each of its tokens."""
    tokens = [token.text for token in tokenize(sql)]
    for at in range(min(len(tokens), _LONGEST)):
        yield "".join(tokens[:at])
        yield "".join((*tokens[:at], " ", *tokens[at + 1 :]))


@functools.cache
def broken() -> dict[str, str]:
    """{form: a statement that is cut short}."""
    found: dict[str, str] = {}
    for sql in statements():
        for cut in cuts(sql):
            found.setdefault(without_names(cut), cut)
    return found


@pytest.mark.parametrize("name", READERS)
def test_no_reader_stumbles(name: str) -> None:
    """It returns something, or raises an error of ours."""
    wrong: dict[str, str] = {}
    for sql in inputs.some(tuple(broken().values())):
        try:
            READERS[name](significant(sql) if READERS[name] in _TOKENS else sql)
        except Error:
            continue
        except Exception as error:  # whatever it is, it must not be
            wrong.setdefault(repr(error), sql)
    assert wrong == {}
