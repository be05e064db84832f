"""What the linter takes for a copy: silent after a plain, whole one, and a warning after any other."""

from __future__ import annotations

import pytest

from d1migrate.lint.column_copies import values_inside
from d1migrate.lint.replay.replayer import replay
from d1migrate.lint.runner import lint
from d1migrate.migrate.migration import Migration

LOSSES = {"D104", "D105", "D106", "D107", "D108", "D116", "D118", "D119"}

LIVE = """
CREATE TABLE live (id INTEGER PRIMARY KEY, v TEXT, w TEXT);
CREATE TABLE arch (id INTEGER PRIMARY KEY, v TEXT, w TEXT);
CREATE TABLE o (id INTEGER PRIMARY KEY);
"""
USERS = """
CREATE TABLE u (
  id INTEGER PRIMARY KEY, first TEXT, last TEXT, email TEXT, verified INTEGER NOT NULL, status TEXT,
  price REAL, profile TEXT, cents INTEGER
);
CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER, author TEXT);
"""
REBUILD = "CREATE TABLE n ({}); {} DROP TABLE u; ALTER TABLE n RENAME TO u;"
ALL = "id INTEGER PRIMARY KEY, first TEXT, last TEXT, email TEXT, verified INTEGER, status TEXT, price REAL, profile TEXT, cents INTEGER"
NAMES = "id, first, last, email, verified, status, price, profile, cents"


def found_in(sql: str, given: str) -> dict[str, str]:
    """The losses that the linter reports of a file, as {code: message}."""
    found = lint([Migration(1, "001_given", given), Migration(2, "002_case", sql)], only={"002_case"})
    return {d.code: d.message for d in found if d.code in LOSSES}


def rebuilt(select: str, columns: str = ALL, into: str = NAMES, verb: str = "INSERT INTO") -> str:
    """A rebuild of `u` that is filled by a SELECT."""
    return REBUILD.format(columns, f"{verb} n ({into}) {select};")


# --- a table that is dropped after a copy ---

KEPT_TABLES = [
    "INSERT INTO arch SELECT * FROM live;",
    "INSERT INTO arch (w, v, id) SELECT w, v, id FROM live;",
    "INSERT INTO arch (id, v, w) SELECT l.id, l.v, l.w FROM live AS l;",
    'INSERT INTO "arch" SELECT "live".* FROM `live`;',
    "INSERT INTO arch SELECT * FROM live ORDER BY id;",
    "INSERT INTO arch SELECT * FROM live WHERE 1;",
    "INSERT INTO arch SELECT * FROM live WHERE id IS NOT NULL;",
    "INSERT INTO arch SELECT live.* FROM live LEFT JOIN o ON o.id = live.id;",
    "INSERT INTO arch (id, v, w) SELECT id, coalesce(v, ''), CASE WHEN w IS NULL THEN '-' ELSE w END FROM live;",
    "INSERT INTO arch (id, v, w) SELECT id, v COLLATE NOCASE, (w) AS x FROM live;",
    "CREATE TABLE copy AS SELECT * FROM live;",
    "CREATE TABLE copy AS SELECT id AS number, v, w FROM live;",
    "CREATE TABLE hold AS SELECT * FROM live; INSERT INTO arch SELECT * FROM hold; DROP TABLE hold;",
    "CREATE TABLE copy (id TEXT, v TEXT, w BLOB); INSERT INTO copy SELECT CAST(id AS TEXT), v, w FROM live;",
    "CREATE TABLE copy (id INTEGER PRIMARY KEY, v TEXT, w TEXT); INSERT OR REPLACE INTO copy SELECT * FROM live;",
    "CREATE TABLE copy AS SELECT * FROM live WHERE 0; INSERT INTO copy SELECT * FROM live;",
    "CREATE TABLE copy AS SELECT * FROM live; UPDATE copy SET v = coalesce(v, '');",
    "CREATE TABLE copy AS SELECT *, '' AS x FROM live; UPDATE copy SET x = v;",
    "CREATE TRIGGER all_ BEFORE INSERT ON arch WHEN new.id < 0 BEGIN SELECT RAISE(ABORT, 'no'); END; INSERT INTO arch SELECT * FROM live;",
    "CREATE TRIGGER also AFTER INSERT ON arch BEGIN INSERT INTO o VALUES (new.id); END; INSERT INTO arch SELECT * FROM live;",
    ("CREATE TABLE vs (id INTEGER PRIMARY KEY, v TEXT); CREATE TABLE ws (id INTEGER PRIMARY KEY, w TEXT);"
    "INSERT INTO vs SELECT id, v FROM live; INSERT INTO ws SELECT id, w FROM live;"),
    "ALTER TABLE live RENAME TO before; INSERT INTO arch SELECT * FROM before; ALTER TABLE before RENAME TO live;",
    "INSERT INTO arch SELECT id, v, w FROM live UNION ALL SELECT id, NULL, NULL FROM o;",
]  # fmt: skip

