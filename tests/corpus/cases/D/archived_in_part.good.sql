-- Case: a table is dropped after all of it was copied into another
-- Source: -
-- Expect:
-- == before
CREATE TABLE live (id INTEGER PRIMARY KEY, line TEXT);
CREATE TABLE archive (id INTEGER PRIMARY KEY, line TEXT);
-- == rows
INSERT INTO live VALUES (1, 'a'), (2, NULL);
-- == migration
INSERT INTO archive SELECT * FROM live;
DROP TABLE live;
