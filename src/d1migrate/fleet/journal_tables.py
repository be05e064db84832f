"""The tables of a journal.

What `status` shows is kept as counters, in `fleet_waves` and `fleet_runs`: of 1,000,000 tenants, a `GROUP BY`
takes half a second of CPU, more than production D1 allows.
"""

from __future__ import annotations

FORMAT = 1
"""The format of the tables; a journal of another one is refused."""

TABLES = (
    "CREATE TABLE IF NOT EXISTS fleet_journal (format INTEGER NOT NULL) STRICT",
    # `n` is the order of the runs, and what other tables refer to. `id` is random: a process notices that its
    # run is not the one of that number in a journal that was replaced. `sealed_at`: when all tenants were
    # listed; nothing is claimed before. state: running, paused, stopped or done.
    """CREATE TABLE IF NOT EXISTS fleet_runs (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  fleet TEXT NOT NULL,
  digest TEXT NOT NULL,
  target TEXT NOT NULL,
  started_by TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT,
  began_at INTEGER NOT NULL,
  sealed_at INTEGER,
  ended_at INTEGER,
  known INTEGER NOT NULL DEFAULT 0,
  appeared INTEGER NOT NULL DEFAULT 0,
  vanished INTEGER NOT NULL DEFAULT 0
) STRICT""",
    "CREATE INDEX IF NOT EXISTS fleet_runs_by_fleet ON fleet_runs (fleet, n)",
    # `waiting`: tenants with `waiting_for`, also while a process works on them. `accepted`: failures that no
    # longer stop the run, because somebody resumed it in spite of them.
    """CREATE TABLE IF NOT EXISTS fleet_waves (
  run INTEGER NOT NULL,
  n INTEGER NOT NULL,
  name TEXT NOT NULL,
  stop_count INTEGER,
  stop_percent REAL,
  size INTEGER NOT NULL DEFAULT 0,
  done INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  waiting INTEGER NOT NULL DEFAULT 0,
  accepted INTEGER NOT NULL DEFAULT 0,
  requests INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (run, n)
) STRICT, WITHOUT ROWID""",
    # In the order of `n`, a claim is a few pages; in that of the id, which is random, each tenant is one.
    # `run`: the newest one that listed it; `seen`: the newest sealed one before. A tenant is gone if its
    # fleet has a newer sealed run, so nothing has to be written. state: todo, leased, waiting,
    # done or failed. `waiting_for`: the migration that is to run as a job; kept while its job is leased.
    """CREATE TABLE IF NOT EXISTS fleet_tenants (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  fleet TEXT NOT NULL,
  name TEXT NOT NULL,
  url TEXT NOT NULL,
  run INTEGER NOT NULL,
  seen INTEGER,
  wave INTEGER NOT NULL,
  state TEXT NOT NULL,
  owner TEXT,
  claim INTEGER,
  waiting_for TEXT,
  tries INTEGER NOT NULL DEFAULT 0,
  requests INTEGER NOT NULL DEFAULT 0,
  current TEXT,
  error INTEGER,
  at INTEGER
) STRICT""",
    "CREATE INDEX IF NOT EXISTS fleet_todo ON fleet_tenants (run, wave) WHERE state = 'todo'",
    "CREATE INDEX IF NOT EXISTS fleet_leased ON fleet_tenants (owner, run, wave) WHERE state = 'leased'",
    """CREATE INDEX IF NOT EXISTS fleet_waiting ON fleet_tenants (run, wave, waiting_for)
WHERE state = 'waiting'""",
    "CREATE INDEX IF NOT EXISTS fleet_failed ON fleet_tenants (run, error, wave) WHERE state = 'failed'",
    # The lease of all that a process has claimed: one row to extend, instead of one for each tenant.
    """CREATE TABLE IF NOT EXISTS fleet_processes (
  owner TEXT PRIMARY KEY NOT NULL,
  run INTEGER NOT NULL,
  claim INTEGER NOT NULL,
  seconds INTEGER NOT NULL,
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID""",
    # Those that would not be the same the second time, with their results: sent again, or late, they do
    # nothing.
    """CREATE TABLE IF NOT EXISTS fleet_requests (
  id TEXT PRIMARY KEY NOT NULL,
  result INTEGER NOT NULL,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID""",
    # Each text once: 20,000 tenants that fail alike are one row, and an index counts them.
    """CREATE TABLE IF NOT EXISTS fleet_errors (
  id INTEGER PRIMARY KEY,
  text TEXT NOT NULL,
  place TEXT NOT NULL,
  hint TEXT NOT NULL,
  UNIQUE (text, place)
) STRICT""",
    # Of failures only: a row for each success would double what a run writes.
    """CREATE TABLE IF NOT EXISTS fleet_attempts (
  run INTEGER NOT NULL,
  tenant INTEGER NOT NULL,
  try INTEGER NOT NULL,
  error INTEGER,
  at INTEGER NOT NULL,
  PRIMARY KEY (run, tenant, try)
) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS fleet_states (
  id INTEGER PRIMARY KEY,
  fleet TEXT NOT NULL,
  text TEXT NOT NULL,
  tenants INTEGER NOT NULL,
  UNIQUE (fleet, text)
) STRICT""",
)
"""The tables of a journal, for any number of fleets."""