LOST_TABLES = [
    ("", "DROP TABLE live loses its rows"),
    ("INSERT INTO arch SELECT * FROM live WHERE v IS NOT NULL;", "(WHERE)"),
    ("INSERT INTO arch SELECT * FROM live WHERE id > 7;", "(WHERE)"),
    ("INSERT INTO arch SELECT live.* FROM live JOIN o ON o.id = live.id;", "(JOIN)"),
    ("INSERT INTO arch SELECT live.* FROM live, o;", "(JOIN)"),
    ("INSERT INTO arch SELECT live.* FROM o LEFT JOIN live ON o.id = live.id;", "(JOIN)"),
    ("INSERT OR IGNORE INTO arch SELECT * FROM live;", "(OR IGNORE)"),
    ("INSERT OR REPLACE INTO arch SELECT * FROM live;", "(REPLACE)"),
    ("INSERT INTO arch SELECT * FROM live WHERE true ON CONFLICT DO NOTHING;", "(ON CONFLICT DO NOTHING)"),
    ("INSERT INTO arch SELECT * FROM live LIMIT 100;", "(LIMIT)"),
    ("INSERT INTO arch SELECT DISTINCT * FROM live;", "(DISTINCT)"),
    ("INSERT INTO arch SELECT min(id), v, w FROM live GROUP BY v;", "(GROUP BY)"),
    ("INSERT INTO arch SELECT max(id), v, w FROM live;", "(an aggregate)"),
    ("INSERT INTO arch SELECT * FROM live EXCEPT SELECT * FROM arch;", "(EXCEPT)"),
    ("INSERT INTO arch SELECT * FROM live UNION SELECT id, 'o', 'o' FROM o;", "(UNION)"),
    ("INSERT INTO arch SELECT * FROM (SELECT * FROM live WHERE id > 7);", "(a subquery)"),
    ("WITH some AS (SELECT * FROM live LIMIT 5) INSERT INTO arch SELECT * FROM some;", "(a subquery)"),
    ("INSERT INTO arch (id, v) SELECT id, v FROM live;", "the values of live.w"),
    ("INSERT INTO arch (v, w) SELECT v, w FROM live;", "the values of live.id"),
    ("INSERT INTO arch SELECT id, 'v', w FROM live;", "the values of live.v"),
    ("INSERT INTO arch SELECT id, upper(v), w FROM live;", "the values of live.v: arch.v is filled by an expression"),
    ("CREATE TABLE copy (id INTEGER, v INTEGER, w TEXT); INSERT INTO copy SELECT * FROM live;", "live.v"),
    ("CREATE TABLE copy (id INTEGER, v TEXT UNIQUE, w TEXT); INSERT OR REPLACE INTO copy SELECT * FROM live;", "(REPLACE)"),
    ("CREATE TABLE copy (id INTEGER, v TEXT UNIQUE ON CONFLICT IGNORE, w TEXT); INSERT INTO copy SELECT * FROM live;",
     "(ON CONFLICT)"),
    ("CREATE TABLE hold AS SELECT * FROM live; DROP TABLE hold;", "loses"),
    ("CREATE TABLE hold AS SELECT * FROM live; DELETE FROM hold;", "loses"),
    ("CREATE TABLE hold AS SELECT * FROM live; INSERT INTO arch SELECT * FROM hold WHERE id > 7; DROP TABLE hold;", "(WHERE)"),
    ("CREATE TABLE copy AS SELECT * FROM live; ALTER TABLE copy DROP COLUMN w;", "live.w"),
    ("UPDATE arch SET v = (SELECT v FROM live WHERE live.id = arch.id);", "loses its rows"),
    ("CREATE TABLE counts AS SELECT count(*) AS n FROM live;", "loses its rows"),
    ("CREATE TABLE copy AS SELECT * FROM live WHERE 0;", "loses its rows"),
    ("CREATE TABLE copy AS SELECT * FROM live LIMIT 0;", "loses its rows"),
    ("CREATE TABLE copy AS SELECT * FROM live; UPDATE copy SET v = 'x';", "the values of live.v: copy.v is dropped or overwritten"),
    ("CREATE TABLE copy AS SELECT * FROM live; DELETE FROM copy WHERE 1 = 1;", "loses its rows"),
    ("CREATE TABLE copy (id TEXT, v TEXT, w TEXT); INSERT INTO copy SELECT CAST(id AS REAL), v, w FROM live;", "the values of live.id"),
    ("CREATE TRIGGER few BEFORE INSERT ON arch WHEN new.id > 7 BEGIN SELECT RAISE(IGNORE); END; INSERT INTO arch SELECT * FROM live;",
     "(trigger few)"),
    ("CREATE TRIGGER few AFTER INSERT ON arch BEGIN DELETE FROM arch WHERE id < new.id; END; INSERT INTO arch SELECT * FROM live;",
     "(trigger few)"),
]  # fmt: skip


@pytest.mark.parametrize("copy", KEPT_TABLES)
@pytest.mark.parametrize("drop", ["DROP TABLE live;", "DROP TABLE IF EXISTS live;"])
def test_a_whole_copy_is_no_loss(copy: str, drop: str) -> None:
    """Each row and each column, as it is, into a table that stays, in whatever spelling."""
    assert found_in(copy + drop, LIVE) == {}


