"""An engine with fallbacks: it speaks with the first of several models that can be loaded.

If that is not the requested model, the log and Describe say so. An engine that is reached over the network also gets a
standby, which speaks for some time after the network engine has failed. If a local engine fails while it speaks, or a
network engine after its first piece, the caller gets the error.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import soxr

from common.engine_info import EngineDescription
from common.engine_probe import ProbeStoppedError
from common.errors import EngineError, ServiceError
from common.models import fetch_weights
from tts_service.engine import EngineAudio, EngineVoice, EngineWord, TtsEngine
from tts_service.text.text_stream import StreamingTextEngine, streaming
from tts_service.voices import choose_voice

logger = logging.getLogger(__name__)

_REST_S = 30.0  # a network engine is not used for this long after a failure


class FallbackEngine:
    """A TtsEngine: the first of `models` that `load` can load.

    wanted: the name of the first model's engine, for `describe` before `load`. load: makes a loaded engine for a model
    id. build: makes one that is not loaded, to fetch its weights. stop: ends the trial of a model in a child process,
    which `load` may be waiting for. clock: in seconds; it measures how long a network engine is not used after a
    failure.
    """

    def __init__(
        self,
        models: Sequence[str],
        *,
        wanted: str = "",
        load: Callable[[str], TtsEngine],
        build: Callable[[str], TtsEngine] | None = None,
        stop: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._models = list(models)
        self._wanted = wanted
        self._load_model = load
        self._build = build or load
        self._stop = stop
        self._clock = clock
        self._engine: TtsEngine | None = None
        self._standby: TtsEngine | None = None
        self._reason = ""  # why the first model is not the one that is loaded
        self._rests_until = 0.0
        self._failure = ""  # why the network engine is not used at present

    def load(self) -> None:
        """Load the first model that can be loaded. Raises EngineError, with every reason, if none can."""
        self._engine, self._reason, rest = self._first_of(self._models)
        if self._engine.describe().device == "remote" and rest:
            self._standby, _, _ = self._first_of(rest)

    def describe(self) -> EngineDescription:
        """The engine that speaks at present. If that is not the requested one, `fallback_reason` says why."""
        if self._engine is None:
            return EngineDescription(self._wanted, self._models[0], "cpu")
        if self._standby is not None and self._clock() < self._rests_until:
            return replace(self._standby.describe(), fallback_reason=self._failure)
        return replace(self._engine.describe(), fallback_reason=self._reason)

    def voices(self) -> Sequence[EngineVoice]:
        return self._engine.voices() if self._engine else []

    def synthesize(self, text: str, *, voice: EngineVoice, speed: float, language: str) -> Iterator[EngineAudio]:
        """The engine's speech or, while a network engine is not used, its standby's; both at the sample rate of
        `voice`."""
        if self._engine is None:
            raise EngineError("no speech engine is loaded yet; wait until the service is ready")
        if self._standby is None:
            yield from self._engine.synthesize(text, voice=voice, speed=speed, language=language)
            return
        if self._clock() >= self._rests_until:
            pieces = self._engine.synthesize(text, voice=voice, speed=speed, language=language)
            try:
                first = next(pieces, None)
            except ServiceError as error:
                self._rest(error)
            else:  # errors go to the caller from here on: part of the text has been heard, so no standby can take over
                if first is not None:
                    yield first
                    yield from pieces
                return
        yield from _speak_as(self._standby, text, voice, speed, language)

    def streaming(self) -> StreamingTextEngine | None:
        """The engine's own streaming, if it has any; None if a standby may have to take over between two clauses."""
        return streaming(self._engine) if self._engine is not None and self._standby is None else None

    def fetch(self) -> None:
        """Download the weights of the requested model. The weights of a fallback are downloaded when needed."""
        fetch_weights(self._build(self._models[0]))

    def close(self) -> None:
        """Release the loaded engines. During `load`, this makes `load` end soon; then call `close` again."""
        self._stop()
        for engine in (self._engine, self._standby):
            if engine:
                engine.close()

    def _first_of(self, models: Sequence[str]) -> tuple[TtsEngine, str, Sequence[str]]:
        """The first engine that can be loaded, why the models before it can't be, and the models after it."""
        failures: list[str] = []
        for place, model in enumerate(models):
            try:
                engine = self._load_model(model)
            except ProbeStoppedError:
                raise
            except ServiceError as error:
                logger.warning("TTS can't speak with %s: %s", model or "the bundled voice", error)
                failures.append(error.message)
                continue
            if failures:
                logger.warning("TTS speaks with %s instead of %s", model or "the bundled voice", models[0])
            return engine, "; ".join(failures), models[place + 1 :]
        raise EngineError("; ".join(failures))

    def _rest(self, error: ServiceError) -> None:
        self._failure = error.message
        self._rests_until = self._clock() + _REST_S
        standby = self._standby.describe().model if self._standby else ""
        logger.warning("TTS: %s; for %.0f s it speaks with %s instead", error, _REST_S, standby)


def _speak_as(engine: TtsEngine, text: str, voice: EngineVoice, speed: float, language: str) -> Iterator[EngineAudio]:
    """Have `engine` speak in place of another engine's `voice`: in the same language, at the same sample rate."""
    own = choose_voice(engine.voices(), "", language or voice.language)
    ratio = voice.sample_rate_hz / own.sample_rate_hz
    resampler = soxr.ResampleStream(own.sample_rate_hz, voice.sample_rate_hz, 1, dtype="float32")
    for piece in engine.synthesize(text, voice=own, speed=speed, language=language):
        if piece.words is None:  # then this piece has the whole text, so it is the only one
            yield replace(piece, pcm=resampler.resample_chunk(piece.pcm, last=True))
            return
        words = tuple(_scaled(word, ratio) for word in piece.words)
        yield replace(piece, pcm=resampler.resample_chunk(piece.pcm), words=words)
    yield EngineAudio(resampler.resample_chunk(np.zeros(0, np.float32), last=True), ())


def _scaled(word: EngineWord, ratio: float) -> EngineWord:
    return replace(word, start_sample=round(word.start_sample * ratio), end_sample=round(word.end_sample * ratio))
