"""The limits of a request's tools. The gateway checks them for its clients, and the LLM service for its callers."""

from __future__ import annotations

MAX_TOOLS = 128
TOOL_NAME = r"^[A-Za-z0-9_-]{1,64}$"
