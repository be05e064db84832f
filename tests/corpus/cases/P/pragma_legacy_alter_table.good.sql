-- Case: switched on and off in other words
-- Source: d1-facts §1.3
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 'admin');
-- == migration
PRAGMA legacy_alter_table(1);
ALTER TABLE users ADD COLUMN email TEXT;
pragma legacy_alter_table = no;
