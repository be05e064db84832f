-- Case: a table is dropped after some of its rows were copied into another
-- Source: -
-- Expect: D104
-- == before
CREATE TABLE live (id INTEGER PRIMARY KEY, line TEXT);
CREATE TABLE archive (id INTEGER PRIMARY KEY, line TEXT);
-- == rows
INSERT INTO live VALUES (1, 'a'), (2, NULL);
-- == migration
INSERT INTO archive SELECT * FROM live WHERE line IS NOT NULL;
DROP TABLE live;
