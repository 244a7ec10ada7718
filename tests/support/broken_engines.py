"""Speech recognition engines that fail, each in its own way, and one that works. They run in a child process."""

from __future__ import annotations

import os
import resource
import time

import numpy as np

from asr_service.audio import Audio
from asr_service.config import AsrSettings
from asr_service.engine import DecodeOptions, Transcript
from common.engine_info import EngineDescription
from common.errors import EngineError


class Sound:
    """Works: its transcript is always the name of its model."""

    def __init__(self, settings: AsrSettings) -> None:
        self._name = settings.asr_model_name

    def load(self) -> None: ...

    def describe(self) -> EngineDescription:
        return EngineDescription(type(self).__name__, self._name, "cpu")

    def transcribe(self, audio: Audio, options: DecodeOptions) -> Transcript:
        return Transcript(self._name)

    def close(self) -> None: ...


class Aborting(Sound):
    """Aborts its process while loading, like a library that was built for another processor."""

    def load(self) -> None:
        os.abort()


class AbortingInUse(Sound):
    """Loads, and ends its process at the first decode."""

    def transcribe(self, audio: Audio, options: DecodeOptions) -> Transcript:
        os.abort()


class Hanging(Sound):
    """Never finishes loading."""

    def load(self) -> None:
        time.sleep(600)


class Hungry(Sound):
    """Asks for more memory than there is."""

    def load(self) -> None:
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
        np.ones(1 << 33)


class Failing(Sound):
    """Fails with an error that says what is wrong."""

    def load(self) -> None:
        raise EngineError("the weights are for another model")
