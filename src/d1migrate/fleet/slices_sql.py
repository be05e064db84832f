"""The SQL with which a Workflow migrates a fleet of Durable Objects, and what of the journal's it needs.

`fleet.ts` sends it. An instance of the Workflow coordinates the run; the slices are the instances that
migrate. The coordinator claims, too: no tenants, but that it starts the next slices, for some seconds. The
number of that claim is the attempt. It is part of the ids of the slices, and is never used twice, so dead
slices are replaced.
"""

from __future__ import annotations

from d1migrate.fleet import journal_sql
from d1migrate.fleet.journal_sql import LEASE_ENDED, RUN, RUN_COLUMNS, operation

CLAIM = 50
"""How many tenants a slice claims at once."""

_COORDINATOR = "'slices of ' || :run"
# As many as the first unfinished wave has claims, less those that work. D1 binds numbers as REAL.
_NEEDED = f"""(SELECT min(CAST(:at_once AS INTEGER), (size - done - failed - waiting + {CLAIM - 1}) / {CLAIM})
  FROM fleet_waves WHERE run = {RUN} AND done + failed + waiting < size ORDER BY n LIMIT 1)
  - (SELECT count(*) FROM fleet_processes
  WHERE run = {RUN} AND NOT {LEASE_ENDED} AND owner <> {_COORDINATOR})"""

NEWEST = operation(
    "read the newest run",
    f"SELECT {RUN_COLUMNS} FROM fleet_runs WHERE fleet = :fleet ORDER BY n DESC LIMIT 1",
)
"""Read the newest run of a fleet."""

LOOK = operation(
    "start slices",
    # The clock makes it larger than that of a claim that `BEGIN` has deleted since.
    f"""INSERT INTO fleet_processes (owner, run, claim, seconds, until)
SELECT {_COORDINATOR}, n, unixepoch(), :seconds, unixepoch() + :seconds FROM fleet_runs
WHERE id = :run AND state = 'running' AND sealed_at IS NOT NULL AND {_NEEDED} > 0
ON CONFLICT (owner) DO UPDATE SET claim = max(claim + 1, excluded.claim), until = excluded.until
WHERE {LEASE_ENDED}""",
    f"""SELECT r.state AS state, iif(changes(), {_NEEDED}, 0) AS slices, (
    SELECT claim FROM fleet_processes WHERE owner = {_COORDINATOR}
  ) AS attempt, sum(w.done) AS done, sum(w.failed) AS failed, sum(w.waiting) AS waiting,
  sum(w.size - w.done - w.failed - w.waiting) AS remaining
FROM fleet_runs AS r LEFT JOIN fleet_waves AS w ON w.run = r.n WHERE r.id = :run""",
)
"""Claim that slices are started. Returns how many, their attempt, and the state and the counts of the run."""

_WAITING = f"""(SELECT n, wave FROM fleet_tenants WHERE state = 'waiting' AND run = {RUN}
  ORDER BY wave, n LIMIT :count)"""
CALL_AGAIN = operation(
    "put waiting tenants back",
    f"""UPDATE fleet_waves SET waiting = waiting - c.tenants FROM (
  SELECT wave, count(*) AS tenants FROM {_WAITING} GROUP BY wave
) AS c WHERE run = {RUN} AND n = c.wave""",
    f"UPDATE fleet_tenants SET state = 'todo', waiting_for = NULL WHERE n IN (SELECT n FROM {_WAITING})",
    "SELECT changes() AS tenants",
)
"""Let at most `count` tenants that wait for a job be tried again: it may have ended. Returns how many."""

OPERATIONS = {
    "create": journal_sql.CREATE,
    "newest": NEWEST,
    "begin": journal_sql.BEGIN,
    "add": journal_sql.ADD,
    "seal": journal_sql.SEAL,
    "callAgain": CALL_AGAIN,
    "look": LOOK,
    "claim": journal_sql.CLAIM,
    "extend": journal_sql.EXTEND,
    "finish": journal_sql.FINISH,
    "release": journal_sql.RELEASE,
}
"""The operations that a Workflow sends, by the names that `fleet.ts` has for them."""
