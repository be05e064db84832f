"""`lint --fix`: how a file with a rebuild that loses rows is rewritten."""

from __future__ import annotations

import sqlite3

import pytest

from d1migrate.drafting.lint_fix import FixedFile, fix
from d1migrate.migrate.migration import Migration
from d1migrate.sql.split import split

USERS = """\
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id) ON DELETE CASCADE);
CREATE INDEX posts_user ON posts(user_id);
"""
REBUILD = """\
CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO users_new (id, name) SELECT id, name FROM users;
DROP TABLE users;
ALTER TABLE users_new RENAME TO users;
"""


def fixed_file(sql: str, before: str = USERS) -> list[FixedFile]:
    """Fix a file that runs after another one."""
    read = sql.removeprefix("\ufeff").replace("\r\n", "\n")
    files = [Migration(1, "001_before", before), Migration(2, "002_case", read)]
    return fix(files, files[1:], {"002_case": sql})


def fixed(sql: str, before: str = USERS) -> str:
    """Return the fixed text of a file."""
    (found,) = fixed_file(sql, before)
    assert found.text is not None, found.why_not
    return found.text


def why_not(sql: str, before: str = USERS) -> str:
    """Return why a file is not fixed."""
    (found,) = fixed_file(sql, before)
    assert found.text is None
    return found.why_not


def test_all_else_stays_byte_for_byte() -> None:
    """Comments, the record statement and the rollback block; pragmas without effect are removed."""
    head = "-- Migration: 002_case\n\nPRAGMA foreign_keys=OFF; -- as everybody writes\n/* first */\n"
    tail = "-- between\n\n-- Record migration\nINSERT INTO schema_migrations (version, name, applied_at)\nVALUES (2, '002_case', strftime('%s', 'now'))\nON CONFLICT(version) DO NOTHING;\n\n-- Rollback:\n--   DROP TABLE users;\n"
    text = fixed(head + REBUILD + "PRAGMA foreign_keys=ON;\n" + tail)
    new, copy, _, _ = REBUILD.splitlines()
    start = "-- Migration: 002_case\n\n -- as everybody writes\n/* first */\n"
    assert text.startswith(f"{start}SELECT json_extract(")
    assert f" WHERE n > 50000;\n{new}\n{copy}\n" in text
    assert text.endswith(f'DROP TABLE "users_new";\n{tail}')
    assert "foreign_keys=" not in text
    assert "RENAME" not in text


DRIZZLE = """\
PRAGMA foreign_keys=OFF;--> statement-breakpoint
CREATE TABLE `users_new` (`id` integer PRIMARY KEY, `name` text);
--> statement-breakpoint
INSERT INTO `users_new`("id", "name") SELECT "id", "name" FROM `users`;--> statement-breakpoint
DROP TABLE `users`;--> statement-breakpoint
ALTER TABLE `users_new` RENAME TO `users`;--> statement-breakpoint
PRAGMA foreign_keys=ON;"""


def test_drizzle_can_still_cut_its_file() -> None:
    """Its migrator cuts at breakpoints and sends each part as one statement."""
    parts = fixed(DRIZZLE).split("--> statement-breakpoint")
    assert all(len([piece for piece in split(part) if piece.sql]) == 1 for part in parts), parts
    assert parts[-1].strip() == 'DROP TABLE "users_new";'


def test_line_ends_and_a_byte_order_mark_stay() -> None:
    """New lines have the file's line ends, too."""
    text = fixed("\ufeff" + REBUILD.replace("\n", "\r\n"))
    assert text.startswith("\ufeffSELECT json_extract(")
    assert text.count("\n") == text.count("\r\n")


def test_a_file_without_a_loss_is_no_matter() -> None:
    """Nor is a file that suppresses it with a reason."""
    assert fixed_file("ALTER TABLE users ADD COLUMN email TEXT;\n") == []
    assert fixed_file(REBUILD.replace("DROP", '-- d1migrate: allow=D101 reason="let them go"\nDROP')) == []


