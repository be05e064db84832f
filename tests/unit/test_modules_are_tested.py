"""The unit tests mirror the package: a module of the core has a test file in the same place.

For example `schema/diff.py` has `tests/unit/schema/test_diff.py`. The rules of the linter have their examples, in
`tests/unit/lint/test_rules.py`, and cases in `tests/corpus`, where a test demands one of every code.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import d1migrate

UNIT, SOURCE = Path(__file__).parent, Path(d1migrate.__file__).parent
CORE = ("sql", "schema", "migrate")
VALUES = {
    "sql/batch.py", "schema/model.py", "schema/changes.py", "migrate/adopt/model.py", "migrate/flows/report.py",
    "migrate/jobs/report.py", "migrate/jobs/work.py",
}  # fmt: skip
"""Modules of values only; the tests of their users cover them."""
MODULES = {
    path.relative_to(SOURCE).as_posix()
    for package in CORE
    for path in (SOURCE / package).rglob("*.py")
    if path.name != "__init__.py"
}


@pytest.mark.parametrize("module", sorted(MODULES - VALUES))
def test_a_module_of_the_core_has_its_test_file(module: str) -> None:
    """Write one for a new module, and move it with the module."""
    test = Path(module).with_name(f"test_{Path(module).name}")
    assert (UNIT / test).is_file(), f"write tests/unit/{test}"


def test_modules_of_values_exist() -> None:
    """The list above names no others."""
    assert MODULES >= VALUES


def test_every_folder_is_one_of_the_package() -> None:
    """Tests of a package that is renamed are moved with it."""
    folders = {path.parent.relative_to(UNIT) for path in UNIT.rglob("test_*.py")}
    assert [folder for folder in sorted(folders) if not (SOURCE / folder).is_dir()] == []
