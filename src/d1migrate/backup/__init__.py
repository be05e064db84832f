"""Backups: a dump that restores, its proof, and restore points of local files.

A dump is a script of plain SQL that D1 takes as it is: it is read through any Driver, and what JavaScript
does to numbers on the way does not touch it, for every value travels as text (see `values`).
"""

FOLDER = ".d1migrate"
"""Where restore points and records of restores are kept: beside a local file, else here."""
