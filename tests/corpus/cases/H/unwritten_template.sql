-- Case: the file that `new` writes, not filled in
-- Source: -
-- Expect: H115
-- Info: H108
-- == before
CREATE TABLE a (id INTEGER PRIMARY KEY);
-- == migration
-- Migration: 002_teams
-- Description: Teams
-- Created: 2026-11-30

-- Write the change here, e.g.
--   CREATE TABLE IF NOT EXISTS teams (
--     id TEXT PRIMARY KEY NOT NULL
--   );

-- Rollback:
--   -- Write the rollback here, e.g. DROP TABLE IF EXISTS teams;
--   -- or, if there is none: `-- Rollback: none, <reason>`
