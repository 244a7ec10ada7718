"""Decides when a turn begins, pauses and ends."""
