"""`lint --fix` on every case of the corpus that loses rows by a DROP TABLE, on the real D1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.drafting.lint_fix import LOSING, FixedFile, fix
from d1migrate.errors import QueryError
from d1migrate.lint.runner import lint
from d1migrate.migrate.migration import Migration
from tests.corpus.corpus import Case, load_cases
from tests.corpus.test_corpus_on_workerd import ask, build, changed, named, read_tables, run

if TYPE_CHECKING:
    from tests.runtime.workerd import Workerd

CASES = {case.name: case for case in load_cases() if case.expect & set(LOSING)}
STAYS = {
    "D/drop_family_but_one": "no table is rebuilt here",
    "D/drop_parent_only": "no table is rebuilt here",
    "D/drop_quoted_mixed_case": "no table is rebuilt here",
    "D/set_null_drop": "no table is rebuilt here",
    "D/child_keys_negated": "a key of users that posts references is not copied",
    "D/copied_aside_after_the_drop": "UNIQUE constraint failed",
    "D/copied_aside_child_only": "UNIQUE constraint failed",
    "D/rebuild_create_table_as": "foreign key mismatch",
}
# It writes rows back that are still there: generated rows did not show it, and D1 refuses the whole batch.
REFUSED = {"D/copied_aside_in_part"}
LEFT = "SELECT name FROM sqlite_master WHERE name LIKE '\\_d1m\\_%' ESCAPE '\\'"
OBJECTS = "SELECT type, name FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"


def migrations(case: Case) -> list[Migration]:
    """Return the case as two files."""
    read = case.migration.replace("\r\n", "\n")
    return [Migration(1, "001_before", case.before), Migration(2, "002_case", read)]


def fixed_case(case: Case) -> FixedFile:
    """Return what becomes of the case's file."""
    files = migrations(case)
    (found,) = fix(files, files[1:], {"002_case": case.migration})
    return found


@pytest.mark.parametrize("name", sorted(CASES.keys() - STAYS.keys()))
def test_every_row_is_kept(name: str, workerd: Workerd) -> None:
    """The fix lints without an error; after it, D1 has every row, index and trigger, and no helper."""
    case, found = CASES[name], fixed_case(CASES[name])
    assert found.text is not None, found.why_not
    first, second = migrations(case)
    fixed = Migration(2, second.name, found.text.replace("\r\n", "\n"))
    assert [d for d in lint([first, fixed], only=[second.name]) if d.severity == "error"] == []
    driver = build(workerd, case)
    before, objects = read_tables(driver), ask(driver, OBJECTS)[0]
    if name in REFUSED:
        with pytest.raises(QueryError, match="UNIQUE constraint failed"):
            run(driver, found.text)
        assert read_tables(driver) == before
        return
    run(driver, found.text)
    after = read_tables(driver)
    lost = {table for table, content in before.items() if changed(content, after.get(table))}
    assert lost <= named(case, "DELETE FROM")
    assert ask(driver, LEFT) == [[]]
    assert set(objects) <= set(ask(driver, OBJECTS)[0])
    assert ask(driver, "SELECT * FROM pragma_foreign_key_check") == [[]]


@pytest.mark.parametrize("name", sorted(STAYS))
def test_what_stays_as_it_is(name: str) -> None:
    """The reason is reported."""
    assert fixed_case(CASES[name]).text is None
    assert STAYS[name] in fixed_case(CASES[name]).why_not
