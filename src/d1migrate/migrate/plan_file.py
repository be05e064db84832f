"""A plan as a file: reviewed, then held against a plan made anew, which is run. Its own SQL never is."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from d1migrate.errors import PlanError, UsageError
from d1migrate.migrate.migration import Migration

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from d1migrate.migrate.history import AppliedMigration
    from d1migrate.migrate.plan import Plan, Step

FORMAT = "d1migrate plan 1"
_AGAIN = "review a new one: `d1migrate plan --output FILE`"

_NONE = type(None)
_OPTIONS: dict[str, tuple[type, ...]] = {
    "to": (int, _NONE),
    "single_transaction": (bool,),
    "allow_out_of_order": (bool,),
    "phase": (str, _NONE),
}

Content = dict[str, Any]


def describe(
    plan: Plan, *, environment: str | None, database: str, database_id: str | None, options: Mapping[str, Any]
) -> Content:
    """Return what a plan is, as JSON values.

    Args:
        plan: an `up`.
        environment: its name.
        database: its url.
        database_id: the id of a remote database, where it is known.
        options: what the plan was asked for; `up --plan` asks for the same.
    """
    return {
        "format": FORMAT,
        "environment": environment,
        "database": database,
        "database_id": database_id,
        "options": dict(options),
        "history": {
            "digest": _digest_of_history(plan.applied),
            "applied": len(plan.applied),
            "current_version": max(plan.versions, default=0),
        },
        "steps": [_step(step) for step in plan.steps],
    }


def dump(content: Content) -> str:
    """Return the text of the file; equal contents make equal texts."""
    return (
        json.dumps({**content, "digest": digest(content)}, indent=2, sort_keys=True, ensure_ascii=False)
        + "\n"
    )


def digest(content: Content) -> str:
    """Return a sha256 of a content, its own digest left out."""
    rest = {key: value for key, value in content.items() if key != "digest"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return "sha256:" + sha256(text.encode()).hexdigest()


def load(text: str, file: str) -> Content:
    """Read a file that `dump` wrote.

    Raises:
        UsageError: it is none, or one of another version.
        PlanError: it was edited.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file} is no plan: {error}", hint=_AGAIN) from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else None
        raise UsageError(
            f"{file} is no plan of this version: its format is {found!r}, not {FORMAT!r}", hint=_AGAIN
        )
    if content.get("digest") != digest(content):
        raise PlanError(f"{file} was edited: its digest is not that of its content", hint=_AGAIN)
    if text != dump(content):  # a key twice, say: who reads sees the first, a machine the last
        raise PlanError(f"{file} was edited: it is not as `plan --output` wrote it", hint=_AGAIN)
    return content


def options(written: Content, file: str) -> Content:
    """Return what a plan was asked for.

    Raises:
        UsageError: an option is missing, or not of its kind; the file was made by something else.
    """
    found: Content = {}
    given = written.get("options")
    for name, kinds in _OPTIONS.items():
        if not isinstance(given, dict) or name not in given:
            raise UsageError(f"{file}: option {name} is missing", hint=_AGAIN)
        value = given[name]
        if type(value) not in kinds or (name == "phase" and value not in (None, "before", "after")):
            raise UsageError(f"{file}: option {name} is {value!r}", hint=_AGAIN)
        found[name] = value
    return found


def refuse_stale(written: Content, now: Content, file: str) -> None:
    """Let a plan pass that is still the one that was written.

    Args:
        written: what `load` returned.
        now: what `describe` says of the plan made anew.
        file: where it was read, for messages.

    Raises:
        PlanError: it is for another database, history has changed, or files have; it says which.
    """
    try:
        problems = [
            *_other_database(written, now),
            *_other_history(written["history"], now["history"]),
            *_other_files(written["steps"], now["steps"]),
        ]
    except (KeyError, TypeError, AttributeError) as error:  # its digest fits, and it was not made here
        raise PlanError(f"{file} lacks what a plan has: {error}", hint=_AGAIN) from None
    if not problems and digest(written) != digest(now):
        changed = sorted(key for key in now if key != "digest" and written.get(key) != now[key])
        problems = [f"the plan is another one now ({', '.join(changed)})"]
    if problems:
        raise PlanError(f"{file} is out of date: {'; '.join(problems)}", hint=_AGAIN)


def _other_database(written: Content, now: Content) -> Iterable[str]:
    for key, noun in (
        ("environment", "environment"),
        ("database", "database"),
        ("database_id", "database id"),
    ):
        if written[key] != now[key]:
            yield f"it is for the {noun} {written[key]}, and this is {now[key]}"


def _other_history(written: Content, now: Content) -> Iterable[str]:
    if written["digest"] != now["digest"]:
        then, there = ((h["applied"], h["current_version"]) for h in (written, now))
        shown = "other checksums" if then == there else f"{there[0]} applied up to version {there[1]}"
        yield f"history has changed: {then[0]} applied up to version {then[1]} then, {shown} now"


def _other_files(written: Sequence[Content], now: Sequence[Content]) -> Iterable[str]:
    then, there = ({step["version"]: step for step in steps} for steps in (written, now))
    for version, step in then.items():
        if version not in there:
            yield f"{step['name']} is no longer to be applied"
    for version, step in there.items():
        old = then.get(version)
        if old is None:
            yield f"{step['name']} is to be applied too now"
        elif old["name"] != step["name"]:
            yield f"{old['name']} is called {step['name']} now"
        elif old["checksum"] != step["checksum"]:
            yield f"the SQL of {step['name']} has changed"
        elif old["content"] != step["content"]:
            yield f"the file {step['file']} has changed, in comments, spaces or its rollback"


def _digest_of_history(applied: Iterable[AppliedMigration]) -> str:
    lines = (f"{row.version} {row.name} {row.checksum}" for row in applied)
    return "sha256:" + sha256("\n".join(lines).encode()).hexdigest()


def _step(step: Step) -> Content:
    script = step.script
    known: Content = {"version": step.version, "name": step.name, "direction": step.direction}
    known |= {"statements": step.statement_count}
    if not isinstance(script, Migration):
        return known
    checksum = script.checksum
    content = checksum if script.is_large else "b1:" + sha256(script.text.encode()).hexdigest()
    if not script.is_large:
        known |= {"sql": list(script.texts())}  # for who reviews it; it is compared, and never run
    return known | {"file": script.file, "bytes": script.size, "checksum": checksum, "content": content}
