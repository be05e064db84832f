-- Case: children by CASCADE, by SET NULL and by a second key all suffer
-- Source: d1-facts §2.2
-- Expect: D101
-- Loses: notes messages
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
CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT, email TEXT);
INSERT INTO users_new (id, name) SELECT id, name FROM users;
DROP TABLE users;
ALTER TABLE users_new RENAME TO users;
