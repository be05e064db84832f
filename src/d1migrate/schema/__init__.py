"""Schemas as values: what a database holds, read and compared."""
