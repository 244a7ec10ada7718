"""Audio in; voice or not."""
