-- Case: rows are held aside, and come back by position into another order
-- Source: -
-- Expect: D115
-- == before
CREATE TABLE people (id INTEGER PRIMARY KEY, first TEXT, last TEXT);
-- == migration
CREATE TABLE hold AS SELECT * FROM people;
DROP TABLE people;
CREATE TABLE people (last TEXT, first TEXT, id INTEGER PRIMARY KEY);
INSERT INTO people SELECT * FROM hold;
DROP TABLE hold;
