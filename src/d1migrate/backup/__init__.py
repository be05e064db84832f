"""Backups: dumps that are checked by restoring them, and restore points of local files and remote D1.

A dump is a script of plain SQL that D1 accepts unchanged. It is read through any Driver: JavaScript cannot
damage the numbers, because every value is transferred as text (see `values`).
"""

FOLDER = ".d1migrate"
"""The folder of restore points and records of restores, beside a local file or in the working directory."""
