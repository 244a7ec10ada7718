"""The command `aitalk`."""
