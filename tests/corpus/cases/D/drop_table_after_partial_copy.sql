-- Case: two tables are dropped, one of them was copied
-- Source: -
-- Expect: D104
-- == before
CREATE TABLE a_log (id INTEGER PRIMARY KEY, line TEXT);
CREATE TABLE b_log (id INTEGER PRIMARY KEY, line TEXT);
-- == migration
CREATE TABLE all_logs (id INTEGER PRIMARY KEY, line TEXT);
INSERT INTO all_logs (line) SELECT line FROM a_log;
DROP TABLE a_log;
DROP TABLE b_log;
