-- Case: a rebuild keeps what was STRICT, UNIQUE and NOT NULL before
-- Source: -
-- Expect:
-- == before
CREATE TABLE codes (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE) STRICT;
-- == rows
INSERT INTO codes VALUES (1, 'a'), (2, 'b');
-- == migration
CREATE TABLE codes_new (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, note TEXT) STRICT;
INSERT INTO codes_new (id, code) SELECT id, code FROM codes;
DROP TABLE codes;
ALTER TABLE codes_new RENAME TO codes;
