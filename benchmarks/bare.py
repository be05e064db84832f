"""The bare APSW loops that d1migrate is compared with.

`bare.py apply DATABASE FOLDER`: a folder of files, a transaction each
`bare.py script DATABASE FILE`: one file in one transaction
`bare.py fleet FOLDER FILE`: one file in each database below a folder, with its row in the migrations table
"""

from __future__ import annotations

import os
import sys

import apsw


def main() -> None:
    """Run the loop that is named."""
    what, database, path = sys.argv[1:]
    if what == "fleet":
        fleet(database, path)
    else:
        apply(what, database, path)


def apply(what: str, database: str, path: str) -> None:
    """Apply files to a new database that is written as D1 writes."""
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


def fleet(folder: str, path: str) -> None:
    """Apply a file to many databases, each of which has its own journal mode."""
    version, _, _ = os.path.basename(path).partition("_")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for parent, _, names in os.walk(folder):
        for name in sorted(names):
            connection = apsw.Connection(os.path.join(parent, name))
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(text)
            row = (int(version), os.path.basename(path), 0)
            connection.execute("INSERT INTO schema_migrations VALUES (?, ?, ?)", row)
            connection.execute("COMMIT")
            connection.close()


if __name__ == "__main__":
    main()
