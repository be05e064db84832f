"""What the linter reports of a Durable Object, and no longer does, is what happens in a real one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import SourceError
from d1migrate.lint.check import RULES
from d1migrate.migrate.compiled_index import compile_index
from d1migrate.migrate.file_suggestion import choose_table
from d1migrate.migrate.migration import LARGE
from d1migrate.migrate.source import load
from tests.runtime.answers import InsideError

if TYPE_CHECKING:
    from tests.runtime.typescript import TypeScriptWorkerd

CASES = {rule.code: (rule.page.given, rule.page.bad) for rule in RULES if rule.only == "d1" and rule.page.bad}
CASES["P103"] = (
    "CREATE TABLE t (id INTEGER);",
    "CREATE TRIGGER r AFTER INSERT ON t\r\nBEGIN\r\n  DELETE FROM t WHERE id IS NULL;\r\nEND;\r\n",
)
FAMILY = """
CREATE TABLE parents (id INTEGER PRIMARY KEY);
CREATE TABLE children (parent_id INTEGER REFERENCES parents(id) ON DELETE CASCADE);
CREATE TABLE orders (parent_id INTEGER REFERENCES parents(id));
INSERT INTO parents VALUES (1), (2);
INSERT INTO children VALUES (1);
INSERT INTO orders VALUES (2);
"""


def names(typescript: TypeScriptWorkerd, database: str) -> list[str]:
    """The tables of an object that are not d1migrate's."""
    (rows,) = typescript.sql(database, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid")
    return [name for (name,) in rows if "migrat" not in name]


@pytest.mark.parametrize("code", CASES)
def test_what_is_only_about_d1_runs(typescript: TypeScriptWorkerd, code: str) -> None:
    """The bad examples are applied: no server splits them, and wrangler does not run them."""
    typescript.apply(typescript.new_object(), *(text for text in CASES[code] if text))


def test_the_triggers_that_d1_would_cut_fire(typescript: TypeScriptWorkerd) -> None:
    """P101 and P102: the body is whole."""
    database = typescript.new_object()
    table = "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, size TEXT);"
    body = "begin UPDATE t SET size = CASE WHEN new.n > 9 THEN 'big' ELSE 'small' END WHERE id = new.id; end;"
    typescript.apply(
        database,
        f"{table} CREATE TRIGGER r AFTER INSERT ON t {body} INSERT INTO t VALUES (1, 10, NULL);",
    )
    assert typescript.sql(database, "SELECT size FROM t") == [[["big"]]]


def test_d113_no_orphan_is_hidden(typescript: TypeScriptWorkerd) -> None:
    """The runtime counts them before the migration ends: it fails, and the one before it stays."""
    database = typescript.new_object()
    hides = (
        "PRAGMA defer_foreign_keys = ON; DELETE FROM parents WHERE id = 2; PRAGMA defer_foreign_keys = OFF;"
    )
    with pytest.raises(InsideError, match="FOREIGN KEY constraint failed") as raised:
        typescript.apply(database, FAMILY, hides)
    assert raised.value.type == "ApplyError"
    assert typescript.sql(database, "SELECT count(*) FROM parents") == [[[2]]]


@pytest.mark.parametrize(
    "text",
    [
        "INSERT OR ROLLBACK INTO t VALUES (1);",
        "CREATE TRIGGER r BEFORE INSERT ON t BEGIN SELECT RAISE(ROLLBACK, 'no'); END; INSERT INTO t VALUES (2);",
    ],
    ids=["OR ROLLBACK", "RAISE(ROLLBACK)"],
)
def test_p109_resets_the_object(typescript: TypeScriptWorkerd, text: str) -> None:
    """No code gets an error, and earlier migrations of the event may be lost; none is half applied."""
    database, files = typescript.new_object(), ("CREATE TABLE t (id UNIQUE);", "INSERT INTO t VALUES (1);")
    with pytest.raises(InsideError, match="internal error") as raised:
        typescript.apply(database, *files, text)
    assert raised.value.type == "Error"
    typescript.apply(database, *files)
    assert typescript.sql(database, "SELECT count(*) FROM t") == [[[1]]]


def test_p111_an_index_holds_no_larger_file() -> None:
    """It is refused by its name and size, before anything is deployed."""
    (file,) = load([("001_file.sql", "SELECT 1;".ljust(LARGE + 1))])
    with pytest.raises(SourceError, match=f"001_file.sql has {LARGE + 1} bytes"):
        compile_index([file], choose_table([file]).guess)


def test_s108_foreign_keys_stay_on(typescript: TypeScriptWorkerd) -> None:
    """The PRAGMA has no effect, in the migration or after it: children are deleted, as D101 reports."""
    database = typescript.new_object()
    rebuild = "DROP TABLE orders; CREATE TABLE new (id INTEGER PRIMARY KEY); INSERT INTO new SELECT id FROM parents;"
    replace = "DROP TABLE parents; ALTER TABLE new RENAME TO parents;"
    typescript.apply(database, FAMILY, f"PRAGMA foreign_keys = OFF; {rebuild} {replace}")
    assert typescript.sql(database, "SELECT count(*) FROM children", "PRAGMA foreign_keys") == [[[0]], [[1]]]


@pytest.mark.parametrize(
    "pragma",
    ["ignore_check_constraints", "legacy_alter_table", "recursive_triggers", "reverse_unordered_selects"],
)
def test_p108_a_pragma_stays_on_for_later_events(typescript: TypeScriptWorkerd, pragma: str) -> None:
    """Until the object is evicted."""
    database = typescript.new_object()
    typescript.apply(database, f"CREATE TABLE t (id); PRAGMA {pragma} = ON;")
    assert typescript.sql(database, f"PRAGMA {pragma}") == [[[1]]]
    typescript.abort(database)
    assert typescript.sql(database, f"PRAGMA {pragma}") == [[[0]]]


def test_p108_like_stays_case_sensitive(typescript: TypeScriptWorkerd) -> None:
    """This PRAGMA cannot be read."""
    database = typescript.new_object()
    typescript.apply(database, "CREATE TABLE t (id); PRAGMA case_sensitive_like = ON;")
    assert typescript.sql(database, "SELECT 'A' LIKE 'a'") == [[[0]]]
