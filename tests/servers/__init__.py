"""The contract of language model engines on real OpenAI-compatible servers: `make test-servers`."""
