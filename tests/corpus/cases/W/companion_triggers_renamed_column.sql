-- Case: a filled column gets its final name, and the triggers for old code still run
-- Source: -
-- Expect: W101 W106
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, norm TEXT);
CREATE TRIGGER fill_users_norm_on_insert AFTER INSERT ON users WHEN new.norm IS NULL BEGIN
  UPDATE users SET norm = lower(email) WHERE id = new.id;
END;
-- == rows
INSERT INTO users (id, email) VALUES (1, 'Ada@x');
-- == migration
ALTER TABLE users RENAME norm TO email_key;
