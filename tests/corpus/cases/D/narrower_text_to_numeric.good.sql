-- Case: a new NUMERIC column beside the TEXT one
-- Source: -
-- Expect:
-- == before
CREATE TABLE events (id INTEGER PRIMARY KEY, at TEXT);
-- == rows
INSERT INTO events VALUES (1, '2026-11-22');
-- == migration
ALTER TABLE events ADD COLUMN day DATETIME;
UPDATE events SET day = date(at);
