"""Made-up rows for every table of a schema, which satisfy all its constraints.

Read in this order: `filler` (the whole), `row_plan` (the rows of one table), `values` and
`value_candidates` (what columns hold), `row_constraints` and `constraint_solver` (what they may hold),
`foreign_keys` and `fix_links` (which rows they reference), `virtual`.
"""
