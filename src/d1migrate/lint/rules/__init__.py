"""The rules, a module a letter."""
