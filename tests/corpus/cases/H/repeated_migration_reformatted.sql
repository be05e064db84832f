-- Case: a copy under another number, laid out in another way
-- Source: -
-- Expect: H112
-- == before
CREATE TABLE IF NOT EXISTS tally (id INTEGER PRIMARY KEY, n INTEGER);
UPDATE tally SET n = n + 1 WHERE id > 0;
-- Rollback: none, what was counted stays
-- == migration
-- copied from the other branch
create table if not exists tally (
  id INTEGER PRIMARY KEY,
  n INTEGER
);
update tally set n = n + 1
where id > 0;
-- Rollback: none, what was counted stays
