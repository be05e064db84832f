"""Laws of the splitter, with SQLite itself as the judge."""

import apsw
from hypothesis import example, given, settings
from hypothesis import strategies as st

from d1migrate.errors import ParseError
from d1migrate.sql.split import Series, Statement, split, split_series
from d1migrate.sql.tokens import significant, tokenize
from tests.inputs import scaled

WORDS = [
    *(
        "create",
        "CREATE",
        "temp",
        "Temporary",
        "trigger",
        "TRIGGER",
        "begin",
        "end",
        "END",
        "explain",
        "EXPLAIN",
    ),
    *("case", "select", "query", "endx", "_end", "créate", "x", "1", "1end", "$end", "?", ":", "@", "#"),
    *(";", ";", ";", ";", "; end;", ";end ;", "'a;b'", "''", "'it''s'", '"q;"', "`b;`", "[c;]", "[", "]"),
    *(
        " ",
        "\n",
        "\t",
        "\r\n",
        "\f",
        "\v",
        "-",
        "/",
        "*",
        "--",
        "-- c;\n",
        "/* ; */",
        "/*/ */",
        "/**/",
        "'",
        '"',
        "`",
        "/*",
    ),
]
soups = st.lists(st.sampled_from(WORDS), max_size=40).map("".join)
scripts = soups | st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join)


def complete(sql: str) -> bool:
    """Ask SQLite; a newline ends a comment that is still open."""
    return apsw.complete(sql + "\n")


def pieces(script: str) -> list[Statement] | None:
    """Split a script; None where it is refused."""
    try:
        return list(split(script))
    except ParseError:
        return None


@given(scripts)
@settings(max_examples=scaled(3000))
@example("create trigger;end;/*")
@example("explain explain create trigger x; select 1; end;")
def test_cuts_where_sqlite_says_a_statement_is_complete(script: str) -> None:
    """Every piece but the last is complete to SQLite, and none is complete before its end."""
    found = pieces(script) or []
    for piece in found:
        early = [i for i, c in enumerate(piece.text[:-1]) if c == ";" and complete(piece.text[: i + 1])]
        assert not early
    for piece in found[:-1]:
        assert complete(piece.text)


@given(scripts)
@settings(max_examples=scaled(2000))
def test_pieces_join_to_the_script(script: str) -> None:
    """Nothing is dropped, and every piece knows its offset and its line."""
    if (found := pieces(script)) is None:
        return
    assert "".join(p.text for p in found) == script
    for piece in found:
        assert script[piece.start :].startswith(piece.text)
        assert piece.line == 1 + script.count("\n", 0, piece.start + piece.body)
        assert piece.text[piece.body :].startswith(piece.sql)
        if tokens := significant(piece.text[piece.body :].rstrip(";") if not piece.sql else piece.sql):
            assert piece.sql == piece.sql[tokens[0].start : tokens[-1].start + len(tokens[-1].text)]


@given(scripts)
@settings(max_examples=scaled(2000))
def test_a_script_is_refused_only_when_sqlite_calls_it_incomplete(script: str) -> None:
    """An unclosed quote or comment is the one thing that is refused."""
    if pieces(script) is None:
        assert not complete(script)


@given(scripts, st.integers(min_value=1, max_value=7))
@settings(max_examples=scaled(2000))
def test_chunks_change_nothing(script: str, size: int) -> None:
    """A streamed script is cut, or refused, exactly as the whole one."""
    chunks = [script[i : i + size] for i in range(0, len(script), size)]
    try:
        streamed = list(split(chunks))
    except ParseError as error:
        assert pieces(script) is None
        at = script.split("\n")[error.line - 1][error.column - 1]
        assert at == error.source[error.column - 1 - error.shown_from]
        assert at in "'\"`[/"
    else:
        assert streamed == pieces(script)


LITERALS = [
    *("1", "-2.5", "+.5", "1e3", "NULL", "'x'", "'it''s'", "''", "x'00'", "X''", "';\n'", "'-- ;\n'", "'/* '", "'\f\r\n'"),
    *("'INSERT INTO t VALUES (1, 2);\n'", "'é'", "'" + "x" * 9_000 + "'"),
]  # fmt: skip
NEARLY = [
    *("null", "x'0'", "1e", "1x", "5-3", "'a''", "'a' -- ;\n", "/* ; */ 1", '"a;\n"', "[;\n]", "abs(1)", "?", "(SELECT 1)", "1;\n"),
    *("'a", "/* ", "1);\nINSERT INTO t VALUES (1", "1);\n-- Rollback:\nINSERT INTO t VALUES (1", "1\0"),
]  # fmt: skip
ENDS = [");\n", ");\n", ");\n", ");", ");\r\n", ");\n\ufeff", ") ;\n", ");;\n", ")\n", "); -- ;\n", ");\v\n"]
HEADS = [
    "INSERT INTO t VALUES (",
    "INSERT INTO t VALUES (",
    "insert into t values (",
    "INSERT INTO u VALUES (",
]
rows = st.builds(
    "{}{}, {}{}".format,
    st.sampled_from(HEADS),
    st.sampled_from([*LITERALS, *LITERALS, *NEARLY]),
    st.sampled_from(LITERALS),
    st.sampled_from(ENDS),
)


@given(
    st.sampled_from(HEADS),
    st.lists(rows | st.lists(st.sampled_from(LITERALS), min_size=2, max_size=2) | soups, max_size=40),
    st.integers(min_value=1, max_value=400),
)
@settings(max_examples=scaled(1000))
def test_series_are_the_same_statements(head: str, parts: list[str | list[str]], size: int) -> None:
    """What is passed over as a series are the statements that there are, with their offsets and lines."""
    alike = (part if isinstance(part, str) else f"{head}{', '.join(part)});\n" for part in parts)
    script = f"{head}0, 0);\n" * 25 + "".join(alike)
    chunks = [script[i : i + size] for i in range(0, len(script), size)]
    found, alone, error = list[Statement](), list[Statement](), None
    try:
        for piece in split_series(chunks, file="a"):
            if isinstance(piece, Series):
                statements = list(piece.statements())
                assert len(statements) == piece.length > 1
                assert all(one.sql and one.is_terminated for one in statements)
                assert len(piece.text.encode()) <= 100_000
                found += statements
            else:
                found.append(piece)
    except ParseError as failure:
        error = failure
    try:
        for one in split(chunks, file="a"):
            alone.append(one)
    except ParseError as failure:
        assert error is not None
        assert (str(error), error.line, error.column) == (str(failure), failure.line, failure.column)
        assert alone == found
    else:
        assert error is None
        assert alone == found


@given(st.text() | scripts)
@settings(max_examples=scaled(1000))
def test_tokens_join_to_the_text(text: str) -> None:
    """The tokenizer is lossless on any text at all."""
    assert "".join(token.text for token in tokenize(text)) == text
