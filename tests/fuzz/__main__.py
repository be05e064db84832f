"""`python -m tests.fuzz FUZZER CASE` runs one case again; with a third argument, so many from there on."""

from __future__ import annotations

import sys
import time
from importlib import import_module

from tests.fuzz.harness import fuzz

if __name__ == "__main__":
    name, first = sys.argv[1], int(sys.argv[2])
    fuzzer = getattr(import_module(f"tests.fuzz.test_{name}"), name)
    started, count = time.perf_counter(), int(sys.argv[3]) if len(sys.argv) > 3 else 1
    found = fuzz(name, fuzzer, count, first=first)
    print(*found, sep="\n")
    print(f"{count} cases of {name}, {len(found)} faults, {time.perf_counter() - started:.0f} s")
