"""What talks to a database. `protocol` says what a driver is; `connect` opens one by its url."""
