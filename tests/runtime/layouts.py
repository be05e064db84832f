"""Random folders of migrations in the layouts that people have, as values: all of them are folders that wrangler applies.

Every file that has statements adds a row to the table `steps`, with the file that ran before it, so that the rows
tell the order. No function here knows the order itself: wrangler decides it.
"""

from __future__ import annotations

from posixpath import normpath
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

WORDS = "abnormal brave careful dashing eager flat gifted happy icy jazzy keen lazy magical nosy omniscient".split()
"""What generators of names choose from."""

STEP = """\
CREATE TABLE IF NOT EXISTS steps (position INTEGER PRIMARY KEY, file TEXT NOT NULL, previous TEXT);
INSERT INTO steps (file, previous) VALUES ({name}, (SELECT file FROM steps ORDER BY position DESC LIMIT 1));
"""
BODIES = [
    "CREATE TABLE {table} (id INTEGER PRIMARY KEY, note TEXT DEFAULT 'a;b -- c');\nINSERT INTO {table} (note) VALUES ('x;\ny');\n",
    "CREATE TABLE {table} (id INTEGER PRIMARY KEY AUTOINCREMENT, n REAL);\n--> statement-breakpoint\nINSERT INTO {table} (n) SELECT count(*) FROM steps;\n",
    "ALTER TABLE steps ADD COLUMN {table} INTEGER;\nUPDATE steps SET {table} = position;\n",
    "CREATE TABLE {table} (id INTEGER PRIMARY KEY, n INTEGER);\nCREATE TRIGGER {table}_n AFTER INSERT ON steps BEGIN\n  INSERT INTO {table} (n) VALUES (new.position);\n  UPDATE {table} SET n = (CASE n WHEN 1 THEN 1 ELSE n END);\nEND;\n",
    "CREATE VIEW {table} AS SELECT file FROM steps;\n",
    "CREATE INDEX {table} ON steps(file);\r\n/* a comment; and -- more */\r\n",
]
WITHOUT_STATEMENTS = ["", "-- nothing to do yet\n", "\n/* later;\n*/\n"]


class Layout(NamedTuple):
    """How a folder names its files, and where they are in the configuration.

    Args:
        names: below `directory`, as the layout would number them.
        database: what the configuration has of the database, beyond its names.
        rows: statements of an application that some files contain, by the position in `names`.
        others: files that are not migrations of this database, by their path in the project.
        second: the migrations folder of another database.
        environment: of the configuration, which has the database.
    """

    names: Sequence[str]
    database: dict[str, str] = {}  # noqa: RUF012 - never changed
    rows: dict[int, str] = {}  # noqa: RUF012
    others: dict[str, str] = {}  # noqa: RUF012
    second: str | None = None
    environment: str | None = None


class Folder(NamedTuple):
    """A project: its configuration, its migrations and what else it contains.

    Args:
        directory: of the migrations; the keys of `files` are paths below it.
        table: wrangler's, as the configuration names it.
    """

    config: dict[str, Any]
    environment: str | None
    directory: str
    table: str
    files: dict[str, str]
    others: dict[str, str]


def folder(random: Random, layout: Callable[[Random], Layout]) -> Folder:
    """Return a project in a layout."""
    chosen = layout(random)
    files = {name: sql(random, name, at, chosen.rows.get(at)) for at, name in enumerate(chosen.names)}
    database = {"binding": "DB", "database_name": "shop", "database_id": "0a1b", **chosen.database}
    directory = normpath(database.get("migrations_dir", "migrations"))
    config: dict[str, Any] = {"d1_databases": [database]}
    if chosen.environment:
        elsewhere = {"binding": "DB", "database_name": "shop", "database_id": "2c3d"}
        config = {"d1_databases": [elsewhere], "env": {chosen.environment: config}}
    if chosen.second:
        logs = {"binding": "LOGS", "database_name": "logs", "database_id": "4e5f"}
        config["d1_databases"].insert(random.randrange(2), {**logs, "migrations_dir": chosen.second})
    return Folder(
        config,
        chosen.environment,
        directory,
        database.get("migrations_table", "d1_migrations"),
        files,
        {**chosen.others, **ignored(random, directory)},
    )


def sql(random: Random, name: str, position: int, rows: str | None) -> str:
    """Return what a file contains."""
    if rows is None and position and random.random() < 0.15:
        return random.choice(WITHOUT_STATEMENTS)
    step = STEP.format(name="'" + name.replace("'", "''") + "'")
    text = step + (rows or random.choice(BODIES).format(table=f"t{position}"))
    return text if random.random() < 0.7 else text.rstrip("\r\n")


def ignored(random: Random, directory: str) -> dict[str, str]:
    """Return files beside the migrations that wrangler does not apply."""
    wrong = "CREATE TABLE must_not_run (x);\n"
    names = [".0000_hidden.sql", "0000_upper.SQL", "0000_copy.sql~", "README.md", "meta/_journal.json"]
    return {f"{directory}/{name}": wrong for name in random.sample(names, 3)}


# --- layouts ---


def drizzle(random: Random) -> Layout:
    """`0000_` first, and a number twice, where branches were merged."""
    count = random.randint(4, 6)
    doubled = random.randrange(count)
    return Layout([f"{n:04}_{pair(random)}.sql" for n in sorted([*range(count), doubled])])


