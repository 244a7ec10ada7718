"""The text of speech: clauses, readable words, captions."""
