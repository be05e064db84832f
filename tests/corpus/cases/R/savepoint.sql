-- Case: a savepoint around one statement
-- Source: BuilderIO/agent-native#2577
-- Expect: R101
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
SAVEPOINT before_email;
ALTER TABLE users ADD COLUMN email TEXT;
RELEASE before_email;
