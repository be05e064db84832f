"""A SQLite file as a desired schema. Its rows are not read."""

from __future__ import annotations

import os
from contextlib import closing

from d1migrate.drafting.schema_file import read, script
from d1migrate.drivers.file_format import is_database
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import DamagedError, DriverError, UsageError
from d1migrate.schema.introspect import OBJECTS
from d1migrate.sql.batch import Batch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.drafting.desired import Desired


def read_database(path: str, *, name: str) -> Desired:
    """Return the schema of a SQLite file, as D1 would build it. The file and its folder stay as they are.

    Args:
        path: the file.
        name: what to call it in errors.

    Raises:
        UsageError: the file cannot be read, or it is not a database.
        ParseError: D1 refuses a statement of its schema.
    """
    _refuse_other(path, name)
    try:
        with closing(SqliteDriver(path, url=f"sqlite:{path}")) as driver:
            (objects,) = driver.batch(Batch([OBJECTS], reads=True))
    except DriverError as error:
        reason = str(error).removeprefix(f"{path}: ")
        hint = None if isinstance(error, DamagedError) else error.hint
        raise UsageError(f"cannot read the schema of {name}: {reason}", hint=hint) from error
    return read(script(sql for _, _, _, sql in objects.rows if sql is not None), file=name)


def _refuse_other(path: str, name: str) -> None:
    """Refuse what is not a database: SQLite would create a missing file, and take an empty one for one."""
    try:
        if not os.path.isfile(path):
            os.stat(path)
            raise UsageError(f"{name} is not a file", hint="name a SQLite file")
        if is_database(path):
            return
        size = os.path.getsize(path)
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from error
    raise UsageError(
        f"{name} is empty" if not size else f"{name} is not a SQLite database, or it is encrypted",
        hint="name a SQLite file; a file of CREATE statements is given without `sqlite:`",
    )
