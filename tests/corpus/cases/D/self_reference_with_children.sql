-- Case: a self reference under the old name, and children beside it
-- Source: -
-- Expect: D101 D102
-- Loses: tree leaves
-- == before
CREATE TABLE tree (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES tree(id) ON DELETE CASCADE, label TEXT);
CREATE INDEX tree_parent ON tree(parent_id);
CREATE TABLE leaves (id INTEGER PRIMARY KEY, tree_id INTEGER REFERENCES tree(id) ON DELETE CASCADE);
CREATE INDEX leaves_tree ON leaves(tree_id);
-- == rows
INSERT INTO tree VALUES (1, NULL, 'root'), (2, 1, 'left'), (3, 2, 'leaf');
INSERT INTO leaves VALUES (1, 3), (2, 2);
-- == migration
CREATE TABLE tree_new (
  id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES tree(id) ON DELETE CASCADE, label TEXT
);
INSERT INTO tree_new SELECT * FROM tree;
DROP TABLE tree;
ALTER TABLE tree_new RENAME TO tree;
CREATE INDEX tree_parent ON tree(parent_id);
