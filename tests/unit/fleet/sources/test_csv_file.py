"""Tenants in a CSV file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import UsageError
from d1migrate.fleet.sources.csv_file import list_csv

if TYPE_CHECKING:
    from pathlib import Path

ONE, TWO = "2f5b1c9e-8a3d-4c1b-9e7f-0d6a5b4c3e2f", "3f5b1c9e-8a3d-4c1b-9e7f-0d6a5b4c3e2f"


def listed(folder: Path, text: str | bytes) -> list[tuple[str, str]]:
    """Ids and names."""
    path = folder / "tenants.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [(one.tenant.id, one.tenant.name) for one in list_csv(str(path))]


@pytest.mark.parametrize(
    "text",
    [
        f"database_id,name\n{ONE},acme\n{TWO},corp\n",
        f"name,id\r\nacme,{ONE}\r\ncorp,{TWO}",
        f'\ufeffId , Name\n "{ONE}","acme"\n\n{TWO},corp\n,\n'.replace(' "', '"'),
        f"url,plan,name\nd1:{ONE},free,acme\nd1:{TWO.upper()},paid,corp\n",
        f"id,database_id,name\n1,{ONE},acme\n2,{TWO},corp\n",
    ],
)
def test_columns(tmp_path: Path, text: str) -> None:
    """In any order, with others between them, as spreadsheets write them."""
    assert listed(tmp_path, text) == [(ONE, "acme"), (TWO, "corp")]


@pytest.mark.parametrize(
    "text", [f"{ONE}\n{TWO}\n", f"\ufeff{ONE}\r\n\r\n{TWO}", f"d1:{ONE}\nd1:{TWO}\n", f"id\n{ONE}\n{TWO}\n"]
)
def test_an_id_on_each_line(tmp_path: Path, text: str) -> None:
    """The name is the id, as it is written."""
    assert [one for one, _ in listed(tmp_path, text)] == [ONE, TWO]


def test_quotes(tmp_path: Path) -> None:
    """A name can have commas, quotes and line breaks."""
    found = listed(tmp_path, f'id,name\n{ONE},"a ""b"", c\nd"\n{TWO},\n')
    assert found == [(ONE, 'a "b", c\nd'), (TWO, TWO)]


def test_files(tmp_path: Path) -> None:
    """Their paths are relative to the list."""
    (tmp_path / "a.db").write_bytes(b"")
    real = os.path.realpath(tmp_path / "a.db")
    assert listed(tmp_path, "url\nsqlite:a.db\n") == [(real, "a.db")]
    assert listed(tmp_path, f"url,name\n{tmp_path}/a.db,acme\n") == [(real, "acme")]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            "databse_id,name\n",
            "tenants.csv:1:1: no column database_id or url or id",
            "did you mean database_id?",
        ),
        ("tenant,uuid\n", "tenants.csv:1:8: no column", "did you mean id?"),
        ("tenant,key\n", "tenants.csv:1: no column", "the first line names the columns"),
        (f"{ONE};acme\n", "tenants.csv:1:1: no column", "separate the values with commas"),
        (f"{ONE},acme\n", "tenants.csv:1: no column", "the first line names the columns"),
        ("id,name,NAME\n", "tenants.csv:1: two columns have one name", "the first line"),
        (
            f"id,name\n{ONE},a\nacme,b\n",
            "tenants.csv:3:1: id is 'acme', which is not the id of a D1",
            "an id looks",
        ),
        (f"name,id\n\na,{ONE[:-1]}\n", f"tenants.csv:3:3: id is '{ONE[:-1]}'", "an id looks"),
        (f"id,name\n{ONE},a,b\n", "tenants.csv:2: 3 values, expected 2", "quote a value with a comma"),
        (f"id,name\n{ONE}\n", "tenants.csv:2: 1 value, expected 2", "quote"),
        ("id,name\n,acme\n", "tenants.csv:2: id is empty", "leave the row out"),
        (f'id,name\n{ONE},"a\n{TWO},b\n', "tenants.csv:2: unexpected end of data", "a quote within quotes"),
        (f'id,name\n{ONE},"a"b\n', "tenants.csv:2: ',' expected after '\"'", "a quote within quotes"),
        (
            "url\nd1:acme\n",
            "tenants.csv:2:1: url is 'd1:acme', which is neither a D1 by its id nor a file",
            "d1:ID",
        ),
        (
            "url\nsqlite:no.db\n",
            "tenants.csv:2:1: url is 'sqlite:no.db', but there is no file",
            "leave the row",
        ),
        (
            "url\nsqlite:../\n",
            "tenants.csv:2:1: url is 'sqlite:../', which is a folder, not a database",
            "leave the row",
        ),
        (
            "url\nsqlite:tenants.csv\n",
            "tenants.csv:2:1: url is 'sqlite:tenants.csv', which is not a SQLite database",
            "leave the row",
        ),
        ("url\npostgres://x\n", "tenants.csv:2:1: postgres:// is not a database url", "use sqlite:PATH"),
        (b"id,name\n\xff\xfe", "not UTF-8", "save the file as UTF-8"),
    ],
)
def test_a_line_that_is_wrong(tmp_path: Path, text: str | bytes, message: str, hint: str) -> None:
    """With its place, and the value marked."""
    with pytest.raises(UsageError) as caught:
        listed(tmp_path, text)
    assert message in str(caught.value)
    assert hint in (caught.value.hint or "")


def test_the_caret(tmp_path: Path) -> None:
    """It is under the value."""
    with pytest.raises(UsageError) as caught:
        listed(tmp_path, f"name,id\na,{ONE}\nb,oops\n")
    assert str(caught.value).splitlines()[1:] == ["  b,oops", "    ^"]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A folder, a pipe and nothing at all."""
    os.mkfifo(tmp_path / "pipe")
    for name, message in (
        (".", "is not a file"),
        ("pipe", "is not a file"),
        ("x.csv", "cannot read .*No such"),
    ):
        with pytest.raises(UsageError, match=message):
            list(list_csv(str(tmp_path / name)))
    assert listed(tmp_path, "") == listed(tmp_path, "id,name\n") == []
