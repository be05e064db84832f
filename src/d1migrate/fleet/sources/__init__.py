"""The lists that the tenants of a fleet can come from, one module for each."""
