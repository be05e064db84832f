"""A compiled index as a module of TypeScript and JavaScript."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from d1migrate.migrate.compiled_index import compile_index
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.table import NameTable, VersionTable
from d1migrate.migrate.typescript_index import is_typescript_module, typescript_module
from tests.runtime.workerd import node

if TYPE_CHECKING:
    from pathlib import Path

    from d1migrate.migrate.table import MigrationsTable

STRANGE = "CREATE TABLE a (\n  b DEFAULT '`${x}\\ \r \u2028 \x01 \U0001f600'\n);"


def test_it_evaluates_to_the_index(tmp_path: Path) -> None:
    """Character by character, also what a template literal would change."""
    files = [Migration(1, "1_it's", STRANGE), Migration(2, '2_"quoted"', "SELECT '${1}';\n\n")]
    tables: tuple[MigrationsTable, ...] = (
        VersionTable("it's"),
        NameTable(),
        VersionTable("m²"),
        NameTable("__proto__"),
        NameTable("1"),
    )
    for number, table in enumerate(tables):
        index = compile_index(files, table)
        module = tmp_path / f"{number}.mjs"
        module.write_text(typescript_module(index), encoding="utf-8", newline="\n")
        script = "import(process.argv[1]).then((m) => console.log(JSON.stringify(m.default)))"
        found = subprocess.run([node(), "-e", script, module], check=True, capture_output=True, text=True)
        assert json.loads(found.stdout) == index


def test_each_line_of_a_statement_is_a_line() -> None:
    """So that a diff of the index shows what changed."""
    text = typescript_module(
        compile_index([Migration(1, "1_a", "CREATE TABLE a (\n  b\n);")], VersionTable())
    )
    assert "        `CREATE TABLE a (\n  b\n)`,\n" in text


def test_it_is_recognized() -> None:
    """Nothing else may be overwritten."""
    assert is_typescript_module(typescript_module({"format": 1, "migrations": []}))
    assert not is_typescript_module("export default {};")
