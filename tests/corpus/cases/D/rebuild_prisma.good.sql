-- Case: Prisma's rebuild with guards on the child and a check at the end
-- Source: d1-facts §2.3
-- Expect:
-- == before
CREATE TABLE "User" ("id" INTEGER NOT NULL PRIMARY KEY, "name" TEXT NOT NULL);
CREATE TABLE "Post" (
    "id" INTEGER NOT NULL PRIMARY KEY,
    "authorId" INTEGER NOT NULL,
    CONSTRAINT "Post_authorId_fkey" FOREIGN KEY ("authorId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX "Post_authorId_idx" ON "Post"("authorId");
-- == rows
INSERT INTO "User" VALUES (1, 'Ada'), (2, 'Bob');
INSERT INTO "Post" VALUES (1, 1), (2, 2);
-- == migration
PRAGMA defer_foreign_keys=ON;
CREATE TRIGGER "_gd_Post" BEFORE DELETE ON "Post" BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER "_gu_Post" BEFORE UPDATE ON "Post" BEGIN SELECT RAISE(IGNORE); END;
CREATE TABLE "new_User" ("id" INTEGER NOT NULL PRIMARY KEY, "name" TEXT);
INSERT INTO "new_User" ("id", "name") SELECT "id", "name" FROM "User";
DROP TABLE "User";
ALTER TABLE "new_User" RENAME TO "User";
DROP TRIGGER "_gd_Post";
DROP TRIGGER "_gu_Post";
PRAGMA defer_foreign_keys=OFF;
SELECT json_extract('{}', 'orphan in ' || "table" || ' rowid ' || rowid) FROM pragma_foreign_key_check;
