"""However names are spelled, a schema is the same: other case, other quotes, tried on every schema of the corpus."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from d1migrate.drafting.scratch_schema import ScratchSchema
from d1migrate.migrate.adopt.facts import facts
from d1migrate.schema import digest
from d1migrate.schema.compare import compare
from d1migrate.schema.diff import diff
from d1migrate.schema.model import Schema
from d1migrate.sql.create import parse
from d1migrate.sql.names import fold
from d1migrate.sql.split import split
from d1migrate.sql.tokens import KEYWORDS, tokenize
from tests.corpus.corpus import load_cases
from tests.inputs import generator

if TYPE_CHECKING:
    from random import Random

SCHEMAS = sorted({case.before for case in load_cases() if "CREATE" in case.before})
QUOTES = ["{}", "{}", '"{}"', "`{}`", "[{}]"]
"""What a name can be in; most are bare."""


def names_of(sql: str) -> set[str]:
    """The names that a statement gives and uses in places where only a name can be."""
    found = parse(sql)
    columns = [column.name for column in getattr(found, "columns", ()) if hasattr(column, "name")]
    return {
        fold(name) for name in (getattr(found, "name", ""), getattr(found, "table", ""), *columns) if name
    }


def spelled(sql: str, names: set[str], random: Random) -> str:
    """The statement with its names in other letters and quotes."""
    parts = []
    for token in tokenize(sql):
        text = token.text
        if token.kind == "word" and fold(text) in names:
            cased = "".join(random.choice((c.lower(), c.upper())) if c.isascii() else c for c in text)
            # A keyword may be a name in one place and the keyword in another: PRIMARY KEY.
            text = cased if token.keyword in KEYWORDS else random.choice(QUOTES).format(cased)
        parts.append(text)
    return "".join(parts)


def schemas(text: str, random: Random) -> tuple[Schema, Schema]:
    """A schema, and the same with other spellings; what D1 refuses of it is left out."""
    creates = [piece.sql for piece in split(text, file="") if piece.sql[:6].upper() == "CREATE"]
    names = set().union(*map(names_of, creates))
    with closing(ScratchSchema()) as one, closing(ScratchSchema()) as other:
        for sql in creates:
            again = spelled(sql, names, random)
            if one.refusal(sql) is None:
                assert other.refusal(again) is None, again
        return one.schema(), other.schema()


def test_spelling_is_no_difference() -> None:
    """verify, diff, adopt and the digests of a Worker see none."""
    for text in SCHEMAS:
        one, other = schemas(text, generator(text))
        assert compare(one, other) == (), text
        assert diff(one, other).changes == (), text
        assert facts(one) == facts(other), text
        known = {name: value for name, value in digest.changes(Schema(), one).items() if value}
        assert digest.compare(known, digest.objects(other)) == (), text
