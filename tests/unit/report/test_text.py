"""Text from outside, on its way to a terminal, a log or a program."""

from __future__ import annotations

import json

import pytest

from d1migrate.report.narrow_table import paragraphs
from d1migrate.report.table import fits, table
from d1migrate.report.text import clean, clean_line, color, escaped, printed

STEERS = [*map(chr, (*range(9), *range(11, 32), *range(127, 160))), *"\u061c\u200e\u200f\u2028\u2029\ufeff"]
STEERS += [*"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"]


@pytest.mark.parametrize("character", STEERS)
def test_what_steers_is_taken_out(character: str) -> None:
    """C0, C1, DEL, marks of direction, and line ends that nobody expects."""
    assert clean(f"a{character}b\tc\nd") == "ab\tc\nd"
    assert clean_line(f"a{character}b\tc\nd") == "ab c d"
    assert printed(f"a{character}b", colored=True) == "ab"
    assert escaped(json.dumps(f"a{character}b\n", ensure_ascii=False)).isascii()


@pytest.mark.parametrize("text", ["", "plain", "naïve 名前 🎉", "a\u00a0b", "x::y", "a\n\tb"])
def test_all_else_stays(text: str) -> None:
    """Letters of all scripts are text."""
    assert clean(text) == printed(text, colored=False) == text


def test_only_our_own_colors_are_printed() -> None:
    """And only where there are colors."""
    ours = color("ok", "red", on=True) + color("ok", "dim", on=True)
    foreign = "\x1b]0;owned\x07\x1b[2J\x1b[41mred\x1b[0;31mx"
    assert printed(ours + foreign, colored=True) == ours + "]0;owned[2J[41mred[0;31mx"
    assert "\x1b" not in printed(ours + foreign, colored=False)


@pytest.mark.parametrize("space", ["", " ", "\t", "\u00a0", "\u2003", "\x85", "\x0b", "\ufeff", "\u2028"])
def test_no_line_is_a_command_of_a_workflow(space: str) -> None:
    """GitHub's runner trims white space, and obeys `::`."""
    lines = printed(f"error: no such table: a\n{space}::error::forged", colored=False).split("\n")
    assert not any(line.strip().startswith("::") for line in lines)
    assert lines[1].endswith(r"\x3a:error::forged")


@pytest.mark.parametrize("text", ["\x9b2J", "\u202e", "\udcff", "\U000e0041", "🎉\x7f", "a\u2028b"])
def test_json_means_the_same(text: str) -> None:
    """What it cannot print it writes as an escape; a lone surrogate too, which is no Unicode."""
    written = escaped(json.dumps({"text": text}, indent=2, ensure_ascii=False))
    assert json.loads(written) == {"text": text}
    assert written.replace("\n", "").isprintable()
    assert written.encode()


ROWS = [("1", "001_users", "applied"), ("12", "012_orders", "pending")]


def test_a_table() -> None:
    """Columns are aligned, to the right if they are numbers, and no line ends in a space."""
    assert table(("number", "name", "state"), ROWS, right=(0,)) == [
        "number  name        state",
        "     1  001_users   applied",
        "    12  012_orders  pending",
    ]


def test_a_last_column_without_values_is_left_out() -> None:
    """But not one in the middle, and not those of a table without rows."""
    rows = [("1", "", ""), ("2", "", "")]
    assert table(("number", "name", "notes"), rows)[0] == "number  name"
    assert table(("number", "notes"), [])[0] == "number  notes"


def test_colors_of_a_table() -> None:
    """They take no width, and color no padding."""

    def paint(text: str, shade: str | None) -> str:
        return f"<{shade}:{text}>" if shade else text

    assert table(("number", "name", "state"), ROWS, shades={1: ["red", None]}, paint=paint) == [
        "<dim:number  name        state>",
        "1       <red:001_users>   applied",
        "12      012_orders  pending",
    ]


def test_a_table_that_does_not_fit() -> None:
    """The widest column is wrapped."""
    headers, rows = ("name", "because"), [("001_users", "table users is present"), ("002_x", "it is newer")]
    assert table(headers, rows, width=24) == [
        "name       because",
        "001_users  table users",
        "           is present",
        "002_x      it is newer",
    ]
    assert table(headers, rows, width=33) == table(headers, rows)
    assert fits(headers, rows, 33)
    assert not fits(headers, rows, 32)
    assert fits(headers, rows, None)


def test_names_and_times_that_do_not_fit() -> None:
    """Names are broken after `_` and `/`, times are not."""
    rows = [("001_a_long_name_of_a_file", "2026-11-22 13:59:05 +0100")]
    assert table(("name", "applied"), rows, width=44) == [
        "name              applied",
        "001_a_long_name_  2026-11-22 13:59:05 +0100",
        "of_a_file",
    ]


def test_times_are_never_broken() -> None:
    """Names are, where there is no room for a whole part of one."""
    rows = [("2026-11-22 13:59:05 +0100", "001averylongnameofafile")]
    assert table(("when", "name"), rows, width=36)[1:] == [
        "2026-11-22 13:59:05 +0100  001averyl",
        "                           ongnameof",
        "                           afile",
    ]


def test_a_table_without_room_for_words() -> None:
    """They are broken anywhere, but no column disappears."""
    lines = table(("name", "state"), [("001averylongnameofafile", "applied")], width=20)
    assert max(map(len, lines)) == 20
    assert "".join(line[:11].strip() for line in lines[1:]) == "001averylongnameofafile"


def test_paragraphs() -> None:
    """One for each row, with the names of the columns."""
    rows = [("local", "sqlite:app.db", "1"), ("production", "d1:shop", "after staging, window closed")]
    found = paragraphs(("environment", "database", "protection"), rows, width=30, paint=lambda text, _: text)
    assert list(found) == [
        "local",
        "  database    sqlite:app.db",
        "  protection  1",
        "",
        "production",
        "  database    d1:shop",
        "  protection  after staging,",
        "              window closed",
    ]
