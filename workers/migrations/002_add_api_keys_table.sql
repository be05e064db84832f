-- Migration: 002_add_api_keys_table
-- Description: Encrypted keys of the model providers, one set a user
-- Created: 2026-11-22

CREATE TABLE IF NOT EXISTS api_keys (
  id TEXT PRIMARY KEY NOT NULL,
  user_id TEXT NOT NULL,
  provider TEXT NOT NULL CHECK (provider IN ('anthropic', 'openai', 'custom')),
  key_name TEXT NOT NULL,
  encrypted_key TEXT NOT NULL,
  is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  last_used_at INTEGER,
  UNIQUE (user_id, provider, key_name)
);

-- The UNIQUE above already serves look-ups by user, and by user and provider.
CREATE INDEX IF NOT EXISTS idx_api_keys_provider ON api_keys(provider);
CREATE INDEX IF NOT EXISTS idx_api_keys_is_active ON api_keys(is_active);

-- Record migration
INSERT INTO schema_migrations (version, name, applied_at)
VALUES (2, '002_add_api_keys_table', strftime('%s', 'now'))
ON CONFLICT(version) DO NOTHING;

-- Rollback:
--   DROP TABLE IF EXISTS api_keys;
