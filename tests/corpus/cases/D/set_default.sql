-- Case: a held and refilled parent has reset its SET DEFAULT children to the default
-- Source: d1-facts §2.3
-- Expect: D101
-- Loses: accounts
-- == before
CREATE TABLE plans (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE accounts (
  id INTEGER PRIMARY KEY,
  plan_id INTEGER DEFAULT 0 REFERENCES plans(id) ON DELETE SET DEFAULT
);
CREATE INDEX accounts_plan ON accounts(plan_id);
-- == rows
INSERT INTO plans VALUES (0, 'free'), (1, 'pro');
INSERT INTO accounts VALUES (1, 0), (2, 1);
-- == migration
PRAGMA defer_foreign_keys = ON;
CREATE TABLE plans_hold AS SELECT id, name FROM plans;
DROP TABLE plans;
CREATE TABLE plans (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO plans SELECT id, name FROM plans_hold;
DROP TABLE plans_hold;
