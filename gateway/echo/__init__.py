"""Finds out whether the partner's voice is in the learner's microphone, and removes it."""

from gateway.echo.guard import EchoGuard

__all__ = ["EchoGuard"]
