"""What every speech engine must do: one suite for the bundled voice and for the engines on PyTorch.

@pytest.fixture(scope="module")
def engine() -> Iterator[TtsEngine]: ...

class TestPiper(TtsContract): ...
"""

from __future__ import annotations

import itertools
from contextlib import closing
from typing import Any

import numpy as np
import pytest

from tests.support.tts_engines import say
from tts_service.engine import TtsEngine
from tts_service.text.words import written_words

TEXT = "Of the many people I met in the U.S. in 2024, Doctor Lee was one of the best. Then we left!"


class TtsContract:
    """The tests need a fixture `engine`: a loaded engine. loudest_at_least: lower it for random weights, whose sound
    may be faint."""

    loudest_at_least = 0.1

    def test_it_says_what_it_is(self, engine: TtsEngine) -> None:
        description = engine.describe()
        assert description.engine
        assert description.model
        assert description.device in ("cpu", "remote") or description.device.startswith("cuda:")
        voices = engine.voices()
        assert len({voice.id for voice in voices}) == len(voices) > 0
        assert all(8000 <= voice.sample_rate_hz <= 48_000 and voice.name and voice.language for voice in voices)
        assert {voice.language for voice in voices} == set(description.languages)

    def test_audio_is_speech_between_silences(self, engine: TtsEngine) -> None:
        pieces = say(engine, TEXT)
        assert all(piece.pcm.dtype == np.float32 and piece.pcm.ndim == 1 for piece in pieces)
        speech = np.concatenate([piece.pcm for piece in pieces])
        assert self.loudest_at_least < np.abs(speech).max() <= 1.0
        assert abs(speech[0]) < 0.01
        assert abs(speech[-1]) < 0.01

    def test_every_word_is_timed_in_order(self, engine: TtsEngine) -> None:
        pieces = say(engine, TEXT)
        if len(pieces) == 1 and pieces[0].words is None:
            return
        words = [word for piece in pieces for word in piece.words or ()]
        assert [(word.text_start, word.text_end) for word in words] == written_words(TEXT)
        begins, times = 0, []
        for piece in pieces:
            assert piece.words is not None
            assert all(0 <= word.start_sample < piece.pcm.size for word in piece.words)
            times += [(begins + word.start_sample, begins + word.end_sample) for word in piece.words]
            begins += piece.pcm.size
        assert all(start < end <= begins for start, end in times)
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(times))

    def test_speed_changes_the_length(self, engine: TtsEngine) -> None:
        self.reset_chance()
        slow = sum(piece.pcm.size for piece in say(engine, TEXT, 0.6))
        self.reset_chance()
        fast = sum(piece.pcm.size for piece in say(engine, TEXT, 1.6))
        assert slow > 1.7 * fast

    def reset_chance(self) -> None:
        """Make the next reply draw the same random numbers as after the last reset. Does nothing for an engine without
        randomness."""

    @pytest.mark.parametrize("text", ["a", "3.14", "?! a", "x_y", "日本 hello", "a" * 300, "& co"])
    def test_odd_texts_are_survived(self, engine: TtsEngine, text: str) -> None:
        pieces = say(engine, text)
        told = [(word.text_start, word.text_end) for piece in pieces for word in piece.words or ()]
        assert told == written_words(text) or all(piece.words is None for piece in pieces)

    def test_closing_ends_the_work(self, engine: TtsEngine) -> None:
        pieces: Any = engine.synthesize(TEXT, voice=engine.voices()[0], speed=1.0, language="")
        with closing(pieces):  # the adapters' iterators are generators
            assert next(pieces).pcm.size
        assert next(pieces, None) is None

    def test_two_speak_in_turn(self, engine: TtsEngine) -> None:
        voice = engine.voices()[0]
        texts = (TEXT, "Two can speak at once.")
        both = [engine.synthesize(text, voice=voice, speed=1.0, language="") for text in texts]
        words: dict[int, list[tuple[int, int]]] = {0: [], 1: []}
        going = {0, 1}
        while going:
            for number in sorted(going):
                if (piece := next(both[number], None)) is None:
                    going.discard(number)
                else:
                    words[number] += [(word.text_start, word.text_end) for word in piece.words or ()]
        assert [words[0], words[1]] == [written_words(text) for text in texts]
