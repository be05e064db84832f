"""Random commands against a Cloudflare with faults, and what must hold after each of them."""

from __future__ import annotations

import io
import json
import re
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from d1migrate.cli import main
from tests.crash.test_remote_matrix import MODES
from tests.runtime.workerd import ROOT

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from tests.runtime.cloudflare import Cloudflare

TRIGGER = "CREATE TRIGGER dt AFTER INSERT ON d BEGIN INSERT INTO d VALUES ('\n'); END;\n"
# Each leaves a row in `events` whenever it runs; the last one goes through the import API.
FILES = {
    1: ("001_base", "CREATE TABLE events (id INTEGER PRIMARY KEY, what TEXT);\n{up}"),
    2: ("002_b", "CREATE TABLE b (a);\n{up}-- Rollback:\n--   {down}--   DROP TABLE b;\n"),
    3: ("003_c", "{up}CREATE TABLE c (a);\nINSERT INTO c VALUES (1);\n-- Rollback:\n--   DROP TABLE c;\n--   {down}"),
    4: ("004_d", f"CREATE TABLE d (a);\n{TRIGGER}{{up}}-- Rollback:\n--   DROP TABLE d;\n--   {{down}}"),
}  # fmt: skip
TABLES = {1: "events", 2: "b", 3: "c", 4: "d"}
NAMES = {name: version for version, (name, _) in FILES.items()}

READS = (
    *("status --json", "status --check", "history --json", "current", "verify --check", "plan --json", "schema --sql"),
    *("lint", "restore"),
)  # fmt: skip
WRITES = (
    *("up", "up", "up --json", "up --to 2", "up --single-transaction", "up --no-lint", "up --verbose"),
    *("down --allow-loss all", "down --allow-loss all --json", "down --to 1 --allow-loss all"),
    *("down --steps 2 --allow-loss all", "restore --to 1 --yes", "restore --to 2 --yes --json"),
)  # fmt: skip
# Where a fault is, and at which of the requests there: mostly at one that the command makes.
PATHS = {
    "read": [("/client/v4/", 1), ("/raw$", 2)],
    "up": [("/client/v4/", n) for n in range(1, 7)]
    + [("/query$", n) for n in (1, 1, 2, 3)]
    + [("/import$", 2)],
    "down": [("/raw$", n) for n in range(1, 4)] + [("/query$", n) for n in (1, 1, 1, 1, 2)],
    "restore": [("/restore$", 1)] * 4
    + [("/query$", n) for n in (1, 2, 3)]
    + [("/raw$", n) for n in range(4, 12, 2)],
}


def faults() -> dict[str, dict[str, Any]]:
    """Everything that can go wrong with one request, by name; D1 is atomic, so one fault is left out."""
    folder = ROOT / "tests" / "runtime"
    edits = re.findall(
        r'^  "([\w ]+)": \(', _part(folder / "cloudflare_faults.mjs", "const EDITS"), re.MULTILINE
    )
    wires = re.findall(
        r'^  "([\w ]+)": \(', _part(folder / "cloudflare_wire.mjs", "const WIRE"), re.MULTILINE
    )
    found = {name: mode for name, mode in MODES.items() if mode["do"] != "not atomic"}
    found |= {f"edit: {how}": {"do": "edit", "how": how} for how in edits}
    for how in wires:
        found[f"wire: {how}"] = {"do": "wire", "how": how}
        found[f"wire, without the work: {how}"] = {"do": "wire", "how": how, "after": False}
    return found


def _part(path: Path, start: str) -> str:
    text = path.read_text()
    begin = text.index(start)
    return text[begin : text.index("\n};", begin)]


class State(NamedTuple):
    """The state of a database, read without the API."""

    versions: frozenset[int]
    events: tuple[str, ...]
    log: tuple[tuple[Any, ...], ...]
    tables: frozenset[str]

    def done(self, who: str, action: str) -> list[int]:
        """The versions that a command has up or down in the log."""
        return [v for _, event, act, v, _, _, by in self.log if (event, act, by) == ("done", action, who)]


