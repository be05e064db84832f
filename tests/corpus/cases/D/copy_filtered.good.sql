-- Case: a rebuild that copies all rows
-- Source: -
-- Expect:
-- == before
CREATE TABLE jobs (id INTEGER PRIMARY KEY, done INTEGER);
-- == rows
INSERT INTO jobs VALUES (1, 0), (2, 1);
-- == migration
CREATE TABLE jobs_new (id INTEGER PRIMARY KEY, done INTEGER, at INTEGER);
INSERT INTO jobs_new (id, done) SELECT id, done FROM jobs;
DROP TABLE jobs;
ALTER TABLE jobs_new RENAME TO jobs;