def test_what_it_would_lose_beside_rows_comes_back() -> None:
    """Indexes, triggers, the counter, and rowids that a full-text table uses."""
    before = USERS.replace("INTEGER PRIMARY KEY, name", "INTEGER PRIMARY KEY AUTOINCREMENT, name") + (
        "CREATE INDEX users_name ON users(name);\nCREATE TABLE log (what TEXT);\n"
        "CREATE TRIGGER users_log AFTER INSERT ON users BEGIN INSERT INTO log VALUES (new.name); END;\n"
    )
    text = fixed(REBUILD.replace("PRIMARY KEY, name", "PRIMARY KEY AUTOINCREMENT, name"), before)
    assert "CREATE INDEX users_name ON users(name);\n" in text
    assert text.index("CREATE TRIGGER users_log") > text.index('INSERT INTO "users"')
    assert "UPDATE sqlite_sequence SET seq = max(seq," in text


@pytest.mark.parametrize(
    "there",
    [
        "CREATE VIEW names AS SELECT name FROM users;\n",
        "CREATE TRIGGER posted AFTER INSERT ON posts BEGIN UPDATE users SET name = 'x' WHERE id = new.user_id; END;\n",
    ],
)
def test_views_and_triggers_elsewhere_are_no_matter(there: str) -> None:
    """They block the file's own RENAME; the guarded rebuild renames nothing."""
    assert "RENAME" not in fixed(REBUILD, USERS + there)


@pytest.mark.parametrize(
    ("copy", "taken"),
    [
        ("INSERT INTO tags_new (slug) SELECT slug FROM tags", "(rowid, slug) SELECT rowid, slug FROM tags;"),
        ("INSERT INTO tags_new SELECT slug FROM tags", '(rowid, "slug") SELECT rowid, slug FROM tags;'),
    ],
)
def test_rowids_are_taken_along(copy: str, taken: str) -> None:
    """If no column keeps them, the file's own copy does."""
    before = "CREATE TABLE tags (slug TEXT PRIMARY KEY);\nCREATE TABLE uses (slug TEXT REFERENCES tags(slug) ON DELETE CASCADE);\nCREATE INDEX uses_slug ON uses(slug);\n"
    text = fixed(
        f"CREATE TABLE tags_new (slug TEXT PRIMARY KEY);\n{copy};\nDROP TABLE tags;\nALTER TABLE tags_new RENAME TO tags;\n",
        before,
    )
    assert taken in text
    assert 'INSERT INTO "tags" (rowid, "slug") SELECT rowid, "slug" FROM "tags_new";' in text


def test_a_unique_index_that_a_foreign_key_needs_comes_first() -> None:
    """The file creates it after the rebuild, but the rows need it earlier."""
    before = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);\nCREATE UNIQUE INDEX users_email ON users(email);\nCREATE TABLE logins (email TEXT REFERENCES users(email) ON DELETE CASCADE);\nCREATE INDEX logins_email ON logins(email);\n"
    rebuild = REBUILD.replace("name", "email") + "CREATE UNIQUE INDEX users_email ON users(email);\n"
    text = fixed(rebuild, before)
    assert text.count("CREATE UNIQUE INDEX users_email") == 1
    assert text.index("CREATE UNIQUE INDEX") < text.index('INSERT INTO "users"')


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("DROP TABLE users;\n", "line 1: no table is rebuilt here"),
        (REBUILD.replace("FROM users;", "FROM users WHERE name = 'x';"), "a key of users that posts references is not copied"),
        (REBUILD.replace("DROP TABLE users;\n", "DROP TABLE users;\nUPDATE users_new SET name = 'x';\n"), "line 4: it uses users_new during the rebuild"),
        ("DROP TABLE users;\nCREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);\nINSERT INTO users VALUES (1, 'root');\n", "the file fills users with other rows"),
    ],
)  # fmt: skip
def test_what_is_not_rewritten(sql: str, why: str) -> None:
    """The reason is reported."""
    assert why in why_not(sql)


def test_fixes_are_proved_one_upon_the_other() -> None:
    """The second file starts with what the fixed first file leaves."""
    again = REBUILD.replace("name TEXT)", "name TEXT, email TEXT)")
    files = [Migration(1, "a", USERS), Migration(2, "b", REBUILD), Migration(3, "c", again)]
    found = fix(files, files[1:], {"b": REBUILD, "c": again})
    assert [one.why_not for one in found] == ["", ""]


PLANS = """\
CREATE TABLE plans (id TEXT PRIMARY KEY, tier TEXT NOT NULL CHECK (tier IN ('starter', 'pro')), note TEXT);
CREATE TABLE owners (id INTEGER PRIMARY KEY, plan TEXT NOT NULL REFERENCES plans(id) ON DELETE CASCADE);
"""
NEW = "CREATE TABLE {} (id TEXT PRIMARY KEY, tier TEXT NOT NULL CHECK (tier IN ('seed', 'oak')), note TEXT NOT NULL);"
TIER = "CASE tier WHEN 'starter' THEN 'seed' ELSE 'oak' END"
TAKE = "DROP TABLE plans;\nALTER TABLE plans_new RENAME TO plans;\n"
MADE = f"{NEW.format('plans_new')}\n"


