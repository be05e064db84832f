-- Case: a self reference under recipe A: the held copy has no foreign key
-- Source: d1-facts §2.3
-- Expect:
-- == before
CREATE TABLE categories (id INTEGER PRIMARY KEY, up INTEGER, name TEXT, FOREIGN KEY (up) REFERENCES categories ON DELETE SET NULL);
CREATE INDEX categories_up ON categories(up);
-- == rows
INSERT INTO categories VALUES (1, NULL, 'all'), (2, 1, 'some');
-- == migration
PRAGMA defer_foreign_keys = ON;
CREATE TABLE hold AS SELECT id, up, name FROM categories;
DROP TABLE categories;
CREATE TABLE categories (
  id INTEGER PRIMARY KEY, up INTEGER, name TEXT, note TEXT,
  FOREIGN KEY (up) REFERENCES categories(id) ON DELETE SET NULL
);
INSERT INTO categories (id, up, name) SELECT id, up, name FROM hold;
DROP TABLE hold;
CREATE INDEX categories_up ON categories(up);
