-- Case: an index that is the beginning of another
-- Source: -
-- Expect:
-- Info: H105
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE TABLE visits (id INTEGER PRIMARY KEY, user_id INTEGER, at INTEGER);
CREATE INDEX visits_user ON visits(user_id);
CREATE INDEX visits_user_at ON visits(user_id, at);
