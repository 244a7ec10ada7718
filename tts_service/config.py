"""Settings of the speech synthesis service."""

from __future__ import annotations

from pydantic import Field

from common.settings import ModelServerSettings


class TtsSettings(ModelServerSettings):
    """See ModelServerSettings for where they are read from."""

    tts_port: int = Field(50053, ge=0, le=65535, description="gRPC port of the speech synthesis; 0: a free one.")
    tts_model_name: str = Field(
        "", description="Voice model: a Piper `.onnx` file, or a folder of them; empty: the bundled Piper voice."
    )
    tts_sample_rate: int = Field(
        24000, ge=8000, le=48000, description="Sample rate of the speech, in Hz, where a client asks for none."
    )
    tts_device: str = Field(
        "", pattern=r"^(cpu|cuda(:\d+)?)?$", description="`cpu` or `cuda`; empty: a GPU if the engine can use one."
    )
    tts_max_streams: int = Field(16, ge=1, description="Replies spoken at once; beyond it callers are told to retry.")
    tts_threads: int = Field(1, ge=1, description="Sentences synthesised at the same time.")
