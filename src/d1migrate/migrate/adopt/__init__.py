"""Databases that d1migrate did not create: which files they already have, and the evidence for it."""
