-- Case: TEXT becomes DATETIME, which is NUMERIC
-- Source: -
-- Expect: D108
-- == before
CREATE TABLE events (id INTEGER PRIMARY KEY, at TEXT);
-- == migration
CREATE TABLE events_new (id INTEGER PRIMARY KEY, at DATETIME);
INSERT INTO events_new SELECT id, at FROM events;
DROP TABLE events;
ALTER TABLE events_new RENAME TO events;
