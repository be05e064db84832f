"""The SQLite language: tokens, statements, names. Imports nothing but errors."""