@pytest.mark.parametrize(("copy", "says"), LOST_TABLES)
def test_any_other_copy_is_a_loss(copy: str, says: str) -> None:
    """It may omit rows, a column, or what a column holds; the message says which."""
    assert says in found_in(copy + "DROP TABLE IF EXISTS live;", LIVE)["D104"]


def test_a_copy_after_the_drop_is_too_late() -> None:
    """Of a table with the same name that is created again."""
    sql = "DROP TABLE live; CREATE TABLE live (id INTEGER PRIMARY KEY, v TEXT, w TEXT); INSERT INTO arch SELECT * FROM live;"
    assert found_in(sql, LIVE).keys() == {"D104"}


# --- a column that is dropped after a copy ---

ADD = "ALTER TABLE u ADD COLUMN x {}; {} ALTER TABLE u DROP COLUMN {};"
KEPT_COLUMNS = [
    ADD.format("TEXT", "UPDATE u SET x = email;", "email"),
    ADD.format("TEXT", "UPDATE u SET x = u.email WHERE email IS NOT NULL;", "email"),
    ADD.format("TEXT", "UPDATE u SET x = email WHERE x IS NULL;", "email"),
    ADD.format("TEXT", "UPDATE u SET x = email WHERE x IS NULL AND email IS NOT NULL;", "email"),
    ADD.format("TEXT", "UPDATE u SET x = coalesce(email, '');", "email"),
    ADD.format("TEXT", "UPDATE u SET x = CASE WHEN email IS NULL THEN '' ELSE email END;", "email"),
    ADD.format("TEXT", "UPDATE u SET x = CAST(cents AS TEXT);", "cents"),
    ADD.format("TEXT", "UPDATE u SET x = 'none'; UPDATE u SET x = email;", "email"),
    ADD.format("TEXT", "UPDATE u SET x = email; UPDATE u SET x = ifnull(x, 'none');", "email"),
    ADD.format("REAL", "UPDATE u SET x = cents;", "cents"),
    "ALTER TABLE u RENAME COLUMN email TO mail; ALTER TABLE u ADD COLUMN x TEXT; UPDATE u SET x = mail; ALTER TABLE u DROP COLUMN mail;",
    ADD.format("TEXT", "UPDATE u SET x = email;", "email") + "ALTER TABLE u RENAME COLUMN x TO email;",
    "CREATE TABLE emails (user_id INTEGER, email TEXT); INSERT INTO emails SELECT id, email FROM u; ALTER TABLE u DROP COLUMN email;",
    ("CREATE TABLE emails (user_id INTEGER, email TEXT); INSERT INTO emails SELECT id, email FROM u WHERE email IS NOT NULL;"
    "ALTER TABLE u DROP COLUMN email;"),
    ("CREATE TABLE names (id INTEGER, a TEXT, b TEXT); INSERT INTO names SELECT id, first, last FROM u"
    " WHERE first IS NOT NULL OR last IS NOT NULL; ALTER TABLE u DROP COLUMN first; ALTER TABLE u DROP COLUMN last;"),
    "ALTER TABLE u RENAME COLUMN email TO mail;",
]  # fmt: skip

