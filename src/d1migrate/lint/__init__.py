"""The linter: migrations are replayed on a scratch engine, and rules look at what each statement does.

- `runner` lints files: it replays them and applies the rules.
- `replay` runs a file, statement by statement. It needs the embedded engine; its `model` does not.
- `analysis` is what rules receive: a replay, with `columns`, `lineage` and `rebuilds` derived from it.
- `rules` are pure functions of that. `check` lists them and makes Diagnostics of what they find.
"""
