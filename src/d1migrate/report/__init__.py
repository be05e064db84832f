"""From values to text and JSON. Nothing is decided or printed here."""
