-- Case: two tables that refer to each other under recipe A
-- Source: d1-facts §2.3
-- Expect:
-- == before
CREATE TABLE authors (id INTEGER PRIMARY KEY, best_book INTEGER REFERENCES books(id) ON DELETE CASCADE);
CREATE TABLE books (id INTEGER PRIMARY KEY, author_id INTEGER REFERENCES authors(id) ON DELETE CASCADE);
CREATE INDEX authors_best ON authors(best_book);
CREATE INDEX books_author ON books(author_id);
-- == rows
INSERT INTO authors VALUES (1, NULL), (2, NULL);
INSERT INTO books VALUES (1, 1), (2, 2);
UPDATE authors SET best_book = 2 WHERE id = 2;
-- == migration
PRAGMA defer_foreign_keys = ON;
CREATE TABLE hold AS SELECT id, best_book FROM authors;
CREATE TRIGGER guard BEFORE DELETE ON books BEGIN SELECT RAISE(IGNORE); END;
DROP TABLE authors;
CREATE TABLE authors (
  id INTEGER PRIMARY KEY, best_book INTEGER REFERENCES books(id) ON DELETE CASCADE, name TEXT
);
INSERT INTO authors (id, best_book) SELECT id, best_book FROM hold;
DROP TRIGGER guard;
DROP TABLE hold;
CREATE INDEX authors_best ON authors(best_book);
