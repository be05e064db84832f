-- Case: a batch migration whose statement compares rows of different chunks
-- Source: -
-- Expect: P112
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, city TEXT);
CREATE TABLE cities (name TEXT PRIMARY KEY);
-- == rows
INSERT INTO users VALUES (1, 'Rome'), (2, 'Oslo'), (3, 'Rome');
-- == migration
-- d1migrate: batch users
INSERT OR IGNORE INTO cities SELECT DISTINCT city FROM users;
