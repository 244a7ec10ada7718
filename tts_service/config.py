"""Settings of the speech synthesis service."""

from __future__ import annotations

from pydantic import Field

from common.settings import ModelServerSettings
from common.speech import MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ


class TtsSettings(ModelServerSettings):
    """Each field is the environment variable of the same name in capitals."""

    tts_port: int = Field(50053, ge=0, le=65535, description="gRPC port of speech synthesis. 0: any free port.")
    tts_model_name: str = Field(
        "",
        description="Voice model. Piper: a `.onnx` file, a folder of them, or an id like `en_US-lessac-medium`. "
        "Kokoro: `hexgrad/Kokoro-82M`, or a folder with its files. Coqui: `tts_models/…`. Kyutai: `kyutai/tts-…` or "
        "`kyutai/pocket-tts`. `edge-tts/VOICE` sends the text to Microsoft. Empty: the bundled Piper voice.",
    )
    tts_sample_rate: int = Field(
        24000,
        ge=MIN_SAMPLE_RATE_HZ,
        le=MAX_SAMPLE_RATE_HZ,
        description="Sample rate of the speech in Hz, if a client asks for none.",
    )
    tts_device: str = Field(
        "",
        pattern=r"^(cpu|cuda(:\d+)?)?$",
        description="`cpu`, `cuda` or `cuda:N`. Empty: a GPU if the engine can use one.",
    )
    tts_fallbacks: str = Field(
        "kyutai/tts-1.6b-en_fr,tts_models/en/ljspeech/tacotron2-DDC,piper",
        description="Models to try, in this order, if the chosen one cannot be loaded. If the list has a model of the "
        "same engine, the models before it are skipped. The chosen model is never tried twice. `none`: stop the "
        "service instead. Add `edge-tts` only if the text may go to a third party.",
    )
    tts_probe_timeout_s: float = Field(
        600.0,
        ge=0,
        description="Seconds that a PyTorch model may take to load, download included, in the trial process that "
        "protects the service. 0: no trial.",
    )
    tts_loudness_lufs: float = Field(
        -20.0, ge=-40, le=-10, description="Loudness of every voice, in LUFS (ITU-R BS.1770)."
    )
    tts_max_streams: int = Field(
        16, ge=1, description="Replies that are spoken at once; further ones are refused as busy."
    )
    tts_threads: int = Field(1, ge=1, description="Sentences that are synthesised at the same time.")
