"""Drivers, one for each kind of database. `protocol` defines a driver, `connect` opens one by its url."""
