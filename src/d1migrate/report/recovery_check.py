"""How recovery from each migration went, for people and as JSON."""

from __future__ import annotations

from d1migrate.report.table import table
from d1migrate.report.text import clean_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d1migrate.rehearse.recovery_check import RecoveryCheck
    from d1migrate.report.shapes.checks import Recovery
    from d1migrate.report.text import Paint


def text(checks: Sequence[RecoveryCheck], *, paint: Paint, width: int | None = None) -> list[str]:
    """Return lines for people: a table of migrations, then what differs from before."""
    if not checks:
        return []
    rows = [(c.name, _result(c.fails), _result(c.restored), _result(c.rolled_back)) for c in checks]
    headers = ("migration", "after failure", "after restore", "after rollback")
    details = [f"  {clean_line(line)}" for check in checks for line in _details(check)]
    return ["", *table(headers, rows, paint=paint, width=width), *details]


def _result(found: Sequence[str] | None) -> str:
    return "none" if found is None else "differs" if found else "same"


def _details(check: RecoveryCheck) -> Iterator[str]:
    for when, found in (
        ("after a failure", check.fails),
        ("after a restore", check.restored),
        ("after its rollback", check.rolled_back),
    ):
        if found:
            yield f"{check.name}: {when}: {'; '.join(found)}"
    if check.error:
        yield f"{check.name}: not checked, and neither are later migrations: {check.error}"


def values(checks: Sequence[RecoveryCheck]) -> list[Recovery]:
    """Return the JSON."""
    return [
        {
            "version": one.version,
            "name": one.name,
            "ok": one.ok,
            "after_failure": list(one.fails),
            "after_restore": None if one.restored is None else list(one.restored),
            "after_rollback": None if one.rolled_back is None else list(one.rolled_back),
            "not_checked": one.error or None,
        }
        for one in checks
    ]
