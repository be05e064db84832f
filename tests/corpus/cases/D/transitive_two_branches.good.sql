-- Case: one guard a child and action: delete for CASCADE, update for SET NULL
-- Source: d1-facts §2.3
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE notes (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id) ON DELETE SET NULL, body TEXT);
CREATE TABLE messages (
  id INTEGER PRIMARY KEY,
  from_id INTEGER REFERENCES users(id) ON DELETE SET NULL,
  to_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE
);
CREATE INDEX notes_user ON notes(user_id);
CREATE INDEX messages_from ON messages(from_id);
CREATE INDEX messages_to ON messages(to_id);
-- == rows
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob');
INSERT INTO notes VALUES (1, 1, 'n'), (2, NULL, 'm');
INSERT INTO messages VALUES (1, 1, 2), (2, 2, 1);
-- == migration
PRAGMA defer_foreign_keys = ON;
CREATE TABLE hold AS SELECT id, name FROM users;
CREATE TRIGGER guard_notes BEFORE UPDATE ON notes BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER guard_messages_u BEFORE UPDATE ON messages BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER guard_messages_d BEFORE DELETE ON messages BEGIN SELECT RAISE(IGNORE); END;
DROP TABLE users;
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO users SELECT id, name FROM hold;
DROP TRIGGER guard_notes;
DROP TRIGGER guard_messages_u;
DROP TRIGGER guard_messages_d;
DROP TABLE hold;
