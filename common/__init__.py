"""Shared by all four processes: errors, settings, logs, metrics, gRPC server and client."""

import os
from importlib.metadata import version

__version__ = version("ai-talk")

# ONNX Runtime sends reports to its maker, unless this is set before it is imported
# (findings/onnxruntime_reports_home.sh).
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
