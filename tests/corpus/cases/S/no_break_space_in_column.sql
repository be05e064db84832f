-- Case: a no-break space before a column is the column's name, and `body TEXT` its type
-- Source: -
-- Expect: S109
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == migration
CREATE TABLE IF NOT EXISTS notes (
  id INTEGER PRIMARY KEY,
   body TEXT
);