LOST_COLUMNS = [
    (ADD.format("TEXT", "", "email"), "the values of u.email"),
    (ADD.format("TEXT", "UPDATE u SET x = first || ' ' || last;", "first"), "u.x is filled by an expression"),
    (ADD.format("INTEGER", "UPDATE u SET x = CAST(price * 100 AS INTEGER);", "price"), "u.x is filled by an expression"),
    (ADD.format("TEXT", "UPDATE u SET x = json_extract(profile, '$.city');", "profile"), "u.x is filled by an expression"),
    (ADD.format("TEXT", "UPDATE u SET x = profile ->> 'city';", "profile"), "u.x is filled by an expression"),
    (ADD.format("INTEGER", "UPDATE u SET x = (status = 'active');", "status"), "u.x is filled by an expression"),
    (ADD.format("INTEGER", "UPDATE u SET x = CASE status WHEN 'active' THEN 1 ELSE 0 END;", "status"), "expression"),
    (ADD.format("INTEGER", "UPDATE u SET x = CASE WHEN status IS NOT NULL THEN 1 ELSE 0 END;", "status"), "expression"),
    (ADD.format("INTEGER", "UPDATE u SET x = email;", "email"), "expression"),
    (ADD.format("INTEGER", "UPDATE u SET x = price;", "price"), "expression"),
    (ADD.format("TEXT", "UPDATE u SET x = lower(email);", "email"), "expression"),
    (ADD.format("TEXT", "UPDATE u SET x = nullif(email, '');", "email"), "expression"),
    (ADD.format("TEXT", "UPDATE u SET x = 'email';", "email"), "the values of u.email"),
    (ADD.format("TEXT", "UPDATE u SET x = email WHERE verified = 1;", "email"), "(WHERE)"),
    (ADD.format("TEXT", "UPDATE u SET x = email WHERE email <> '';", "email"), "(WHERE)"),
    (ADD.format("TEXT DEFAULT 'none'", "UPDATE u SET x = email WHERE x IS NULL;", "email"), "(WHERE)"),
    ("UPDATE u SET first = email WHERE first IS NULL; ALTER TABLE u DROP COLUMN email;", "(WHERE)"),
    (ADD.format("TEXT", "UPDATE OR IGNORE u SET x = email;", "email"), "(OR IGNORE)"),
    (ADD.format("TEXT", "UPDATE u SET x = email; ALTER TABLE u DROP COLUMN x;", "email"), "the values of u.email"),
    (ADD.format("TEXT", "UPDATE u SET x = email; UPDATE u SET x = lower(x);", "email"), "u.x is dropped or overwritten"),
    (ADD.format("TEXT", "UPDATE u SET x = CAST(cents AS REAL);", "cents"), "expression"),
    (("CREATE TRIGGER few BEFORE UPDATE ON u WHEN old.verified BEGIN SELECT RAISE(IGNORE); END;"
     + ADD.format("TEXT", "UPDATE u SET x = email;", "email")), "(trigger few)"),
    ("UPDATE posts SET author = (SELECT email FROM u WHERE u.id = user_id); ALTER TABLE u DROP COLUMN email;", "expression"),
    ("UPDATE posts SET author = u.email FROM u WHERE u.id = user_id; ALTER TABLE u DROP COLUMN email;", "(JOIN)"),
    (("CREATE TABLE emails (user_id INTEGER, email TEXT); INSERT INTO emails SELECT id, email FROM u WHERE verified = 1;"
     "ALTER TABLE u DROP COLUMN email;"), "(WHERE)"),
    (("CREATE TABLE emails (user_id INTEGER, email TEXT); INSERT INTO emails SELECT id, email FROM u; DROP TABLE emails;"
     "ALTER TABLE u DROP COLUMN email;"), "emails.email is dropped or overwritten"),
    ("CREATE TABLE emails (email TEXT); INSERT INTO emails SELECT DISTINCT email FROM u; ALTER TABLE u DROP COLUMN email;",
     "(DISTINCT)"),
]  # fmt: skip


@pytest.mark.parametrize("sql", KEPT_COLUMNS)
def test_a_column_that_is_moved(sql: str) -> None:
    """As it is, for each row that has a value, into a column that stays."""
    assert found_in(sql, USERS).keys() <= {"D107"}


def test_a_column_that_a_guarded_rebuild_omits() -> None:
    """The copy that the rebuild itself makes and drops is not named: nobody wrote it."""
    sql = (
        'CREATE TABLE "_d1m_hold_1" AS SELECT * FROM u; DROP TABLE u; CREATE TABLE u (id INTEGER PRIMARY KEY);'
        ' INSERT INTO u SELECT id FROM "_d1m_hold_1"; DROP TABLE "_d1m_hold_1";'
    )
    lost = found_in(sql, USERS)["D105"]
    assert "u.email" in lost
    assert "_d1m_" not in lost


@pytest.mark.parametrize(("sql", "says"), LOST_COLUMNS)
def test_a_column_that_is_lost(sql: str, says: str) -> None:
    """In some rows, or because something else is made of it; the message says which."""
    message = found_in(sql, USERS)["D105"]
    assert says.strip("()") in message


# --- a rebuild ---

GOOD_REBUILDS = [
    *(
        rebuilt(f"SELECT {NAMES} FROM u {end}", columns, verb=verb)
        for columns in (ALL, ALL.replace("verified INTEGER", "verified INTEGER NOT NULL"))
        for verb, end in (("INSERT OR IGNORE INTO", ""), ("INSERT INTO", "WHERE true ON CONFLICT DO NOTHING"))
    ),
    rebuilt(f"SELECT {NAMES} FROM u"),
    rebuilt("SELECT * FROM u"),
    rebuilt(f"SELECT {NAMES} FROM u", verb="INSERT OR REPLACE INTO"),
    rebuilt(f"SELECT {NAMES} FROM u", verb="REPLACE INTO"),
    rebuilt(f"SELECT {NAMES} FROM u WHERE id IS NOT NULL"),
    rebuilt("SELECT id, coalesce(first, ''), ifnull(last, '-'), email, verified, status, price, profile, cents FROM u"),
    rebuilt("SELECT id, first, last, email, verified, CASE status WHEN 'on' THEN 'active' ELSE status END, price, profile, cents FROM u"),
    rebuilt(f"SELECT {NAMES} FROM u", ALL.replace("first", "given"), NAMES.replace("first", "given")),
    rebuilt("SELECT * FROM u") + "UPDATE u SET first = coalesce(first, '');",
    rebuilt("SELECT *, '' FROM u", ALL + ", x TEXT", NAMES + ", x") + "UPDATE u SET x = email;",
    rebuilt("SELECT * FROM u", ALL.replace("cents INTEGER", "cents REAL")),
    rebuilt("SELECT u.id, u.first, u.last, u.email, u.verified, u.status, u.price, u.profile, p.id FROM u LEFT JOIN posts p ON p.user_id = u.id",
            ALL.replace("cents", "post") + ", cents INTEGER", NAMES.replace("cents", "post")).replace("p.id FROM", "u.cents FROM"),
    rebuilt("SELECT id, first, last, email, verified, status, price, profile, (SELECT count(*) FROM posts WHERE user_id = u.id) FROM u",
            ALL + ", n INTEGER", NAMES.replace("cents", "n")).replace("profile, (", "profile, cents, (").replace("profile, n)", "profile, cents, n)"),
    f"CREATE TABLE hold AS SELECT * FROM u; DROP TABLE u; CREATE TABLE u ({ALL}); INSERT INTO u ({NAMES}) SELECT {NAMES} FROM hold; DROP TABLE hold;",
    f"ALTER TABLE u RENAME TO u_old; CREATE TABLE u ({ALL}); INSERT INTO u ({NAMES}) SELECT {NAMES} FROM u_old; DROP TABLE u_old;",
    "CREATE TABLE n AS SELECT * FROM u; DROP TABLE u; ALTER TABLE n RENAME TO u;",
    (f'CREATE TABLE `__new_u` ({ALL});INSERT INTO `__new_u`("id", "first", "last", "email", "verified", "status", "price", "profile", "cents")'
    ' SELECT "id", "first", "last", "email", "verified", "status", "price", "profile", "cents" FROM `u`;DROP TABLE `u`;ALTER TABLE `__new_u` RENAME TO `u`;'),
]  # fmt: skip

