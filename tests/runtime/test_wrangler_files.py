"""Which files wrangler takes for migrations, and in which order: its own functions, and ours."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from posixpath import normpath
from typing import TYPE_CHECKING, Any

from d1migrate.errors import UsageError
from d1migrate.migrate.order import order_key
from d1migrate.project.listing import Folder, list_files, walk
from d1migrate.project.pattern import Pattern
from tests.inputs import generator, scaled
from tests.runtime.workerd import node

if TYPE_CHECKING:
    from random import Random

SCRIPT = Path(__file__).parent / "wrangler_files.mjs"
PIECES = [
    *[
        "0",
        "1",
        "01",
        "001",
        "9",
        "10",
        "2",
        "-5",
        "-0",
        "+3",
        "0x10",
        "1e3",
        "1.5",
        "2024",
        "2024-01-13",
        "20260101000000",
    ],
    *["9007199254740992", "9007199254740993", "1" + "0" * 308, "9" * 309, "1" * 400],
    *[
        "_",
        "_",
        "__",
        "-",
        " ",
        "\t",
        "\ufeff",
        "\xa0",
        "\x1c",
        "\x85",
        "\u0661",
        "\uff5e",
        "\U0001f600",
        "'",
        '"',
        "\n",
    ],
    *["a", "B", "init", "é", "~", ".", "#", "!"],
]


def ask(**questions: Any) -> dict[str, Any]:
    """Ask wrangler's functions, in one process."""
    given = json.dumps({"orders": [], "settings": [], "project": "/"} | questions)
    done = subprocess.run(
        [node(), SCRIPT], input=given, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_order() -> None:
    """Of names that mix numbers of every kind, spaces, signs and folders."""
    random = generator("wrangler's order")
    folders = [_names(random) for _ in range(scaled(2000))]
    assert [sorted(names, key=order_key) for names in folders] == ask(orders=folders)["orders"]


def _names(random: Random) -> list[str]:
    """The names of a folder, most of which share some segments."""
    segments = [_segment(random) for _ in range(random.randint(1, 8))]
    names = {
        "/".join(random.choices(segments, k=random.choice([1, 1, 1, 2, 3]))) + ".sql"
        for _ in range(random.randint(2, 25))
    }
    return random.sample(sorted(names), len(names))


def _segment(random: Random) -> str:
    return "".join(random.choices(PIECES, k=random.randint(1, 4)))


TREE = [
    *[
        "0001_a.sql",
        "0002-b.sql",
        "-5_c.sql",
        "10.sql",
        "schema.sql",
        ".hidden.sql",
        "0003_x.SQL",
        "a b.sql",
        "é.sql",
    ],
    *[
        "\U0001f600.sql",
        "it's.sql",
        "#x.sql",
        "!x.sql",
        "(a).sql",
        "[a].sql",
        "{a}.sql",
        "a+b.sql",
        "@a.sql",
        "$a.sql",
    ],
    *[
        "a|b.sql",
        "]a.sql",
        "^a.sql",
        "x\ny.sql",
        "\nx.sql",
        "\u2028x.sql",
        "**.sql",
        "a?.sql",
        ".sql",
        "sql",
        "README.md",
    ],
    *[
        "1_a/migration.sql",
        "2_b/migration.sql",
        "10_c/migration.sql",
        "2_b/down.sql",
        "2_b/.x.sql",
        "init/up.sql",
    ],
    *[
        "1_a/x/migration.sql",
        "1_a/x/y/a.sql",
        "1_a/.h/a.sql",
        ".h/migration.sql",
        ".h/x/a.sql",
        "a/b/c/d.sql",
        "a/b/d.sql",
    ],
    *[
        "x/a/b/c/d.sql",
        "a/a.sql",
        "b/a.sql",
        "c/b.sql",
        "b/b/b.sql",
        "meta/_journal.json",
        "a.sql/a.sql",
        "a/b/.x.sql",
    ],
]
"""Paths of files, with every character that patterns treat specially."""
NAMES = ["0001", "a", "b", "migration", "x", "1_a", "2_b", ".h", "sql", "", "é", "#x", "!x", "(a)"]
SAFE = [
    "*",
    "*",
    "**",
    "?",
    "[0-9]",
    "[a-c]",
    "[!a]",
    "[^.]",
    "[]a]",
    "[a-]",
    "[!]]",
    "[a&&b]",
    "[z-a]",
    "[(|)]",
    "[*.]",
]


def build(folder: Path) -> None:
    """Write the files, and links that wrangler skips."""
    for path in TREE:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("SELECT 1;\n")
    (folder / "0009_link.sql").symlink_to("0001_a.sql")
    (folder / "9_link").symlink_to("1_a")


def _pattern(random: Random) -> str:
    """A pattern of a few segments, with all that minimatch knows."""
    text = "/".join(_glob(random, 0) for _ in range(random.choice([1, 1, 2, 2, 3, 4])))
    text = random.choice([text, text, f"**/{text}", f"{text}/**", f"{text}/**/{_glob(random, 0)}"])
    return random.choice(["", "", "", "", "", "", "!", "!!", "#", "{a,b}/", "{,a/}"]) + text


def _glob(random: Random, depth: int) -> str:
    """One segment."""
    parts = [_part(random, depth) for _ in range(random.randint(1, 3))]
    return "".join(parts) + random.choice(["", "", ".sql", "*.sql", ".*"])


def _part(random: Random, depth: int) -> str:
    kind = random.randint(0, 9 if depth < 2 else 5)
    if kind < 3:
        return random.choice(NAMES)
    if kind < 6:
        return random.choice(SAFE)
    inner = [
        _part(random, depth + 1) + random.choice(["", random.choice(NAMES)])
        for _ in range(random.randint(1, 3))
    ]
    if kind == 6:
        return "{" + ",".join(inner) + "}"
    if kind == 7:
        return random.choice(
            [
                "{0..3}",
                "{00..10..2}",
                "{a..c}",
                "{c..a}",
                "{3..1}",
                "{a}",
                "{}",
                "${a,b}",
                "{a,{b,c}d}",
                "{{a,b}}",
            ]
        )
    return random.choice("?*+@!") + "(" + "|".join(inner) + ")"


def test_the_default(tmp_path: Path) -> None:
    """Without a pattern, and with the default one written out."""
    build(tmp_path / "m")
    settings = [{"migrationsDirRaw": "m"}, {"migrationsDirRaw": "m", "migrationsPattern": "m/*.sql"}]
    expected = list(list_files(Folder(str(tmp_path / "m"))).names)
    assert ask(project=str(tmp_path), settings=settings)["found"] == [{"files": expected}] * 2
    assert expected == find(tmp_path / "m", "*.sql")


def test_patterns(tmp_path: Path) -> None:
    """Every kind of pattern finds what wrangler finds, or is refused."""
    build(tmp_path / "m")
    random = generator("patterns of migrations")
    patterns = sorted({normpath(f"m/{_pattern(random)}") for _ in range(scaled(2500))} - {"m"})
    settings = [{"migrationsDirRaw": "m", "migrationsPattern": pattern} for pattern in patterns]
    refused = 0
    for pattern, answer in zip(patterns, ask(project=str(tmp_path), settings=settings)["found"], strict=True):
        try:
            found = find(tmp_path / "m", pattern.removeprefix("m/"))
        except UsageError:
            refused += 1
        else:  # minimatch fails on some patterns with `**/**`
            assert found == answer.get("files") or answer.get("error", "").startswith("TypeError"), pattern
    assert refused < len(patterns) / 5


def find(folder: Path, pattern: str) -> list[str]:
    """The files that a pattern matches, in order; of whatever name."""
    compiled = Pattern(pattern)
    every = walk(str(folder), compiled.may_match_in)
    paths = [path for path, entry in every if entry.is_file(follow_symlinks=False)]
    return sorted(filter(compiled.matches, paths), key=order_key)
