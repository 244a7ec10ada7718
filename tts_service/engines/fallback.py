"""The engine that speaks: the first of a chain that can be loaded, and never silently another than the one asked for.

The chain is TTS_MODEL_NAME, then what comes after it in TTS_FALLBACKS. An engine whose library may crash or hang while
it loads is tried in a child process first. An engine reached over the network gets a standby, which speaks while it
rests after a failure; any other engine's failure at run time is the caller's to hear of.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import soxr

from common.engine_info import EngineDescription
from common.engine_probe import Probe, ProbeStoppedError
from common.errors import EngineError, ServiceError
from common.models import fetch_weights
from tts_service.config import TtsSettings
from tts_service.engine import EngineAudio, EngineVoice, EngineWord, TtsEngine
from tts_service.engines import MAY_CRASH, choose_engine, create_engine
from tts_service.probe import create_probe
from tts_service.speech.levelling import LevelledEngine
from tts_service.text.text_stream import StreamingTextEngine, streaming
from tts_service.voices import choose_voice

logger = logging.getLogger(__name__)

_REST_S = 30.0  # a network engine that failed is asked again after this


def create_chain(settings: TtsSettings) -> FallbackEngine:
    """The chain that the settings ask for, not yet loaded; raises InvalidInputError for an unknown model."""
    models = [settings.tts_model_name, *fallbacks_of(settings.tts_model_name, settings.tts_fallbacks)]
    for model in models:
        choose_engine(model)

    probe = create_probe(settings)

    def load(model: str) -> TtsEngine:
        return LevelledEngine(load_engine(settings, model, probe), settings.tts_loudness_lufs)

    return FallbackEngine(models, load=load, make=lambda model: create_engine(settings, model), stop=probe.stop)


def fallbacks_of(model_name: str, fallbacks: str) -> list[str]:
    """The models to try after `model_name`: those after its own engine's place in the list, or all if it has none.

    The bundled voice (an empty name) needs no fallback. `fallbacks` is a comma-separated list, or "none".
    """
    listed = [model.strip() for model in fallbacks.split(",") if model.strip() not in ("", "none")]
    if not model_name:
        return []
    engine = choose_engine(model_name)
    for place, model in enumerate(listed):
        if choose_engine(model) == engine:
            listed = listed[place:]
            break
    return [model for model in listed if model != model_name]


def load_engine(settings: TtsSettings, model_name: str, probe: Probe) -> TtsEngine:
    """The engine of `model_name`, loaded; raises EngineError if it can't be, whatever the reason.

    One that may crash is tried by `probe` first, which raises ProbeStoppedError when it is stopped.
    """
    engine = create_engine(settings, model_name)
    if choose_engine(model_name) in MAY_CRASH and settings.tts_probe_timeout_s:
        probe.run([model_name], settings.model_dump_json(exclude_unset=True), what=model_name)
    try:
        engine.load()
    except ServiceError:
        raise
    except Exception as error:  # each library has errors of its own; out of memory is one of them
        raise EngineError(f"{model_name}: {type(error).__name__}: {error}") from error
    return engine


class FallbackEngine:
    """A TtsEngine that is the first of `models` that `load` can load.

    load: from a model id to a loaded engine; make: to one that is not, to fetch its weights. stop: ends a trial that
    `load` is busy with. clock: seconds, for the rest of a network engine that failed.
    """

    def __init__(
        self,
        models: Sequence[str],
        *,
        load: Callable[[str], TtsEngine],
        make: Callable[[str], TtsEngine] | None = None,
        stop: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._models = list(models)
        self._load_model = load
        self._make = make or load
        self._stop = stop
        self._clock = clock
        self._engine: TtsEngine | None = None
        self._standby: TtsEngine | None = None
        self._reason = ""  # why another than the first was loaded
        self._rests_until = 0.0
        self._failure = ""  # of the network engine that rests

    def load(self) -> None:
        """Load the first that can be; raises EngineError, telling of each, if none can."""
        self._engine, self._reason, rest = self._first_of(self._models)
        if self._engine.describe().device == "remote" and rest:
            self._standby, _, _ = self._first_of(rest)

    def describe(self) -> EngineDescription:
        """Of the engine that speaks now; `fallback_reason` says why, if it is not the one asked for."""
        if self._engine is None:
            return EngineDescription(choose_engine(self._models[0]), self._models[0], "cpu")
        if self._standby is not None and self._clock() < self._rests_until:
            return replace(self._standby.describe(), fallback_reason=self._failure)
        return replace(self._engine.describe(), fallback_reason=self._reason)

    def voices(self) -> Sequence[EngineVoice]:
        return self._engine.voices() if self._engine else []

    def synthesize(self, text: str, *, voice: EngineVoice, speed: float, language: str) -> Iterator[EngineAudio]:
        """As the engine speaks; while a network engine rests, as its standby does, at the rate of `voice`."""
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
            else:  # what was said can't be taken back: a failure from here on is the caller's
                if first is not None:
                    yield first
                    yield from pieces
                return
        yield from _speak_as(self._standby, text, voice, speed, language)

    def streaming(self) -> StreamingTextEngine | None:
        """Of the engine that speaks; none where a standby may have to take over between two clauses."""
        return streaming(self._engine) if self._engine is not None and self._standby is None else None

    def fetch(self) -> None:
        """Have the weights of the model that was asked for; those of the fallbacks come when they are needed."""
        fetch_weights(self._make(self._models[0]))

    def close(self) -> None:
        """Release what is loaded; while it is loading, have it end soon, and call this again then."""
        self._stop()
        for engine in (self._engine, self._standby):
            if engine:
                engine.close()

    def _first_of(self, models: Sequence[str]) -> tuple[TtsEngine, str, Sequence[str]]:
        """The first that can be loaded, why it is not the first of all, and the models after it."""
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
    """`engine` in place of another one's `voice`: a voice of the same language, at the same rate."""
    own = choose_voice(engine.voices(), "", language or voice.language)
    ratio = voice.sample_rate_hz / own.sample_rate_hz
    resampler = soxr.ResampleStream(own.sample_rate_hz, voice.sample_rate_hz, 1, dtype="float32")
    for piece in engine.synthesize(text, voice=own, speed=speed, language=language):
        if piece.words is None:  # then it is all of the text, and may not be cut in two
            yield replace(piece, pcm=resampler.resample_chunk(piece.pcm, last=True))
            return
        words = tuple(_scaled(word, ratio) for word in piece.words)
        yield replace(piece, pcm=resampler.resample_chunk(piece.pcm), words=words)
    yield EngineAudio(resampler.resample_chunk(np.zeros(0, np.float32), last=True), ())


def _scaled(word: EngineWord, ratio: float) -> EngineWord:
    return replace(word, start_sample=round(word.start_sample * ratio), end_sample=round(word.end_sample * ratio))