BAD_REBUILDS = [
    ("D119", rebuilt("SELECT id, 'first', last, email, verified, status, price, profile, cents FROM u"), "text in single quotes"),
    ("D119", rebuilt("SELECT id, first, last, NULL, verified, status, price, profile, cents FROM u"), "u.email = NULL"),
    ("D119", rebuilt("SELECT id, first, last, lower(email), verified, status, price, profile, cents FROM u"), "u.email = lower(email)"),
    ("D119", rebuilt("SELECT id, first, last, first, verified, status, price, profile, cents FROM u"), "u.email = first"),
    ("D119", rebuilt("SELECT id, first, last, email, verified, status, CAST(price * 100 AS INTEGER), profile, cents FROM u"), "u.price ="),
    ("D119", rebuilt("SELECT id, first, last, email, verified, CASE status WHEN 'on' THEN 1 END, price, profile, cents FROM u"), "u.status ="),
    ("D119", rebuilt("SELECT row_number() OVER (ORDER BY id), first, last, email, verified, status, price, profile, cents FROM u"),
     "u.id = row_number() OVER (ORDER BY id)"),
    ("D105", rebuilt("SELECT id, first || ' ' || last, email, verified, status, price, profile, cents FROM u",
                     "id INTEGER PRIMARY KEY, name TEXT, email TEXT, verified INTEGER, status TEXT, price REAL, profile TEXT, cents INTEGER",
                     "id, name, email, verified, status, price, profile, cents"),
     "omits u.first, u.last: u.name is filled by an expression"),
    ("D105", rebuilt("SELECT id, first, last, email, verified, status, price, profile FROM u", into=NAMES.replace(", cents", "")), "u.cents"),
    ("D116", rebuilt(f"SELECT {NAMES} FROM u WHERE verified = 1"), "WHERE"),
    ("D116", rebuilt(f"SELECT {NAMES} FROM u WHERE email IS NOT NULL"), "WHERE"),
    ("D107", rebuilt("SELECT * FROM u") + "UPDATE u SET email = NULL;", "overwrites u.email"),
    ("D107", rebuilt("SELECT * FROM u; UPDATE n SET email = lower(email) WHERE true"), "overwrites n.email"),
    ("D104", rebuilt("SELECT * FROM u") + "DELETE FROM u;", "loses its rows"),
    ("D108", (f"CREATE TABLE hold ({ALL.replace('first TEXT', 'first INTEGER')}); INSERT INTO hold SELECT * FROM u; DROP TABLE u;"
             f"CREATE TABLE u ({ALL}); INSERT INTO u SELECT * FROM hold; DROP TABLE hold;"), "u.first is copied through hold.first INTEGER"),
    ("D118", rebuilt("SELECT * FROM u; REPLACE INTO n (id, verified) VALUES (1, 1)"), "gives no value for n.first"),
    ("D105", ("CREATE TABLE n AS SELECT * FROM u WHERE FALSE; INSERT INTO n (id) SELECT id FROM u; DROP TABLE u;"
             " ALTER TABLE n RENAME TO u;"), "omits u.first"),
    *(
        ("D116", rebuilt(f"SELECT {NAMES} FROM u", ALL.replace(column, new), verb="INSERT OR IGNORE INTO"), "OR IGNORE")
        for column, new in (
            ("email TEXT", "email TEXT UNIQUE"),
            ("email TEXT", "email TEXT NOT NULL"),
            ("status TEXT", "status TEXT CHECK (status <> '')"),
        )
    ),
    ("D116", rebuilt(f"SELECT {NAMES} FROM u WHERE 1", ALL.replace("email TEXT", "email TEXT UNIQUE")).replace("WHERE 1", "WHERE 1 ON CONFLICT DO NOTHING"),
     "ON CONFLICT DO NOTHING"),
    ("D116", REBUILD.format(ALL, f"INSERT INTO n (id) VALUES (1); INSERT OR IGNORE INTO n SELECT {NAMES} FROM u;"), "OR IGNORE"),
    ("D116", rebuilt(f"SELECT {NAMES} FROM u", ALL.replace("email TEXT", "email TEXT UNIQUE"), verb="REPLACE INTO"), "REPLACE"),
    ("D116", rebuilt(f"SELECT {NAMES} FROM u WHERE verified = 1; INSERT INTO n SELECT * FROM u WHERE verified = 2"), "WHERE"),
    ("D116", (f"CREATE TABLE hold AS SELECT * FROM u WHERE verified; DROP TABLE u; CREATE TABLE u ({ALL}); INSERT INTO u SELECT * FROM hold;"
             " DROP TABLE hold;"), "WHERE"),
]  # fmt: skip


