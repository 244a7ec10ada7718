"""Kyutai TTS: a tiny random model in the layout of tts-1.6b-en_fr, in the real library."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from common.errors import BusyError, EngineError
from tests.engines.tiny_kyutai import tiny_kyutai
from tests.support.tts_contract import TEXT, TtsContract
from tests.support.tts_engines import engine_settings, say
from tts_service.engine import EngineAudio
from tts_service.engines.kyutai import KyutaiTts
from tts_service.text.text_stream import SpeechStream, StreamingTextEngine
from tts_service.text.words import written_words


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KyutaiTts]:
    folder = tiny_kyutai(tmp_path_factory.mktemp("kyutai") / "model")
    engine = KyutaiTts(engine_settings(tts_device="cpu", tts_max_streams=3), str(folder))
    engine.load()
    yield engine
    engine.close()


class TestKyutai(TtsContract):
    loudest_at_least = 0.01


def start(engine: KyutaiTts, voice: int = 0, speed: float = 1.0) -> SpeechStream:
    return engine.start(voice=engine.voices()[voice], speed=speed, language="")


def heard(stream: SpeechStream) -> list[EngineAudio]:
    """All the speech of the text so far."""
    return [piece for piece in iter(stream.next, None) if piece.pcm.size]


def steps(engine: KyutaiTts) -> int:
    assert engine._batch
    return engine._batch.steps


def test_it_streams_text_in(engine: KyutaiTts) -> None:
    assert isinstance(engine, StreamingTextEngine)
    assert [(voice.id, voice.language) for voice in engine.voices()] == [
        ("expresso/amy.wav", "en"),
        ("cml-tts/fr/bo.wav", "fr"),
    ]


def test_speech_begins_before_the_text_is_complete(engine: KyutaiTts) -> None:
    stream = start(engine)
    words = [word + " " for word in TEXT.split()]
    made: list[list[EngineAudio]] = []
    for word in words:
        stream.push(word)
        made.append(heard(stream))
    stream.finish()
    rest = heard(stream)
    stream.close()
    first = next(number for number, pieces in enumerate(made) if pieces)
    assert first < len(words) / 2
    told = [(w.text_start, w.text_end) for p in [*itertools.chain(*made), *rest] for w in p.words or ()]
    assert told == written_words(TEXT)


def test_words_are_timed_by_the_steps_at_which_the_model_took_them(engine: KyutaiTts) -> None:
    """A step is a frame of 1,920 samples. A word takes at least one step for each of its tokens, and one more."""
    pieces = say(engine, TEXT)
    begins = itertools.accumulate((piece.pcm.size for piece in pieces), initial=0)
    starts = [begin + w.start_sample for piece, begin in zip(pieces, begins, strict=False) for w in piece.words or ()]
    assert all(start % 1920 == 0 for start in starts)
    assert all(later - earlier >= 1920 for earlier, later in itertools.pairwise(starts))
    assert not any(piece.timing_estimated for piece in pieces)


def test_it_waits_for_text_without_working(engine: KyutaiTts) -> None:
    stream = start(engine)
    stream.push("One ")
    heard(stream)
    before = steps(engine)
    assert stream.next() is None
    assert steps(engine) == before
    stream.close()


def test_closing_stops_within_a_frame(engine: KyutaiTts) -> None:
    stream = start(engine)
    stream.push(TEXT)
    stream.finish()
    before = steps(engine)
    while not (piece := stream.next()) or not piece.pcm.size:
        pass
    taken = steps(engine) - before
    stream.close()
    assert stream.next() is None
    assert steps(engine) - before == taken
    assert taken < len(TEXT.split())


def test_a_reply_does_not_depend_on_who_speaks_beside_it(engine: KyutaiTts) -> None:
    """Two replies share each step, and both say all of their words. A row of the batch that is used again keeps
    no trace of the reply that had it before."""
    alone_before = steps(engine)
    say(engine, TEXT)
    alone = steps(engine) - alone_before
    streams = [start(engine, 0), start(engine, 1)]
    both_before = steps(engine)
    for stream in streams:
        stream.push(TEXT)
        stream.finish()
    words: list[list[tuple[int, int]]] = [[], []]
    going = {0, 1}
    while going:
        for number in sorted(going):
            piece = streams[number].next()
            if piece is None:
                going.discard(number)
                streams[number].close()
            else:
                words[number] += [(word.text_start, word.text_end) for word in piece.words or ()]
    assert words == [written_words(TEXT)] * 2
    assert steps(engine) - both_before < 1.6 * alone


def test_more_than_it_can_are_refused(engine: KyutaiTts) -> None:
    streams = [start(engine) for _ in range(3)]
    with pytest.raises(BusyError):
        start(engine)
    streams[0].close()
    start(engine).close()
    for stream in streams:
        stream.close()


def test_voices_differ(engine: KyutaiTts) -> None:
    """With the same random numbers, one voice always gives the same speech, and another voice gives another speech."""
    import torch

    speeches = []
    for voice in (0, 1, 0):
        torch.manual_seed(1)
        stream = start(engine, voice)
        stream.push(TEXT)
        stream.finish()
        speeches.append(np.concatenate([piece.pcm for piece in heard(stream)]))
        stream.close()
    assert np.array_equal(speeches[0], speeches[2])
    assert not np.array_equal(speeches[0], speeches[1])


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"config\.json"):
        KyutaiTts(engine_settings(tts_device="cpu"), str(tmp_path)).load()
