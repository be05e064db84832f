-- Case: quotes inside comments, comment signs inside quotes
-- Source: cloudflare/workers-sdk#2366
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 'admin');
-- == migration
-- it's fine /* and so is this
INSERT INTO log (line) VALUES ('/* it''s -- "fine"');
/* " ' ` [ */
ALTER TABLE users ADD COLUMN "e -- mail" TEXT;