@pytest.mark.parametrize("sql", GOOD_REBUILDS)
def test_a_plain_rebuild_is_silent(sql: str) -> None:
    """In the forms that tools and people write, with COALESCE, a LEFT JOIN and subqueries."""
    assert found_in(sql, USERS) == {}


@pytest.mark.parametrize(("code", "sql", "says"), BAD_REBUILDS)
def test_what_a_rebuild_does_not_keep(code: str, sql: str, says: str) -> None:
    """Under one code: the rows, a column, or the values of a column."""
    found = found_in(sql, USERS)
    assert found.keys() == {code}
    assert says in found[code]


NOCASE = "CREATE TABLE neu (k TEXT COLLATE NOCASE PRIMARY KEY, x TEXT) WITHOUT ROWID; {} SELECT * FROM old; DROP TABLE old; ALTER TABLE neu RENAME TO old;"


@pytest.mark.parametrize(
    ("given", "lost"),
    [
        ("CREATE TABLE old (k TEXT PRIMARY KEY, x TEXT);", {"D116"}),
        ("CREATE TABLE old (k TEXT COLLATE NOCASE PRIMARY KEY, x TEXT);", set()),
        ("CREATE TABLE old (k TEXT, x TEXT, PRIMARY KEY (k COLLATE NOCASE));", set()),
        ("CREATE TABLE old (k TEXT, x TEXT);", {"D116"}),
        ("CREATE TABLE old (k TEXT, x TEXT); CREATE UNIQUE INDEX u ON old(k COLLATE NOCASE);", set()),
        (
            "CREATE TABLE old (k TEXT, x TEXT); CREATE UNIQUE INDEX u ON old(k COLLATE NOCASE) WHERE x > 1;",
            {"D116"},
        ),
    ],
)
def test_replace_into_a_key_that_is_narrower(given: str, lost: set[str]) -> None:
    """Rows push each other out where the new key takes for equal what the old one kept apart."""
    assert found_in(NOCASE.format("REPLACE INTO neu"), given).keys() == lost


def test_a_case_over_all_values_that_a_check_allows() -> None:
    """It is a mapping; one that leaves a value out is not."""
    given = "CREATE TABLE u (id INTEGER PRIMARY KEY, tier TEXT CHECK (tier IN ('a', 'b')));"
    copy = REBUILD.format(
        "id INTEGER PRIMARY KEY, tier TEXT",
        "INSERT INTO n SELECT id, CASE tier WHEN 'a' THEN 'x'{} END FROM u;",
    )
    assert found_in(copy.format(" WHEN 'b' THEN 'y'"), given) == {}
    assert found_in(copy.format(""), given).keys() == {"D119"}
    searched = copy.replace("CASE tier WHEN 'a'", "CASE WHEN tier = 'a'")
    assert found_in(searched.format(" WHEN tier IN ('b', 'c') THEN 'y'"), given) == {}
    assert found_in(searched.format(" WHEN id = 'b' THEN 'y'"), given).keys() == {"D119"}


def test_merged_tables_cannot_keep_their_numbers() -> None:
    """Two tables with ids from 1 are put into one; alone, a table has no reason to lose them."""
    given = (
        "CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT); CREATE TABLE b (id INTEGER PRIMARY KEY, x TEXT);"
    )
    both = "CREATE TABLE c (id INTEGER PRIMARY KEY, x TEXT); INSERT INTO c (x) SELECT x FROM a; INSERT INTO c (x) SELECT x FROM b;"
    assert found_in(both + "DROP TABLE a; DROP TABLE b;", given) == {}
    assert found_in(
        both.partition(" INSERT INTO c (x) SELECT x FROM b")[0] + "; DROP TABLE a;", given
    ).keys() == {"D104"}


# --- REPLACE over rows that exist ---

