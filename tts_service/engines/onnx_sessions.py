"""ONNX Runtime for the speech engines: which device, and how a session is opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import onnxruntime

from common.errors import EngineError

if TYPE_CHECKING:
    import onnx


def usable_device(device: str) -> str:
    """The device for TTS_DEVICE: `cpu` or `cuda:0`. Raises EngineError if this ONNX Runtime can't use it."""
    has_cuda = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    if not device:
        return "cuda:0" if has_cuda else "cpu"
    if device.startswith("cuda") and not has_cuda:
        raise EngineError(f"TTS_DEVICE={device}: this ONNX Runtime has no CUDA; install onnxruntime-gpu or use cpu")
    if device not in ("cpu", "cuda", "cuda:0"):
        raise EngineError(
            f"TTS_DEVICE={device}: this engine uses the first GPU only; choose one by CUDA_VISIBLE_DEVICES"
        )
    return "cuda:0" if device == "cuda" else device


Network: TypeAlias = "Path | onnx.ModelProto"
"""A network, as a file or in memory."""


def open_session(network: Network, *, use_cuda: bool, optimised: bool = True) -> onnxruntime.InferenceSession:
    """A session that runs `network`. optimised: ONNX Runtime first optimises the network."""
    providers = ["CUDAExecutionProvider"] if use_cuda else ["CPUExecutionProvider"]
    options = onnxruntime.SessionOptions()
    # Otherwise the session's threads wait for one another in a busy loop, which takes half of their CPU time.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Otherwise a memory plan for each new length of a sentence would be kept for ever.
    options.enable_mem_pattern = False
    if not optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    given = network if isinstance(network, Path) else network.SerializeToString()
    return onnxruntime.InferenceSession(given, options, providers=providers)
