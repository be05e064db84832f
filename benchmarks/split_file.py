"""Split a file into statements, streaming: `split_file.py PATH STATEMENTS`."""

from __future__ import annotations

import os
import sys

from d1migrate.files import LargeFile
from d1migrate.sql.split import split


def main() -> None:
    """Read, decode and split the file; exit with an error where the number of statements is not as told."""
    path, expected = sys.argv[1:]
    found = sum(1 for piece in split(LargeFile(path, os.path.getsize(path)).chunks()) if piece.sql)
    if found != int(expected):
        sys.exit(f"{found} statements instead of {expected}")


if __name__ == "__main__":
    main()