SETTINGS = """
CREATE TABLE settings (id INTEGER PRIMARY KEY, key TEXT UNIQUE, value TEXT, edited_by TEXT);
CREATE TABLE plain (key TEXT PRIMARY KEY, value TEXT);
CREATE TABLE log (line TEXT);
CREATE TABLE timed (key TEXT PRIMARY KEY, value TEXT, at INTEGER DEFAULT (unixepoch()), updated TEXT DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE t (id INTEGER PRIMARY KEY, u TEXT UNIQUE ON CONFLICT REPLACE, w TEXT);
"""


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("INSERT OR REPLACE INTO settings (key, value) VALUES ('theme', 'light'), ('lang', 'en')", "settings.id, settings.edited_by"),
        ("REPLACE INTO settings (id, key, value) SELECT id, key, upper(value) FROM settings", "settings.edited_by"),
        ("INSERT INTO t (id, u) VALUES (3, 'a')", "t.w"),
        ("INSERT INTO t VALUES (3, 'a', 'b')", "with another primary key"),
        ("UPDATE OR REPLACE settings SET key = lower(key)", "that have the new key"),
        ("INSERT OR REPLACE INTO settings VALUES (1, 'theme', 'light', 'ann')", ""),
        ("INSERT OR REPLACE INTO settings SELECT 7, key, value, '' FROM plain", "with another primary key"),
        ("INSERT OR REPLACE INTO plain (key, value) VALUES ('theme', 'light')", ""),
        ("INSERT OR REPLACE INTO log (line) VALUES ('a')", ""),
        ("INSERT OR REPLACE INTO timed (key, value) VALUES ('theme', 'light')", ""),
        ("INSERT OR REPLACE INTO timed (key) VALUES ('theme')", "timed.value"),
        ("INSERT OR REPLACE INTO settings (value) VALUES ('a')", ""),
        ("INSERT OR IGNORE INTO t (id, u) VALUES (3, 'a')", ""),
        ("INSERT INTO settings (key, value) VALUES ('a', 'b') ON CONFLICT(key) DO UPDATE SET value = excluded.value", ""),
        ("UPDATE OR REPLACE settings SET value = 'x' WHERE id = 1", ""),
        ("DELETE FROM settings; INSERT OR REPLACE INTO settings (key, value) VALUES ('theme', 'light')", ""),
        ("CREATE TABLE n (k TEXT PRIMARY KEY, v TEXT); INSERT OR REPLACE INTO n (k) VALUES ('a')", ""),
    ],
)  # fmt: skip
def test_replace_that_gives_less_than_it_takes(sql: str, says: str) -> None:
    """A column without a value, an id that is assigned again, another row with the same UNIQUE value."""
    found = found_in(sql, SETTINGS)
    assert ("D118" in found) == bool(says)
    assert says in found.get("D118", "")


# --- rows that are deleted, or overwritten, after a copy ---


@pytest.mark.parametrize(
    ("sql", "code", "says"),
    [
        ("INSERT INTO arch SELECT * FROM live; DELETE FROM live;", "", ""),
        ("CREATE TABLE h AS SELECT * FROM live; DELETE FROM live; INSERT INTO live SELECT * FROM h; DROP TABLE h;", "", ""),
        ("INSERT INTO arch (id, v) SELECT id, v FROM live; DELETE FROM live;", "D106", "the values of live.w"),
        ("INSERT INTO arch (id, v) SELECT id, v FROM live; DELETE FROM live WHERE TRUE;", "D106", "the values of live.w"),
        ("DELETE FROM live WHERE 1;", "D106", "DELETE of every row empties live"),
        ("DELETE FROM live WHERE 1 RETURNING id;", "D106", "empties live"),
        ("DELETE FROM live WHERE id = 1;", "", ""),
        (("CREATE TABLE h (id INTEGER, v INTEGER, w TEXT); INSERT INTO h SELECT * FROM live; DELETE FROM live;"
          " INSERT INTO live SELECT * FROM h; DROP TABLE h;"), "D106", "the values of live.v: h.v is filled by an expression"),
        ("CREATE TABLE h AS SELECT * FROM live; DELETE FROM live; INSERT INTO live (id, v) SELECT id, v FROM h; DROP TABLE h;",
         "D106", "the values of live.w"),
        ("UPDATE live SET v = 'x' WHERE 1 = 1;", "D107", "overwrites live.v"),
        ("UPDATE live SET v = coalesce(v, ''), w = CASE w WHEN 'a' THEN 'b' ELSE w END;", "", ""),
        ("UPDATE live SET v = CAST(v AS INTEGER);", "D107", "overwrites live.v"),
        ("CREATE TABLE bak AS SELECT * FROM live; UPDATE bak SET v = 'x';", "", ""),
        ("DELETE FROM shown;", "D106", "DELETE without WHERE from view shown deletes rows of live"),
        ("DELETE FROM shown WHERE id = 1;", "", ""),
        ("UPDATE shown SET v = 'x';", "D107", "overwrites shown.v"),
        ("UPDATE shown SET v = 'x' WHERE id = 1;", "", ""),
    ],
)  # fmt: skip
def test_rows_that_are_deleted_or_overwritten(sql: str, code: str, says: str) -> None:
    """A copy keeps what it holds, whole and as it is; the rest is lost by DELETE and UPDATE as by DROP."""
    view = """
    CREATE VIEW shown AS SELECT id, v FROM live;
    CREATE TRIGGER hide INSTEAD OF DELETE ON shown BEGIN DELETE FROM live WHERE id = old.id; END;
    CREATE TRIGGER change INSTEAD OF UPDATE ON shown BEGIN UPDATE live SET v = new.v WHERE id = old.id; END;
    """
    found = found_in(sql, LIVE + view)
    assert found.keys() == ({code} if code else set())
    assert says in found.get(code, "")


