"""Kokoro-82M: one small model with voices of nine languages and accents, on ONNX Runtime.

The speech of a text comes sentence by sentence. The times of words come from the phonemes' lengths.
https://huggingface.co/hexgrad/Kokoro-82M
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.engine_info import EngineDescription
from common.errors import EngineError
from tts_service.config import TtsSettings
from tts_service.engine import EngineAudio, EngineVoice
from tts_service.engines.kokoro_files import KOKORO, fetch, read_voices
from tts_service.engines.kokoro_model import SAMPLE_RATE_HZ, KokoroModel
from tts_service.engines.kokoro_phonemes import CHINESE, JAPANESE, KokoroPhonemizer
from tts_service.engines.onnx_sessions import usable_device
from tts_service.engines.sentence import GAP_S, phoneme_spans, spoken

# First letter of a voice's name → (BCP-47 tag, `voice` of KokoroPhonemizer).
LANGUAGES = {
    "a": ("en-US", "en-us"),
    "b": ("en-GB", "en"),
    "e": ("es", "es"),
    "f": ("fr-FR", "fr"),
    "h": ("hi", "hi"),
    "i": ("it", "it"),
    "j": ("ja", JAPANESE),
    "p": ("pt-BR", "pt-br"),
    "z": ("zh-CN", CHINESE),
}
# If these voices speak a phrase on its own, Whisper base mishears a third to a half of its words.
_WHOLE_SENTENCES = {"ff_siwis"}
# The default voices of American and of British English (the best by the maker's own grades) and of Japanese (Whisper
# understands it best). In any other language, the default is the voice whose name comes first in the alphabet.
_BEST = ("af_heart", "bf_emma", "jf_tebukuro")


@dataclass(frozen=True, slots=True)
class _Voice:
    """A voice, its style (shape (510, 256)), and the `voice` of KokoroPhonemizer that makes its phonemes."""

    voice: EngineVoice
    style: NDArray[np.float32]
    espeak: str


class KokoroTts:
    """The Kokoro engine. model_name: see `kokoro_files`; "" means `hexgrad/Kokoro-82M`."""

    def __init__(self, settings: TtsSettings, model_name: str) -> None:
        self._model_name = model_name or KOKORO
        self._device = settings.tts_device
        self._cache_dir = settings.models_cache_dir
        self._model: KokoroModel | None = None
        self._phonemize: KokoroPhonemizer | None = None
        self._voices: dict[str, _Voice] = {}

    def fetch(self) -> tuple[Path, Path]:
        """The files of the model and of its voices, joined or downloaded if necessary. Raises EngineError."""
        return fetch(self._model_name, self._cache_dir)

    def load(self) -> None:
        self._device = usable_device(self._device)
        model, voices = self.fetch()
        self._phonemize = KokoroPhonemizer()
        self._voices = {
            name: _Voice(_voice(name), style, LANGUAGES[name[0]][1])
            for name, style in sorted(read_voices(voices).items(), key=lambda item: (item[0] not in _BEST, item[0]))
            if name[0] in LANGUAGES
        }
        if not self._voices:
            raise EngineError(
                f"there is no voice in {voices} that this engine can use; download {self._model_name} anew"
            )
        try:
            self._model = KokoroModel(model, use_cuda=self._device.startswith("cuda"))
        except Exception as error:  # ONNX Runtime's errors have no common base
            raise EngineError(f"cannot load the Kokoro model {model}: {error}; is the file complete?") from error

    def describe(self) -> EngineDescription:
        languages = tuple(dict.fromkeys(voice.language for voice in self.voices()))
        return EngineDescription("kokoro", self._model_name, self._device or "cpu", "int8", languages)

    def voices(self) -> Sequence[EngineVoice]:
        return [voice.voice for voice in self._voices.values()]

    def synthesize(self, text: str, *, voice: EngineVoice, speed: float, language: str) -> Iterator[EngineAudio]:
        """A piece for each sentence that the phonemizer finds in `text`. `language` is ignored, because each voice has
        its own."""
        if self._model is None or self._phonemize is None:
            raise EngineError("the Kokoro model is not loaded")
        chosen = self._voices[voice.id]
        phonemize = partial(self._phonemize, voice=chosen.espeak)
        sentences = phonemize(text)
        words, trusted = phoneme_spans(phonemize, text, sentences)
        first = 0  # first phoneme of the sentence, counted from the beginning of the text
        for phonemes in sentences:
            last = first + len(phonemes)
            here = [
                (span, begin - first, min(end, last) - first) for span, (begin, end) in words if first <= begin <= last
            ]
            sentence = self._model.speak(phonemes, chosen.style, speed)
            yield from spoken(sentence, phonemes, here, SAMPLE_RATE_HZ, trusted=trusted, gap_s=GAP_S if first else 0.0)
            first = last + 1  # the space between sentences

    def close(self) -> None:
        self._model = None


def _voice(name: str) -> EngineVoice:
    """The voice for a name: `ef_dora` is Spanish (e), and is called Dora."""
    language, _ = LANGUAGES[name[0]]
    return EngineVoice(name, name[3:].title(), language, SAMPLE_RATE_HZ, name in _WHOLE_SENTENCES)
