-- Case: a rebuild removes a value from a CHECK list
-- Source: -
-- Expect: F107
-- == before
CREATE TABLE jobs (id INTEGER PRIMARY KEY, state TEXT NOT NULL CHECK (state IN ('new', 'done')));
-- == rows
INSERT INTO jobs VALUES (1, 'new'), (2, 'done');
-- == migration
CREATE TABLE jobs_new (id INTEGER PRIMARY KEY, state TEXT NOT NULL CHECK (state IN ('new')));
INSERT INTO jobs_new SELECT id, state FROM jobs;
DROP TABLE jobs;
ALTER TABLE jobs_new RENAME TO jobs;