class Outcome(NamedTuple):
    """The result of a command."""

    command: str
    who: str
    code: int
    out: str
    err: str


class Sequence:
    """A project and its database; `trace` lists the commands run so far."""

    def __init__(self, server: Cloudflare, folder: Path, random: Random, name: str) -> None:
        self.server, self.random, self.trace = server, random, list[str]()
        self.id, self.folder = server.create(name), folder
        (folder / "migrations").mkdir(parents=True)
        self.last = 4 if random.random() < 0.25 else 3
        for version in range(1, self.last + 1):
            stem, text = FILES[version]
            record = "INSERT INTO events (what) VALUES ('{}{}');\n"
            filled = text.format(up=record.format("+", version), down=record.format("-", version))
            (folder / "migrations" / f"{stem}.sql").write_text(filled)
        if random.random() < 0.5:
            self.trace.append("in wrangler's table")
            (folder / "d1migrate.toml").write_text('table = "d1_migrations"\n')

    def begin(self) -> None:
        """Apply some or all, without a fault."""
        to = self.random.choice([0, 1, 2, self.last, self.last])
        if to:
            self.trace.append(f"up --to {to}")
            assert self.run(f"up --to {to}").code == 0

    def step(self, modes: dict[str, dict[str, Any]]) -> int:
        """Run a command, mostly with a fault, check the result, and return its exit code."""
        command = self.random.choice(READS if self.random.random() < 0.25 else WRITES)
        path, nth = self.random.choice(PATHS[command.split()[0] if command in WRITES else "read"])
        kind = self.random.choice(sorted({mode["do"] for mode in modes.values()}))
        name = self.random.choice(sorted(name for name, mode in modes.items() if mode["do"] == kind))
        # A copy of a restore that arrives later rewinds what was written meanwhile: nothing prevents that.
        if self.random.random() < 0.9 and not (kind == "again" and "restore --to" in command):
            self.server.faults({"match": {"path": path, "nth": nth}, **modes[name]})
            self.trace.append(f"{command}  |  {name} at {path} {nth}")
        else:
            self.trace.append(command)
        before = self.state()
        outcome = self.run(command)
        self.server.faults()
        after = self.state()
        check_streams(outcome, self.server.token)
        check_database(after)
        check_report(outcome, before, after, range(1, self.last + 1))
        if self.random.random() < 0.2:
            self.trace.append(f"late requests arrive: {self.server.arrive()}")
            check_database(self.state())
        return outcome.code

    def end(self) -> None:
        """Without a fault, everything is applied, once."""
        self.trace.append("up, without a fault")
        outcome = self.run("up")
        assert outcome.code == 0, outcome
        state = self.state()
        check_database(state)
        assert state.versions == set(range(1, self.last + 1))

    def run(self, command: str) -> Outcome:
        """Run a command as a separate process would."""
        who = f"run-{len(self.trace)}"
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setenv("D1MIGRATE_BY", who)
            words = ["--database", f"d1:{self.id}", "--migrations", str(self.folder / "migrations")]
            code = main([*words, *command.split()])
        return Outcome(command, who, code, out.getvalue(), err.getvalue())

    def state(self) -> State:
        """Read the database without the API."""
        (objects,) = self.server.sql(self.id, "SELECT name FROM sqlite_schema")
        names = {name for (name,) in objects}

        def rows(table: str, sql: str) -> list[list[Any]]:
            return self.server.sql(self.id, sql)[0] if table in names else []

        recorded = rows("d1_migrations", "SELECT name FROM d1_migrations")
        return State(
            frozenset(v for (v,) in rows("schema_migrations", "SELECT version FROM schema_migrations"))
            or frozenset(NAMES[name.removesuffix(".sql")] for (name,) in recorded),
            tuple(what for (what,) in rows("events", "SELECT what FROM events ORDER BY id")),
            tuple(tuple(row) for row in rows("d1migrate_log", LOG)),
            frozenset(names & set(TABLES.values())),
        )


LOG = "SELECT token, event, action, version, detail, restore_point, who FROM d1migrate_log ORDER BY id"