def test_a_trigger_that_deletes_from_its_own_table() -> None:
    """It deletes other rows than the statement says."""
    given = (
        LIVE + "CREATE TRIGGER next AFTER DELETE ON live BEGIN DELETE FROM live WHERE id = old.id + 1; END;"
    )
    files = [Migration(1, "001_given", given), Migration(2, "002_case", "DELETE FROM live WHERE id = 1;")]
    found = [d.message for d in lint(files, only={"002_case"}) if d.code == "D117"]
    assert found == ["this fires trigger next, which deletes rows of live"]


@pytest.mark.parametrize(
    ("old", "new", "reported"),
    [
        ("n BIGINT", "n REAL", True),
        ("n INT8", "n DOUBLE", True),
        ("n INTEGER", "n REAL", False),
        ("n BIGINT", "n INTEGER", False),
        ("n BIGINT", "n TEXT", False),
    ],
)
def test_whole_numbers_that_real_rounds(old: str, new: str, reported: bool) -> None:
    """A type for 64-bit numbers says that there may be some beyond 2 ** 53."""
    sql = f"CREATE TABLE m (id INTEGER PRIMARY KEY, {new}); INSERT INTO m SELECT * FROM k; DROP TABLE k; ALTER TABLE m RENAME TO k;"
    assert ("D108" in found_in(sql, f"CREATE TABLE k (id INTEGER PRIMARY KEY, {old});")) == reported


@pytest.mark.parametrize(
    ("given", "sql", "reported"),
    [
        ("n ANY) STRICT", "n NUMERIC)", True),
        ("n ANY) STRICT", "n ANY)", True),
        ("n ANY) STRICT", "n ANY) STRICT", False),
        ("n ANY) STRICT", "n)", False),
        ("n ANY)", "n NUMERIC)", False),
    ],
)
def test_any_of_a_strict_table_keeps_every_value(given: str, sql: str, reported: bool) -> None:
    """Elsewhere, ANY is a type that turns '05' into 5."""
    rebuild = f"CREATE TABLE m (id INTEGER PRIMARY KEY, {sql}; INSERT INTO m SELECT * FROM k; DROP TABLE k; ALTER TABLE m RENAME TO k;"
    assert ("D108" in found_in(rebuild, f"CREATE TABLE k (id INTEGER PRIMARY KEY, {given};")) == reported


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("DROP TABLE bare;", "D104"),
        ("DROP TABLE bare; CREATE VIRTUAL TABLE bare USING fts5(v, content='', tokenize='porter');", "D104"),
        ("DROP TABLE bare; CREATE VIRTUAL TABLE bare USING fts5(v, content=''); INSERT INTO bare (rowid, v) SELECT id, v FROM live;", ""),
        ("DROP TABLE found;", ""),
        ("INSERT INTO bare (bare) VALUES ('delete-all');", "D106"),
        ("INSERT INTO bare (bare) VALUES ('delete-all'); INSERT INTO bare (rowid, v) SELECT id, v FROM live;", ""),
        ("INSERT INTO found (found) VALUES ('delete-all');", "D106"),
        ("INSERT INTO found (found) VALUES ('delete-all'); INSERT INTO found (found) VALUES ('rebuild');", ""),
    ],
)  # fmt: skip
def test_a_full_text_index_that_is_emptied(sql: str, code: str) -> None:
    """One without content cannot be built again, unless the file fills it."""
    indexes = """
    CREATE VIRTUAL TABLE bare USING fts5(v, content='');
    CREATE VIRTUAL TABLE found USING fts5(v, content='live', content_rowid='id');
    """
    assert found_in(sql, LIVE + indexes).keys() == ({code} if code else set())


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        ("INSERT INTO a (d, c) SELECT 1, b.z + 2 FROM b", {"d": "1", "c": "b . z + 2"}),
        ("INSERT INTO a SELECT q, 'r' FROM b WHERE 1 ON CONFLICT DO NOTHING", {"c": "q", "d": "'r'"}),
        ("INSERT INTO a SELECT * FROM b", {"c": '"b" . "z"', "d": '"b" . "q"'}),
        ("INSERT INTO a SELECT x, y FROM (SELECT z + 1 AS x, q AS y FROM b)", {"c": "z + 1", "d": "y"}),
        ("CREATE TABLE e AS SELECT z AS x FROM b", {"x": "z"}),
    ],
)
def test_what_a_statement_puts_where(sql: str, values: dict[str, str]) -> None:
    """By the columns it names, or else by the table's: C and d."""
    (replayed,) = replay([Migration(1, "001_a", f"CREATE TABLE a (C, d); CREATE TABLE b (z, q); {sql};")])
    found = values_inside(replayed.statements[-1])
    assert {column: " ".join(token.text for token in tokens) for column, tokens in found.items()} == values
