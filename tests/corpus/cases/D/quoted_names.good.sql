-- Case: keywords and spaces in names, guarded
-- Source: d1-facts §2.3
-- Expect:
-- == before
CREATE TABLE "order" (id INTEGER PRIMARY KEY, "group" TEXT NOT NULL);
CREATE TABLE [order lines] (
  id INTEGER PRIMARY KEY,
  `order id` INTEGER REFERENCES "order"(id) ON DELETE CASCADE
);
CREATE INDEX "order lines by order" ON [order lines](`order id`);
-- == rows
INSERT INTO "order" VALUES (1, 'a'), (2, 'b');
INSERT INTO [order lines] VALUES (1, 1), (2, 2);
-- == migration
PRAGMA defer_foreign_keys = ON;
CREATE TABLE "order hold" AS SELECT id, "group" FROM "order";
CREATE TRIGGER [guard lines] BEFORE DELETE ON `ORDER LINES` BEGIN SELECT RAISE(IGNORE); END;
DROP TABLE [order];
CREATE TABLE "order" (id INTEGER PRIMARY KEY, "group" TEXT);
INSERT INTO "order" SELECT id, "group" FROM "order hold";
DROP TRIGGER "guard lines";
DROP TABLE "order hold";
