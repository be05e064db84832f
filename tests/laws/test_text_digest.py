"""The digests of texts: TypeScript computes Python's, and where they are equal, the schemas are."""

from __future__ import annotations

import json
import subprocess
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest

from d1migrate.drafting.scratch_schema import ScratchSchema
from d1migrate.drafting.squash import squash
from d1migrate.errors import Error, ParseError
from d1migrate.lint.replay.replayer import schemas_after
from d1migrate.migrate.source import load
from d1migrate.schema.compare import compare
from d1migrate.schema.digest import objects
from d1migrate.schema.text_digest import changes, spelled
from d1migrate.sql.split import split
from d1migrate.sql.tokens import tokenize
from d1migrate.workers.typescript import runtime_module
from tests.corpus.corpus import load_cases
from tests.inputs import generator, scaled, some
from tests.runtime.workerd import node

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from random import Random

    from d1migrate.schema.model import Schema


def creates(text: str) -> list[str]:
    """The CREATE statements of a text; none if it cannot be split."""
    with suppress(ParseError):
        return [piece.sql for piece in split(text, file="") if piece.sql[:6].upper() == "CREATE"]
    return []


CASES = load_cases()
STATEMENTS = sorted(
    {sql for case in CASES for text in (case.before, case.migration) for sql in creates(text)}
)
TRICKY = """
CREATE TABLE T (a TEXT DEFAULT Abc, b DEFAULT "Abc", c DEFAULT 'Abc' CHECK (c IN ('X', "Y")), d DEFAULT true, "e f");
CREATE TABLE p (k INTEGER PRIMARY KEY, "unique" TEXT UNIQUE, x GENERATED ALWAYS AS (k + 1), y INT AS (k) STORED);
CREATE VIEW v AS SELECT T.a AS Abc, "Nosuch", null, p.* FROM T LEFT JOIN p ON p.k = "a" WHERE true AND b IS NOT NULL;
CREATE INDEX i ON T (a COLLATE NOCASE DESC, "Nosuch", lower(b)) WHERE c > 'A';
CREATE TRIGGER r AFTER UPDATE OF a ON T WHEN NEW.a = "Z" BEGIN UPDATE OR REPLACE p SET k = OLD.b; SELECT "x"; END;
"""
SEARCH = "CREATE VIRTUAL TABLE f USING fts5 (A, tokenize = Porter, prefix='2 3');"
SCHEMAS = [*sorted({case.before for case in CASES if "CREATE" in case.before}), *[TRICKY, SEARCH] * 30]
PIECES = [
    *"'\"`[]@#!\\\0\n\t\f \xa0\ufeff\u0130\u017f\u212aßé😀",
    *(
        "--",
        "/*",
        "*/",
        "''",
        '""',
        "``",
        "->>",
        "||",
        "<>",
        "==",
        "!=",
        "<<",
        "[Ab]",
        "`Ab`",
        '"Ab"',
        '"key"',
    ),
    *("x'AB'", "X'", "0xFg", "1E5", "1.5e+3", ".5", "1_0", "?1", ":Ab", "$x", "a$B", "_Ab9", "Ünï", "[TRUE]"),
    *("DEFAULT ", "default'A'", "Default Abc ", "CREATE VIRTUAL "),
]
QUOTES = ["{}", "{}", "{}", '"{}"', "`{}`", "[{}]", "'{}'"]


@pytest.fixture(scope="module")
def in_typescript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A script that answers texts, on its standard input, with their tokens as the runtime spells them."""
    folder = tmp_path_factory.mktemp("runtime")
    (folder / "runtime.ts").write_text(f"{runtime_module()}\nexport {{ spelled }};\n", "utf-8")
    script = folder / "spell.mjs"
    script.write_text(
        "import { readFileSync } from 'node:fs';\n"
        "import { spelled } from './runtime.ts';\n"
        "console.log(JSON.stringify(JSON.parse(readFileSync(0, 'utf8')).map(spelled)));\n"
    )
    return script


def disturbed(sql: str, random: Random) -> str:
    """Return SQL with pieces in it that change what its other parts are."""
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(sql) + 1)
        sql = sql[:at] + random.choice(PIECES) + sql[at + random.choice((0, 0, 1, 3)) :]
    return sql


def test_typescript_spells_as_python(in_typescript: Path) -> None:
    """Every CREATE of the corpus, what is left of it when it is damaged, and mere pieces."""
    random = generator("texts")
    texts = list(STATEMENTS)
    texts += [disturbed(random.choice(STATEMENTS), random) for _ in range(scaled(5_000))]
    texts += ["".join(random.choices(PIECES, k=random.randint(1, 9))) for _ in range(scaled(20_000))]

    done = subprocess.run(
        [node(), str(in_typescript)], input=json.dumps(texts).encode(), capture_output=True, check=True
    )

    answers = json.loads(done.stdout)
    differing = [pair for pair in zip(texts, answers, strict=True) if spelled(pair[0]) != pair[1]]
    assert differing[:1] == []


def respelled(sql: str, random: Random) -> str:
    """Return SQL with words in other letters and quotes, where they may mean something else."""
    parts = []
    for token in tokenize(sql):
        text = token.text
        if token.kind in ("word", "quoted", "string") and random.random() < 0.15:
            bare = text.strip("\"`[]'")
            text = random.choice(QUOTES).format(random.choice((bare, bare.lower(), bare.upper())))
        parts.append(random.choice((" ", "\n", " /* c */ ")) if token.kind == "space" else text)
    return "".join(parts)


def schemas(statements: Sequence[str], random: Random) -> Iterator[tuple[Schema, Schema]]:
    """Yield a schema, and one of which one statement is spelled in another way, if D1 accepts it."""
    for at, sql in enumerate(statements):
        with closing(ScratchSchema()) as one, closing(ScratchSchema()) as other:
            again = [*statements[:at], respelled(sql, random), *statements[at + 1 :]]
            if not any(
                one.refusal(text) or other.refusal(new) for text, new in zip(statements, again, strict=True)
            ):
                yield one.schema(), other.schema()


def test_equal_digests_are_equal_schemas() -> None:
    """What the digests do not see, `verify` does not see either."""
    seen, random = 0, generator("spellings")
    for text in SCHEMAS:
        for _ in range(scaled(10)):
            for one, other in schemas(creates(text), random):
                if not changes(one, other):
                    seen += [*objects(one)] != [*objects(other)]
                    assert compare(one, other) == (), (one, other)
    assert seen > scaled(500)


def test_a_squash_has_the_same_digests() -> None:
    """One file in place of several: a Worker whose index has only that one finds no drift."""
    seen = 0
    for case in some(CASES):
        with suppress(Error):
            files = load([("001_before.sql", case.before), ("002_case.sql", case.migration)])
            one = squash(files, "one", date="2026-11-29", now=1_795_000_000_000)
            schemas = [*schemas_after(files).values(), *schemas_after([one]).values()]
            if len(schemas) == len(files) + 1:
                seen += 1
                assert changes(*schemas[-2:]) == {}, case.name
    assert seen > scaled(150)
