"""The protocol of OpenAI-compatible servers."""
