"""The partner's voice in the learner's microphone: finds out whether it is there, and removes it."""

from gateway.echo.guard import EchoGuard

__all__ = ["EchoGuard"]
