-- Case: keywords and spaces in names, in all four ways to quote
-- Source: -
-- Expect: D101
-- Loses: "order lines"
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
CREATE TABLE 'order new' (id INTEGER PRIMARY KEY, "group" TEXT);
INSERT INTO [order new] SELECT id, `group` FROM "order";
DROP TABLE `order`;
ALTER TABLE "order new" RENAME TO [order];
