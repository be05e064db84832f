"""Migrations replayed on a scratch engine, statement by statement.

`model` has the values and is pure. The other modules need the embedded engine.
"""
