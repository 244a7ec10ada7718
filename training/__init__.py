"""Trains the adapter that makes the bundled language model a partner for learners. See README.md."""
