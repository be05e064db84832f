"""The SQL of the journal: each operation as the statements of one transaction.

Only texts and the names of their parameters, so that another runtime can send the same: `journal.py` does it
from Python, and a generated Workflow from TypeScript. No operation reads first and writes later. All its
conditions are in its SQL, so any number of processes may send it, at any time, twice, or late:

- `claim` is numbered by its sender; the same number again returns the same tenants and takes no others;
- `finish` changes and counts only tenants that are still leased by the sender;
- `add` and `seal` change nothing the second time;
- the others record their request, and do nothing if it is recorded.

All times are the database's, so machines with wrong clocks agree.
"""

from __future__ import annotations

import re

from d1migrate.fleet.journal_tables import FORMAT, TABLES
from d1migrate.named_tuple import NamedTuple

NOT_A_JOURNAL = "not a journal, it has: "
OTHER_FORMAT = "journal of another format: "


class Statement(NamedTuple):
    """One statement of an operation.

    Attributes:
        sql: the SQL, with parameters `?1`, `?2` ….
        params: the names of the operation's arguments that are their values.
    """

    sql: str
    params: tuple[str, ...]


class Operation(NamedTuple):
    """What one transaction does.

    Attributes:
        name: what it does, for progress output.
        statements: in their order. The rows of the last one are its result.
    """

    name: str
    statements: tuple[Statement, ...]


def operation(name: str, *statements: str) -> Operation:
    """Return an operation whose parameters are written as `:name`."""
    return Operation(name, tuple(map(_statement, statements)))


def _statement(sql: str) -> Statement:
    """Return a statement whose parameters are written as `:name`, with numbers instead of the names."""
    params = tuple(dict.fromkeys(re.findall(r":(\w+)", sql)))
    return Statement(re.sub(r":(\w+)", lambda found: f"?{params.index(found[1]) + 1}", sql), params)


CREATE = operation(
    "create the journal",
    TABLES[0],
    # Another database than a journal is refused, and with it the whole transaction.
    f"""SELECT json_extract('{{}}', '{NOT_A_JOURNAL}' || group_concat(name, ', ')) FROM (
  SELECT name FROM sqlite_schema WHERE type = 'table' AND lower(name) NOT GLOB 'fleet_*'
    AND lower(name) NOT GLOB 'sqlite_*' AND lower(name) NOT GLOB '_cf_*' AND lower(name) <> 'd1_migrations'
    AND NOT EXISTS (SELECT 1 FROM fleet_journal) ORDER BY name LIMIT 3
) HAVING count(*)""",
    f"INSERT INTO fleet_journal (format) SELECT {FORMAT} WHERE NOT EXISTS (SELECT 1 FROM fleet_journal)",
    f"""SELECT json_extract('{{}}', '{OTHER_FORMAT}' || format) FROM fleet_journal
WHERE format <> {FORMAT}""",
    *TABLES[1:],
    "SELECT format FROM fleet_journal",
)
"""Create the tables, if there are none; abort if the database is not a journal, or of another format."""

# --- parts of statements ---

RUN = "(SELECT n FROM fleet_runs WHERE id = :run)"
"""The number of the run `:run`."""
_LIVE = "(SELECT n FROM fleet_runs WHERE id = :run AND state = 'running' AND sealed_at IS NOT NULL)"
_OPEN = "(SELECT n FROM fleet_runs WHERE id = :run AND state IN ('running', 'paused') AND sealed_at IS NULL)"
_ONCE = "NOT EXISTS (SELECT 1 FROM fleet_requests WHERE id = :request)"
_NEWEST = "(SELECT max(n) FROM fleet_runs WHERE fleet = :fleet)"
_SEALED = "(SELECT max(n) FROM fleet_runs WHERE fleet = :fleet AND sealed_at IS NOT NULL)"
_WAVE = f"""(SELECT min(n) FROM fleet_waves
  WHERE run = {_LIVE} AND done + failed + waiting < size AND n <= :last_wave)"""
# A waiting wave does not stop the next one from reaching this state, but its jobs are run first.
_JOB_WAVE = f"""(SELECT min(n) FROM fleet_waves
  WHERE run = {_LIVE} AND done + failed < size AND n <= :last_wave)"""
