"""`python -m deploy.machine_timing`: times the bundled models for some seconds, and prints a MachineSpeed as JSON."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from asr_service.audio import ENGINE_RATE_HZ
from asr_service.config import AsrSettings
from asr_service.engine import DecodeOptions
from asr_service.engines import create_engine as create_recognition
from common.errors import EngineError
from deploy import cpu_plan
from deploy.configuration import settings_from
from deploy.machine_speed import MachineSpeed
from tts_service.config import TtsSettings
from tts_service.engines import create_engine as create_synthesis

_TEXT = "Yesterday I went to the market with my sister because we wanted to buy some bread."


def measure(environment: Mapping[str, str]) -> MachineSpeed:
    """Time the bundled models one after another. Raises ServiceError."""
    kept = {name: environment[name] for name in ("MODELS_CACHE_DIR",) if environment.get(name)}
    audio, speech = _speech(kept)
    recognition = _recognition(kept, audio)
    (writing,) = cpu_plan.time_steps(kept, busy=cpu_plan.is_busy(), steps=cpu_plan.STEPS[:1])
    if writing.speed is None:
        raise EngineError(writing.failure or "the bundled language model is not installed")
    return MachineSpeed(round(recognition, 3), round(speech, 3), writing.speed.written_per_s)


def _speech(environment: Mapping[str, str]) -> tuple[NDArray[np.float32], float]:
    """The text in the bundled voice at 16 kHz, and the seconds that a second of it takes."""
    engine = create_synthesis(settings_from(TtsSettings, environment))
    engine.load()
    voice = engine.voices()[0]

    def speak() -> NDArray[np.float32]:
        pieces = engine.synthesize(_TEXT, voice=voice, speed=1.0, language="en")
        return np.concatenate([piece.pcm for piece in pieces])

    seconds = _seconds(speak)
    spoken = speak()
    engine.close()
    places = np.arange(0, len(spoken), voice.sample_rate_hz / ENGINE_RATE_HZ)
    audio = np.interp(places, np.arange(len(spoken)), spoken).astype(np.float32)
    return audio, seconds * voice.sample_rate_hz / len(spoken)


def _recognition(environment: Mapping[str, str], audio: NDArray[np.float32]) -> float:
    """The seconds that a second of `audio` takes."""
    engine = create_recognition(settings_from(AsrSettings, {**environment, "ASR_DEVICE": "cpu"}))
    engine.load()
    return _seconds(lambda: engine.transcribe(audio, DecodeOptions("en"))) * ENGINE_RATE_HZ / len(audio)


def _seconds(work: Callable[[], object]) -> float:
    """How long `work` takes, the better of two times. A first time doesn't count, because libraries prepare then."""
    work()
    times = []
    for _ in range(2):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


if __name__ == "__main__":
    logging.disable()
    print(json.dumps(asdict(measure(os.environ))))
