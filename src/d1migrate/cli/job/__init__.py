"""One module for each action of `job`, named as it is typed, and what several of them use.

What a job does belongs in `d1migrate.migrate.jobs`.
"""
