"""The linter: migrations are replayed on a scratch engine, and rules look at what each statement did.

`runner` lints files, `check` applies the rules to a replay, `rules` holds them. The rules and the values they
look at are pure; `replay` needs the embedded engine.
"""
