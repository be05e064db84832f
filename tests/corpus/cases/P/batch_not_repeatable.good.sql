-- Case: a batch migration that computes a new column, so that a second run changes nothing
-- Source: -
-- Expect:
-- == before
CREATE TABLE prices (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL, cents INTEGER);
CREATE TRIGGER fill_cents AFTER INSERT ON prices WHEN new.cents IS NULL BEGIN
  UPDATE prices SET cents = amount * 100 WHERE id = new.id;
END;
CREATE TRIGGER change_cents AFTER UPDATE OF amount ON prices WHEN new.cents IS old.cents BEGIN
  UPDATE prices SET cents = amount * 100 WHERE id = new.id;
END;
-- == rows
INSERT INTO prices (id, amount) VALUES (1, 250), (2, 99);
-- == migration
-- d1migrate: batch prices
UPDATE prices SET cents = amount * 100 WHERE cents IS NULL;
