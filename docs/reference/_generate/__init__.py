"""What the pages of the reference say that the code knows: one module for each page, and what they share.

The prose is in the pages. A module returns the parts of its page, which `regions` puts between their marks.
"""
