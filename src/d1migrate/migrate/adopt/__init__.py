"""Databases that did not start here: which files they already have, and how that is known."""