_LIMIT = "coalesce(stop_count, CAST(size * stop_percent / 100 + 1 - 1e-9 AS INTEGER))"

RUN_COLUMNS = """n, id, fleet, digest, target, started_by, state, reason, sealed_at, began_at, ended_at, (
  SELECT json_group_array(name) FROM (SELECT name FROM fleet_waves WHERE run = fleet_runs.n ORDER BY n)
) AS waves"""
"""What `Run` is read from."""

_STOP_BY_FAILURES = f"""UPDATE fleet_runs SET state = 'stopped', ended_at = unixepoch(), reason = w.reason
FROM (
  SELECT failed || ' of ' || size || ' tenants of wave ' || (n + 1) || ' (' || name || ') failed; at most '
    || {_LIMIT} || ' may fail' AS reason FROM fleet_waves
  WHERE run = {RUN} AND failed - accepted > {_LIMIT} ORDER BY n LIMIT 1
) AS w WHERE id = :run AND state = 'running' AND sealed_at IS NOT NULL"""
_END = f"""UPDATE fleet_runs SET state = 'done', reason = NULL, ended_at = unixepoch() WHERE n = {_LIVE}
  AND NOT EXISTS (SELECT 1 FROM fleet_waves WHERE run = fleet_runs.n AND done + failed < size)"""

_RECORD = """INSERT INTO fleet_requests (id, result, at) SELECT :request, changes(), unixepoch() WHERE true
ON CONFLICT DO NOTHING"""
_RETURN_NEWEST = f"SELECT {RUN_COLUMNS} FROM fleet_runs WHERE n = {_NEWEST}"
_SAME_WAVES = """(SELECT json_group_array(name) FROM (
  SELECT name FROM fleet_waves WHERE run = fleet_runs.n ORDER BY n
)) = (SELECT json_group_array(value ->> 0) FROM json_each(:waves))"""

BEGIN = operation(
    "begin a run",
    # A week is longer than any request is late.
    "DELETE FROM fleet_requests WHERE at < unixepoch() - 604800",
    """DELETE FROM fleet_processes WHERE until < unixepoch() - 604800 AND NOT EXISTS (
  SELECT 1 FROM fleet_tenants AS t WHERE t.owner = fleet_processes.owner AND t.state = 'leased')""",
    f"""INSERT INTO fleet_runs (id, fleet, digest, target, started_by, state, began_at)
SELECT :run, :fleet, :digest, :target, :by, 'running', unixepoch() WHERE {_ONCE} AND NOT EXISTS (
  SELECT 1 FROM fleet_runs WHERE n = {_NEWEST}
    AND (state IN ('running', 'paused') OR state = 'stopped' AND digest = :digest AND {_SAME_WAVES})
)""",
    f"""INSERT INTO fleet_waves (run, n, name, stop_count, stop_percent)
SELECT {RUN}, key, value ->> 0, value ->> 1, value ->> 2 FROM json_each(:waves) WHERE {RUN} IS NOT NULL
ON CONFLICT DO NOTHING""",
    # A run that continues has the limits of today's configuration.
    f"""UPDATE fleet_waves SET stop_count = w.value ->> 1, stop_percent = w.value ->> 2
FROM json_each(:waves) AS w WHERE fleet_waves.n = w.key AND fleet_waves.name = w.value ->> 0
  AND fleet_waves.run = (SELECT n FROM fleet_runs WHERE n = {_NEWEST} AND digest = :digest)""",
    f"""UPDATE fleet_runs SET state = 'running', reason = NULL, ended_at = NULL
WHERE n = {_NEWEST} AND digest = :digest AND state = 'stopped' AND {_ONCE}
  AND NOT EXISTS (SELECT 1 FROM fleet_waves WHERE run = fleet_runs.n AND failed - accepted > {_LIMIT})""",
    _RECORD,
    _RETURN_NEWEST,
)
"""Begin a run, or continue the unfinished one of the same migrations. Returns the newest run."""

