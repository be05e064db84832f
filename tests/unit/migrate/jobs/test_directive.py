"""`-- d1migrate: batch …` and `online …`: what is read, and what is refused with its place."""

from __future__ import annotations

import pytest

from d1migrate.errors import ParseError
from d1migrate.migrate.jobs.directive import JobDirective
from d1migrate.migrate.migration import Migration

_UPDATE = "UPDATE users SET norm = lower(email) WHERE norm IS NULL;\n"


def _job(directive: str, sql: str = _UPDATE) -> JobDirective | None:
    return Migration(11, "011_fill", f"{directive}\n{sql}").job


def test_a_table_is_enough() -> None:
    """The rowid is the cursor, and the cost alone decides the size."""
    job = _job("-- d1migrate: batch users")
    assert job == JobDirective("batch", "users", line=1, text="batch users")
    assert job.by == ("rowid",)


def test_every_option_is_read() -> None:
    """Names may be quoted; the text keeps no extra spaces."""
    job = _job('--   d1migrate:  batch "my users"  by tenant, "the id" rows 200 pause 2.5 endless ')
    assert job is not None
    assert (job.table, job.by, job.rows, job.pause, job.endless) == (
        "my users",
        ("tenant", "the id"),
        200,
        2.5,
        True,
    )
    assert job.text == 'batch "my users" by tenant, "the id" rows 200 pause 2.5 endless'


def test_an_online_rebuild_names_its_table() -> None:
    """It has no options."""
    job = _job("-- d1migrate: online users")
    assert job is not None
    assert (job.kind, job.table) == ("online", "users")


@pytest.mark.parametrize("place", ["above", "below", "after a first statement"])
def test_it_may_be_anywhere_around_the_statements(place: str) -> None:
    """As other directives of a whole file."""
    directive = "-- d1migrate: batch users\n"
    text = {
        "above": f"-- a note\n{directive}{_UPDATE}",
        "below": f"{_UPDATE}{directive}",
        "after a first statement": f"INSERT INTO schema_migrations VALUES (11, 'fill', 1);\n{directive}{_UPDATE}",
    }[place]
    job = Migration(11, "011_fill", text).job
    assert job is not None
    assert text.split("\n")[job.line - 1] == directive.strip()


@pytest.mark.parametrize("text", ["a -- d1migrate: batch users in a string", "-- d1migrate:batching is fine"])
def test_only_a_directive_is_one(text: str) -> None:
    """Neither a string nor a comment that quotes one."""
    assert Migration(11, "011_fill", f"SELECT '\n{text}';\n").job is None
    assert Migration(11, "011_fill", f"-- see: {text}\n{_UPDATE}").job is None


@pytest.mark.parametrize(
    ("directive", "message", "under"),
    [
        ("batch", "batch needs the name of a table", ""),
        ("batch 5", "batch needs the name of a table", "5"),
        ("batch users rows", "rows needs a number of rows", ""),
        ("batch users rows 0", "rows needs a number of rows", "0"),
        ("batch users rows 1.5", "rows needs a number of rows", "1.5"),
        ("batch users rows many", "rows needs a number of rows", "many"),
        ("batch users pause long", "pause needs a number", "long"),
        ("batch users by", "needs the name of a column", ""),
        ("batch users by a,", "needs the name of a column", ""),
        ("batch users by a, b, c, d, e", "at most 4 columns", "e"),
        ("batch users row 5", "row is not an option of batch", "row"),
        ("batch users endless endless", "endless is given twice", "endless"),
        ("online users rows 5", "rows is not an option of online", "rows"),
    ],
)
def test_a_malformed_one_is_refused_with_its_place(directive: str, message: str, under: str) -> None:
    """The caret is under the part that is wrong."""
    line = f"-- d1migrate: {directive}"
    with pytest.raises(ParseError) as caught:
        _job(line)
    error = caught.value
    assert message in error.headline
    assert error.line == 1
    assert line[error.column - 1 :].startswith(under)
    assert error.hint


def test_a_misspelled_option_is_suggested() -> None:
    """Among those that there are."""
    with pytest.raises(ParseError) as caught:
        _job("-- d1migrate: batch users row 5")
    assert "rows" in str(caught.value.hint)


def test_two_jobs_in_a_file_are_refused() -> None:
    """A migration is one job."""
    with pytest.raises(ParseError, match="already declares a job in line 1"):
        _job("-- d1migrate: batch users\n-- d1migrate: online users")


def test_the_directive_is_not_part_of_the_checksum() -> None:
    """An applied file may get one later."""
    assert Migration(11, "011_fill", _UPDATE).checksum == (
        Migration(11, "011_fill", f"-- d1migrate: batch users\n{_UPDATE}").checksum
    )
