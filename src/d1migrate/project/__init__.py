"""A project on disk: its configuration, its migration files, and its environments with their gates."""
