"""When a turn begins, pauses and ends."""
