-- Case: the child names its parent in another letter case, without its columns
-- Source: -
-- Expect: D101
-- Loses: posts
-- == before
CREATE TABLE Users (Id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES USERS ON DELETE CASCADE);
CREATE INDEX posts_user ON posts(user_id);
-- == rows
INSERT INTO users VALUES (1, 'Ada');
INSERT INTO posts VALUES (1, 1), (2, 1);
-- == migration
CREATE TABLE Users_New (Id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO Users_New SELECT * FROM Users;
DROP TABLE users;
ALTER TABLE users_NEW RENAME TO Users;
