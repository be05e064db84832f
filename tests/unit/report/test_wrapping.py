"""Lines for people at the width of a terminal."""

from __future__ import annotations

from d1migrate.report.wrapping import hang, wrap


def test_a_long_line_is_wrapped_at_blanks() -> None:
    """The lines after the first are indented."""
    assert wrap("error: the database is locked by another process", 30) == (
        "error: the database is locked\n  by another process"
    )


def test_code_stays_one_line() -> None:
    """It would not be a command if a line end came into it."""
    found = wrap("hint: `d1migrate up --env staging` applies it there first", 30)
    assert found == "hint:\n  `d1migrate up --env staging`\n  applies it there first"


def test_what_fits_or_is_indented_is_left_alone() -> None:
    """SQL and its caret keep their columns; a path is not broken."""
    assert wrap("short", 10) == "short"
    assert wrap("  DROP TABLE workflows_of_everyone;", 10) == "  DROP TABLE workflows_of_everyone;"
    assert wrap("a-word-that-is-too-long", 10) == "a-word-that-is-too-long"


def test_a_time_stays_one_word() -> None:
    """`restore --to` reads it."""
    found = wrap("it was applied on 2026-11-22 13:59:05 +0100 by somebody", 44)
    assert found == "it was applied on 2026-11-22 13:59:05 +0100\n  by somebody"


def test_a_text_after_a_label() -> None:
    """All its lines begin in the same column; without a width it is one line."""
    text = "to mend it, run `d1migrate renumber --dry-run` in a/long/folder_of_files first"
    assert hang(text, "gate  ", "      ", 40) == [
        "gate  to mend it, run",
        "      `d1migrate renumber --dry-run` in",
        "      a/long/folder_of_files first",
    ]
    assert hang(text, "gate  ", "      ", None) == [f"gate  {text}"]


def test_a_color_takes_no_room() -> None:
    """A colored line ends where the same line without color ends, and an excerpt that fits stays one line."""
    plain = "warning[F107] rebuild-tightens: the rebuild of customers adds NOT NULL"
    colored = plain.replace("warning[F107]", "\x1b[33mwarning[F107]\x1b[0m")
    assert wrap(plain, 40) == "warning[F107] rebuild-tightens: the\n  rebuild of customers adds NOT NULL"
    assert wrap(colored, 40).replace("\x1b[33m", "").replace("\x1b[0m", "") == wrap(plain, 40)
    assert wrap("\x1b[2m26 | \x1b[0mDROP TABLE customers", 26) == "\x1b[2m26 | \x1b[0mDROP TABLE customers"