_ROWS = """(SELECT value ->> 0 AS id, value ->> 1 AS name, value ->> 2 AS url, value ->> 3 AS wave
  FROM json_each(:rows))"""
_ELSEWHERE = """fleet_tenants.fleet <> :fleet AND fleet_tenants.run >= coalesce((
    SELECT max(n) FROM fleet_runs AS o WHERE o.fleet = fleet_tenants.fleet AND o.sealed_at IS NOT NULL), 0)"""
_NEW_ROWS = f"""{_ROWS} AS o LEFT JOIN fleet_tenants ON fleet_tenants.id = o.id
  WHERE fleet_tenants.id IS NULL OR fleet_tenants.run <> {_OPEN} AND NOT ({_ELSEWHERE})"""

ADD = operation(
    "list tenants",
    f"""UPDATE fleet_waves SET size = size + c.tenants FROM (
  SELECT o.wave AS wave, count(*) AS tenants FROM {_NEW_ROWS} GROUP BY o.wave
) AS c WHERE fleet_waves.run = {_OPEN} AND fleet_waves.n = c.wave""",
    f"""UPDATE fleet_runs SET known = fleet_runs.known + c.known,
  appeared = appeared + c.tenants - c.known
FROM (
  SELECT count(*) AS tenants, count(iif(fleet_tenants.fleet = :fleet
    AND {_SEALED} IN (fleet_tenants.run, fleet_tenants.seen), 1, NULL)) AS known FROM {_NEW_ROWS}
) AS c WHERE n = {_OPEN}""",
    f"""INSERT INTO fleet_tenants (id, fleet, name, url, run, wave, state)
SELECT id, :fleet, name, url, {_OPEN}, wave, 'todo' FROM {_ROWS} WHERE {_OPEN} IS NOT NULL
ON CONFLICT (id) DO UPDATE SET fleet = excluded.fleet, name = excluded.name, url = excluded.url, seen = CASE
    WHEN (SELECT sealed_at FROM fleet_runs WHERE n = fleet_tenants.run) IS NULL THEN fleet_tenants.seen
    ELSE fleet_tenants.run END,
  run = excluded.run, wave = excluded.wave, state = 'todo', owner = NULL, claim = NULL,
  waiting_for = NULL, tries = 0, requests = 0, error = NULL
WHERE fleet_tenants.run <> excluded.run AND NOT ({_ELSEWHERE})""",
    f"""SELECT r.state AS state, r.sealed_at AS sealed_at, c.id AS id, c.name AS name,
  c.other_name AS other_name, c.other_fleet AS other_fleet
FROM fleet_runs AS r LEFT JOIN (
  SELECT o.id AS id, o.name AS name, t.name AS other_name, t.fleet AS other_fleet
  FROM {_ROWS} AS o JOIN fleet_tenants AS t ON t.id = o.id
  WHERE t.fleet <> :fleet OR t.name <> o.name LIMIT 3
) AS c WHERE r.id = :run""",
)
"""List tenants, if the list is still open. Returns the state, and the tenants that cannot be listed."""

SEAL = operation(
    "end the list of tenants",
    f"""UPDATE fleet_runs SET sealed_at = unixepoch(), vanished = coalesce((
  SELECT sum(size) FROM fleet_waves WHERE run = {_SEALED}), 0) - known WHERE n = {_OPEN}""",
    _END,
    """SELECT coalesce((SELECT sum(size) FROM fleet_waves WHERE run = fleet_runs.n), 0) AS total, appeared,
  vanished FROM fleet_runs WHERE id = :run""",
)
"""End the list of tenants. Returns the total, and how many appeared and vanished."""

LEASE_ENDED = "(until < unixepoch() OR until > unixepoch() + 2 * seconds)"
"""Whether the lease of a process has ended; also one that began far in the future: the clock was set back."""

_EXPIRED = f"(SELECT 1 FROM fleet_processes AS p WHERE p.owner = t.owner AND {LEASE_ENDED})"


