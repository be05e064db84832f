"""Records of other tools beside our files."""

from __future__ import annotations

from hashlib import sha256

import pytest

from d1migrate.migrate.adopt.histories import Row, Tool, tools_in
from d1migrate.migrate.adopt.matching import match
from d1migrate.migrate.migration import Migration

WRANGLER: Tool = tools_in({"d1_migrations": ["name", "applied_at"]}, None)[0]
DRIZZLE: Tool = tools_in({"__drizzle_migrations": ["hash", "created_at"]}, None)[0]
FILES = [
    Migration(1, "0001_users", "CREATE TABLE users (id);\n"),
    Migration(2, "0002_posts", "-- Running upgrade f00 -> f01\nCREATE TABLE posts (id);\n"),
    Migration(3, "0003_add_tags", "CREATE TABLE tags (id);\n"),
]


def matched(row: Row, tool: Tool = WRANGLER) -> dict[int, str]:
    """{number: how it was matched} of one record."""
    found, lost = match(FILES, [(tool, [row])])
    assert bool(found) != bool(lost)
    return {int(name[:4]): records[0].how for name, records in found.items()}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (Row("0001_users.sql", "0001_users"), {1: "by its name"}),
        (Row("1_Users.sql", "1_Users"), {1: "by its name"}),
        (Row("0007_add_tags.sql", "0007_add_tags"), {3: "by its name, under another number"}),
        (Row("2", number=2), {2: "by its number"}),
        (Row("9", number=9), {}),
        (Row("0001_other.sql", "0001_other"), {}),
        (Row("x"), {}),
        (Row("shop.0003_add_tags", "shop_0003_add_tags", other_name="0003_add_tags"), {3: "by its name"}),
        (Row("shop.0003_add_tags", "shop_0003_add_tags"), {}),
        # records that stand for all files before them, too
        (Row("version 2", number=2, and_before=True), {1: "it comes before that", 2: "by its number"}),
        (Row("revision f01", "f01", and_before=True), {1: "it comes before that", 2: "by its revision"}),
        (Row("revision f99", "f99", and_before=True), {}),
    ],
)
def test_by_name_and_number(row: Row, expected: dict[int, str]) -> None:
    """Exactly one file, or none."""
    assert matched(row) == expected


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_by_checksum(line_end: str) -> None:
    """Of the bytes, with either line end."""
    digest = sha256(FILES[2].text.replace("\n", line_end).encode()).hexdigest()
    assert matched(Row("1790", digest=digest), DRIZZLE) == {3: "by its checksum"}


def test_a_checksum_of_another_text_is_remarked() -> None:
    """The name decides, and the user is informed."""
    found, _ = match(FILES, [(DRIZZLE, [Row("0001_users", "0001_users", digest="0" * 64)])])
    (record,) = found["0001_users"]
    assert record.note


def test_a_squashed_file_stands_for_all_or_none() -> None:
    """The last of the replaced files brings it in, if the tool has all of them."""
    lines = "".join(f"-- Squashes: {file.name} {file.checksum}\n" for file in FILES[:2])
    squashed = Migration(2, "0002_all", f"{lines}CREATE TABLE users (id);")
    rows = [Row(f"{file.name}.sql", file.name) for file in FILES[:2]]
    found, lost = match([squashed], [(WRANGLER, rows)])
    assert list(found) == ["0002_all"]
    assert lost == ()
    found, lost = match([squashed], [(WRANGLER, rows[:1])])
    assert found == {}
    assert [record.entry for record in lost] == ["0001_users.sql"]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (Row("0001_a/migration.sql", "0001_a"), "0001_a/migration"),
        (Row("0001_a", "0001_a"), "0001_a/migration"),
        (Row("old/0002_b.sql", "0002_b"), "old/0002_b"),
        (Row("new/0002_b.sql", "0002_b"), "new/0002_b"),
        (Row("0002_b.sql", "0002_b"), None),  # which of the two?
        (Row("shop.0003_c", "shop_0003_c", other_name="0003_c"), "shop/0003_c"),
        (Row("0004_d.js", "0004_d"), "0004-d"),
        (Row("0005_f.sql", "0005_f"), "0005_f"),
        (Row("5", number=5), None),
    ],
)
def test_any_layout(row: Row, expected: str | None) -> None:
    """Folders, dashes, doubles: what means two files means none."""
    names = ("0001_a/migration", "old/0002_b", "new/0002_b", "shop/0003_c", "0004-d", "0005_e", "0005_f")
    found, _ = match([Migration(5, name, "SELECT 1") for name in names], [(WRANGLER, [row])])
    assert list(found) == ([expected] if expected else [])
