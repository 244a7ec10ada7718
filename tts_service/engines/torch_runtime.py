"""Shared by the engines on PyTorch: the choice of the device, and errors that say what to do.

PyTorch and the engines' own packages are imported when a model is loaded, not when the engine's module is imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from common.errors import EngineError, ServiceError
from common.memory import is_out_of_memory


def usable_device(device: str) -> str:
    """The device for TTS_DEVICE: "cpu" or "cuda:N". For "", it is the first GPU, or the CPU if there is no GPU. Raises
    EngineError if there is no such device."""
    import torch

    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not device:
        return "cuda:0" if found else "cpu"
    if device == "cpu":
        return "cpu"
    number = int(device.partition(":")[2] or 0)
    if number >= found:
        there = f"PyTorch sees {found} GPUs" if found else "PyTorch sees no GPU here"
        raise EngineError(f"TTS_DEVICE={device}: {there}; choose another, or leave it empty")
    return f"cuda:{number}"


@contextmanager
def explained(model: str, extra: str) -> Iterator[None]:
    """Turn any error from loading or running `model`, except a ServiceError, into an EngineError with advice.

    extra: the extra with the model's packages, as in `pip install 'ai-talk[tts-coqui]'`. Its lock has the same name.
    """
    try:
        yield
    except ServiceError:
        raise
    except ImportError as error:
        raise EngineError(
            f"{model} needs packages that are not installed ({error}); install the lock deploy/locks/{extra}.txt, or"
            f" `pip install 'ai-talk[{extra}]'`"
        ) from error
    except Exception as error:  # PyTorch's and the libraries' errors have no common base
        if is_out_of_memory(error):
            raise EngineError(
                f"{model} does not fit into the free memory; `python -m deploy.plan` says what fits. Choose a smaller"
                " model. On a GPU, give the LLM less (LLM_GPU_MEMORY_UTILIZATION), or set TTS_DEVICE=cpu"
            ) from error
        raise EngineError(f"{model} failed: {type(error).__name__}: {error}; is the checkpoint complete?") from error
