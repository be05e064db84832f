-- Case: negative, hexadecimal, text and blob constants
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Ada', NULL);
-- == migration
ALTER TABLE users ADD COLUMN a INTEGER NOT NULL DEFAULT -1;
ALTER TABLE users ADD COLUMN b INTEGER DEFAULT 0x10;
ALTER TABLE users ADD COLUMN c TEXT NOT NULL DEFAULT 'now()';
ALTER TABLE users ADD COLUMN d BLOB DEFAULT x'00';
ALTER TABLE users ADD COLUMN e INTEGER DEFAULT TRUE;
