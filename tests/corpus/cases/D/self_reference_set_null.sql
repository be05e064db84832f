-- Case: a self reference with SET NULL: the copied links are set to NULL
-- Source: d1-facts §2.2
-- Expect: D102 S108
-- Loses: categories
-- == before
CREATE TABLE categories (id INTEGER PRIMARY KEY, up INTEGER, name TEXT, FOREIGN KEY (up) REFERENCES categories ON DELETE SET NULL);
CREATE INDEX categories_up ON categories(up);
-- == rows
INSERT INTO categories VALUES (1, NULL, 'all'), (2, 1, 'some');
-- == migration
PRAGMA foreign_keys = off;
CREATE TABLE __new_categories (
  id INTEGER PRIMARY KEY, up INTEGER, name TEXT, note TEXT,
  FOREIGN KEY (up) REFERENCES categories(id) ON DELETE SET NULL
);
INSERT INTO __new_categories (id, up, name) SELECT id, up, name FROM categories;
DROP TABLE categories;
ALTER TABLE __new_categories RENAME TO categories;
PRAGMA foreign_keys = on;
CREATE INDEX categories_up ON categories(up);
