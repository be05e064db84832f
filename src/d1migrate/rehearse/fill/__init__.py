"""Made-up rows for every table of a schema, which satisfy all its constraints."""
