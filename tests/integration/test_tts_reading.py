"""Figures and signs are spoken as people read them. The bundled voice speaks, and the bundled Whisper writes down what
it hears.

Whisper itself writes figures for number words. So a case is listed only if Whisper writes something else when the voice
speaks the text without the normaliser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest

from tests.support import tts
from tts_service.engine import TtsEngine
from tts_service.engines import create_engine
from tts_service.speech.synthesis import Synthesis
from tts_service.text.clauses import ClauseSplitter

_RATE = 16_000


@pytest.fixture(scope="module")
def engine() -> Iterator[TtsEngine]:
    engine = create_engine(tts.settings())
    engine.load()
    yield engine
    engine.close()


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        ("The ticket costs $3.50.", r"\$3\.50|three dollars"),
        ("They raised $1.5 million.", r"\$1\.5million|million dollars"),
        ("It takes 20-30 minutes.", r"20 to 30|twenty to thirty"),
        ("We will meet at 12:00 today.", r"(12|twelve) o ?'clock"),
        ("My grandfather fought in World War II.", r"fought in world war (ii|two|2)\b"),
        ("I live at No. 5.", r"number (five|5)"),
        ("It is cats vs. dogs.", r"versus dogs"),
        ("His birthday is on Jan. 5.", r"january (5th|fifth)"),
        ("What is 5 - 3?", r"(5|five) minus (3|three)"),
        ("Add 1/2 cup of sugar.", r"one half cup"),
        ("It is 20°C outside.", r"celsius"),
        ("We are open 24/7.", r"open (24 ?-?/?7|twenty-?four seven)"),
        ("Prof. Brown met Dr. Smith.", r"professor brown"),
    ],
)
def test_heard_as_people_read_it(engine: TtsEngine, written: str, heard: str) -> None:
    assert re.search(heard, _heard(engine, written)), _heard(engine, written)


def _heard(engine: TtsEngine, written: str) -> str:
    """What Whisper hears when the voice says `written`: its words in lower case. Numbers that Whisper splits are put
    together again ("3 .50" → "3.50")."""
    reply = Synthesis(engine, engine.voices()[0], sample_rate_hz=_RATE)
    splitter = ClauseSplitter(eager=False, language=reply.spoken_language)
    clauses = [*splitter.push(written), *splitter.finish()]
    chunks = [chunk for clause in clauses for piece in reply.speak(clause) for chunk in piece] + reply.finish()
    speech = np.frombuffer(b"".join(chunk.pcm for chunk in chunks), "<i2")
    words = " ".join(word for word, _ in tts.heard_words(speech, _RATE)).lower()
    return re.sub(r"(?<=\d) (?=\.\d)|(?<=\.\d) (?=million)", "", words)