def _take_next(state: str, wave: str) -> str:
    """Return the query for tenants of a wave that are in a state, or were when a dead process took them."""
    return f"""SELECT n FROM (SELECT t.n AS n FROM fleet_processes AS p CROSS JOIN fleet_tenants AS t
    WHERE {LEASE_ENDED} AND p.owner <> :owner AND t.owner = p.owner AND t.state = 'leased'
      AND {_WAS[state]} AND t.run = {_LIVE} AND t.wave = {wave} LIMIT :count)
  UNION ALL SELECT n FROM (SELECT n FROM fleet_tenants
    WHERE state = '{state}' AND run = {_LIVE} AND wave = {wave} ORDER BY n LIMIT :count)"""


def _take_only(state: str) -> str:
    return f"""SELECT t.n AS n FROM json_each(:only) AS o CROSS JOIN fleet_tenants AS t
    WHERE t.id = o.value AND t.run = {_LIVE} AND t.wave <= :last_wave AND (t.state = '{state}'
      OR t.state = 'leased' AND {_WAS[state]} AND t.owner <> :owner AND EXISTS {_EXPIRED})"""


def _left_only(state: str) -> str:
    return f"""SELECT count(*) FROM json_each(:only) AS o CROSS JOIN fleet_tenants AS t
    WHERE t.id = o.value AND t.run = r.n AND t.wave <= :last_wave
      AND (t.state = '{state}' OR t.state = 'leased' AND {_WAS[state]})"""


_WAS = {"todo": "t.waiting_for IS NULL", "waiting": "t.waiting_for IS NOT NULL"}
"""Whether a leased tenant was in a state before."""
_LEFT = """SELECT coalesce(sum(size - done - failed - waiting), 0) FROM fleet_waves
    WHERE run = r.n AND n <= :last_wave"""
_JOBS_LEFT = f"""SELECT coalesce(sum(waiting), 0) FROM fleet_waves WHERE run = r.n AND n <= :last_wave
    AND EXISTS (SELECT 1 FROM fleet_waves AS w WHERE w.run = r.n AND w.n = {_JOB_WAVE} AND w.waiting)"""


def _claim(name: str, take: str, remaining: str, wave: str = _WAVE) -> Operation:
    return operation(
        name,
        _STOP_BY_FAILURES,
        _END,
        # A condition on the process in WHERE would be tested for each row; in LIMIT it is tested once.
        f"""UPDATE fleet_tenants SET state = 'leased', owner = :owner, claim = :claim, tries = tries + 1
WHERE n IN (SELECT n FROM ({take})
  LIMIT iif(coalesce((SELECT claim FROM fleet_processes WHERE owner = :owner), 0) < :claim, :count, 0))""",
        f"""INSERT INTO fleet_processes (owner, run, claim, seconds, until)
SELECT :owner, {_LIVE}, :claim, :seconds, unixepoch() + :seconds WHERE {_LIVE} IS NOT NULL
ON CONFLICT (owner) DO UPDATE SET run = excluded.run, claim = max(claim, excluded.claim),
  seconds = excluded.seconds, until = excluded.until""",
        f"""SELECT r.state AS state, r.reason AS reason, (
    {remaining}
  ) AS remaining, (
    SELECT coalesce(sum(done + failed), 0) FROM fleet_waves WHERE run = r.n AND n = {wave}
  ) + (
    SELECT count(*) FROM fleet_processes AS p CROSS JOIN fleet_tenants AS l
    WHERE l.owner = p.owner AND l.state = 'leased' AND l.run = r.n AND l.wave = {wave}
  ) AS taken, t.id AS id, t.name AS name, t.url AS url, t.wave AS wave, t.tries AS tries
FROM fleet_runs AS r LEFT JOIN fleet_tenants AS t
  ON t.owner = :owner AND t.state = 'leased' AND t.claim = :claim AND t.run = r.n
WHERE r.id = :run ORDER BY t.n""",
    )


