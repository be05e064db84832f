"""Values, read exactly: SQLite writes each as text, and the text becomes a literal.

What comes from D1 has been a JavaScript number: integers above 2**53 lose digits, 1.0 is 1, infinity is
null, and bytes that are no UTF-8 are replaced (d1-facts §1.7, §3.1). So numbers travel as the text that
quote() makes, which SQLite reads back to the same 64 bits, and text beyond printable ASCII as hex digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.sql.names import quote_literal

if TYPE_CHECKING:
    from collections.abc import Sequence

BETWEEN = "\n"
"""What stands between the pieces of a row; none of them contains it."""

_ARGUMENTS = 30  # of a function; D1's documentation allows 32, the engine 127
_WRANGLER_DROPS = ("BEGIN TRANSACTION;", "COMMIT;")  # also inside strings (d1-facts §3.2)


def piece(column: str) -> str:
    """Return the SQL of a value's text: that of quote(), or `t` and hex digits for text.

    Args:
        column: a quoted name. quote() cuts text at a NUL, and calls -0.0 what is 0.0.
    """
    # length() counts characters up to the first NUL, octet_length() all bytes.
    plain = f"{column} GLOB '*[^ -~]*' OR octet_length({column}) <> length({column})"
    zero = f"typeof({column}) = 'real' AND {column} = 0.0 AND atan2({column}, -1.0) < 0"
    return (
        f"iif(typeof({column}) = 'text', iif({plain}, 't' || hex({column}), quote({column})),"
        f" iif({zero}, '-0.0', quote({column})))"
    )


def joined(pieces: Sequence[str]) -> str:
    """Return the SQL of some texts with `BETWEEN` between them."""
    parts = list(pieces)
    while len(parts) > 1:
        groups = [parts[i : i + _ARGUMENTS] for i in range(0, len(parts), _ARGUMENTS)]
        parts = [
            f"concat_ws(char(10), {', '.join(group)})" if len(group) > 1 else group[0] for group in groups
        ]
    return parts[0]


def size(columns: Sequence[str]) -> str:
    """Return the SQL of about how many bytes a row takes as literals; large values are not loaded."""
    terms = [f"ifnull(octet_length({c}) * iif(typeof({c}) = 'blob', 2, 1), 4)" for c in columns]
    while len(terms) > 1:  # as a tree: D1 takes expressions up to a depth of 100
        terms = [" + ".join(terms[i : i + 8]) for i in range(0, len(terms), 8)]
        terms = [f"({term})" for term in terms]
    return terms[0]


def literal(text: str, encoding: str = "utf-8") -> str:
    """Return the SQL literal that a piece stands for.

    Args:
        text: what the SQL of `piece` gave.
        encoding: that of the database's text.
    """
    if text.startswith("t"):
        return text_literal(bytes.fromhex(text[1:]), encoding)
    if ";" in text and any(word in text for word in _WRANGLER_DROPS):
        return text_literal(text[1:-1].replace("''", "'").encode())
    return text


def text_literal(data: bytes, encoding: str = "utf-8") -> str:
    """Return text as a literal; as hex digits where what a string holds could be damaged on some way.

    Bytes that are no UTF-8 and NUL cannot stand in SQL, line ends are made one kind of by wrangler, and of
    control characters nobody knows.
    """
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return f"CAST({blob_literal(data)} AS TEXT)"
    harmless = text.replace("\n", "").replace("\t", "")
    control = any(c < " " or c in "\x7f\ufeff" for c in harmless) if not harmless.isprintable() else False
    if control or any(word in text for word in _WRANGLER_DROPS):
        return f"CAST({blob_literal(text.encode())} AS TEXT)"
    return quote_literal(text)


def blob_literal(data: bytes) -> str:
    """Return bytes as a literal."""
    return f"X'{data.hex().upper()}'"
