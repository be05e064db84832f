-- Case: the same file under two numbers writes its rows twice
-- Source: -
-- Expect: H112
-- == before
CREATE TABLE IF NOT EXISTS tally (id INTEGER PRIMARY KEY, n INTEGER);
INSERT INTO tally (n) VALUES (1);
-- Rollback: none, it only adds rows
-- == migration
CREATE TABLE IF NOT EXISTS tally (id INTEGER PRIMARY KEY, n INTEGER);
INSERT INTO tally (n) VALUES (1);
-- Rollback: none, it only adds rows
