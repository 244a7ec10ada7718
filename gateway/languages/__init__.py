"""The names of languages, and whether one can be practised here."""
