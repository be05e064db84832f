-- Case: types that do what they say
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 'admin'), (2, 'Bob', NULL);
-- == migration
CREATE TABLE codes (id INTEGER PRIMARY KEY, code VARCHAR(10) NOT NULL, price DOUBLE PRECISION, points INTEGER, at DATETIME DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE counters (id INTEGER PRIMARY KEY, n INTEGER NOT NULL DEFAULT 0, label TEXT DEFAULT 'none', x REAL DEFAULT 1) STRICT;
INSERT INTO codes (code) VALUES ('007');
INSERT INTO counters (id) VALUES (1);