CLAIM = _claim("claim tenants", _take_next("todo", _WAVE), _LEFT)
"""Lease tenants of the first unfinished wave. Returns the state, what is left, and a row for each tenant."""
CLAIM_ONLY = _claim("claim certain tenants", _take_only("todo"), _left_only("todo"))
"""Lease certain tenants, of any wave."""
CLAIM_JOBS = _claim("claim jobs", _take_next("waiting", _JOB_WAVE), _JOBS_LEFT, _JOB_WAVE)
"""Lease tenants that wait for a job, of the first wave that has tenants which are not done or failed.

Nothing is left if none of that wave waits: `fleet up` has to finish it.
"""
CLAIM_JOBS_ONLY = _claim("claim certain jobs", _take_only("waiting"), _left_only("waiting"), _JOB_WAVE)
"""Lease certain tenants that wait for a job, of any wave."""

_OUTCOMES = """(SELECT value ->> 'id' AS id, value ->> 'state' AS state, value ->> 'current' AS current,
  value ->> 'requests' AS requests, value ->> 'error' AS error, coalesce(value ->> 'place', '') AS place,
  coalesce(value ->> 'hint', '') AS hint, value ->> 'waiting_for' AS waiting_for
  FROM json_each(:outcomes))"""
# `+`: by the index of the owner, SQLite would read all outcomes again for each of its tenants.
_OURS = f"t.id = o.id AND +t.owner = :owner AND t.state = 'leased' AND t.run = {RUN}"
_ERROR = "(SELECT e.id FROM fleet_errors AS e WHERE e.text = o.error AND e.place = o.place)"

FINISH = operation(
    "record outcomes",
    f"""INSERT INTO fleet_errors (text, place, hint) SELECT error, place, hint FROM {_OUTCOMES}
WHERE error IS NOT NULL ON CONFLICT DO NOTHING""",
    # Counted before they change: the second time, none of them is ours.
    f"""UPDATE fleet_waves SET done = fleet_waves.done + c.done,
  failed = fleet_waves.failed + c.failed, waiting = fleet_waves.waiting + c.waiting,
  requests = fleet_waves.requests + c.requests
FROM (
  SELECT t.wave AS wave, sum(o.state = 'done') AS done, sum(o.state = 'failed') AS failed,
    sum((o.state = 'waiting') - (t.waiting_for IS NOT NULL)) AS waiting, sum(o.requests) AS requests
  FROM {_OUTCOMES} AS o CROSS JOIN fleet_tenants AS t WHERE {_OURS} GROUP BY t.wave
) AS c WHERE fleet_waves.run = {RUN} AND fleet_waves.n = c.wave""",
    f"""INSERT INTO fleet_attempts (run, tenant, try, error, at)
SELECT t.run, t.n, t.tries, {_ERROR}, unixepoch() FROM {_OUTCOMES} AS o CROSS JOIN fleet_tenants AS t
WHERE {_OURS} AND o.state = 'failed' ON CONFLICT DO NOTHING""",
    f"""UPDATE fleet_tenants AS t SET state = o.state, current = coalesce(o.current, t.current),
  error = {_ERROR}, requests = t.requests + o.requests, at = unixepoch(), owner = NULL, claim = NULL,
  waiting_for = iif(o.state = 'waiting', coalesce(o.waiting_for, ''), NULL)
FROM {_OUTCOMES} AS o WHERE {_OURS}""",
    "UPDATE fleet_processes SET until = unixepoch() + seconds WHERE owner = :owner",
    _STOP_BY_FAILURES,
    _END,
    "SELECT state, reason FROM fleet_runs WHERE id = :run",
)
"""Record the outcomes of tenants that are still the owner's. Returns the state of the run."""

EXTEND = operation(
    "extend a lease",
    "UPDATE fleet_processes SET until = unixepoch() + seconds WHERE owner = :owner",
    "SELECT until FROM fleet_processes WHERE owner = :owner",
)
"""Begin a lease again."""

RELEASE = operation(
    "give tenants back",
    f"""UPDATE fleet_tenants SET state = iif(waiting_for IS NULL, 'todo', 'waiting'), owner = NULL,
  claim = NULL, tries = tries - 1 WHERE owner = :owner AND state = 'leased' AND run = {RUN} AND {_ONCE}""",
    _RECORD,
    "UPDATE fleet_processes SET until = 0 WHERE owner = :owner",
    "SELECT state FROM fleet_runs WHERE id = :run",
)
"""Give back what the owner has claimed."""

