-- Case: two tables that refer to each other: the copied rows go too
-- Source: d1-facts §2.3
-- Expect: D101
-- Loses: authors books
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
CREATE TABLE authors_new (
  id INTEGER PRIMARY KEY, best_book INTEGER REFERENCES books(id) ON DELETE CASCADE, name TEXT
);
INSERT INTO authors_new (id, best_book) SELECT id, best_book FROM authors;
DROP TABLE authors;
ALTER TABLE authors_new RENAME TO authors;
CREATE INDEX authors_best ON authors(best_book);
