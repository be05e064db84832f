"""Which files a database already has, assessed from its objects and from what other tools recorded.

Every fact that files create (a table, a column, an index …) takes a series of values through the files. Its
value in the database shows which of them ran: at least up to the one that set this value, and not up to the
one that set another. A value that no file sets contradicts them all.
"""

from __future__ import annotations

from d1migrate.errors import HistoryError, UsageError
from d1migrate.hints import exclusive
from d1migrate.migrate.adopt.facts import FactKey
from d1migrate.migrate.adopt.model import UNDECIDED, Assessment, Evidence
from d1migrate.migrate.selector import Selector, find, up_to

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from d1migrate.migrate.adopt.facts import Footprint
    from d1migrate.migrate.adopt.model import Record, Seen, State

_PASSES = 10
"""What is learned about one file may decide another; two passes settle nearly all of them."""

_APPLIED: frozenset[State] = frozenset({"recorded", "applied", "squashed"})
_DONE = frozenset({"present", "changed since"})


def assess(
    footprints: Sequence[Footprint],
    live: Mapping[FactKey, str],
    *,
    recorded: Mapping[str, str] | None = None,
    records: Mapping[str, Sequence[Record]] | None = None,
) -> tuple[Assessment, ...]:
    """Assess every file.

    Args:
        footprints: those of all files, in order.
        live: the facts of the database, as `facts` returns them.
        recorded: {name: how it is in the history}.
        records: {name: what other tools recorded of it}.
    """
    timelines, by_name = _timelines(footprints), records or {}
    known: list[State] = ["unknown"] * len(footprints)
    for _ in range(_PASSES):
        found = []
        for position, footprint in enumerate(footprints):
            theirs = tuple(by_name.get(footprint.migration.name, ()))
            evidence = _evidence(position, footprint, footprints, timelines, live, known)
            state, because = _conclude(footprint, evidence, theirs)
            if recorded and footprint.migration.name in recorded:
                state, because = "recorded", recorded[footprint.migration.name]
            found.append(Assessment(footprint.migration, state, because, evidence, theirs))
        _by_order(found, empty=not live)
        if known == (known := [assessment.state for assessment in found]):
            break
    return tuple(found)


def decide(
    assessments: Iterable[Assessment],
    *,
    assume: Collection[Selector] = (),
    pending: Collection[Selector] = (),
) -> tuple[Assessment, ...]:
    """Return the assessments, with the user's decision for undecided ones.

    A decision that the database confirms changes nothing: one command serves several databases.

    Args:
        assessments: those of all files.
        assume: migrations to record as applied.
        pending: migrations to leave to an `up`.

    Raises:
        UsageError: there is no such file, or the database shows the opposite.
    """
    found = {assessment.migration.name: assessment for assessment in assessments}
    assumed = _chosen("--assume", assume, found, _APPLIED)
    left = _chosen("--pending", pending, found, frozenset({"pending"}))
    if both := sorted(assumed & left):
        raise exclusive(f"--assume {both[0]}", f"--pending {both[0]}")
    for name, assessment in found.items():
        if assessment.state not in UNDECIDED:
            continue
        if name in assumed:
            found[name] = assessment._replace(
                state="assumed", because=f"declared with --assume; {assessment.because}"
            )
        elif name in left:
            found[name] = assessment._replace(
                state="pending", because=f"declared with --pending; {assessment.because}"
            )
    return tuple(found.values())


def _chosen(
    flag: str, wanted: Iterable[Selector], found: Mapping[str, Assessment], agreeing: Collection[State]
) -> set[str]:
    """Return the names of the migrations that a flag decides."""
    chosen = set()
    for selector in wanted:
        try:
            one = found[find((a.migration for a in found.values()), selector).name]
        except UsageError as error:
            raise UsageError(f"{flag} {selector}: {error}", hint=error.hint) from None
        if one.state not in UNDECIDED and one.state not in agreeing:
            raise UsageError(f"{flag} {selector}: {one.migration.name} is {one.state}: {one.because}")
        chosen.add(one.migration.name)
    return chosen


def refuse_undecided(assessments: Iterable[Assessment]) -> None:
    """Raise HistoryError unless it is decided for every file whether it is applied.

    An `up` would run what is not recorded, and write the rows of a file that ran before a second time.
    """
    not_done = [assessment for assessment in assessments if assessment.state in UNDECIDED]
    if not not_done:
        return
    names = tuple(assessment.migration.name for assessment in not_done)
    lines = "\n".join(f"{one.migration.name} is {one.state}: {one.because}" for one in not_done)
    first = names[0]
    raise HistoryError(
        f"nothing was recorded, because it is unclear what this database has\n{lines}",
        names=names,
        hint="make the files and the database agree, then run `d1migrate adopt` again; or decide by hand:"
        f" `--assume {first}` if it ran, `--pending {first}` if `up` is to run it",
    )


def unrecorded(assessments: Sequence[Assessment], to: Selector) -> tuple[Assessment, ...]:
    """Return the files up to one that the history does not have.

    Raises:
        UsageError: there is no such file, or there are several.
    """
    names = {migration.name for migration in up_to([one.migration for one in assessments], to)}
    return tuple(one for one in assessments if one.migration.name in names and one.state != "recorded")


def unmanaged_objects(footprints: Iterable[Footprint], live: Iterable[FactKey]) -> tuple[FactKey, ...]:
    """Return the objects and columns of the database that no file creates."""
    created = {key for footprint in footprints for key, sql in footprint.changes.items() if sql is not None}
    found = [key for key in live if key not in created]
    tables = {key.name for key in found if key.kind == "table"}
    return tuple(key for key in found if key.table not in tables)


