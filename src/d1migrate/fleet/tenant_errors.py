"""What the error of a tenant means for the fleet, and how it reads beside those of others."""

from __future__ import annotations

from d1migrate.errors import AmbiguousError, ApplyError, DamagedError, Error, ParseError, UnavailableError


def is_no_answer(error: Error) -> bool:
    """Whether a tenant did not answer, so that it may if it is asked again; a damaged file stays damaged."""
    cause = error.__cause__ if isinstance(error, ApplyError) else error
    return isinstance(cause, (UnavailableError, AmbiguousError)) and not isinstance(cause, DamagedError)


def without_name(text: str, *names: str) -> str:
    """Return the text of an error without the names of its tenant, so that equal errors of many are equal."""
    for name in names:
        text = text.replace(f"{name}: ", "").replace(name, "the database")
    return text


def place_of(error: Error) -> str | None:
    """Return the file and line that an error names, if it does."""
    if isinstance(error, (ApplyError, ParseError)) and error.file:
        return f"{error.file}:{error.line}" if error.line else error.file
    return None
