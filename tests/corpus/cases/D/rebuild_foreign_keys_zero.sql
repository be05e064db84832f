-- Case: foreign_keys written as a call with 0, in lower case, is as powerless
-- Source: drizzle-team/drizzle-orm#4938
-- Expect: D101 S108
-- Loses: posts
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE posts (
  id INTEGER PRIMARY KEY,
  user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  title TEXT
);
CREATE INDEX posts_user ON posts(user_id);
-- == rows
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob'), (3, 'Cid');
INSERT INTO posts VALUES (1, 1, 'one'), (2, 1, 'two'), (3, 2, 'three');
-- == migration
pragma foreign_keys(0);
create table users_new (id integer primary key, name text, email text);
insert into users_new (id, name) select id, name from users;
drop table users;
alter table users_new rename to users;
