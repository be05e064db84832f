"""The core: from migration files and a recorded history to a plan, and the flows that carry it out.

Read it in this order: `migration` (one file), `source` (a folder of files), `history` (what a database
recorded), `status` (both side by side), `plan` (what to run), `flows` (running it), `adopt` (databases that
have tables and no history). The other modules are parts of these: `rollback_block` and `directives` of a
file, `history_guard` and `assertions` of the history, `data_loss` and `deploy_phase` of a plan. Nothing here
opens a file or a connection, or reads the clock.
"""