@pytest.mark.parametrize(
    "sql",
    [
        f"{MADE}INSERT INTO plans_new (id, tier, note) SELECT id, {TIER}, COALESCE(note, '') FROM plans;\n{TAKE}",
        f"{MADE}INSERT INTO plans_new SELECT p.id, {TIER} AS tier, ifnull(p.note, '') AS n FROM plans AS p;\n{TAKE}",
        f"{MADE}INSERT INTO `plans_new`(`note`, `id`, `tier`) SELECT coalesce(`note`, ''), `id`, {TIER} FROM `plans`;\n{TAKE}",
        f"{MADE}INSERT INTO plans_new SELECT id, {TIER}, COALESCE(note, '') FROM plans;\nALTER TABLE plans RENAME TO old;\nALTER TABLE plans_new RENAME TO plans;\nDROP TABLE old;\n",
        f"ALTER TABLE plans RENAME TO old;\n{NEW.format('plans')}\nINSERT INTO plans SELECT id, {TIER}, COALESCE(note, '') FROM old;\nDROP TABLE old;\n",
        f"CREATE TABLE kept AS SELECT * FROM plans;\nDROP TABLE plans;\n{NEW.format('plans')}\nINSERT INTO plans SELECT id, {TIER}, COALESCE(note, '') FROM kept;\nDROP TABLE kept;\n",
        f"CREATE TABLE kept AS SELECT id, {TIER} AS tier, COALESCE(note, '') AS note FROM plans;\nDROP TABLE plans;\n{NEW.format('plans')}\nINSERT INTO plans SELECT * FROM kept;\nDROP TABLE kept;\n",
    ],
)
def test_a_copy_that_maps_values_is_kept(sql: str) -> None:
    """A COALESCE for a new NOT NULL and a CASE over values are intended; children keep their rows."""
    text = fixed(sql, PLANS)
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(f"PRAGMA foreign_keys = ON;\n{PLANS}")
    connection.execute("INSERT INTO plans VALUES ('a', 'starter', NULL), ('b', 'pro', 'x')")
    connection.execute("INSERT INTO owners VALUES (1, 'a'), (2, 'b')")
    connection.executescript(f"BEGIN;\n{text}\nCOMMIT;")
    plans = connection.execute("SELECT * FROM plans ORDER BY id").fetchall()
    owners = connection.execute("SELECT * FROM owners").fetchall()
    connection.close()
    assert (plans, owners) == ([("a", "seed", ""), ("b", "oak", "x")], [(1, "a"), (2, "b")])


@pytest.mark.parametrize(
    ("copy", "why"),
    [
        (
            f"INSERT INTO plans_new (id, tier, note) SELECT id, {TIER}, '' FROM plans WHERE tier = 'pro'",
            "owners",
        ),
        (f"INSERT INTO plans_new (id, tier, note) SELECT id || 'x', {TIER}, '' FROM plans", "owners"),
    ],
)
def test_a_copy_that_leaves_rows_behind_is_not_kept(copy: str, why: str) -> None:
    """Referenced rows must be copied with their key, whatever else the copy computes."""
    assert f"a key of plans that {why} references is not copied" in why_not(f"{MADE}{copy};\n{TAKE}", PLANS)


TEAM = """\
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, plan TEXT, boss INTEGER REFERENCES users(id) ON DELETE SET NULL);
CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id) ON DELETE CASCADE);
CREATE TABLE notes (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id) ON DELETE SET NULL);
CREATE TABLE log (x);
CREATE VIEW names AS SELECT id, name FROM users;
CREATE TRIGGER logged AFTER UPDATE ON users BEGIN INSERT INTO log VALUES (new.id); END;
"""
TEAM_ROWS = """\
INSERT INTO users VALUES (1, 'a', NULL, NULL), (2, 'b', 'x', 1), (3, 'c', 'y', 3);
INSERT INTO posts VALUES (1, 1), (2, 2), (3, NULL), (4, 3);
INSERT INTO notes VALUES (1, 1), (2, 3);
"""
BESIDE = "CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL, plan TEXT, boss INTEGER REFERENCES users(id) ON DELETE SET NULL);\n"
INTO = f"{BESIDE}INSERT INTO users_new (id, name, plan, boss) "
SWAP = ";\nDROP TABLE users;\nALTER TABLE users_new RENAME TO users;\n"
FREE = "id, name, COALESCE(plan, 'free'), boss"
ASIDE = BESIDE.replace("users_new", "users")