_Timelines = dict["FactKey", list[tuple[int, str | None]]]
"""{fact: [(position of a file, the value it sets)]}; (-1, None) is first: before all files, it is absent."""


def _timelines(footprints: Sequence[Footprint]) -> _Timelines:
    timelines: _Timelines = {}
    for position, footprint in enumerate(footprints):
        for key, value in footprint.changes.items():
            timelines.setdefault(key, [(-1, None)]).append((position, value))
    return timelines


def _evidence(
    position: int,
    footprint: Footprint,
    footprints: Sequence[Footprint],
    timelines: _Timelines,
    live: Mapping[FactKey, str],
    known: Sequence[State],
) -> tuple[Evidence, ...]:
    """Return what a file's facts show; facts that look the same whether it ran or not are left out."""
    found: dict[FactKey, Evidence] = {}
    for key, value in footprint.changes.items():
        timeline, now = timelines[key], live.get(key)
        setters = [at for at, other in timeline if other == now]  # one of these files ran last
        since = [at for at in setters if at >= position]  # and if it is one of these, this file ran too
        if since and len(since) < len(setters):
            certain = _certain_setters(position, since, known)
            if certain is None:
                continue
            since = certain
        before = next(other for at, other in reversed(timeline) if at < position)
        seen = _seen(value, before, is_known=bool(setters), since=since, position=position)
        later = footprints[since[0]].migration.name if seen == "changed since" else None
        found[key] = Evidence(key.kind, key.shown, seen, later, value, now)
    return tuple(one for key, one in found.items() if not _is_implied(key, one, found))


def _certain_setters(position: int, since: Sequence[int], known: Sequence[State]) -> list[int] | None:
    """Return which files set a value that files before `position` set as well; None if that is unclear.

    What a later file dropped looks as if it had never existed. But if that later file ran, it existed; and if
    that file did not run, it never did.
    """
    if ran := [at for at in since if at > position and known[at] in ("recorded", "applied")]:
        return ran
    return None if any(at == position or known[at] != "pending" for at in since) else []


def _seen(
    value: str | None, before: str | None, *, is_known: bool, since: Sequence[int], position: int
) -> Seen:
    """Return what a fact shows: a file sets it to `value`, from `before`; `since` are the files that ran."""
    if not is_known:
        return "different"
    if not since:
        return "missing" if before is None else "still present" if value is None else "as before"
    return "present" if position in since else "changed since"


def _is_implied(key: FactKey, one: Evidence, found: Mapping[FactKey, Evidence]) -> bool:
    """Whether a part of a table is created or dropped with the table."""
    whole = found.get(FactKey("table", key.table))
    return whole is not None and whole.seen == one.seen and whole.later == one.later


def _conclude(
    footprint: Footprint, evidence: Sequence[Evidence], records: Sequence[Record]
) -> tuple[State, str]:
    """Return what objects and records show together."""
    states = {record.state for record in records}
    applied = next((record for record in records if record.state == "applied"), None)
    differ = [one for one in evidence if one.seen == "different"]
    done = [one for one in evidence if one.seen in _DONE]
    not_done = [one for one in evidence if one not in done]
    if differ:
        return "contradicted", f"{summary(differ)}: no file makes it so"
    if done and not_done:
        return "partly applied", f"{summary(done)}, yet {summary(not_done)}"
    if footprint.refusal is not None and not applied:
        return "unknown", footprint.refusal
    if not_done and applied:
        return "contradicted", f"{applied.tool} recorded it as applied, yet {summary(not_done)}"
    if done and "failed" in states:
        return "contradicted", f"{records[0].tool} recorded that it failed, yet {summary(done)}"
    if done:
        rest = [_recorded(applied)] if applied else ["its rows were not checked"] if footprint.rows else []
        return "applied", "; ".join([summary(done), *rest])
    if not_done:
        return "pending", summary(not_done)
    if applied:
        return "applied", _recorded(applied)
    return "unknown", _why_silent(footprint)


def _recorded(record: Record) -> str:
    note = f" ({record.note})" if record.note else ""
    return f"{record.tool} recorded it as {record.entry}{note}"


def _why_silent(footprint: Footprint) -> str:
    if footprint.changes:
        return "a later file undoes what it does to the schema"
    if footprint.rows:
        return f"it changes rows of {', '.join(footprint.rows)}, which the schema does not show"
    return "it leaves nothing in the schema"


def _by_order(found: list[Assessment], *, empty: bool) -> None:
    """Mark files that leave no trace as pending if they come after everything that ran.

    Files run in order: after one that did not run, or after all that a history has, none did. A file before
    one that ran is not taken for applied: it may have been skipped.
    """
    ran = [i for i, one in enumerate(found) if one.state not in ("pending", "unknown")]
    newest = ran[-1] if ran else -1
    for i in range(newest + 1, len(found)):
        one = found[i]
        if one.state != "unknown" or one.evidence:
            continue
        before = found[i - 1] if i else None
        if empty and not ran:
            found[i] = one._replace(state="pending", because="the database is empty")
        elif before and before.state == "pending":
            found[i] = one._replace(
                state="pending", because=f"{before.migration.name} comes before it and is pending"
            )
        elif before and i == newest + 1 and (before.state == "recorded" or _is_recorded(before)):
            whose = "the history has" if before.state == "recorded" else f"{before.records[0].tool} recorded"
            found[i] = one._replace(state="pending", because=f"it is newer than all that {whose}")


def _is_recorded(assessment: Assessment) -> bool:
    """Whether another tool applied it; that tool would have recorded what came after it, too."""
    return any(record.state == "applied" for record in assessment.records)


_SHOWN = 3


def summary(evidence: Sequence[Evidence]) -> str:
    """Return objects with their state, as text: `table a and index b are present, table c is missing`."""
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
