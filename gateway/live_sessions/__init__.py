"""What both WebSocket routes do with a session while its connection lasts, from its set-up to freeing its memory."""
