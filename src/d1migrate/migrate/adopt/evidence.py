"""Which files a database already has: judged from its objects, and from what other tools recorded.

Every fact that files make (a table, a column, an index …) has a history of values through the files. Its
value in the database says which of them have run: at least up to the one that gave it this value, and not up
to the one that gave it another. A value that none of them gave contradicts them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.errors import HistoryError, UsageError
from d1migrate.migrate.adopt.facts import FactKey
from d1migrate.migrate.adopt.model import UNDECIDED, Evidence, Judgement

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from d1migrate.migrate.adopt.facts import Footprint
    from d1migrate.migrate.adopt.model import Record, Seen, State

_PASSES = 10
"""What is learned of one file may tell of another; two passes see nearly all."""

_FOR = frozenset({"there", "gone", "changed since"})


def judge(
    footprints: Sequence[Footprint],
    live: Mapping[FactKey, str],
    *,
    recorded: Collection[int] = (),
    records: Mapping[int, Sequence[Record]] | None = None,
) -> tuple[Judgement, ...]:
    """Judge every file.

    Args:
        footprints: of all files, in their order.
        live: the facts of the database, as `facts` has them.
        recorded: the versions that the history has already.
        records: {version: what other tools recorded of it}.
    """
    lines, told = _timelines(footprints), records or {}
    known: list[State] = ["unknown"] * len(footprints)
    for _ in range(_PASSES):
        found = []
        for place, print_ in enumerate(footprints):
            version = print_.migration.version
            evidence = _evidence(place, print_, footprints, lines, live, known)
            state, because = _weigh(print_, evidence, told.get(version, ()))
            if version in recorded:
                state, because = "recorded", "the history has it"
            found.append(Judgement(print_.migration, state, because, evidence, tuple(told.get(version, ()))))
        _by_order(found, empty=not live)
        if known == (known := [judgement.state for judgement in found]):
            break
    return tuple(found)


def decide(
    judgements: Iterable[Judgement], *, assume: Collection[int] = (), pending: Collection[int] = ()
) -> tuple[Judgement, ...]:
    """Return the judgements with what the user knows of the undecided ones.

    Args:
        judgements: of all files.
        assume: versions to record as applied.
        pending: versions to leave to an `up`.

    Raises:
        UsageError: there is no such file, or nothing about it is undecided.
    """
    found = {judgement.migration.version: judgement for judgement in judgements}
    for flag, versions in (("--assume", assume), ("--pending", pending)):
        for version in versions:
            if version not in found:
                raise UsageError(f"{flag} {version}: there is no migration file of that version")
            if found[version].state not in UNDECIDED:
                state = found[version].state
                raise UsageError(f"{flag} {version}: {found[version].migration.name} is {state} as it is")
    if both := sorted(set(assume) & set(pending)):
        raise UsageError(f"--assume {both[0]} and --pending {both[0]} exclude each other")
    for version, judgement in found.items():
        if version in assume:
            found[version] = judgement._replace(state="assumed", because=f"you say so; {judgement.because}")
        elif version in pending:
            found[version] = judgement._replace(state="pending", because=f"you say so; {judgement.because}")
    return tuple(found.values())


def refuse_undecided(judgements: Iterable[Judgement]) -> None:
    """Raise HistoryError where it is not decided of every file whether it is applied.

    An `up` would run what is not recorded: rows of a file that ran before would be written twice.
    """
    open_ = [judgement for judgement in judgements if judgement.state in UNDECIDED]
    if not open_:
        return
    versions = tuple(judgement.migration.version for judgement in open_)
    listed = "\n".join(f"{j.migration.name} is {j.state}: {j.because}" for j in open_)
    first = versions[0]
    raise HistoryError(
        f"nothing was recorded, for it is not certain what this database has\n{listed}",
        versions=versions,
        hint=f"if you know that it ran, `--assume {first}`; if it did not, `--pending {first}` leaves it to"
        " `up`; or make file and database agree first",
    )


def strays(footprints: Iterable[Footprint], live: Iterable[FactKey]) -> tuple[FactKey, ...]:
    """Return the objects and columns of the database that no file makes."""
    made = {key for print_ in footprints for key, sql in print_.changes.items() if sql is not None}
    found = [key for key in live if key not in made]
    tables = {key.name for key in found if key.kind == "table"}
    return tuple(key for key in found if key.table not in tables)


_Timelines = dict["FactKey", list[tuple[int, str | None]]]


def _timelines(footprints: Sequence[Footprint]) -> _Timelines:
    """Return {what: [(place of the file, the value it gave it)]}; before the first, it is not there."""
    lines: _Timelines = {}
    for place, print_ in enumerate(footprints):
        for key, sql in print_.changes.items():
            lines.setdefault(key, [(-1, None)]).append((place, sql))
    return lines


def _evidence(
    place: int,
    print_: Footprint,
    footprints: Sequence[Footprint],
    lines: _Timelines,
    live: Mapping[FactKey, str],
    known: Sequence[State],
) -> tuple[Evidence, ...]:
    """Return what a file's facts tell; those that look the same whether it ran or not are left out."""
    found: dict[FactKey, Evidence] = {}
    for key, sql in print_.changes.items():
        line, now = lines[key], live.get(key)
        matching = [at for at, value in line if value == now]
        by = [at for at in matching if at >= place]
        if by and len(by) < len(matching):
            apart = _told_apart(place, by, known)
            if apart is None:
                continue
            by = apart
        before = next(value for at, value in reversed(line) if at < place)
        since = footprints[by[0]].migration.name if by and place not in by else None
        found[key] = Evidence(key.kind, key.shown, _seen(sql, before, matching, by, place), since, sql, now)
    return tuple(one for key, one in found.items() if not _goes_without_saying(key, one, found))


