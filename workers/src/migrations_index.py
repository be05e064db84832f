"""The migrations as a Python value, written by `d1migrate index`. Do not edit."""
# fmt: off
# ruff: noqa: E501, ISC004

# What the migrations table records: versions, or names as wrangler's does.
TABLE = "versions"

MIGRATIONS = (
    (
        "001_initial_schema.sql",
        "-- Migration: 001_initial_schema\n"
        "-- Description: Workflows, their executions, and the result of every task\n"
        "-- Created: 2026-11-22\n"
        "\n"
        "CREATE TABLE IF NOT EXISTS workflows (\n"
        "  id TEXT PRIMARY KEY NOT NULL,\n"
        "  name TEXT NOT NULL,\n"
        "  description TEXT,\n"
        "  status TEXT NOT NULL DEFAULT 'draft'\n"
        "    CHECK (status IN ('draft', 'active', 'paused', 'completed', 'failed')),\n"
        "  created_at INTEGER NOT NULL,\n"
        "  updated_at INTEGER NOT NULL\n"
        ");\n"
        "\n"
        "CREATE TABLE IF NOT EXISTS executions (\n"
        "  id TEXT PRIMARY KEY NOT NULL,\n"
        "  workflow_id TEXT NOT NULL REFERENCES workflows(id) ON DELETE CASCADE,\n"
        "  status TEXT NOT NULL DEFAULT 'pending'\n"
        "    CHECK (status IN ('pending', 'running', 'completed', 'failed')),\n"
        "  started_at INTEGER,\n"
        "  completed_at INTEGER,\n"
        "  error TEXT\n"
        ");\n"
        "\n"
        "CREATE TABLE IF NOT EXISTS task_results (\n"
        "  id TEXT PRIMARY KEY NOT NULL,\n"
        "  execution_id TEXT NOT NULL REFERENCES executions(id) ON DELETE CASCADE,\n"
        "  task_id TEXT NOT NULL,\n"
        "  task_name TEXT NOT NULL,\n"
        "  agent_id TEXT,\n"
        "  status TEXT NOT NULL DEFAULT 'pending'\n"
        "    CHECK (status IN ('pending', 'running', 'completed', 'failed', 'skipped')),\n"
        "  output TEXT,\n"
        "  error TEXT,\n"
        "  started_at INTEGER,\n"
        "  completed_at INTEGER,\n"
        "  retry_count INTEGER NOT NULL DEFAULT 0\n"
        ");\n"
        "\n"
        "-- Which migrations this database has. d1migrate creates it in this very shape; it stands here so that this\n"
        "-- file also runs by itself, with `wrangler d1 execute --file`.\n"
        "CREATE TABLE IF NOT EXISTS schema_migrations (\n"
        "  version INTEGER PRIMARY KEY,\n"
        "  name TEXT NOT NULL,\n"
        "  applied_at INTEGER NOT NULL\n"
        ");\n"
        "\n"
        "CREATE INDEX IF NOT EXISTS idx_workflows_status ON workflows(status);\n"
        "CREATE INDEX IF NOT EXISTS idx_executions_workflow_id ON executions(workflow_id);\n"
        "CREATE INDEX IF NOT EXISTS idx_executions_status ON executions(status);\n"
        "CREATE INDEX IF NOT EXISTS idx_task_results_execution_id ON task_results(execution_id);\n"
        "CREATE INDEX IF NOT EXISTS idx_task_results_status ON task_results(status);\n"
        "\n"
        "-- Record migration\n"
        "INSERT INTO schema_migrations (version, name, applied_at)\n"
        "VALUES (1, '001_initial_schema', strftime('%s', 'now'))\n"
        "ON CONFLICT(version) DO NOTHING;\n"
        "\n"
        "-- Rollback:\n"
        "--   DROP TABLE IF EXISTS task_results;\n"
        "--   DROP TABLE IF EXISTS executions;\n"
        "--   DROP TABLE IF EXISTS workflows;\n",
    ),
    (
        "002_add_api_keys_table.sql",
        "-- Migration: 002_add_api_keys_table\n"
        "-- Description: Encrypted keys of the model providers, one set a user\n"
        "-- Created: 2026-11-22\n"
        "\n"
        "CREATE TABLE IF NOT EXISTS api_keys (\n"
        "  id TEXT PRIMARY KEY NOT NULL,\n"
        "  user_id TEXT NOT NULL,\n"
        "  provider TEXT NOT NULL CHECK (provider IN ('anthropic', 'openai', 'custom')),\n"
        "  key_name TEXT NOT NULL,\n"
        "  encrypted_key TEXT NOT NULL,\n"
        "  is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),\n"
        "  created_at INTEGER NOT NULL,\n"
        "  updated_at INTEGER NOT NULL,\n"
        "  last_used_at INTEGER,\n"
        "  UNIQUE (user_id, provider, key_name)\n"
        ");\n"
        "\n"
        "-- The UNIQUE above already serves look-ups by user, and by user and provider.\n"
        "CREATE INDEX IF NOT EXISTS idx_api_keys_provider ON api_keys(provider);\n"
        "CREATE INDEX IF NOT EXISTS idx_api_keys_is_active ON api_keys(is_active);\n"
        "\n"
        "-- Record migration\n"
        "INSERT INTO schema_migrations (version, name, applied_at)\n"
        "VALUES (2, '002_add_api_keys_table', strftime('%s', 'now'))\n"
        "ON CONFLICT(version) DO NOTHING;\n"
        "\n"
        "-- Rollback:\n"
        "--   DROP TABLE IF EXISTS api_keys;\n",
    ),
    (
        "003_add_users_table.sql",
        "-- Migration: 003_add_users_table\n"
        "-- Description: Users with roles, and their sessions\n"
        "-- Created: 2026-11-22\n"
        "\n"
        "CREATE TABLE IF NOT EXISTS users (\n"
        "  id TEXT PRIMARY KEY NOT NULL,\n"
        "  email TEXT NOT NULL UNIQUE,\n"
        "  name TEXT NOT NULL,\n"
        "  password_hash TEXT NOT NULL,\n"
        "  role TEXT NOT NULL DEFAULT 'user' CHECK (role IN ('admin', 'user', 'viewer')),\n"
        "  is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),\n"
        "  created_at INTEGER NOT NULL,\n"
        "  updated_at INTEGER NOT NULL,\n"
        "  last_login_at INTEGER\n"
        ");\n"
        "\n"
        "CREATE TABLE IF NOT EXISTS sessions (\n"
        "  id TEXT PRIMARY KEY NOT NULL,\n"
        "  user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE,\n"
        "  token TEXT NOT NULL UNIQUE,\n"
        "  expires_at INTEGER NOT NULL,\n"
        "  created_at INTEGER NOT NULL\n"
        ");\n"
        "\n"
        "-- Look-ups by email and by token are served by their UNIQUE constraints.\n"
        "CREATE INDEX IF NOT EXISTS idx_users_role ON users(role);\n"
        "CREATE INDEX IF NOT EXISTS idx_sessions_user_id ON sessions(user_id);\n"
        "CREATE INDEX IF NOT EXISTS idx_sessions_expires_at ON sessions(expires_at);\n"
        "\n"
        "-- Record migration\n"
        "INSERT INTO schema_migrations (version, name, applied_at)\n"
        "VALUES (3, '003_add_users_table', strftime('%s', 'now'))\n"
        "ON CONFLICT(version) DO NOTHING;\n"
        "\n"
        "-- Rollback:\n"
        "--   DROP TABLE IF EXISTS sessions;\n"
        "--   DROP TABLE IF EXISTS users;\n",
    ),
)

# The digest of each object that a migration changes, for `verify_schema`; None: it is dropped.
SCHEMAS = {
    "001_initial_schema": {
        "index idx_executions_status": "211d2cf973fff98b",
        "index idx_executions_workflow_id": "796d322c46ffe823",
        "index idx_task_results_execution_id": "52f6cb9cf42e60c1",
        "index idx_task_results_status": "55382f6c4ef9a322",
        "index idx_workflows_status": "d12b73aef9e5d1f1",
        "table executions": "1a758b379ebe4e93",
        "table task_results": "a3cde5d7d20563a8",
        "table workflows": "535fd546306743b3",
    },
    "002_add_api_keys_table": {
        "index idx_api_keys_is_active": "43722eddd3f1da59",
        "index idx_api_keys_provider": "596057b2bbcc8895",
        "table api_keys": "b39a68c9b05fe485",
    },
    "003_add_users_table": {
        "index idx_sessions_expires_at": "c4280b9eafb9bf4a",
        "index idx_sessions_user_id": "e583f1e35171a288",
        "index idx_users_role": "77770c06c4c7c38f",
        "table sessions": "17bf89aa56158a38",
        "table users": "3e1947f5d8daff09",
    },
}
