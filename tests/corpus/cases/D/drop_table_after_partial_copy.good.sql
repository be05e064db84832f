-- Case: two tables merged into one, then dropped
-- Source: -
-- Expect:
-- == before
CREATE TABLE a_log (id INTEGER PRIMARY KEY, line TEXT);
CREATE TABLE b_log (id INTEGER PRIMARY KEY, line TEXT);
-- == rows
INSERT INTO a_log VALUES (1, 'a');
INSERT INTO b_log VALUES (1, 'b');
-- == migration
CREATE TABLE all_logs (id INTEGER PRIMARY KEY, line TEXT);
INSERT INTO all_logs (line) SELECT line FROM a_log UNION ALL SELECT line FROM b_log;
DROP TABLE a_log;
DROP TABLE b_log;
