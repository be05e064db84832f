"""What the corpus claims, asked of the real D1 with rows in the tables."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import pytest

from d1migrate import split
from d1migrate.errors import QueryError
from d1migrate.sql.batch import Batch, Query
from d1migrate.sql.names import fold, quote_identifier, unquote
from d1migrate.sql.tokens import significant
from tests.corpus.corpus import Case, load_cases
from tests.runtime.workerd import Workerd, WorkerdDriver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from d1migrate.sql.batch import Value

CASES = load_cases()
BY_NAME = {case.name: case for case in CASES}
LOSING = {"D101", "D102", "D103", "D114"}
NOT_SHOWN = {"D/child_filled_in_this_file": "the rows it loses are those it wrote itself"}
# What D1 says where a case is about being refused.
ERROR = {
    "F101": "Cannot add a NOT NULL column with default value NULL",
    "F102": "Cannot add a column with non-constant default",
    "F103": "cannot add a STORED column",
    "F104": "Cannot add a REFERENCES column with non-NULL default value",
    "F105": "CHECK constraint failed",
    "F106": "UNIQUE constraint failed",
    "F107": "constraint failed|cannot store TEXT value in INTEGER column",
    "F108": "FOREIGN KEY constraint failed|internal error",  # the second at commit, where it was deferred
    "R101": "To execute a transaction, please use",
    "R102": "not authorized: SQLITE_AUTH",
    "R103": "not authorized to use function",
    "R104": "not authorized: SQLITE_AUTH",
    "R105": "cannot VACUUM from within a transaction",
    "R106": "syntax error|no such (table|column)|already exists|duplicate column|error in view|values for|foreign key mismatch",
    "R107": "too many terms in compound SELECT",
    "R108": "too many|too complex|too large|at most 64 tables",
    "R112": "Cannot add a (NOT NULL column|column with non-constant default)",
    "R110": "not authorized to use function|Cannot add a|cannot drop|error in index",
}
# Tables whose links follow an updated key, as ON UPDATE CASCADE says.
FOLLOWING = {
    "D/key_update_set_null.good": {"members"},
    "D/key_update_chain": {"squads"},
    "D/trigger_deletes_after_cascade": {"members"},
}
# What a case claims that is not about rows: a question whose answer changes, and does not in the good twin.
CLAIMS = {
    "D/narrower_text_to_integer": "SELECT code FROM items WHERE id = 1",
    "D/lost_index": "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'items' ORDER BY 1",
    "D/lost_unique_index": "SELECT count(*) FROM pragma_index_list('items') WHERE \"unique\"",
    "D/lost_trigger": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "D/lost_trigger_fts": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "D/lost_counter": "SELECT seq FROM sqlite_sequence WHERE name = 'tickets'",
    "D/counters_deleted": "SELECT seq FROM sqlite_sequence WHERE name = 'tickets'",
    "D/lost_autoincrement": "SELECT seq FROM sqlite_sequence WHERE name = 'tickets'",
    "D/lost_rowids": "SELECT slug FROM pages WHERE rowid IN (SELECT rowid FROM pages_fts('milk'))",
    "D/lost_rowids_held": "SELECT slug FROM pages WHERE rowid IN (SELECT rowid FROM pages_fts('milk'))",
    "D/defer_off_orphans": "SELECT count(*) FROM pragma_foreign_key_check",
    "D/defer_off_bare_check": "SELECT count(*) FROM pragma_foreign_key_check",
}
# What D1 accepts without a word, and what it then does: SQL, and its last answer.
SURPRISES: dict[str, tuple[str, Value]] = {
    "S/type_string": ("INSERT INTO codes VALUES (1, '007'); SELECT code FROM codes", 7),
    "S/type_floating_point": (
        "INSERT INTO prices VALUES (1, 2.0); SELECT typeof(price) FROM prices",
        "integer",
    ),
    "S/strftime_in_text": ("INSERT INTO events (id) VALUES (1); SELECT typeof(at) FROM events", "text"),
    "S/strftime_untyped": ("INSERT INTO events (id) VALUES (1); SELECT at > 9999999999 FROM events", 1),
    "S/double_quoted_missing_column": ("SELECT email FROM users", "email"),
    "S/if_not_exists_not_unique": ("SELECT \"unique\" FROM pragma_index_list('users')", 0),
    "S/foreign_keys_off": ("PRAGMA foreign_keys = OFF; SELECT foreign_keys FROM pragma_foreign_keys", 1),
    "P/pragma_ignore_check_constraints": ("PRAGMA ignore_check_constraints", 1),
    "P/pragma_legacy_alter_table": ("PRAGMA legacy_alter_table", 1),
    "P/pragma_recursive_triggers": ("PRAGMA recursive_triggers", 1),
    "P/pragma_case_sensitive_like": ("SELECT 'a' LIKE 'A'", 0),
    "P/pragma_reverse_unordered_selects": ("PRAGMA reverse_unordered_selects", 1),
}
# The same, where what it then does is to fail: SQL, and the error.
FAILURES = {
    "S/if_not_exists_other_columns": ("SELECT email FROM users", "no such column: email"),
    "S/if_not_exists_view_for_table": ("DROP VIEW users", "use DROP TABLE to delete table users"),
    "S/references_missing_table": ("INSERT INTO posts VALUES (1, 1)", "no such table: main.user"),
    "S/references_missing_table_added": ("UPDATE users SET team_id = 1", "no such table: main.teams"),
    "S/references_left_behind": ("INSERT INTO posts VALUES (1, 1)", "no such table: main.users"),
    "S/references_not_unique": ("INSERT INTO posts VALUES (1, 'Ada')", "foreign key mismatch"),
    "S/references_part_of_key": ("INSERT INTO votes VALUES (1, 'a')", "foreign key mismatch"),
    "S/references_partial_unique": ("INSERT INTO tagged VALUES (1, 'a')", "foreign key mismatch"),
    "S/strict_default": ("INSERT INTO counters (id) VALUES (1)", "cannot store TEXT value in INTEGER column"),
    "S/dangling_view": ("SELECT * FROM names", "no such table: main.users"),
    "S/dangling_view_of_view": ("SELECT * FROM shouts", "no such table: main.names"),
    "S/dangling_trigger": ("INSERT INTO users (name) VALUES ('Cid')", "no such table: main.log"),
    "D/drop_parent_only": ("INSERT INTO posts VALUES (9, 1, '')", "no such table: main.users"),
    "D/rename_aside": ("INSERT INTO posts VALUES (9, 1, '')", "no such table: main.users_old"),
    "D/rebuild_create_table_as": ("INSERT INTO posts VALUES (9, 1, '')", "foreign key mismatch"),
    "P/raise_rollback": ("INSERT INTO users (id) VALUES (1); DELETE FROM users", "internal error"),
    "P/on_conflict_rollback": ("INSERT INTO keys VALUES (1, 'a'), (2, 'a')", "internal error"),
}


class Table(NamedTuple):
    """The rows of a table; generated columns are left out."""

    columns: list[str]
    rows: list[tuple[Value, ...]]

    def over(self, columns: Iterable[str]) -> Counter[tuple[Value, ...]]:
        """Return how often each row is there, looking at some columns only."""
        places = [self.columns.index(column) for column in columns]
        return Counter(tuple(row[place] for place in places) for row in self.rows)

    def values(self, column: str) -> int:
        """Return how many rows have a value in a column."""
        return sum(count for (value,), count in self.over([column]).items() if value is not None)


Tables = dict[str, Table]


def run(driver: WorkerdDriver, sql: str) -> None:
    """Run a script as one batch."""
    if queries := [Query(statement.sql) for statement in split(sql) if statement.sql]:
        driver.batch(Batch(queries))


def ask(driver: WorkerdDriver, *questions: str) -> list[list[tuple[Value, ...]]]:
    """Return the rows of each question."""
    answers = driver.batch(Batch([Query(sql) for sql in questions], reads=True)) if questions else []
    return [list(answer.rows) for answer in answers]


def read_tables(driver: WorkerdDriver) -> Tables:
    """Read all tables except the shadow tables of virtual ones, by folded name."""
    (found,) = ask(
        driver,
        "SELECT t.name, c.name FROM pragma_table_list t, pragma_table_info(t.name) c"
        " WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )
    columns: dict[str, list[str]] = {}
    for table, column in found:
        columns.setdefault(str(table), []).append(str(column))
    rows = ask(
        driver,
        *(
            f"SELECT {', '.join(map(quote_identifier, names))} FROM {quote_identifier(table)}"
            for table, names in columns.items()
        ),
    )
    return {
        fold(table): Table([fold(name) for name in names], found)
        for (table, names), found in zip(columns.items(), rows, strict=True)
    }


def build(workerd: Workerd, case: Case) -> WorkerdDriver:
    """Return a fresh database with what is there before the migration."""
    driver = WorkerdDriver(workerd, workerd.database())
    run(driver, case.before + case.rows)
    return driver


def migrated(workerd: Workerd, case: Case) -> tuple[Tables, Tables]:
    """Return the tables before and after the migration, which runs as one batch."""
    driver = build(workerd, case)
    before = read_tables(driver)
    run(driver, case.migration)
    return before, read_tables(driver)


def changed(before: Table, after: Table | None) -> bool:
    """Whether a row of before is not there any more, over the columns both have."""
    if after is None:
        return bool(before.rows)
    common = [column for column in before.columns if column in after.columns]
    return bool(before.over(common) - after.over(common))


def fewer(before: Table, after: Table | None) -> bool:
    """Whether there are fewer rows, or fewer values in a column both have."""
    if after is None:
        return bool(before.rows)
    common = [column for column in before.columns if column in after.columns]
    return len(after.rows) < len(before.rows) or any(
        after.values(column) < before.values(column) for column in common
    )


def named(case: Case, *starts: str) -> set[str]:
    """Return the tables named after words such as `DELETE FROM`, folded."""
    found = set()
    for statement in split(case.migration):
        tokens = significant(statement.sql)
        words = [token.keyword for token in tokens]
        for start in starts:
            at = len(start.split())
            if words[:at] == start.split() and len(tokens) > at:
                at += 2 * (words[at] == "IF")  # IF EXISTS
                at += 2 * (tokens[at + 1 : at + 2] != [] and tokens[at + 1].text == ".")  # main.
                found.add(fold(unquote(tokens[at].text)))
    return found


def dropped(case: Case, after: Tables) -> set[str]:
    """Return the tables that the SQL says it drops and that are gone."""
    return {table for table in named(case, "DROP TABLE") if table not in after}


def touched(case: Case) -> set[str]:
    """Return the tables that the SQL says it drops, empties, replaces or updates."""
    inserts = ("INSERT INTO", "REPLACE INTO", "INSERT OR REPLACE INTO")
    return named(case, "DROP TABLE", "DELETE FROM", "UPDATE", "UPDATE OR REPLACE", *inserts)


def updated(case: Case) -> set[str]:
    """Return the tables whose values the SQL says it changes."""
    upserts = named(case, "INSERT INTO") if " DO UPDATE " in case.migration else set()
    return upserts | named(case, "UPDATE", "UPDATE OR IGNORE")


def error(case: Case) -> str:
    """Return the pattern of what D1 says to a case that it refuses."""
    return "|".join(ERROR[code] for code in case.expect if code in ERROR)


def chosen(choose: Callable[[Case], bool]) -> pytest.MarkDecorator:
    """Return the mark that runs a test for some cases."""
    cases = [case for case in CASES if choose(case)]
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


@chosen(lambda case: bool(case.loses))
def test_what_is_said_to_lose_rows_loses_them(case: Case, workerd: Workerd) -> None:
    """D1 reports success, the named tables have lost rows or links, and no others have."""
    before, after = migrated(workerd, case)
    lost = {table for table, content in before.items() if changed(content, after.get(table))}
    loses = {fold(table) for table in case.loses}
    assert loses <= lost
    assert lost - loses <= touched(case) | FOLLOWING.get(case.name, set())


@chosen(lambda case: bool(case.expect & LOSING))
def test_every_loss_is_shown(case: Case) -> None:
    """A case about lost rows says whose, so that it is run."""
    assert case.loses or case.name in NOT_SHOWN


@chosen(lambda case: case.good)
def test_a_good_case_runs_and_loses_nothing(case: Case, workerd: Workerd) -> None:
    """D1 accepts it over rows, and every row is as it was, but for what the SQL itself says of it."""
    before, after = migrated(workerd, case)
    loose = updated(case) | FOLLOWING.get(case.name, set()) if case.group == "D" else set(before)
    lost = {
        table
        for table, content in before.items()
        if (fewer if table in loose else changed)(content, after.get(table))
    }
    assert lost <= dropped(case, after) | named(case, "DELETE FROM")


@chosen(lambda case: case.group == "D" and not case.good and not case.loses)
def test_other_cases_about_losses_run(case: Case, workerd: Workerd) -> None:
    """What is about columns, indexes and counters is no error on D1, and takes no rows it does not name."""
    before, after = migrated(workerd, case)
    lost = {table for table, content in before.items() if fewer(content, after.get(table))}
    replaces = ("INSERT INTO", "REPLACE INTO", "INSERT OR REPLACE INTO") if "D118" in case.expect else ()
    assert lost <= named(case, "DELETE FROM", "DROP TABLE", *replaces)


@chosen(lambda case: case.group == "F" and not case.good)
def test_what_fails_on_rows_fails_on_rows_only(case: Case, workerd: Workerd) -> None:
    """D1 refuses it over the rows, leaves them as they are, and accepts it where there are none."""
    driver = build(workerd, case)
    before = read_tables(driver)
    with pytest.raises(QueryError, match=error(case)):
        run(driver, case.migration)
    assert read_tables(driver) == before
    run(build(workerd, case._replace(rows="")), case.migration)


@chosen(lambda case: case.group == "R" and not case.good)
def test_what_is_refused_is_refused(case: Case, workerd: Workerd) -> None:
    """D1 refuses it, for that reason."""
    driver = build(workerd, case)
    with pytest.raises(QueryError, match=error(case)):
        run(driver, case.migration)


@chosen(lambda case: case.name in CLAIMS)
def test_what_is_said_to_change_changes(case: Case, workerd: Workerd) -> None:
    """What is lost beside rows is there before, not after, and after the good twin it is."""
    answers = []
    for name in (case.name, f"{case.name}.good"):
        driver = build(workerd, case)
        old = ask(driver, CLAIMS[case.name])
        run(driver, BY_NAME[name].migration)
        answers.append(ask(driver, CLAIMS[case.name]) == old)
    assert answers == [False, True]


@chosen(lambda case: case.group in "PSWH" and not case.good and "P105" not in case.expect)
def test_what_is_no_error_to_d1_is_accepted(case: Case, workerd: Workerd) -> None:
    """What breaks on the way to production, later, or in silence is fine with the local D1."""
    run(build(workerd, case), case.migration)


@chosen(lambda case: case.name in SURPRISES)
def test_what_is_said_to_surprise_surprises(case: Case, workerd: Workerd) -> None:
    """D1 does something else than what is written."""
    driver = build(workerd, case)
    run(driver, case.migration)
    sql, answer = SURPRISES[case.name]
    assert ask(driver, *(statement.sql for statement in split(sql)))[-1] == [(answer,)]


@chosen(lambda case: case.name in FAILURES)
def test_what_is_said_to_break_later_breaks(case: Case, workerd: Workerd) -> None:
    """D1 accepts the migration, and fails at what comes after."""
    driver = build(workerd, case)
    run(driver, case.migration)
    sql, text = FAILURES[case.name]
    with pytest.raises(QueryError, match=text):
        run(driver, sql)


def test_every_claim_is_about_a_case() -> None:
    """No entry of the tables above is left behind by a case that was renamed."""
    assert BY_NAME.keys() >= {*NOT_SHOWN, *FOLLOWING, *CLAIMS, *SURPRISES, *FAILURES}
