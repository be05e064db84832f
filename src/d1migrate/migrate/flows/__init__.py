"""What takes several round trips: generators that yield Batches and are sent their Results.

A flow yields nothing but Batch, never sleeps, and touches nothing itself; `run.run` drives it.
"""
