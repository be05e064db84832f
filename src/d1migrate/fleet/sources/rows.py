"""Tenants as rows with columns, of a query or of a CSV file."""

from __future__ import annotations

import os

from d1migrate.drivers.database_id import is_database_id
from d1migrate.drivers.url import normalize
from d1migrate.errors import UsageError
from d1migrate.fleet.sources.files import local, what_else
from d1migrate.fleet.tenant import remote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.fleet.tenant import Listed

IDS = ("database_id", "url", "id")
"""The columns that can name the database of a row; the first one that a list has does."""
NAME = "name"


def read_row(column: str, value: object, name: object, place: str, folder: str) -> Listed:
    """Return the tenant that a row is.

    Args:
        column: which of `IDS` names the database.
        value: what it has.
        name: what the column `name` has; None or empty for the id.
        place: where the row is, for messages.
        folder: what paths are relative to.

    Raises:
        UsageError: the value is not a database.
    """
    if value is None or value == "":
        raise UsageError(
            f"{column} is {'NULL' if value is None else 'empty'}", hint="leave the row out of the list"
        )
    text = value if isinstance(value, str) else repr(value)
    called = str(name) if name is not None and name != "" else text
    id_ = text.removeprefix("d1:")
    if is_database_id(id_) and (column == "url" or id_ == text):
        return remote(id_, called, place)
    if column == "url" and isinstance(value, str):
        return _file(value, called, place, folder)
    raise UsageError(
        f"{column} is {text!r}, which is not the id of a D1",
        hint="an id looks like 2f5b1c9e-8a3d-4c1b-9e7f-0d6a5b4c3e2f; the column of a file's path is `url`:"
        " sqlite:data/acme.db",
    )


def _file(url: str, name: str, place: str, folder: str) -> Listed:
    found = normalize(url, folder)
    if not found.startswith("sqlite:") or found == "sqlite::memory:":
        raise UsageError(
            f"url is {url!r}, which is neither a D1 by its id nor a file",
            hint="write d1:ID, so that no request is needed to look it up, or sqlite:PATH",
        )
    path = found.removeprefix("sqlite:")
    if not os.path.exists(path):
        raise UsageError(f"url is {url!r}, but there is no file {path}", hint="leave the row out of the list")
    if wrong := what_else(path):
        raise UsageError(f"url is {url!r}, which {wrong}", hint="leave the row out of the list")
    return local(path, name if name != url else os.path.basename(path), place)
