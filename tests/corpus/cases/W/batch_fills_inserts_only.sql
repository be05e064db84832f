-- Case: a batch migration fills a column that goes stale when old code changes its source
-- Source: -
-- Expect: W105
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, norm TEXT);
CREATE TRIGGER fill_users_norm_on_insert AFTER INSERT ON users WHEN new.norm IS NULL BEGIN
  UPDATE users SET norm = lower(email) WHERE id = new.id;
END;
-- == rows
INSERT INTO users (id, email) VALUES (1, 'Ada@x'), (2, 'Bob@x');
-- == migration
-- d1migrate: batch users
UPDATE users SET norm = lower(email) WHERE norm IS NULL;
