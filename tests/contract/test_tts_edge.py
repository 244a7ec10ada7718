"""edge-tts against a local server that speaks its protocol: the engines' contract, and what can go wrong."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import numpy as np
import pytest

from common.errors import EngineError, UnavailableError
from tests.support.tts_contract import TEXT, TtsContract
from tests.support.tts_edge import RATE, EdgeServer, edge_server
from tests.support.tts_engines import say
from tts_service.engines import choose_engine
from tts_service.engines.edge import EdgeTts


class TestEdge(TtsContract):
    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls) -> Iterator[EdgeTts]:
        with edge_server() as server:
            engine = server.engine()
            engine.load()
            yield engine
            engine.close()


@pytest.fixture
def server() -> Iterator[EdgeServer]:
    with edge_server() as server:
        yield server


@pytest.fixture
def engine(server: EdgeServer) -> EdgeTts:
    engine = server.engine()
    engine.load()
    return engine


def test_only_its_own_ids_choose_it() -> None:
    assert {choose_engine(name) for name in ("edge-tts", "edge-tts/de-DE-KatjaNeural", "en-US-AriaNeural")} == {
        "edge-tts"
    }


def test_it_warns_that_text_goes_away(server: EdgeServer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        server.engine().load()
    assert "third party" in caplog.text


def test_the_voice_chosen_is_the_first_and_the_one_asked_for(server: EdgeServer) -> None:
    engine = server.engine("edge-tts/de-DE-KatjaNeural")
    engine.load()
    assert (engine.voices()[0].id, engine.voices()[0].language) == ("de-DE-KatjaNeural", "de-DE")
    say(engine, "Hallo.")
    assert "(de-DE, KatjaNeural)" in server.ssml[-1]


def test_a_voice_that_is_not_there_is_named(server: EdgeServer) -> None:
    with pytest.raises(EngineError, match=r"no voice en-US-NobodyNeural; .*en-US-AriaNeural"):
        server.engine("en-US-NobodyNeural").load()


def test_the_voice_begins_before_the_server_has_sent_all(engine: EdgeTts, server: EdgeServer) -> None:
    pieces = say(engine, TEXT)
    assert len(pieces) > 5
    assert pieces[0].pcm.size < RATE
    assert not any(piece.timing_estimated for piece in pieces)


def test_words_are_where_they_are_heard(engine: EdgeTts) -> None:
    """The first word of the second sentence begins where the pause before it ends, to within 60 ms (two and a half
    MP3 frames)."""
    pieces = say(engine, TEXT)
    speech = np.concatenate([piece.pcm for piece in pieces])
    begins = np.cumsum([0, *(piece.pcm.size for piece in pieces)])
    words = {
        TEXT[word.text_start : word.text_end]: begin + word.start_sample
        for begin, piece in zip(begins, pieces, strict=False)
        for word in piece.words or ()
    }
    before = speech[words["Then"] - RATE // 10 : words["Then"] - RATE * 3 // 50]
    after = speech[words["Then"] : words["Then"] + RATE // 5]
    assert np.abs(before).max() < 0.1 * np.abs(after).max()


def test_closing_closes_the_socket(engine: EdgeTts, server: EdgeServer) -> None:
    pieces: Any = engine.synthesize(TEXT * 3, voice=engine.voices()[0], speed=1.0, language="")
    next(pieces)
    pieces.close()
    assert server.closed.wait(20)


def test_a_voice_of_an_unknown_language_is_refused_without_examples(server: EdgeServer) -> None:
    with pytest.raises(EngineError, match=r"choose another for TTS_MODEL_NAME$"):
        server.engine("xx-XX-NobodyNeural").load()


def test_without_a_network_the_known_voices_are_listed_and_speaking_says_why(
    server: EdgeServer, caplog: pytest.LogCaptureFixture
) -> None:
    engine = server.engine()
    server.port = 1  # nothing listens there
    with caplog.at_level(logging.WARNING):
        engine.load()
    assert len(engine.voices()) > 20
    assert "can't be reached" in caplog.text
    assert "try again" not in caplog.text  # loading goes on, so there is nothing to do
    with pytest.raises(UnavailableError, match="can't be reached"):
        say(engine, "Hello.")


# Not 403: after a 403, the package tries again. The first try has closed the connector that we gave it, so the second
# try would fail in another way.
REFUSALS = {HTTPStatus.TOO_MANY_REQUESTS: "HTTP 429; try again", HTTPStatus.SERVICE_UNAVAILABLE: "HTTP 503; try again"}


@pytest.mark.parametrize("status", REFUSALS)
def test_a_refusal_is_told(engine: EdgeTts, server: EdgeServer, status: HTTPStatus) -> None:
    server.status = status
    with pytest.raises(EngineError, match=REFUSALS[status]):
        say(engine, "Hello.")


def test_silence_of_the_server_has_an_end(server: EdgeServer) -> None:
    server.mute = True
    engine = server.engine(silent_timeout_s=1)
    engine.load()
    with pytest.raises(UnavailableError, match="can't be reached"):
        say(engine, "Hello.")


def test_garbage_is_told(engine: EdgeTts, server: EdgeServer) -> None:
    server.garbage = True
    with pytest.raises(EngineError, match="edge-tts"):
        say(engine, "Hello.")
