"""Trains the adapters that make the bundled language model a partner for learners and correct their sentences. See
README.md."""
