"""Shared by all four processes: errors, settings, logs, metrics, gRPC server and client."""

import os
import signal
import sys
from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("ai-talk")
except PackageNotFoundError:  # `make run` checks the settings before it installs anything
    __version__ = "0"

# ONNX Runtime sends reports to its maker, unless this is set before it is imported
# (findings/onnxruntime_reports_home.sh).
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# Linux delivers no SIGTERM to the first process of a container before that process has a handler. Without the
# handler below, a container that is stopped while it starts would live on until it is killed. The servers install
# handlers of their own.
if os.getpid() == 1:
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
