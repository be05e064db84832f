"""The error of a request to D1 whose outcome only the database can show."""

from __future__ import annotations

from d1migrate.errors import AmbiguousError, OverloadedError, UnavailableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.errors import DriverError


def unanswered(text: str, *, writes: bool) -> DriverError:
    """Return the error of a request that D1 neither answered nor refused.

    Args:
        text: the text of the failure.
        writes: whether the request may have changed something. One that reads did nothing, for any reason.
    """
    from d1migrate.sql.d1 import is_overloaded

    if not writes:
        return UnavailableError(text)
    return OverloadedError(text) if is_overloaded(text) else AmbiguousError(text)
