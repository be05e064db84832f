"""Jobs: migrations that run in chunks, because their table is too large for one batch.

`directive` is what a file declares, `job` the row in the database, `work` what each kind of job does, `flow`
how it runs. A chunk is one transaction that takes the next step; its only state is the row.
"""
