-- Case: a batch migration fills a column that triggers fill in rows of old code
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, norm TEXT);
CREATE TRIGGER fill_users_norm_on_insert AFTER INSERT ON users WHEN new.norm IS NULL BEGIN
  UPDATE users SET norm = lower(email) WHERE id = new.id;
END;
CREATE TRIGGER fill_users_norm_on_update AFTER UPDATE OF email ON users WHEN new.norm IS old.norm BEGIN
  UPDATE users SET norm = lower(email) WHERE id = new.id;
END;
-- == rows
INSERT INTO users (id, email) VALUES (1, 'Ada@x'), (2, 'Bob@x');
-- == migration
-- d1migrate: batch users
UPDATE users SET norm = lower(email) WHERE norm IS NULL;
