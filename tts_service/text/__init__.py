"""What is spoken: clauses, readable words, captions."""
