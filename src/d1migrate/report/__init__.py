"""From values to text and JSON. No decisions are made here."""
