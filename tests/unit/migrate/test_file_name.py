"""The name of a new file continues the style of its folder, and is last in wrangler's order."""

from __future__ import annotations

import random
from calendar import timegm
from contextlib import suppress

import pytest

from d1migrate.errors import UsageError
from d1migrate.migrate.file_name import Now, first_name, moved_after, new_name, with_words
from d1migrate.migrate.order import number_of, order_key
from d1migrate.migrate.table import SUFFIX

NOW = Now(timegm((2026, 11, 30, 12, 0, 0)), "20261130120000")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        # a sequence: as many digits, one more
        ("001_a", "002_add_teams"),
        ("9_a", "10_add_teams"),
        ("0000_a", "0001_add_teams"),
        ("0009_a 0011_b", "0012_add_teams"),
        ("999_a", "1000_add_teams"),
        ("0002_a 0002_b", "0003_add_teams"),
        ("001", "002_add_teams"),
        ("-5_a", "0001_add_teams"),
        ("1e3_a", "2_add_teams"),
        ("0x10_a", "1_add_teams"),
        (f"{2**53}_a", f"{2**53 + 1}_add_teams"),
        # separators
        ("0001-init", "0002-add-teams"),
        ("0001-init-db", "0002-add-teams"),
        ("0001_init-db", "0002_add-teams"),
        ("0001-init_db", "0002-add_teams"),
        ("0001__init", "0002__add_teams"),
        ("0001.init", "0002.add_teams"),
        # times: now, or one more if a clock was ahead
        ("20261122101500_a", "20261130120000_add_teams"),
        ("20261231235959_a", "20261231235960_add_teams"),
        ("202611221015_a", "202611301200_add_teams"),
        ("20261122_a", "20261130_add_teams"),
        ("20261130_a", "20261131_add_teams"),
        ("1694623723-init-db", f"{NOW.epoch}-add-teams"),
        ("1694623723123-init", f"{NOW.epoch}000-add-teams"),
        ("2024-01-13-patch", "2026-11-30-add-teams"),
        ("2024_01_13_patch", "2026_11_30_add_teams"),
        ("2014_10_12_000000_create_users", "2026_11_30_120000_add_teams"),
        ("2024-01-13T10-15-00_a", "2026-11-30T12-00-00_add_teams"),
        # the newest file decides
        ("0001_a 20240101000000_b", "20261130120000_add_teams"),
        # a folder for each, or for several
        ("20240101000000_a/migration", "20261130120000_add_teams/migration"),
        ("0001-init/up 0002-users/up", "0003-add-teams/up"),
        ("0001_init/init 0002_users/users", "0003_add_teams/add_teams"),
        ("2024/0001_a 2025/0002_b", "2025/0003_add_teams"),
        ("shop/0001_a", "shop/0002_add_teams"),
        # no numbers
        ("V001__init", "V002__add_teams"),
        ("V001__init V002__users", "V003__add_teams"),
        ("aaa", "add_teams"),
        ("aaa/migration", "add_teams/migration"),
    ],
)
def test_the_style_is_continued(names: str, expected: str) -> None:
    """Digits, separators, layout; date or sequence."""
    found = new_name(_files(names), "Add  teams!", now=NOW)
    assert found.path == expected + SUFFIX
    assert found.later == ()
    assert all(order_key(found.path) > order_key(name) for name in _files(names))


def test_files_without_a_number_stay_last() -> None:
    """The new file is after those that have one."""
    found = new_name(_files("0001_a schema seed"), "b", now=NOW)
    assert found == ("0002_b.sql", ("schema.sql", "seed.sql"))


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ("init", "add_teams.sql would be before init.sql in wrangler's order"),
        ("V999__a", "V1000__add_teams.sql would be before V999__a.sql"),
        ("2026-11-30-patch", "2026-11-30-add-teams.sql would be before 2026-11-30-patch.sql"),
        ("2027-01-01-patch", "2026-11-30-add-teams.sql would be before 2027-01-01-patch.sql"),
    ],
)
def test_what_cannot_be_continued(names: str, why: str) -> None:
    """The error names the file that would come after it."""
    with pytest.raises(UsageError, match=why.replace(".", r"\.")) as refused:
        new_name(_files(names), "Add teams", now=NOW)
    assert refused.value.hint


