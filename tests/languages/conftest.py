"""The real models of PROFILE=languages; `make test-languages` fetches them into MODELS_CACHE_DIR first."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import cn2an
import numpy as np
import pytest
import soxr
from numpy.typing import NDArray
from pypinyin import Style, lazy_pinyin

from asr_service.engine import DecodeOptions, Transcript
from asr_service.engines.faster_whisper import FasterWhisper
from tests.support.asr import asr_settings
from tests.support.mesh import Mesh, running_mesh
from tests.support.transcription import word_error_rate
from tests.support.tts_engines import engine_settings
from tts_service.engine import TtsEngine
from tts_service.engines import build
from tts_service.engines.kokoro_files import KOKORO
from tts_service.engines.kokoro_japanese import pronounced
from tts_service.engines.kokoro_phonemes import KokoroPhonemizer
from tts_service.text.normalise import normaliser_for

MODELS = Path(os.environ.get("MODELS_CACHE_DIR", "models")).absolute()


def syllables_misheard(said: list[str], heard: list[str]) -> float:
    """Misheard Chinese characters, as a share of those said. They are compared by sound, because Whisper base also
    writes traditional characters, and writes numbers as digits."""

    def syllables(text: str) -> str:
        return " ".join(lazy_pinyin(re.sub(r"\W", "", cn2an.transform(text, "an2cn")), style=Style.TONE3))

    return word_error_rate([syllables(text) for text in said], [syllables(text) for text in heard])


def kana_misheard(said: list[str], heard: list[str]) -> float:
    """Misheard Japanese kana, as a share of those said. Both texts are compared as they are read aloud, because a word
    may be written in kanji or in kana, and a number in digits."""
    read = normaliser_for("ja")

    def kana(text: str) -> str:
        return " ".join(re.sub(r"\W", "", "".join(pronounced(read(re.sub(r"\s", "", text)).text))))

    return word_error_rate([kana(text) for text in said], [kana(text) for text in heard])


def words_misheard(said: list[str], heard: list[str]) -> float:
    """Misheard words, as a share of those said. "sœur" and "soeur" are the same word."""

    def spelled(text: str) -> str:
        return text.lower().replace("œ", "oe").replace("æ", "ae")

    return word_error_rate([spelled(text) for text in said], [spelled(text) for text in heard])


class Speaker:
    """Kokoro's voices, and what Whisper base understands of them."""

    def __init__(self, engine: TtsEngine, whisper: FasterWhisper) -> None:
        self.engine, self._whisper = engine, whisper
        self._phonemize = KokoroPhonemizer()

    def say(self, text: str, voice: str) -> NDArray[np.float32]:
        """The speech at 16 kHz, shape (samples,)."""
        (chosen,) = [one for one in self.engine.voices() if one.id == voice]
        pieces = self.engine.synthesize(text, voice=chosen, speed=1.0, language="")
        speech: NDArray[np.float32] = soxr.resample(np.concatenate([piece.pcm for piece in pieces]), 24_000, 16_000)
        return speech

    def errors(self, said: list[str], heard: list[str], espeak: str) -> float:
        """Misheard words, as a share of those said. Words that sound alike count as the same, such as French "à", "a"
        and "as"."""

        def sounds(text: str) -> str:
            words = re.findall(r"[\w']+", text.lower().replace("’", "'"))
            spelled = ("".join(symbol for part in self._phonemize(word, espeak) for symbol in part) for word in words)
            return " ".join(re.sub(r"[ˈˌ ]", "", word) for word in spelled)

        return word_error_rate([sounds(text) for text in said], [sounds(text) for text in heard])

    def hear(self, speech: NDArray[np.float32], language: str = "") -> Transcript:
        """Recognise `speech` (16 kHz, shape (samples,)). language: if empty, Whisper detects it."""
        return self._whisper.transcribe(speech, DecodeOptions(language, "final"))

    def understand(self, speech: NDArray[np.float32], language: str) -> str:
        """What Whisper base understands with its makers' own search (a beam of 5). AI-Talk's recognition decodes
        greedily, and sometimes writes nonsense for a clear voice ("GAL FROY PREFARTU LE PLU")."""
        assert self._whisper._model
        segments, _ = self._whisper._model.transcribe(speech, language=language, beam_size=5)
        return " ".join(segment.text.strip() for segment in segments)


@pytest.fixture(scope="session")
def engine() -> Iterator[TtsEngine]:
    engine = build(engine_settings(models_cache_dir=MODELS), KOKORO)
    engine.load()
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def speaker(engine: TtsEngine) -> Iterator[Speaker]:
    whisper = FasterWhisper(asr_settings(asr_model_name="openai/whisper-base", models_cache_dir=MODELS))
    whisper.load()
    yield Speaker(engine, whisper)
    whisper.close()


@pytest.fixture(scope="session")
def languages_mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    settings = {"PROFILE": "languages", "MODELS_CACHE_DIR": str(MODELS), "LLM_MAX_TOKENS": "48", "LLM_TEMPERATURE": "0"}
    with running_mesh(tmp_path_factory.mktemp("mesh"), 300, **settings) as running:
        yield running