PAUSE = operation(
    "pause",
    f"""UPDATE fleet_runs SET state = 'paused', reason = 'paused by ' || :by
WHERE n = {_NEWEST} AND state = 'running' AND {_ONCE}""",
    _RECORD,
    _RETURN_NEWEST,
)
"""Pause the newest run. Returns it."""

RESUME = operation(
    "resume",
    f"""UPDATE fleet_waves SET accepted = failed
WHERE run = (SELECT n FROM fleet_runs WHERE n = {_NEWEST} AND state = 'stopped' AND {_ONCE})""",
    f"""UPDATE fleet_runs SET state = 'running', reason = 'resumed by ' || :by, ended_at = NULL
WHERE n = {_NEWEST} AND state IN ('paused', 'stopped') AND {_ONCE}""",
    _RECORD,
    _RETURN_NEWEST,
)
"""Continue the newest run, and accept the failures that stopped it. Returns it."""

STOP = operation(
    "stop",
    f"""UPDATE fleet_runs SET state = 'stopped', reason = 'stopped by ' || :by, ended_at = unixepoch()
WHERE n = {_NEWEST} AND state IN ('running', 'paused') AND {_ONCE}""",
    _RECORD,
    _RETURN_NEWEST,
)
"""End the newest run. Returns it."""

_FAILED = f"""(SELECT n, wave FROM fleet_tenants WHERE state = 'failed' AND run = {_NEWEST}
    AND (:wave IS NULL OR wave = :wave)
    AND (:only IS NULL OR id IN (SELECT value FROM json_each(:only))
      OR name IN (SELECT value FROM json_each(:only)))
  ORDER BY error, wave, n LIMIT iif({_ONCE}, :count, 0))"""

RETRY = operation(
    "put failed tenants back",
    f"""UPDATE fleet_runs SET state = 'running', reason = NULL, ended_at = NULL
WHERE n = {_NEWEST} AND state IN ('stopped', 'done') AND EXISTS {_FAILED}""",
    f"""UPDATE fleet_waves SET failed = fleet_waves.failed - c.failed,
  accepted = min(accepted, fleet_waves.failed - c.failed)
FROM (
  SELECT wave, count(*) AS failed FROM {_FAILED} GROUP BY wave
) AS c WHERE run = {_NEWEST} AND n = c.wave""",
    f"UPDATE fleet_tenants SET state = 'todo' WHERE n IN (SELECT n FROM {_FAILED})",
    _RECORD,
    "SELECT result AS tenants FROM fleet_requests WHERE id = :request",
)
"""Put at most `count` failed tenants of the newest run back. Returns how many."""

_LEASED = """FROM fleet_processes AS p CROSS JOIN fleet_tenants AS t
  WHERE t.owner = p.owner AND t.state = 'leased' AND t.run = w.run AND t.wave = w.n"""
# A few names of a million tenants: each is looked up by the index, after the one before.
_WAITING_FOR = """(WITH names(name) AS (
  SELECT min(t.waiting_for) FROM fleet_tenants AS t
  WHERE t.state = 'waiting' AND t.run = w.run AND t.wave = w.n
  UNION ALL SELECT (SELECT min(t.waiting_for) FROM fleet_tenants AS t WHERE t.state = 'waiting'
    AND t.run = w.run AND t.wave = w.n AND t.waiting_for > names.name) FROM names WHERE name IS NOT NULL
) SELECT json_group_array(name) FROM names WHERE name <> '')"""

STATUS = operation(
    "read the status",
    "SELECT format FROM fleet_journal",
    f"""SELECT {RUN_COLUMNS}, appeared, vanished, unixepoch() AS now, (
  SELECT count(*) FROM fleet_processes WHERE run = fleet_runs.n AND NOT {LEASE_ENDED}
) AS processes FROM fleet_runs WHERE n = coalesce({RUN}, {_NEWEST})""",
    f"""SELECT w.name AS name, size, done, failed, waiting, {_LIMIT} AS most_failed, requests,
  (SELECT count(*) {_LEASED}) AS leased, (SELECT count(*) {_LEASED} AND t.waiting_for IS NOT NULL) AS driven,
  {_WAITING_FOR} AS waiting_for FROM fleet_waves AS w WHERE run = coalesce({RUN}, {_NEWEST}) ORDER BY n""",
)
"""Read the format, the run or the newest, and its waves: three results. Only leased tenants are counted."""

