"""What SQL means, as a digest: that of a file is its checksum `v1`.

Databases store it, so what it leaves out is frozen (ADR 0002). To compare schemas is for `sql.canonical`.
"""

from __future__ import annotations

from d1migrate.migrate.history_guard import is_record
from d1migrate.migrate.table import VERSIONS
from d1migrate.sha256 import sha256
from d1migrate.sql.tokens import KEYWORDS, SIGNIFICANT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from d1migrate.sql.split import Statement


def digest_of_meaning(pieces: Iterable[Statement]) -> str:
    """Return the sha256 of what statements mean: without comments, white space and the case of keywords."""
    meanings = []
    for piece in pieces:
        sql = piece.sql
        if sql and not (VERSIONS in sql.lower() and is_record(sql)):
            words = SIGNIFICANT.findall(sql)
            # Only ASCII: some other letters have an ASCII upper case, but are different names to SQLite.
            meant = [up if word.isascii() and (up := word.upper()) in KEYWORDS else word for word in words]
            meanings.append(" ".join(meant))
    return sha256(";\n".join(meanings).encode()).hexdigest()
