"""`--only`: some tenants of a fleet, by name, by id, or by a pattern for names."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase

from d1migrate.drivers.database_id import is_database_id
from d1migrate.errors import UsageError
from d1migrate.hints import listed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from d1migrate.fleet.tenant import Tenant

_MOST_LISTED = 5


def select(tenants: Iterable[tuple[Tenant, int]], wanted: Sequence[str]) -> Iterator[tuple[Tenant, int]]:
    """Yield the tenants that are wanted, with their waves; all of them if nothing is wanted in particular.

    Args:
        tenants: all tenants of a fleet, with their waves.
        wanted: names, ids, paths of files, or patterns in which `*`, `?` and `[…]` match as in a shell.

    Raises:
        UsageError: one of `wanted` is no tenant. It is raised after the tenants that were found.
    """
    if not wanted:
        yield from tenants
        return
    names, ids = set(wanted), {_id(text): text for text in wanted}
    patterns = [text for text in wanted if any(mark in text for mark in "*?[")]
    missing = dict.fromkeys(wanted)
    for tenant, wave in tenants:
        found = [text for text in patterns if fnmatchcase(tenant.name, text)]
        if tenant.name in names:
            found.append(tenant.name)
        if tenant.id in ids:
            found.append(ids[tenant.id])
        for text in found:
            missing.pop(text, None)
        if found:
            yield tenant, wave
    if missing:
        raise UsageError(
            f"the fleet has no tenant {listed([repr(text) for text in missing], _MOST_LISTED)}",
            hint="`d1migrate fleet list` shows their names and ids",
        )


def _id(text: str) -> str:
    """Return the id of a tenant that a text may be: that of a D1, or the path of a file."""
    scheme, _, rest = text.partition(":")
    plain = rest if scheme in ("d1", "sqlite") else text
    return plain.lower() if is_database_id(plain) else os.path.realpath(plain)
