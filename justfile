# One word per task; `just` lists them. CI runs .ci/run.

python := ".venv/bin/python"

# List the tasks.
default:
    @just --list --unsorted

# Format, lint and type-check, as CI does.
check:
    {{python}} -m ruff check .
    {{python}} -m ruff format --check .
    {{python}} -m mypy
    {{python}} -m d1migrate index --check

# Run all tests; `just test --random`, `just test tests/unit -k split`.
test *arguments:
    {{python}} -m tests {{arguments}}

# Run the tests that start no server: under a minute.
fast *arguments:
    {{python}} -m tests --fast {{arguments}}

# Run every command in the README and the guides.
docs *arguments:
    {{python}} -m tests tests/docs {{arguments}}

# Compare with other tools; see benchmarks/README.md.
bench *arguments:
    {{python}} benchmarks/run.py {{arguments}}
