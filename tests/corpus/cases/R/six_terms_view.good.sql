-- Case: many rows of VALUES are no compound
-- Source: d1-facts §1.6
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob');
-- == migration
INSERT INTO users (id, name) VALUES
  (11, 'user 11'),
  (12, 'user 12'),
  (13, 'user 13'),
  (14, 'user 14'),
  (15, 'user 15'),
  (16, 'user 16'),
  (17, 'user 17'),
  (18, 'user 18'),
  (19, 'user 19'),
  (20, 'user 20'),
  (21, 'user 21'),
  (22, 'user 22');
