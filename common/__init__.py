"""Shared by all four processes: errors, settings, logs, metrics, gRPC server and client."""

from importlib.metadata import version

__version__ = version("ai-talk")
