"""Ways back that were tried, for people and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from d1migrate.report.text import clean_line, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from d1migrate.rehearse.recovery_check import RecoveryCheck


def text(proved: Sequence[RecoveryCheck], *, paint: Callable[[str, str | None], str]) -> list[str]:
    """Return the lines for people: a table of migrations, then what is not as it was before."""
    if not proved:
        return []
    rows = [(p.name, _says(p.fails), _says(p.restored), _says(p.rolled_back)) for p in proved]
    header, *lines = table(("way back of", "failing", "restore point", "rollback"), rows)
    details = [f"  {clean_line(line)}" for one in proved for line in _details(one)]
    return ["", paint(header, "dim"), *lines, *details]


def _says(found: Sequence[str] | None) -> str:
    return "none" if found is None else "differs" if found else "the same"


def _details(proved: RecoveryCheck) -> Iterator[str]:
    for way, found in (
        ("behind a failure", proved.fails),
        ("behind a restore", proved.restored),
        ("behind its rollback", proved.rolled_back),
    ):
        if found:
            yield f"{proved.name}: {way}: {'; '.join(found)}"
    if proved.error:
        yield f"{proved.name}: not proved, nor what comes behind it: {proved.error}"


def values(proved: Sequence[RecoveryCheck]) -> list[dict[str, Any]]:
    """Return what --json prints; a way that was tried lists how it is not what was before, null is none."""
    return [{**one._asdict(), "error": one.error or None, "ok": one.ok} for one in proved]