_PAGE = "(SELECT n FROM fleet_tenants WHERE n > :after ORDER BY n LIMIT :count)"

VANISHED = operation(
    "read vanished tenants",
    f"SELECT max(n) AS last FROM {_PAGE}",
    f"""SELECT id, name FROM fleet_tenants WHERE n IN {_PAGE} AND fleet = :fleet AND run < {RUN} AND (
  SELECT max(n) FROM fleet_runs WHERE fleet = :fleet AND n < {RUN} AND sealed_at IS NOT NULL
) IN (run, seen) ORDER BY n""",
)
"""Look through a page of tenants: the last one, and those that only the run before had."""

FAILURES = operation(
    "read failures",
    f"""SELECT e.text AS text, e.place AS place, e.hint AS hint, g.tenants AS tenants, (
  SELECT json_group_array(name) FROM (SELECT name FROM fleet_tenants
    WHERE state = 'failed' AND run = {RUN} AND error = g.error ORDER BY wave, n LIMIT :examples)
) AS examples FROM (
  SELECT error, count(*) AS tenants FROM fleet_tenants WHERE state = 'failed' AND run = {RUN} GROUP BY error
) AS g JOIN fleet_errors AS e ON e.id = g.error ORDER BY g.tenants DESC, g.error LIMIT :count""",
)
"""Read the most frequent errors of a run, with the number of tenants and the names of some."""

VERSIONS = operation(
    "count versions",
    f"SELECT max(n) AS last FROM {_PAGE}",
    f"""SELECT current, count(*) AS tenants FROM fleet_tenants
WHERE n IN {_PAGE} AND fleet = :fleet AND run = {RUN} GROUP BY current""",
)
"""Look through a page of tenants: the last one, and how many of them have which newest migration."""

FAILED_TENANTS = operation(
    "read failed tenants",
    f"""SELECT t.id AS id, t.name AS name, t.wave AS wave, e.text AS text, e.place AS place, e.hint AS hint,
  t.tries AS tries, t.at AS at, t.error AS error, t.n AS n
FROM fleet_tenants AS t JOIN fleet_errors AS e ON e.id = t.error
WHERE t.state = 'failed' AND t.run = {RUN} AND (t.error, t.wave, t.n) > (:error, :wave, :after)
ORDER BY t.error, t.wave, t.n LIMIT :count""",
)
"""Read a page of failed tenants, after one of them."""

TENANTS = operation(
    "read tenants",
    f"""SELECT t.id AS id, t.state AS state, t.current AS current, e.text AS text, e.place AS place,
  e.hint AS hint
FROM json_each(:ids) AS o CROSS JOIN fleet_tenants AS t
LEFT JOIN fleet_errors AS e ON e.id = t.error AND t.state = 'failed'
WHERE t.id = o.value AND t.fleet = :fleet AND t.run = {_NEWEST}""",
)
"""Read what the newest run has of some tenants."""

STATES = operation(
    "read known states",
    "SELECT text, tenants FROM fleet_states WHERE fleet = :fleet ORDER BY tenants DESC, id LIMIT :count",
)
"""Read the states that tenants were found in, the most frequent first."""

SAVE_STATES = operation(
    "save known states",
    f"""INSERT INTO fleet_states (fleet, text, tenants)
SELECT :fleet, value ->> 0, value ->> 1 FROM json_each(:states) WHERE {_ONCE}
ON CONFLICT (fleet, text) DO UPDATE SET tenants = tenants + excluded.tenants""",
    _RECORD,
    """DELETE FROM fleet_states WHERE fleet = :fleet AND id NOT IN (
  SELECT id FROM fleet_states WHERE fleet = :fleet ORDER BY tenants DESC, id DESC LIMIT :count)""",
    "SELECT count(*) AS states FROM fleet_states WHERE fleet = :fleet",
)
"""Save states, and keep the most frequent ones."""
