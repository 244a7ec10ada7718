"""Settings of the speech synthesis service."""

from __future__ import annotations

from pydantic import Field

from common.settings import ModelServerSettings


class TtsSettings(ModelServerSettings):
    """See ModelServerSettings for where they are read from."""

    tts_port: int = Field(50053, ge=0, le=65535, description="gRPC port of the speech synthesis; 0: a free one.")
    tts_model_name: str = Field(
        "",
        description="Voice model: a Piper `.onnx` file, a folder of them or an id like `en_US-lessac-medium`;"
        " `tts_models/…` (Coqui), `kyutai/tts-…`, `kyutai/pocket-tts`; `edge-tts/VOICE` sends the text to Microsoft."
        " Empty: the bundled Piper voice.",
    )
    tts_sample_rate: int = Field(
        24000, ge=8000, le=48000, description="Sample rate of the speech, in Hz, where a client asks for none."
    )
    tts_device: str = Field(
        "", pattern=r"^(cpu|cuda(:\d+)?)?$", description="`cpu` or `cuda`; empty: a GPU if the engine can use one."
    )
    tts_fallbacks: str = Field(
        "kyutai/tts-1.6b-en_fr,tts_models/en/ljspeech/tacotron2-DDC,piper",
        description="Models to try, in this order, if the one chosen can't be loaded; of those, the ones after its own"
        " engine. `none`: end instead. `edge-tts` belongs here only if the text may go to a third party.",
    )
    tts_probe_timeout_s: float = Field(
        600.0,
        ge=0,
        description="Seconds in which a PyTorch model must load (and be downloaded) in a process of its own, before it"
        " is loaded here; 0: without that trial.",
    )
    tts_loudness_lufs: float = Field(
        -20.0, ge=-40, le=-10, description="How loud every voice is made, in LUFS (ITU-R BS.1770)."
    )
    tts_max_streams: int = Field(16, ge=1, description="Replies spoken at once; beyond it callers are told to retry.")
    tts_threads: int = Field(1, ge=1, description="Sentences synthesised at the same time.")
