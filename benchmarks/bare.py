"""The bare APSW loops that d1migrate is compared with: `bare.py apply|script DATABASE PATH`."""

from __future__ import annotations

import os
import sys

import apsw


def main() -> None:
    """Apply a folder of files, a transaction each (`apply`), or one file in one transaction (`script`)."""
    what, database, path = sys.argv[1:]
    connection = apsw.Connection(database)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    paths = [os.path.join(path, name) for name in sorted(os.listdir(path))] if what == "apply" else [path]
    for each in paths:
        with open(each, encoding="utf-8") as file:
            text = file.read()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(text)
        connection.execute("COMMIT")
    connection.close()


if __name__ == "__main__":
    main()