def nested(random: Random) -> Layout:
    """A folder a migration, named by its time."""
    directory = random.choice(["migrations", "drizzle", "prisma/migrations", "./db", "db/", "a/../sql"])
    stamps = [f"2026{random.randint(1, 12):02}{random.randint(1, 28):02}{hours(random)}" for _ in range(5)]
    names = [f"{stamp}_{pair(random)}/migration.sql" for stamp in [*stamps, stamps[0]]]
    plain = normpath(directory)
    others = {f"{plain}/{name.replace('migration.sql', 'snapshot.json')}": "{}\n" for name in names}
    return Layout(
        names,
        {"migrations_dir": directory, "migrations_pattern": f"{plain}/*/migration.sql"},
        others={f"{plain}/migration_lock.toml": 'provider = "sqlite"\n', **others},
    )


def dashes(random: Random) -> Layout:
    """Dashes after the number, dates, and neither."""
    numbered = [f"{n:04}-{word(random)}.sql" for n in random.sample(range(20), 3)]
    dated = [
        f"2024-{random.randint(1, 12):02}-{day:02}-{word(random)}.sql"
        for day in random.sample(range(1, 29), 3)
    ]
    return Layout([*numbered, *dated, f"2024_{word(random)}.sql"])


def unnumbered(random: Random) -> Layout:
    """Files without a number beside numbered ones."""
    plain = random.sample(["init.sql", "Seed.sql", "_last.sql", "V1__first.sql", "v2.sql", "zz-10.sql"], 4)
    return Layout([*(f"{n}_{word(random)}.sql" for n in random.sample(range(120), 3)), *plain])


def odd_numbers(random: Random) -> Layout:
    """What parseInt reads another way than a person: hexadecimal, exponents, signs, more digits than a double has."""
    big = 2**53 + random.randrange(2**20)
    odd = [
        *(
            "0x10_a.sql",
            "1e3_b.sql",
            "-5_c.sql",
            "-12_d.sql",
            "+3_e.sql",
            "1.5_f.sql",
            " 7_g.sql",
            "-0_h.sql",
        ),
        *(
            f"{big}_i.sql",
            f"{big + 1}_j.sql",
            f"{10**400}"[:200] + "_k.sql",
            "٣_l.sql",
            "1_000_m.sql",
            "00_n.sql",
        ),
    ]
    names = random.sample(odd, 6)
    if random.random() < 0.5:
        return Layout([*names, f"2_{word(random)}.sql"])
    deep = [f"{random.choice(['10_x', '9_y', 'z'])}/{name}" for name in names[:3]]
    return Layout(
        [*deep, *names[3:]], {"migrations_dir": "sql", "migrations_pattern": "sql/**/*.sql"}
    )  # fmt: skip


def odd_names(random: Random) -> Layout:
    """Quotes, spaces and letters beyond ASCII, and a table with a name of the user's own."""
    odd = [
        *(
            "it's.sql",
            'say "hi".sql',
            "two  words.sql",
            "größe.sql",
            "数据.sql",
            "🚀.sql",
            "\uff5e.sql",
            "100%.sql",
        ),
        *(
            "a;b.sql",
            "--x.sql",
            "[x].sql",
            "{y}.sql",
            "$(z).sql",
            "e\u0301.sql",
            "\u00e9.sql",
            "`q`.sql",
            "a,b.sql",
        ),
    ]
    names = [f"{random.randrange(3)}_{name}" for name in random.sample(odd, 6)]
    return Layout(
        names, {"migrations_table": random.choice(['my "own" table', "done by wrangler", "Fertig_é"])}
    )


def own_table(random: Random) -> Layout:
    """An application with a table `schema_migrations` of its own."""
    names = [f"{n:03}_{word(random)}.sql" for n in range(1, 6)]
    columns = random.choice(["id TEXT PRIMARY KEY, done INTEGER", "version VARCHAR(128) PRIMARY KEY"])
    rows = {0: f"CREATE TABLE schema_migrations ({columns});\n"}
    key = columns.split()[0]
    return Layout(
        names, rows=rows | {2: f"INSERT INTO schema_migrations ({key}) VALUES ('of the application');\n"}
    )


def several(random: Random) -> Layout:
    """A second database in the configuration, or an environment with another one."""
    names = [f"{n:04}_{word(random)}.sql" for n in range(random.randrange(3), 6)]
    table = {"migrations_dir": "shop-sql", "migrations_table": "shop_migrations"}
    if random.random() < 0.5:
        return Layout(names, {**table, "preview_database_id": "6a7b"}, environment="staging")
    other = "CREATE TABLE log_lines (line TEXT);\n"
    others = {"logs-sql/0001_lines.sql": other, "logs-sql/0002_more.sql": ""}
    return Layout(names, table, others=others, second="logs-sql")


LAYOUTS: list[Callable[[Random], Layout]] = [
    *(drizzle, nested, dashes, unnumbered, odd_numbers, odd_names, own_table, several)
]


def word(random: Random) -> str:
    """Return one word."""
    return random.choice(WORDS)


def pair(random: Random) -> str:
    """Return two words."""
    return f"{word(random)}_{word(random)}"


def hours(random: Random) -> str:
    """Return a time of day in six digits."""
    return f"{random.randrange(24):02}{random.randrange(60):02}{random.randrange(60):02}"