@pytest.mark.parametrize(
    "sql",
    [
        f"{INTO}SELECT {FREE} FROM users{SWAP}",
        f"{BESIDE}WITH m AS (SELECT id, name, COALESCE(plan, 'free') AS plan, boss FROM users) INSERT INTO users_new SELECT id, name, plan, boss FROM m{SWAP}",
        f"{INTO}WITH m AS (SELECT id, name, COALESCE(plan, 'free') AS p, boss FROM users) SELECT id, name, p, boss FROM m{SWAP}",
        f"{INTO}WITH m AS (SELECT id, name, COALESCE(plan, 'free') AS plan, boss FROM users) SELECT * FROM m{SWAP}",
        f"{INTO}SELECT id, name, p, boss FROM (SELECT id, name, iif(plan IS NULL, 'free', plan) AS p, boss FROM users){SWAP}",
        f"{INTO}WITH map(old, new) AS (VALUES (NULL, 'free')) SELECT u.id, u.name, COALESCE(u.plan, (SELECT new FROM map)), u.boss FROM users u{SWAP}",
        f"{INTO}SELECT id, name, 'free', boss FROM users WHERE plan IS NULL;\nINSERT INTO users_new SELECT * FROM users WHERE plan IS NOT NULL{SWAP}",
        f"{INTO}SELECT id, name, plan, boss FROM users;\nUPDATE users_new SET plan = 'free' WHERE plan IS NULL{SWAP}",
        f"{INTO}SELECT {FREE} FROM users;\nALTER TABLE users RENAME TO old;\nALTER TABLE users_new RENAME TO users;\nDROP TABLE old;\n",
        f"ALTER TABLE users RENAME TO old;\n{ASIDE}INSERT INTO users SELECT {FREE} FROM old;\nDROP TABLE old;\n",
        f"ALTER TABLE users RENAME TO old;\n{ASIDE}WITH m AS (SELECT id, name, COALESCE(plan, 'free') AS p, boss FROM old) INSERT INTO users SELECT id, name, p, boss FROM m;\nDROP TABLE old;\n",
        f"CREATE TABLE kept AS SELECT * FROM users;\nDROP TABLE users;\n{ASIDE}INSERT INTO users SELECT {FREE} FROM kept;\nDROP TABLE kept;\n",
    ],
)
def test_a_table_that_refers_to_itself(sql: str) -> None:
    """However values are mapped: links stay, triggers do not fire, and exist afterwards."""
    text = fixed(sql, TEAM)
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(f"PRAGMA foreign_keys = ON;\n{TEAM}{TEAM_ROWS}")
    connection.executescript(f"BEGIN;\n{text}\nCOMMIT;")
    found = [
        connection.execute(f"SELECT * FROM {table}").fetchall()
        for table in ("users", "posts", "notes", "log")
    ]
    triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    connection.close()
    assert found == [
        [(1, "a", "free", None), (2, "b", "x", 1), (3, "c", "y", 3)],
        [(1, 1), (2, 2), (3, None), (4, 3)],
        [(1, 1), (2, 3)],
        [],
    ]
    assert triggers == [("logged",)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("UPDATE users SET name = 'x'", "UPDATE users SET name = 'x';"),
        ("UPDATE users SET name = 'x' -- end;\n", "UPDATE users SET name = 'x'; -- end;\n"),
        ("\ufeffSELECT 1;\r\nSELECT 2\r\n/* end */", "\ufeffSELECT 1;\r\nSELECT 2;\r\n/* end */"),
        ("SELECT ';'\n\n-- Rollback: none, x\n", "SELECT ';';\n\n-- Rollback: none, x\n"),
    ],
)
def test_a_missing_semicolon_is_added(sql: str, expected: str) -> None:
    """After the last token; wrangler appends its INSERT to the file, and would fail."""
    assert fixed(sql) == expected
    assert fixed_file(expected) == []


def test_a_rebuild_without_its_last_semicolon() -> None:
    """Both are fixed at once."""
    assert fixed(REBUILD.rstrip().removesuffix(";")) == fixed(REBUILD)
