"""One WebSocket and its session."""
