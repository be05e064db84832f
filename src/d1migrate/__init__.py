"""Schema migrations for Cloudflare D1 and any SQLite file."""

__version__ = "0.1.0"
