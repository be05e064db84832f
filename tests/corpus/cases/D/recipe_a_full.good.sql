-- Case: recipe A in full: counter, indexes, trigger, all kinds of children
-- Source: d1-facts §2.3
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT NOT NULL);
CREATE INDEX users_email ON users(email);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
CREATE TRIGGER users_log AFTER INSERT ON users BEGIN INSERT INTO log (line) VALUES (NEW.email); END;
CREATE TABLE cc (id INTEGER PRIMARY KEY, u INTEGER REFERENCES users(id) ON DELETE CASCADE);
CREATE TABLE cn (id INTEGER PRIMARY KEY, u INTEGER REFERENCES users(id) ON DELETE SET NULL);
CREATE TABLE cr (id INTEGER PRIMARY KEY, u INTEGER REFERENCES users(id) ON DELETE RESTRICT);
CREATE INDEX cc_u ON cc(u);
CREATE INDEX cn_u ON cn(u);
CREATE INDEX cr_u ON cr(u);
-- == rows
INSERT INTO users (email) VALUES ('a'), ('b'), ('c');
DELETE FROM users WHERE id = 3;
INSERT INTO cc VALUES (1, 1), (2, 2);
INSERT INTO cn VALUES (1, 1), (2, 2);
INSERT INTO cr VALUES (1, 1), (2, 2);
-- == migration
PRAGMA defer_foreign_keys = ON;
CREATE TABLE "_hold" AS SELECT "id", "email" FROM "users";
CREATE TABLE "_seq" AS SELECT * FROM sqlite_sequence WHERE name = 'users';
CREATE TRIGGER "_gd_cc" BEFORE DELETE ON "cc" BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER "_gu_cc" BEFORE UPDATE ON "cc" BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER "_gd_cn" BEFORE DELETE ON "cn" BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER "_gu_cn" BEFORE UPDATE ON "cn" BEGIN SELECT RAISE(IGNORE); END;
DROP TABLE "users";
CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT, name TEXT);
INSERT INTO "users" ("id", "email") SELECT "id", "email" FROM "_hold";
DROP TRIGGER "_gd_cc";
DROP TRIGGER "_gu_cc";
DROP TRIGGER "_gd_cn";
DROP TRIGGER "_gu_cn";
DROP TABLE "_hold";
CREATE INDEX users_email ON users(email);
CREATE TRIGGER users_log AFTER INSERT ON users BEGIN INSERT INTO log (line) VALUES (NEW.email); END;
INSERT INTO sqlite_sequence (name, seq) SELECT name, seq FROM "_seq" WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'users');
UPDATE sqlite_sequence SET seq = (SELECT seq FROM "_seq") WHERE name = 'users';
DROP TABLE "_seq";
SELECT json_extract('{}', 'orphan in ' || "table" || ' rowid ' || rowid) FROM pragma_foreign_key_check;
SELECT iif((SELECT count(*) FROM "cc") <> 2, json_extract('{}', 'cc lost rows'), 1);
