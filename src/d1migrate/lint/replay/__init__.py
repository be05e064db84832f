"""Migrations run on a scratch engine, statement by statement: what the rules look at.

`model` holds the values and is pure; the other modules need the embedded engine.
"""
