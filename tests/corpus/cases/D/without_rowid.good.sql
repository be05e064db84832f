-- Case: parent and child WITHOUT ROWID under recipe B
-- Source: d1-facts §2.3
-- Expect:
-- == before
CREATE TABLE roles (name TEXT PRIMARY KEY, rank INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE grants (
  role TEXT REFERENCES roles(name) ON DELETE CASCADE,
  item TEXT,
  PRIMARY KEY (role, item)
) WITHOUT ROWID;
-- == rows
INSERT INTO roles VALUES ('admin', 1), ('guest', 9);
INSERT INTO grants VALUES ('admin', 'all'), ('guest', 'read');
-- == migration
PRAGMA defer_foreign_keys = 1;
CREATE TABLE roles_new (name TEXT PRIMARY KEY, rank INTEGER) WITHOUT ROWID;
INSERT INTO roles_new SELECT name, rank FROM roles;
CREATE TRIGGER guard BEFORE DELETE ON grants FOR EACH ROW BEGIN SELECT RAISE(IGNORE); END;
DROP TABLE roles;
ALTER TABLE roles_new RENAME TO roles;
DROP TRIGGER guard;
PRAGMA defer_foreign_keys = 0;
SELECT json_extract('{}', 'orphan in ' || "table" || ' rowid ' || rowid) FROM pragma_foreign_key_check;
