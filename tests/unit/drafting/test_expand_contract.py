"""A column in several migrations: what each of them does, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from d1migrate.drafting import Desired, Stage, backfill_of, draft, expand_contract, read
from d1migrate.errors import PlanError, UsageError

USERS = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);"


def staged(current: str, desired: str, *backfill: str, **options: Any) -> list[Stage]:
    """The migrations from one script to another."""
    before, after = read(current, file="current.sql").schema, Desired(read(desired, file="schema.sql").schema)
    values = dict(map(backfill_of, backfill))
    whole = draft(before, after, backfill=values, allow_drop=["all"])
    assert whole is not None
    return expand_contract(before, after, whole, values, **options)


def sql(stage: Stage) -> list[str]:
    """The statements of a migration."""
    return [statement for group in stage.draft.up for statement in group.statements]


def test_constraints_are_added_at_the_end() -> None:
    """Until each row has a value, the column may be NULL, and has no default that would hide it."""
    desired = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, norm TEXT COLLATE NOCASE UNIQUE DEFAULT 'x');"
    expand, fill, contract, rebuild = staged(USERS, desired, "users.norm=lower(email)")
    assert sql(expand)[0] == 'ALTER TABLE "users" ADD COLUMN "norm" TEXT COLLATE NOCASE'
    assert sql(fill) == ['UPDATE "users" SET "norm" = lower(email)\nWHERE "norm" IS NULL']
    assert [statement.split()[:2] for statement in sql(contract)] == [["DROP", "TRIGGER"]] * 2
    assert any("norm TEXT COLLATE NOCASE UNIQUE DEFAULT 'x'" in statement for statement in sql(rebuild))
    assert rebuild.lines == ("d1migrate: phase=after", "d1migrate: online users")


def test_several_columns() -> None:
    """Each is filled by a migration of its own: a batch migration has one statement."""
    desired = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, a TEXT, b TEXT REFERENCES users);"
    found = staged(USERS, desired, "users.a=lower(email)", "users.b=upper(email)")
    assert [stage.description for stage in found] == [
        "add users a and b",
        "fill users a",
        "fill users b",
        "contract users a and b",
    ]
    assert 'ALTER TABLE "users" ADD COLUMN b TEXT REFERENCES users' in sql(found[0])


def test_what_the_rebuild_creates_again_is_no_other_change() -> None:
    """The table's own trigger; and a value may read a generated column, which the copy then holds."""
    own = "CREATE TRIGGER touch AFTER DELETE ON users BEGIN SELECT 1; END;"
    table = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, g TEXT AS (upper(email)){});" + own
    found = staged(table.format(""), table.format(", norm TEXT NOT NULL"), "users.norm=lower(g)")
    assert [stage.description for stage in found][-1] == "rebuild users"
    assert any(
        statement.startswith('CREATE TABLE "_d1m_hold_1"') and '"g"' in statement
        for statement in sql(found[-1])
    )


def test_the_key_of_a_table_without_rowids() -> None:
    """Its pages are those of its primary key, which a compiled file has to name."""
    table = (
        'CREATE TABLE "my users" (a TEXT, "b c" TEXT, email TEXT{}, PRIMARY KEY (a, "b c")) WITHOUT ROWID;'
    )
    _, fill, _ = staged(table.format(""), table.format(", norm TEXT"), "my users.norm=lower(email)")
    assert fill.lines[-1] == 'd1migrate: batch "my users" by a, "b c"'


@pytest.mark.parametrize(
    ("desired", "backfill", "error"),
    [
        ("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL);", "users.email=''", UsageError),
        (
            "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, norm TEXT); CREATE TABLE logs (id);",
            "users.norm=email",
            PlanError,
        ),
    ],
)
def test_what_is_refused(desired: str, backfill: str, error: type[Exception]) -> None:
    """No new column, or more than new columns."""
    with pytest.raises(error, match=r"--expand|there is more to do"):
        staged(USERS, desired, backfill)