def check_database(state: State) -> None:
    """Rows, tables and versions match the log, and each migration ran exactly as often as the log has it."""
    events: tuple[str, ...] = ()
    applied = frozenset[int]()
    points: dict[str, tuple[tuple[str, ...], frozenset[int]]] = {}
    for _, event, action, version, detail, point, _ in state.log:
        if point:
            points.setdefault(point, (events, applied))
        if event != "done":
            continue
        if action == "restore" and not version:
            events, applied = points[json.loads(detail)["point"]]
        elif action == "up":
            events, applied = (*events, f"+{version}"), applied | {version}
        elif action == "down":
            events, applied = (*events, f"-{version}"), applied - {version}
        elif action in ("restore", "accept"):
            assert version in applied
        elif action == "rewind":
            assert version not in applied
    assert (state.events, state.versions) == (events, applied)
    assert state.tables == {table for version, table in TABLES.items() if version in applied}
    rows = [(token, event, action, version) for token, event, action, version, *_ in state.log]
    assert len(rows) == len(set(rows)), "a row of the log is there twice"
    begun, done = ({r[0] for r in rows if r[1] == event} for event in ("begun", "done"))
    assert begun <= done, "a migration is partial"


def check_streams(outcome: Outcome, token: str) -> None:
    """Data is on stdout, messages are on stderr, and there is no traceback."""
    command, _, code, out, err = outcome
    assert code in (0, 1, 2, 3), outcome
    assert "Traceback" not in out + err
    assert token not in out + err
    assert not re.search(r"^(error|hint|warning):", out, re.MULTILINE), outcome
    assert (code in (1, 2)) == bool(re.search(r"^error: ", err, re.MULTILINE)), outcome
    if code == 3:
        assert "--check" in command
    if "--json" in command:
        value = json.loads(out)
        assert ("error" in value if isinstance(value, dict) else False) == (
            code in (1, 2) and "problems" not in value
        )


def check_report(outcome: Outcome, before: State, after: State, files: range) -> None:
    """A command's report is true."""
    command, _, code, out, err = outcome
    verb = command.split()[0]
    if verb in ("up", "down"):
        check_run(outcome, after)
    if verb == "up" and code == 0:
        assert after.versions >= {v for v in files if v <= (2 if "--to" in command else 9)}
    if command == "status --json" and code == 0:
        states = {entry["version"]: entry["state"] for entry in json.loads(out)["migrations"]}
        assert {v for v, state in states.items() if state == "applied"} == after.versions
    if command == "current" and code == 0:
        assert NAMES.get(out.strip(), 0) == max(after.versions, default=0)
    if verb == "restore" and "--to" in command:
        if code == 0:  # by this command, or by one before it that was cut short and is finished now
            assert any(row[2:4] == ("restore", None) for row in {*after.log} - {*before.log})
        if "nothing was" in err:
            assert (after.versions, after.events) == (before.versions, before.events)


def check_run(outcome: Outcome, after: State) -> None:
    """The migrations that an `up` or a `down` reports are those that the log has of it."""
    command, who, code, out, err = outcome
    action = command.split()[0]
    done, verb = after.done(who, action), "applied" if action == "up" else "rolled back"
    report = json.loads(out) if "--json" in command else {}
    if "steps" in report:  # also if what was seen after the run is an error
        assert [step["version"] for step in report["steps"]] == done, outcome
        return
    found = re.search(rf"^{verb} (\d+) migration", out, re.MULTILINE)
    if code == 0 or found:
        assert int(found[1] if found else 0) == len(done), outcome
        for name in re.findall(r"^applied meanwhile by another run: (\w+)", out, re.MULTILINE):
            assert NAMES[name] not in done
        return
    listed = re.search(rf"^{verb}: (.*)$", err, re.MULTILINE)
    told = [NAMES[name] for name in listed[1].split(", ") if name != "none"] if listed else []
    late = {
        NAMES[unknown or not_seen]
        for unknown, not_seen in re.findall(
            rf"unknown whether (\w+) was {verb}|no part of (\w+) had been {verb} when the log", err
        )
    }
    assert set(told) <= set(done), outcome
    assert set(done) - set(told) <= late, outcome
