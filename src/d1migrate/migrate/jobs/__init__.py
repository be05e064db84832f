"""Jobs: migrations that run in chunks, each one transaction that continues where the last one ended."""
