"""Split a file into statements, streaming: `split_file.py PATH STATEMENTS`."""

from __future__ import annotations

import sys

from d1migrate import split

_CHUNK = 1 << 20  # characters


def main() -> None:
    """Read, decode and split the file; exit with an error if the number of statements is wrong."""
    path, expected = sys.argv[1:]
    with open(path, encoding="utf-8", newline="") as file:
        found = sum(piece.sql != "" for piece in split(iter(lambda: file.read(_CHUNK), "")))
    if found != int(expected):
        sys.exit(f"{found} statements instead of {expected}")


if __name__ == "__main__":
    main()
