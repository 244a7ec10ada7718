"""The errors of the engines on PyTorch, as the service reports them."""

from __future__ import annotations

import pytest

from common.errors import EngineError
from tts_service.engines.torch_runtime import explained


@pytest.mark.parametrize(
    "error",
    [
        type("OutOfMemoryError", (RuntimeError,), {})("20.00 MiB could not be had"),  # a class with the name of torch's
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4096 bytes."),
        MemoryError(),
    ],
)
def test_a_model_that_does_not_fit_says_what_fits(error: Exception) -> None:
    with (
        pytest.raises(EngineError, match=r"kyutai/tts does not fit .*deploy\.plan"),
        explained("kyutai/tts", "tts-kyutai"),
    ):
        raise error


def test_missing_packages_name_the_lock() -> None:
    with pytest.raises(EngineError, match=r"deploy/locks/tts-coqui\.txt"), explained("tts_models/x", "tts-coqui"):
        raise ImportError("No module named 'TTS'")


def test_any_other_error_keeps_its_text() -> None:
    with pytest.raises(EngineError, match="KeyError: 'decoder'"), explained("tts_models/x", "tts-coqui"):
        raise KeyError("decoder")
