-- Case: parent and child WITHOUT ROWID
-- Source: d1-facts §2.3
-- Expect: D101
-- Loses: grants
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
CREATE TABLE roles_new (name TEXT PRIMARY KEY, rank INTEGER) WITHOUT ROWID;
INSERT INTO roles_new SELECT name, rank FROM roles;
DROP TABLE roles;
ALTER TABLE roles_new RENAME TO roles;
