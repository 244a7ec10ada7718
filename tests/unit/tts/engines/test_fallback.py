"""Which engine speaks if the requested one can't, and how that is reported."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import numpy as np
import pytest

from common.engine_info import EngineDescription
from common.engine_probe import Probe
from common.errors import EngineError, InvalidInputError
from tests.support.tts import serving, settings
from tts_service.engine import EngineAudio, EngineVoice, EngineWord, TtsEngine
from tts_service.engines import choose_engine, create_engine, create_probe, fallbacks_of, load_engine
from tts_service.engines.fallback import FallbackEngine

DEFAULT = settings().tts_fallbacks
KYUTAI, COQUI, PIPER = DEFAULT.split(",")


class ToneEngine:
    """Speaks a tone of 50 ms for each character, unless its network is down."""

    def __init__(self, name: str, rate: int = 24_000, *, device: str = "cpu") -> None:
        self.name, self.rate, self.device = name, rate, device
        self.down = False
        self.asked = 0
        self.closed = False

    def load(self) -> None: ...

    def describe(self) -> EngineDescription:
        return EngineDescription(self.name, self.name, self.device)

    def voices(self) -> list[EngineVoice]:
        return [EngineVoice(self.name, self.name, "en-US", self.rate)]

    def synthesize(self, text: str, *, voice: EngineVoice, speed: float, language: str) -> Iterator[EngineAudio]:
        self.asked += 1
        if self.down:
            raise EngineError(f"{self.name} can't be reached")
        assert voice in self.voices()
        samples = len(text) * self.rate // 20
        yield EngineAudio(np.full(samples, 0.1, np.float32), (EngineWord(0, len(text), 0, samples),))

    def close(self) -> None:
        self.closed = True


class Shelf:
    """Engines by model id. A request for an unknown id fails."""

    def __init__(self, **engines: ToneEngine) -> None:
        self.engines = engines
        self.asked: list[str] = []

    def load(self, model: str) -> TtsEngine:
        self.asked.append(model)
        if model not in self.engines:
            raise EngineError(f"{model} is not installed")
        return self.engines[model]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def say(engine: TtsEngine) -> tuple[int, tuple[EngineWord, ...]]:
    pieces = list(engine.synthesize("abcd", voice=engine.voices()[0], speed=1.0, language=""))
    return sum(piece.pcm.size for piece in pieces), tuple(word for piece in pieces for word in piece.words or ())


CHAINS = {
    "": [],
    "kyutai/tts-1.6b-en_fr": [COQUI, PIPER],
    "kyutai/tts-other": [KYUTAI, COQUI, PIPER],
    "tts_models/en/vctk/vits": [COQUI, PIPER],
    COQUI: [PIPER],
    "en_US-lessac-medium": [PIPER],
    "edge-tts/en-US-AriaNeural": [KYUTAI, COQUI, PIPER],
    "kyutai/pocket-tts": [KYUTAI, COQUI, PIPER],
}


@pytest.mark.parametrize("model", CHAINS)
def test_the_default_chain(model: str) -> None:
    assert fallbacks_of(model, DEFAULT) == CHAINS[model]
    assert fallbacks_of(model, "none") == []


def test_no_default_sends_text_away() -> None:
    assert "edge-tts" not in [choose_engine(model) for model in DEFAULT.split(",")]


def test_a_model_that_no_engine_knows_is_refused_at_once() -> None:
    with pytest.raises(InvalidInputError, match="TTS_FALLBACKS=nobody/knows: no engine") as refused:
        create_engine(settings(tts_fallbacks=f"{PIPER},nobody/knows", tts_model_name="kyutai/tts-x"))
    assert "leave it empty" not in str(refused.value)  # an empty TTS_FALLBACKS means that there is no fallback


def test_the_next_fallback_is_used_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    shelf = Shelf(piper=ToneEngine("piper"))
    engine = FallbackEngine([KYUTAI, COQUI, PIPER], load=shelf.load)
    with caplog.at_level(logging.WARNING):
        engine.load()
    assert shelf.asked == [KYUTAI, COQUI, PIPER]
    description = engine.describe()
    assert (description.engine, description.fallback_reason) == (
        "piper",
        f"{KYUTAI} is not installed; {COQUI} is not installed",
    )
    assert f"TTS speaks with piper instead of {KYUTAI}" in caplog.text
    assert say(engine)[0] == 4800


def test_the_one_asked_for_needs_no_excuse() -> None:
    shelf = Shelf(piper=ToneEngine("piper"), kyutai=ToneEngine("kyutai"))
    engine = FallbackEngine(["kyutai", "piper"], load=shelf.load)
    engine.load()
    assert shelf.asked == ["kyutai"]
    assert engine.describe() == EngineDescription("kyutai", "kyutai", "cpu")


def test_where_none_can_be_had_all_are_named() -> None:
    with pytest.raises(EngineError, match=f"{KYUTAI} is not installed; {PIPER} is not installed"):
        FallbackEngine([KYUTAI, PIPER], load=Shelf().load).load()


def test_a_local_engine_that_fails_ends_the_turn() -> None:
    shelf = Shelf(kyutai=ToneEngine("kyutai"), piper=ToneEngine("piper"))
    engine = FallbackEngine(["kyutai", "piper"], load=shelf.load)
    engine.load()
    shelf.engines["kyutai"].down = True
    with pytest.raises(EngineError, match="kyutai can't be reached"):
        say(engine)


def test_while_a_network_engine_rests_its_standby_speaks() -> None:
    clock = Clock()
    edge, piper = ToneEngine("edge-tts", 24_000, device="remote"), ToneEngine("piper", 16_000)
    engine = FallbackEngine(["edge", "piper"], load=Shelf(edge=edge, piper=piper).load, clock=clock)
    engine.load()
    assert say(engine) == (4800, (EngineWord(0, 4, 0, 4800),))
    edge.down = True
    for _ in range(3):  # after one failure, the network engine is not asked again
        samples, words = say(engine)
        assert abs(samples - 4800) <= 2
        assert words == (EngineWord(0, 4, 0, 4800),)
    assert (edge.asked, piper.asked) == (2, 3)
    assert engine.describe().engine == "piper"
    assert engine.describe().fallback_reason == "edge-tts can't be reached"
    edge.down, clock.now = False, 31.0
    say(engine)
    assert (engine.describe().engine, engine.describe().fallback_reason) == ("edge-tts", "")
    engine.close()
    assert edge.closed
    assert piper.closed


async def test_a_service_that_is_stopped_while_it_tries_a_model_ends() -> None:
    """The service doesn't wait for the child process, which would hang for a minute, and it tries no other model."""
    probe = Probe("tests.support.child", task="load", timeout_s=60, limit="TTS_PROBE_TIMEOUT_S")
    tried: list[str] = []

    def load(model: str) -> TtsEngine:
        tried.append(model)
        probe.run(["hangs"], "{}", what=model)
        return ToneEngine(model)

    engine = FallbackEngine(["kyutai", "piper"], load=load, stop=probe.stop)
    async with asyncio.timeout(30), serving(engine, warm=False) as stub:
        warming = asyncio.create_task(stub.server.warm_up())
        while not tried:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        warming.cancel()
    await asyncio.wait({warming})
    assert tried == ["kyutai"]


def test_an_engine_that_is_not_installed_says_what_to_install() -> None:
    with pytest.raises(EngineError, match=r"kyutai .*ai-talk\[tts-kyutai\]"):
        load_engine(settings(), "kyutai", create_probe(settings()))
