"""Migrations that the modules here run."""

from __future__ import annotations

THREE = (
    (
        "001_notes.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);\n-- Rollback:\n--   DROP TABLE notes;\n",
    ),
    (
        "002_first_note.sql",
        "INSERT INTO notes (text) VALUES ('first');\n-- Rollback:\n--   DELETE FROM notes;\n",
    ),
    ("003_tags.sql", "CREATE TABLE tags (name TEXT);\n-- Rollback:\n--   DROP TABLE tags;\n"),
)
"""Three files that cannot run twice without a trace."""

# What JavaScript, JSON or a splitter could damage.
DELICATE = (
    (
        "001_delicate.sql",
        """CREATE TABLE "naïve 表" ("größe" INTEGER, 'a''b' TEXT, data BLOB, price REAL, remark TEXT);
CREATE TRIGGER "é_trigger" AFTER INSERT ON "naïve 表" WHEN new."größe" < 0
BEGIN
  UPDATE "naïve 表" SET remark = CASE WHEN new.price > 1 THEN 'dear; really' ELSE 'cheap' END
  WHERE rowid = new.rowid; -- a comment; with a semicolon
  INSERT INTO "naïve 表" (data) VALUES (x'00ff');
END;
INSERT INTO "naïve 表" VALUES (9223372036854775807, 'it''s
two lines; "quoted" 🙂', x'00FF10', 1.5, NULL);
INSERT INTO "naïve 表" VALUES (-9223372036854775808, '', x'', 1e300, NULL);
-- Rollback:
--   DROP TABLE "naïve 表";
""",
    ),
)

MANY = tuple(
    (
        f"{n:03d}_table_{n}.sql",
        f"CREATE TABLE t{n} (id INTEGER PRIMARY KEY, v TEXT);\n-- Rollback:\n--   DROP TABLE t{n};\n",
    )
    for n in range(1, 201)
)
"""A history of 200."""
