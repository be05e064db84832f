-- Case: names that begin with _cf_ are Cloudflare's, in any letter case
-- Source: d1-facts §1.2
-- Expect: R104
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE TABLE _CF_settings (key TEXT PRIMARY KEY, value TEXT);
