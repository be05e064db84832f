"""Environments: what each is (`settings`, `identity`), and what it demands (`gates`, `windows`)."""
