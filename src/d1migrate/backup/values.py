"""Reading values exactly: SQLite converts each to text, which becomes a literal.

JavaScript changes values of D1: integers above 2**53 lose digits, 1.0 becomes 1, infinity null, and bytes
that are not UTF-8 are replaced (d1-facts §1.7, §3.1). So numbers are transferred as the text of quote(),
which SQLite reads back to the same 64 bits, and text beyond printable ASCII as hex digits.
"""

from __future__ import annotations

from d1migrate.sql.names import quote_literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

BETWEEN = "\n"
"""The separator of the pieces of a row; no piece contains it."""

_ARGUMENTS = 30  # of a function; D1's documentation allows 32, the engine 127
_WRANGLER_DROPS = ("BEGIN TRANSACTION;", "COMMIT;")  # also inside strings (d1-facts §3.2)


def piece(column: str) -> str:
    """Return the SQL of a value's piece: the text of quote(), or `t` and hex digits for text.

    quote() cuts text at NUL, and turns -0.0 into 0.0.

    Args:
        column: a quoted name.
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
    """Return the SQL of the approximate length of a row as literals; large values are not loaded."""
    terms = [f"ifnull(octet_length({c}) * iif(typeof({c}) = 'blob', 2, 1), 4)" for c in columns]
    while len(terms) > 1:  # as a tree: D1 accepts expressions up to a depth of 100
        terms = [" + ".join(terms[i : i + 8]) for i in range(0, len(terms), 8)]
        terms = [f"({term})" for term in terms]
    return terms[0]


def literal(text: str, encoding: str = "utf-8") -> str:
    """Return the SQL literal of a piece.

    Args:
        text: the piece.
        encoding: the encoding of the database's text.
    """
    if text.startswith("t"):
        return text_literal(bytes.fromhex(text[1:]), encoding)
    if ";" in text and any(word in text for word in _WRANGLER_DROPS):
        return text_literal(text[1:-1].replace("''", "'").encode())
    return text


def text_literal(data: bytes, encoding: str = "utf-8") -> str:
    """Return text as a literal, with hex digits if a string could be damaged in transfer.

    SQL cannot contain NUL or bytes that are not UTF-8, wrangler normalizes line ends, and other control
    characters are untested.
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
