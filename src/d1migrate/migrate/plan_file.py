"""A plan as a file: to review, and to compare with the plan that is run. Its own SQL is never run."""

from __future__ import annotations

import json
from typing import Any

from d1migrate.errors import PlanError, UsageError
from d1migrate.migrate.migration import Migration
from d1migrate.sha256 import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from d1migrate.migrate.history import AppliedMigration
    from d1migrate.migrate.plan import Plan, Step

FORMAT = "d1migrate plan 1"
_AGAIN = "review a new plan: `d1migrate plan --output FILE`"

_NONE = type(None)
_OPTIONS: dict[str, tuple[type, ...]] = {
    "to": (str, _NONE),
    "single_transaction": (bool,),
    "allow_out_of_order": (bool,),
    "phase": (str, _NONE),
}

Content = dict[str, Any]


def describe(
    plan: Plan, *, environment: str | None, database: str, database_id: str | None, options: Mapping[str, Any]
) -> Content:
    """Return a plan as JSON values.

    Args:
        plan: the plan of an `up`.
        environment: the name of the environment.
        database: its url.
        database_id: the id of a remote database, if it is known.
        options: the options of the plan; `up --plan` uses the same.
    """
    return {
        "format": FORMAT,
        "environment": environment,
        "database": database,
        "database_id": database_id,
        "options": dict(options),
        "history": {
            "table": plan.history.table.name,
            "digest": _digest_of_history(plan.history.applied),
            "applied": len(plan.history.applied),
            "current": current.name if (current := plan.history.current) else None,
        },
        "steps": [_step(step) for step in plan.steps],
    }


def dump(content: Content) -> str:
    """Return the text of the file; equal contents give equal texts."""
    return (
        json.dumps({**content, "digest": digest(content)}, indent=2, sort_keys=True, ensure_ascii=False)
        + "\n"
    )


def digest(content: Content) -> str:
    """Return the sha256 of a content, without its own digest."""
    rest = {key: value for key, value in content.items() if key != "digest"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return "sha256:" + sha256(text.encode()).hexdigest()


def load(text: str, file: str) -> Content:
    """Read a file that `dump` wrote.

    Raises:
        UsageError: it is not a plan, or one of another version.
        PlanError: it was edited.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file} is not a plan: {error}", hint=_AGAIN) from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else None
        raise UsageError(
            f"{file} is not a plan of this version: its format is {found!r}, not {FORMAT!r}", hint=_AGAIN
        )
    if content.get("digest") != digest(content):
        raise PlanError(f"{file} was edited: its digest does not match its content", hint=_AGAIN)
    if text != dump(content):  # e.g. a repeated key: a reader sees the first, a program the last
        raise PlanError(f"{file} was edited: `plan --output` writes it differently", hint=_AGAIN)
    return content


def options(written: Content, file: str) -> Content:
    """Return the options of a plan.

    Raises:
        UsageError: an option is missing or has the wrong type; another program wrote the file.
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
    """Refuse a plan file that differs from the current plan.

    Args:
        written: what `load` returned.
        now: what `describe` returns for the current plan.
        file: the path of the plan file, for messages.

    Raises:
        PlanError: it is for another database, or the history or files have changed; it says which.
    """
    try:
        problems = [
            *_other_database(written, now),
            *_other_history(written["history"], now["history"]),
            *_other_files(written["steps"], now["steps"]),
        ]
    except (KeyError, TypeError, AttributeError) as error:  # the digest matches, but another program wrote it
        raise PlanError(f"{file} is incomplete: {error}", hint=_AGAIN) from None
    if not problems and digest(written) != digest(now):
        changed = sorted(key for key in now if key != "digest" and written.get(key) != now[key])
        problems = [f"the plan has changed ({', '.join(changed)})"]
    if problems:
        raise PlanError(f"{file} is out of date: {'; '.join(problems)}", hint=_AGAIN)


def _other_database(written: Content, now: Content) -> Iterable[str]:
    for key, noun in (
        ("environment", "environment"),
        ("database", "database"),
        ("database_id", "database id"),
    ):
        if written[key] != now[key]:
            yield f"it is for the {noun} {written[key]}, not {now[key]}"


def _other_history(written: Content, now: Content) -> Iterable[str]:
    if written["digest"] != now["digest"]:
        then, there = _shown(written), _shown(now)
        yield f"history has changed: {then} then, {'other checksums' if then == there else there} now"


def _shown(history: Content) -> str:
    return (
        f"{history['applied']} applied up to {history['current']}" if history["applied"] else "none applied"
    )


def _other_files(written: Sequence[Content], now: Sequence[Content]) -> Iterable[str]:
    then, there = ({step["name"]: step for step in steps} for steps in (written, now))
    new = {step["checksum"]: name for name, step in there.items() if name not in then}
    renamed = set()
    for name in then:
        if name not in there:
            other = new.pop(then[name]["checksum"], None)
            renamed.add(other)
            yield f"{name} is now called {other}" if other else f"{name} is no longer pending"
    for name, step in there.items():
        old = then.get(name)
        if name in renamed:
            continue
        if old is None:
            yield f"{name} is pending, too"
        elif old["checksum"] != step["checksum"]:
            yield f"the SQL of {step['name']} has changed"
        elif old["content"] != step["content"]:
            yield f"the file {step['file']} has changed in comments, white space or its rollback"


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
    content = f"b1:{script.digest}"
    if script.rollback_file:
        content += " b1:" + sha256(script.rollback_file.text.encode()).hexdigest()
    if not script.is_large:
        known |= {"sql": list(script.texts())}  # for the reviewer; it is compared, and never run
    return known | {"file": script.file, "bytes": script.size, "checksum": checksum, "content": content}
