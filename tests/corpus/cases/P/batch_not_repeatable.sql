-- Case: a batch migration that changes a value twice if wrangler runs it after some of its chunks
-- Source: -
-- Expect: P112
-- == before
CREATE TABLE prices (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL);
-- == rows
INSERT INTO prices VALUES (1, 250), (2, 99);
-- == migration
-- d1migrate: batch prices
UPDATE prices SET amount = amount * 100 WHERE amount > 0;
