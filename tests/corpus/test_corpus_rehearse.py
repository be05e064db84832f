"""Rehearse the corpus: losses on the real D1 are found, and safe migrations raise no alarm."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import apsw
import pytest

from d1migrate.errors import SourceError
from d1migrate.lint.replay.replayer import schema_of
from d1migrate.migrate.migration import Migration
from d1migrate.rehearse import ScratchDatabase, rehearse
from d1migrate.sql.names import fold
from tests.corpus.corpus import Case, load_cases

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from d1migrate.rehearse import Rehearsed

CASES = load_cases()
LOSSES = {"X101", "X102", "X103"}
# The file's own DELETE declares what goes: it is explained, and shown.
EXPLAINED = {"D/delete_all_parents": {"posts": "CASCADE of DELETE FROM users"}}
# Where every table has rows, D1 refuses it: a RESTRICT child, or a default that is no parent's key.
FAILS_ON_GENERATED = {
    "D/cascade_beside_restrict": "FOREIGN KEY constraint failed",
    "D/set_default": "FOREIGN KEY constraint failed",
}
# The file speaks of keys that generated rows do not have: what it says then is about these rows only.
SPEAKS_OF_ROWS = {
    *("D/guard_with_condition", "D/insert_or_replace_parent", "D/insert_or_replace_set_null"),
    *(
        "D/key_update_set_default",
        "D/key_update_upsert",
        "D/trigger_deletes",
        "D/on_conflict_replace_parent",
        "D/replace_into_parent",
    ),
    "D/update_or_replace_parent",
}
# The same of a good case, which then stops by itself: it checks how many rows there are.
GOOD_ON_OWN_ROWS_ONLY = {"D/recipe_a_full.good": "cc lost rows"}
# What else a rehearsal finds about rows where the linter foresees it; a column may be dropped with its values.
FORESEEN = {"D105": "X102", "D108": "X102", "D113": "X103", "D115": "X102", "D116": "X101"}
SEEN_ON_OWN_ROWS = {
    *("D/copied_by_position", "D/copy_filtered", "D/copy_ignores", "D/defer_off_bare_check"),
    *("D/defer_off_orphans", "D/narrower_text_to_integer", "D/not_copied_column"),
}


def on_own_rows(case: Case, folder: Path) -> Rehearsed:
    """Rehearse a case on its own rows."""
    path = str(folder / "own.sqlite")
    with closing(apsw.Connection(path)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(case.before + case.rows)
    return rehearse([Migration(2, "002_case", case.migration)], ScratchDatabase.of(path)).migrations[0]


def on_generated_rows(case: Case) -> Rehearsed:
    """Rehearse a case on generated rows."""
    before = schema_of([Migration(1, "001_before", case.before)]) if case.before else None
    return rehearse([Migration(2, "002_case", case.migration)], before).migrations[0]


def losing(found: Rehearsed) -> set[str]:
    """The tables with unexplained losses of rows or values; a finding names each of them."""
    tables = {change.table for change in found.changes if change.unexplained or change.unexplained_changes}
    said = " ".join(d.message for d in found.diagnostics if d.code in ("X101", "X102"))
    assert all(table in said for table in tables)
    assert bool(tables) == (found.verdict == "loses rows") == bool(said)
    return {fold(table) for table in tables}


def codes(found: Rehearsed) -> set[str]:
    """The codes of findings on rows."""
    return {d.code for d in found.diagnostics} & LOSSES


def why(found: Rehearsed) -> str:
    """What stopped it."""
    return next(d.message for d in found.diagnostics if d.code == "X108")


def chosen(choose: Callable[[Case], bool]) -> pytest.MarkDecorator:
    """Return the mark that runs a test for some cases."""
    cases = [case for case in CASES if choose(case)]
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


@chosen(lambda case: bool(case.loses))
def test_a_loss_is_found(case: Case, tmp_path: Path) -> None:
    """Exactly the tables that lose rows or links on D1 lose them here, and the migration does not pass."""
    found = on_own_rows(case, tmp_path)
    if case.name not in EXPLAINED:
        assert losing(found) == {fold(table) for table in case.loses}
    assert found.ok == (case.name in EXPLAINED)


@chosen(lambda case: bool(case.loses))
def test_a_loss_is_found_on_generated_rows(case: Case) -> None:
    """The same without rows to start with; if the file mentions keys, the verdict promises nothing."""
    found = on_generated_rows(case)
    if case.name in FAILS_ON_GENERATED:
        assert FAILS_ON_GENERATED[case.name] in why(found)
    elif case.name in SPEAKS_OF_ROWS:
        assert found.verdict.startswith("no loss on ")
    elif case.name not in EXPLAINED:
        assert losing(found) == {fold(table) for table in case.loses}


@chosen(lambda case: case.name in EXPLAINED)
def test_what_a_delete_declares_is_shown(case: Case, tmp_path: Path) -> None:
    """Rows deleted by the CASCADE of the file's own DELETE are no loss, and are listed as such."""
    for found in (on_own_rows(case, tmp_path), on_generated_rows(case)):
        assert found.verdict == "no loss"
        shown = {c.table: c.lost_by for c in found.changes if c.difference.lost}
        assert shown.items() >= EXPLAINED[case.name].items()
        assert shown.keys() >= case.loses


@pytest.mark.slow
@chosen(lambda case: case.good)
def test_a_good_case_raises_no_alarm(case: Case, tmp_path: Path) -> None:
    """Neither on its own rows nor on generated rows."""
    for found in (on_own_rows(case, tmp_path), on_generated_rows(case)):
        assert not codes(found)
        if found.verdict == "fails":
            assert GOOD_ON_OWN_ROWS_ONLY[case.name] in why(found)


@pytest.mark.slow
@chosen(lambda case: not case.good and not case.loses)
def test_what_loses_no_rows_raises_no_alarm_about_rows(case: Case, tmp_path: Path) -> None:
    """Other cases lose neither rows nor links, except where the linter predicts it."""
    try:
        found = on_own_rows(case, tmp_path)
    except SourceError:
        assert case.expect & {"P105", "P110"}
        return
    assert codes(found) <= {FORESEEN[code] for code in case.expect & FORESEEN.keys()}
    assert codes(found) or case.name not in SEEN_ON_OWN_ROWS


@chosen(lambda case: case.group == "F" and not case.good)
def test_what_fails_on_rows_fails_in_a_rehearsal(case: Case, tmp_path: Path) -> None:
    """A case about rows that block it fails on its own rows."""
    found = on_own_rows(case, tmp_path)
    assert (found.verdict, found.ok, found.cost) == ("fails", False, None)


def test_every_list_is_about_cases() -> None:
    """No name above is left behind by a case that was renamed."""
    names = {case.name for case in CASES}
    listed = {*EXPLAINED, *FAILS_ON_GENERATED, *SPEAKS_OF_ROWS, *GOOD_ON_OWN_ROWS_ONLY, *SEEN_ON_OWN_ROWS}
    assert names >= listed
