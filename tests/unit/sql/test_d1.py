"""What D1 says and allows, as values; `tests/conformance` asks the real one."""

from __future__ import annotations

import pytest

from d1migrate.sql import d1


@pytest.mark.parametrize(
    ("text", "refusal", "overloaded"),
    [
        ("no such table: a: SQLITE_ERROR", True, False),
        ("UNIQUE constraint failed: a.b: SQLITE_CONSTRAINT", True, False),
        (
            "UNIQUE constraint failed: a.b: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)",
            True,
            False,
        ),
        (d1.TOO_LONG, True, False),
        (d1.NOT_AUTHORIZED, True, False),
        (d1.NO_STATEMENTS, True, False),
        (d1.TRANSACTION_REFUSED, True, False),
        # these leave open whether the batch was committed
        ("Network connection lost.", False, False),
        ("internal error; reference = abc", False, False),
        ("D1 DB reset because its code was updated.", False, False),
        ("Internal error in D1 DB storage caused object to be reset.", False, False),
        ("disk I/O error: SQLITE_IOERR", False, False),
        ("database is locked: SQLITE_BUSY", False, False),
        ("D1 DB exceeded its CPU time limit and was reset.", False, True),
        ("D1 DB reset [code: 7429]", False, True),
        ("D1 DB's isolate exceeded its memory limit and was reset.", False, True),
        ("D1 DB storage operation exceeded timeout which caused object to be reset.", False, True),
        ("D1 DB is overloaded. Requests queued for too long.", False, True),
        ("D1 DB is overloaded. Too many requests queued.", False, True),
    ],
)
def test_error_texts(text: str, *, refusal: bool, overloaded: bool) -> None:
    """An answer to the SQL says that the batch was rolled back; no other text does."""
    assert d1.is_refusal(text) is refusal
    assert d1.is_overloaded(text) is overloaded


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("users", True), ("_cf_KV", False), ("_CF_x", False), ("_cf", True), ("x_cf_", True), (None, True)],
)
def test_names(name: str | None, *, allowed: bool) -> None:
    """Cloudflare's own begin with `_cf_`, in any case."""
    assert d1.allows_name(name) is allowed


@pytest.mark.parametrize(
    ("action", "arg1", "arg2", "database", "allowed"),
    [
        (d1.READ, "users", "id", "main", True),
        (d1.READ, "_cf_KV", "key", "main", False),
        (d1.UPDATE, "users", "id", "main", True),
        (d1.ALTER_TABLE, "main", "users", None, True),
        (d1.ALTER_TABLE, "main", "_cf_KV", None, False),
        (d1.READ, "sqlite_temp_schema", "sql", "temp", True),
        (d1.TRANSACTION, "BEGIN", None, None, False),
        (d1.SAVEPOINT, "BEGIN", "a", None, False),
        (999, None, None, None, False),
        (d1.READ, "users", "id", "other", False),
    ],
)
def test_the_authorizer(
    action: int, arg1: str | None, arg2: str | None, database: str | None, *, allowed: bool
) -> None:
    """What no rule allows is refused."""
    assert d1.authorize(action, arg1, arg2, database) is allowed


@pytest.mark.parametrize(
    ("pragma", "value", "allowed"),
    [
        ("defer_foreign_keys", "on", True),
        ("foreign_keys", "OFF", True),
        ("foreign_keys", "x y", False),
        ("table_info", "users", True),
        ("table_info", "_cf_KV", False),
        ("journal_mode", "wal", False),
        ("user_version", "1", False),
    ],
)
def test_pragmas(pragma: str, value: str, *, allowed: bool) -> None:
    """A list of names, and what each takes."""
    rule = d1.PRAGMAS.get(pragma)
    assert (rule is not None and rule(value)) is allowed


def test_functions_are_in_one_list() -> None:
    """Allowed, or absent, or neither: then D1 refuses to authorize them."""
    assert not d1.FUNCTIONS & d1.ABSENT_FUNCTIONS


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('near "x": syntax error at offset 12: SQLITE_ERROR', ('near "x": syntax error', 12, "SQLITE_ERROR")),
        ("no such table: a: SQLITE_ERROR", ("no such table: a", None, "SQLITE_ERROR")),
        (
            "UNIQUE constraint failed: a.b: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)",
            ("UNIQUE constraint failed: a.b", None, "SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)"),
        ),
        ("Network connection lost.", ("Network connection lost.", None, "")),
        ("", ("", None, "")),
    ],
)
def test_the_parts_of_an_error(text: str, parts: tuple[str, int | None, str]) -> None:
    """The message for people, the place for a caret, the code for programs."""
    assert d1.error_parts(text) == parts
