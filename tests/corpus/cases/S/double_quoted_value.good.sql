-- Case: double quotes around names, single quotes around values
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 'admin'), (2, 'Bob', NULL);
-- == migration
UPDATE "users" SET "role" = 'guest' WHERE "role" IS NULL;
CREATE TABLE "teams" ("id" INTEGER PRIMARY KEY, "state" TEXT DEFAULT 'say "new"');
INSERT INTO "teams" ("state") SELECT "u"."name" FROM "users" AS "u" ORDER BY "name";