NUMBERS = (
    *(
        "0001",
        "1",
        "-5",
        "0x10",
        "1e3",
        "2024-01-13",
        "2024_01_13",
        "20240101",
        "20240101101500",
        "1694623723",
    ),
    *("1694623723123", "V001", "init", "", " 7", "+3", str(2**53), "1" * 400, "٣", "a1b2", "20261130"),
)


@pytest.mark.parametrize("seed", range(10))
def test_any_folder_gets_a_last_file(seed: int) -> None:
    """Or none; only files without a number may be after it."""
    choose = random.Random(seed)  # noqa: S311 - for names of files
    made = 0
    for _ in range(300):
        parts = [
            ("", "shop/", "1_g/"),
            NUMBERS,
            ("_", "-", "__", ".", " - ", ""),
            ("a", "b-c", "Z", "1", "2_b"),
            ("", "/up"),
        ]
        names = {"".join(map(choose.choice, parts)) + SUFFIX for _ in range(choose.randint(1, 5))}
        folder = sorted(names, key=order_key)
        with suppress(UsageError):
            path, later = new_name(folder, "Add teams", now=NOW)
            assert [name for name in folder if order_key(name) >= order_key(path)] == list(later)
            assert all(number_of(name) is None for name in later)
            made += 1
    assert made > 200


def test_a_name_needs_a_word() -> None:
    """Of letters or digits."""
    for description in ("…", "日本語"):
        with pytest.raises(UsageError, match="has no Latin letter or digit") as refused:
            new_name(_files("001_a"), description, now=NOW)
        assert refused.value.hint == "write it in Latin letters: `d1migrate new add_teams`"


@pytest.mark.parametrize(
    ("description", "words"),
    [
        ("émigré ünï", "emigre_uni"),
        ("Größe der Straße", "grosse_der_strasse"),
        ("łódź, Ærø", "lodz_aero"),
        ("\N{LATIN SMALL LIGATURE FI}le \N{FULLWIDTH DIGIT TWO}", "file_2"),
        ("naïve 日本語 rows", "naive_rows"),
    ],
)
def test_latin_letters_become_ascii(description: str, words: str) -> None:
    """A reader recognizes the words; letters of other scripts are left out."""
    assert new_name(_files("001_a"), description, now=NOW).path == f"002_{words}.sql"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.sql", "0001_init.sql"),
        ("*/migration.sql", "20261130120000_init/migration.sql"),
        ("*/up.sql", None),
    ],
)
def test_the_first_name(pattern: str, expected: str | None) -> None:
    """By the pattern: a file, or a folder for each, as drizzle and Prisma write them."""

    def matches(path: str) -> bool:
        return path.count("/") == pattern.count("/") and path.endswith(pattern.rpartition("*")[2])

    if expected:
        assert first_name("Init", digits=4, now=NOW, matches=matches) == expected
        return
    with pytest.raises(UsageError, match="matches neither"):
        first_name("Init", digits=4, now=NOW, matches=matches)


@pytest.mark.parametrize(
    ("name", "last", "expected"),
    [
        ("002_b", "003_c", "004_b"),
        ("2-b", "0009_c", "0010-b"),
        ("0002_b", "9_c", "0010_b"),
        ("20240101000000_b/migration", "20240102000000_c/migration", "20261130120000_b/migration"),
        ("2024-01-01-b", "2024-01-13-c", "2026-11-30-b"),
        ("shop/0001_b", "shop/0002_c", "shop/0003_b"),
    ],
)
def test_a_file_is_moved_after_another(name: str, last: str, expected: str) -> None:
    """With the digits of that one, and its own words and separator."""
    assert moved_after(name + SUFFIX, last + SUFFIX, now=NOW) == expected + SUFFIX


@pytest.mark.parametrize(("name", "last"), [("001_b", "schema"), ("a", "b"), ("shop/1_a", "users/2_b")])
def test_what_cannot_be_moved(name: str, last: str) -> None:
    """No number would put it there."""
    assert moved_after(name + SUFFIX, last + SUFFIX, now=NOW) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("0003_names", "0003_squashed"),
        ("0003-old-names", "0003-squashed"),
        ("20240101_names/migration", "20240101_squashed/migration"),
        ("2024-01-13-patch", "2024-01-13-squashed"),
        ("001", "001_squashed"),
        ("schema", "squashed"),
    ],
)
def test_other_words(name: str, expected: str) -> None:
    """Everything else stays."""
    assert with_words(name + SUFFIX, "Squashed") == expected + SUFFIX


def _files(names: str) -> list[str]:
    return sorted((name + SUFFIX for name in names.split()), key=order_key)
