"""Random folders of migrations, and random edits of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.errors import SourceError
from d1migrate.migrate.order import number_of
from d1migrate.migrate.source import load
from d1migrate.migrate.squash import lines

if TYPE_CHECKING:
    from random import Random

Files = tuple[tuple[str, str], ...]
"""Pairs of name and SQL."""

NUMBERS = [*range(6), *range(6), 9, 10, 11, 99, 100, 20240101, 20240101120000, 2**32, 2**53 - 1]
WORDS = "init users it's quo\"te ünïcode 日本 😀 a.b sp\N{NO-BREAK SPACE}ace x add_users".split(" ")
FORMATS = ["{:03}", "{:03}", "{:03}", "{:04}", "{}", "{:05}"]
OTHER_NAMES = [
    *(
        "init",
        "users",
        "-5_minus",
        "+7_plus",
        "1.5_x",
        "0x10_hex",
        "2024-01-13-it's",
        "2024-01-13-init",
        " 3_space",
    ),
    *(
        "9007199254740991_last",
        "9007199254740992_big",
        "9007199254740993_bigger",
        "99999999999999999999_huge",
    ),
    *(
        "0001_a/migration",
        "0001_a",
        "0001_b",
        "1_c",
        "001",
        "a/b/c",
        "a b c",
        "é",
        "É",
        "ﬀ",
        "\ufeff4_bom",
        "0001_a-b/2",
    ),
    *("😀", "\uff5e", "003_init/0001_x", "003_init/0000_y", "3", "a.sql", "9_down", "010 x", "010_x y  z"),
]


def name_of(random: Random, *, numbered: bool) -> str:
    """Return the name of a file, without its number only if `numbered` is false."""
    if not numbered and random.random() < 0.6:
        return random.choice(OTHER_NAMES)
    number = random.choice(FORMATS).format(random.choice(NUMBERS))
    word = random.choice(WORDS)
    return random.choice(
        [f"{number}_{word}"] * 6 + [f"{number}", f"{number}-{word}", f"{number}_{word}/migration"]
    )


TABLES = ["a", "b", "c", '"q t"', "ü"]
STATEMENTS = [
    *["CREATE TABLE {t} (id INTEGER PRIMARY KEY, x TEXT)"] * 6,
    *["CREATE TABLE IF NOT EXISTS {t} (id INTEGER PRIMARY KEY, x TEXT)"] * 5,
    "CREATE TABLE {t} (id INTEGER PRIMARY KEY, p REFERENCES {u}(id) DEFERRABLE INITIALLY DEFERRED)",
    "CREATE TABLE {t} (id INTEGER PRIMARY KEY, p INTEGER REFERENCES {u}(id) ON DELETE CASCADE)",
    "CREATE TABLE {t} (id INTEGER PRIMARY KEY AUTOINCREMENT, x TEXT CHECK (x <> 'é') UNIQUE)",
    "INSERT INTO {t} (x) VALUES ('☃ é'), ('it''s; ok'), (NULL)",
    "INSERT INTO {t} (id, x) VALUES (1, 'one')",
    "INSERT INTO {t} (x) SELECT x FROM {u}",
    "INSERT INTO {t} VALUES (99, 12345) RETURNING id",
    "UPDATE {t} SET x = 'y' WHERE x IS NOT NULL",
    "UPDATE {t} SET p = 12345",
    "DELETE FROM {t}",
    "ALTER TABLE {t} ADD COLUMN y TEXT",
    "ALTER TABLE {t} ADD COLUMN z TEXT NOT NULL",
    "ALTER TABLE {t} RENAME TO {u}",
    "ALTER TABLE {t} DROP COLUMN y",
    "DROP TABLE {t}",
    "DROP TABLE IF EXISTS {t}",
    "CREATE INDEX IF NOT EXISTS i ON {t}(x)",
    "CREATE INDEX i ON {t}(\n  x,\n  'é', nosuch)",
    "CREATE VIEW IF NOT EXISTS v AS SELECT 'ü' AS u, x FROM {t}",
    "CREATE TRIGGER IF NOT EXISTS g AFTER INSERT ON {t} BEGIN\n  UPDATE {t} SET x = 'a;b' WHERE id = new.id;\nEND",
    "PRAGMA defer_foreign_keys = ON",
    "PRAGMA foreign_keys = OFF",
    "SELECT json_extract('{{}}', 'ünicode')",
    "SELECT 1",
    "SELECT * FROM {t}",
    "SELECT /* 日本語 */ nosuch, 'é' FROM {t}",
    "SELECT 'é☃'\n  , nosuchfunction(1)",
    "SELEC 'é'",
    "SELECT '日本'\n FROM\n WHERE 1",
    "CREATE TABLE x (y, y)",
    "INSERT INTO nosuch (a) VALUES ('é')",
    "REPLACE INTO {t} (id, x) VALUES (1, 'r')",
    "WITH n AS (SELECT 1 AS x) INSERT INTO {t} (x) SELECT x FROM n",
    "CREATE VIRTUAL TABLE IF NOT EXISTS f USING fts5(x)",
    "ANALYZE",
    "BEGIN",
    "VACUUM",
    "CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)",
    "CREATE TABLE IF NOT EXISTS d1_migrations (a, b)",
    "CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL)",
    "DELETE FROM schema_migrations",
    "INSERT INTO schema_migrations (version, name, applied_at) VALUES (77, 'x', 1)",
    "INSERT INTO d1_migrations (name) VALUES ('x.sql')",
    "UPDATE d1migrate_log SET who = 'x'",
    "SELECT RAISE(ABORT, 'é')",
    "CREATE TRIGGER r BEFORE DELETE ON {t} BEGIN SELECT RAISE(ABORT, 'near \"é\": syntax error'); END",
]
SAFE = [
    "CREATE TABLE IF NOT EXISTS {t} (id INTEGER PRIMARY KEY, x TEXT)",
    "CREATE TABLE IF NOT EXISTS {t} (id INTEGER PRIMARY KEY, p REFERENCES {u}(id) DEFERRABLE INITIALLY DEFERRED)",
    "DROP TABLE IF EXISTS {t}",
    "DROP VIEW IF EXISTS v",
    "SELECT 1",
    "ANALYZE",
    "PRAGMA defer_foreign_keys = ON",
    "CREATE TABLE IF NOT EXISTS kept (x); INSERT INTO kept VALUES ('☃ é'), ('it''s; ok'), (x'00ff'), (1.5)",
    "CREATE TABLE IF NOT EXISTS kept (x); CREATE TRIGGER IF NOT EXISTS k AFTER INSERT ON kept BEGIN\n  DELETE FROM kept WHERE x = 'a;b';\nEND",
]
"""Statements that never fail."""
WITHOUT_STATEMENTS = ["", "-- nothing to do yet\n", "\n/* later;\n é */\n", ";;", "\n"]
RECORD = (
    "INSERT INTO schema_migrations (version, name, applied_at)\nVALUES ({version}, {name}, strftime('%s', 'now'))\n"
    "ON CONFLICT(version) DO NOTHING"
)
ROLLBACKS = [
    "-- Rollback:\n--   DROP TABLE IF EXISTS a;\n",
    "-- Rollback: none, because é\n",
    "-- Rollback: DROP TABLE IF EXISTS b; SELECT 'é';\n",
    "-- Rollback:\n",
]


def text_of(random: Random, name: str, *, records: bool) -> str:
    """Return the text of a file."""
    if random.random() < 0.08:
        return random.choice(WITHOUT_STATEMENTS)
    statements = []
    for _ in range(random.choice([1, 1, 1, 2, 2, 3, 4])):
        kind = random.choice([SAFE, SAFE, SAFE, STATEMENTS])
        t, u = random.sample(TABLES, 2)
        statements.append(random.choice(kind).format(t=t, u=u))
    if records and random.random() < 0.9:
        statements.append(RECORD.format(version=number_of(name), name="'" + name.replace("'", "''") + "'"))
    text = random.choice([";\n", ";\n\n", "; -- é\n", ";\r\n"]).join(statements) + random.choice(
        [";\n", ";", ""]
    )
    if random.random() < 0.15:
        text = random.choice(["-- Migration: é\n", "/* ☃ */ ", "\ufeff", "\n\n"]) + text
    if random.random() < 0.35:
        text += "\n" + random.choice(ROLLBACKS)
    return text


def folder(random: Random, *, numbered: bool, size: int) -> Files:
    """Return the files of a folder."""
    records = numbered and random.random() < 0.25
    names: dict[str, None] = {}
    versions = set()
    for _ in range(size):
        name = name_of(random, numbered=numbered)
        if numbered and number_of(name) in versions:
            continue
        versions.add(number_of(name))
        names[name] = None
    return tuple((f"{name}.sql", text_of(random, name, records=records)) for name in names)


def edited(random: Random, files: Files, *, numbered: bool) -> Files:
    """Return a folder after an edit."""
    found = list(files)
    if not found:
        return folder(random, numbered=numbered, size=1)
    at = random.randrange(len(found))
    name, text = found[at]
    kind = random.choice(
        "edit reformat rename delete delete add add add first swap squash renumber copy".split()
    )
    if kind == "edit":
        found[at] = (name, text_of(random, name.removesuffix(".sql"), records=False))
    elif kind == "reformat":
        found[at] = (name, f"-- Another comment, é.\n{text}\n\n")
    elif kind == "rename":
        found[at] = (f"{name_of(random, numbered=numbered)}.sql", text)
    elif kind == "renumber":
        found[at] = (f"{random.choice(NUMBERS):03}_{name.partition('_')[2] or 'x.sql'}", text)
    elif kind == "delete":
        del found[at]
    elif kind == "copy":
        found.append((f"{name_of(random, numbered=numbered)}.sql", text))
    elif kind == "swap" and len(found) > 1:
        other = random.randrange(len(found))
        found[at], found[other] = (name, found[other][1]), (found[other][0], text)
    elif kind == "squash" and len(found) > 1:
        found = squashed(random, files)
    elif kind in ("add", "first"):
        found += folder(random, numbered=numbered, size=1)
    return _valid(found, numbered=numbered)


def squashed(random: Random, files: Files) -> list[tuple[str, str]]:
    """Return a folder whose first files were replaced by one."""
    every = load(files)
    count = random.randint(1, len(every))
    try:
        head = "\n".join(lines(every[:count]))
    except SourceError:  # a name that cannot be in a comment
        return list(files)
    texts = [migration.text.partition("-- Rollback")[0] for migration in every[:count]]
    last = every[count - 1].name
    name = random.choice([last, f"{last}_squashed", every[0].name])
    rest = [(f"{m.name}.sql", m.text) for m in every[count:]]
    return [(f"{name}.sql", f"{head}\n{''.join(texts)}"), *rest]


def _valid(files: list[tuple[str, str]], *, numbered: bool) -> Files:
    """Return the files without those that a folder cannot have beside others."""
    found = {number_of(name) if numbered else name: (name, text) for name, text in files}
    return tuple(dict(found.values()).items())
