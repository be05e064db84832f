"""`python -m d1migrate` is the same as the `d1migrate` command."""

import sys

from d1migrate.cli import command

sys.exit(command())
