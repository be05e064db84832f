"""Online rebuilds: a table is rebuilt beside itself, in chunks, while the application writes to it.

The rows are copied to a shadow table. Triggers on the table never write a value: they take a changed row
out of the shadow and note its key in the change log, so no constraint of the new table refuses a write of the
application. At every moment the shadow is a subset of the table, and what is missing follows the cursor or is
in the log. At the end, one short batch swaps the two.

`parts` reads the guarded rebuild that the file is, `derive` makes a `plan` of it, `triggers` invalidate.
`rows` copies, `proofs` compares, `unchanged` asserts the definition of the table, `swap` is the cut-over;
`chunks` are the statements of each state, and `work` chooses among them.
"""

from d1migrate.migrate.jobs.online.derive import derive
from d1migrate.migrate.jobs.online.plan import OnlinePlan
from d1migrate.migrate.jobs.online.work import OnlineWork

__all__ = ["OnlinePlan", "OnlineWork", "derive"]