def _told_apart(place: int, by: Sequence[int], known: Sequence[State]) -> list[int] | None:
    """Return which files gave a value that is also that of a file not run; None where it cannot be told.

    What a later file dropped looks as if it had never been. But where that file ran, it had been there;
    and where that file did not run, it never was.
    """
    if ran := [at for at in by if at > place and known[at] in ("recorded", "applied")]:
        return ran
    return None if any(at == place or known[at] != "pending" for at in by) else []


def _seen(
    made: str | None, before: str | None, matching: Sequence[int], by: Sequence[int], place: int
) -> Seen:
    if not matching:
        return "different"
    if not by:
        return "missing" if before is None else "still there" if made is None else "as before"
    return "changed since" if place not in by else "gone" if made is None else "there"


def _goes_without_saying(key: FactKey, one: Evidence, found: Mapping[FactKey, Evidence]) -> bool:
    """Whether a part of a table comes or goes with it."""
    whole = found.get(FactKey("table", key.table))
    return whole is not None and whole.seen == one.seen and whole.later == one.later


def _weigh(print_: Footprint, evidence: Sequence[Evidence], records: Sequence[Record]) -> tuple[State, str]:
    """Return what objects and records say together."""
    states = {record.state for record in records}
    applied = next((record for record in records if record.state == "applied"), None)
    differ = [one for one in evidence if one.seen == "different"]
    done = [one for one in evidence if one.seen in _FOR]
    open_ = [one for one in evidence if one not in done]
    if differ:
        return "contradicted", f"{listed(differ)}: no file makes it so"
    if done and open_:
        return "partly applied", f"{listed(done)}, yet {listed(open_)}"
    if print_.refusal is not None and not applied:
        return "unknown", print_.refusal
    if open_ and applied:
        return "contradicted", f"{applied.tool} has it as applied, yet {listed(open_)}"
    if done and "failed" in states:
        return "contradicted", f"{records[0].tool} says that it failed, yet {listed(done)}"
    if done:
        rest = [_recorded(applied)] if applied else ["its rows were not looked at"] if print_.rows else []
        return "applied", "; ".join([listed(done), *rest])
    if open_:
        return "pending", listed(open_)
    if applied:
        return "applied", _recorded(applied)
    return "unknown", _why_silent(print_)


def _recorded(record: Record) -> str:
    note = f" ({record.note})" if record.note else ""
    return f"{record.tool} recorded it as {record.entry}{note}"


def _why_silent(print_: Footprint) -> str:
    if print_.changes:
        return "what it does to the schema, a later file undoes"
    if print_.rows:
        return f"it changes rows of {', '.join(print_.rows)}, which a schema does not show"
    return "it leaves nothing in the schema to be seen"


def _by_order(found: list[Judgement], *, empty: bool) -> None:
    """Take what leaves no trace for pending, where all that comes before it is not what comes behind.

    Files run in order: behind one that did not run, or behind all that a history knows of, nothing did.
    What lies before a file that ran is not taken for applied: it may have been left out.
    """
    ran = [i for i, j in enumerate(found) if j.state not in ("pending", "unknown")]
    newest = ran[-1] if ran else -1
    for i in range(newest + 1, len(found)):
        one = found[i]
        if one.state != "unknown" or one.evidence:
            continue
        before = found[i - 1] if i else None
        if empty and not ran:
            found[i] = one._replace(state="pending", because="the database is empty")
        elif before and before.state == "pending":
            found[i] = one._replace(state="pending", because=f"{before.migration.name} before it is, too")
        elif before and i == newest + 1 and (before.state == "recorded" or _kept(before)):
            whose = "the history has" if before.state == "recorded" else f"{before.records[0].tool} recorded"
            found[i] = one._replace(state="pending", because=f"it comes behind all that {whose}")


def _kept(judgement: Judgement) -> bool:
    """Whether another tool applied it, which would have recorded what came behind it, too."""
    return any(record.state == "applied" for record in judgement.records)


_SHOWN = 3


def listed(evidence: Sequence[Evidence]) -> str:
    """Name objects with what was seen of them: `table a and index b are there, table c is missing`."""
    groups: dict[str, list[str]] = {}
    for one in evidence:
        seen = f"changed since by {one.later}" if one.later else one.seen
        groups.setdefault(seen, []).append(f"{one.kind} {one.name}")
    parts = []
    for seen, names in groups.items():
        more = [f"{len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
        *first, last = names[:_SHOWN] + more
        verb = "is" if len(names) == 1 else "are"
        parts.append(f"{', '.join(first)}{' and ' if first else ''}{last} {verb} {seen}")
    return ", ".join(parts)
