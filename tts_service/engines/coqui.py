"""Coqui: XTTS, VITS, and, with a vocoder, Tacotron2 and its relatives. https://github.com/idiap/coqui-ai-TTS

A sentence is one piece, except with XTTS, which streams within the sentence. If the model tells how long each letter or
phoneme lasts, the times of words come from that: from the durations of VITS or the attention of Tacotron2.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from common.engine_info import EngineDescription
from common.errors import EngineError
from tts_service.config import TtsSettings
from tts_service.engine import EngineAudio, EngineVoice, EngineWord
from tts_service.engines.torch_runtime import explained, usable_device
from tts_service.text.clauses import ClauseSplitter, has_words

if TYPE_CHECKING:
    from tts_service.engines.coqui_models import CoquiModel

_EXTRA = "tts-coqui"
_DEFAULT_MODEL = "tts_models/en/ljspeech/tacotron2-DDC"
_HUB_IDS = {"coqui/XTTS-v2": "tts_models/multilingual/multi-dataset/xtts_v2"}  # → the name in Coqui's own list
# At INFO, this logger writes the spoken text, and at WARNING the letters in it that are unknown.
logging.getLogger("TTS").setLevel(logging.ERROR)


class CoquiTts:
    """The Coqui engine. model_name: `tts_models/LANGUAGE/DATASET/MODEL`, or a folder; see coqui_files.py."""

    def __init__(self, settings: TtsSettings, model_name: str) -> None:
        self._settings = settings
        self._model_name = _HUB_IDS.get(model_name, model_name or _DEFAULT_MODEL)
        self._device = settings.tts_device
        self._model: CoquiModel | None = None
        self._voices: dict[str, tuple[EngineVoice, str | None, str | None]] = {}
        self._lock = threading.Lock()  # the models keep their state in attributes

    def load(self) -> None:
        with explained(self._model_name, _EXTRA):
            from tts_service.engines.coqui_files import find_files
            from tts_service.engines.coqui_models import load_model

            self._device = usable_device(self._settings.tts_device)
            files = find_files(self._model_name, self._settings.models_cache_dir)
            self._model = load_model(files, self._device, self._lock)
            self._voices = {voice[0].id: voice for voice in _voices(self._model_name, self._model)}
        if not self._voices:
            raise EngineError(f"{self._model_name} has no voices; put its speakers_xtts.pth beside the model")

    def describe(self) -> EngineDescription:
        languages = tuple(dict.fromkeys(voice.language for voice in self.voices()))
        return EngineDescription("coqui", self._model_name, self._device or "cpu", "float32", languages)

    def voices(self) -> Sequence[EngineVoice]:
        return [voice for voice, _, _ in self._voices.values()]

    def synthesize(self, text: str, *, voice: EngineVoice, speed: float, language: str) -> Iterator[EngineAudio]:
        """One piece for each sentence of `text`; several with XTTS."""
        assert self._model is not None  # noqa: S101  # loaded
        _, speaker, model_language = self._voices[voice.id]
        splitter = ClauseSplitter(eager=False)
        for clause in [*splitter.push(text), *splitter.finish()]:
            if not has_words(clause.text):
                continue
            with explained(self._model_name, _EXTRA):
                for piece in self._model.speak(clause.text, speaker, model_language, speed):
                    yield _moved(piece, clause.text_start)

    def close(self) -> None:
        self._model = None


def _voices(model_name: str, model: CoquiModel) -> Iterator[tuple[EngineVoice, str | None, str | None]]:
    """Each voice in each language, with the model's names for the speaker and for the language; None if the model has
    only one."""
    parts = model_name.rstrip("/").split("/")
    own_name = parts[2] if parts[0] == "tts_models" else parts[-1]
    languages: Sequence[str | None] = model.languages or [None]
    speakers: Sequence[str | None] = model.speakers or [None]
    for language in sorted(languages, key=lambda name: name != "en"):
        tag = _tag(language or (parts[1] if parts[0] == "tts_models" else model.only_language))
        for speaker in speakers:
            name = (speaker or own_name).strip()
            voice_id = f"{tag}:{name}" if len(languages) > 1 else name
            yield EngineVoice(voice_id, name, tag, model.sample_rate_hz), speaker, language


def _tag(language: str) -> str:
    """The BCP-47 tag for Coqui's name of a language."""
    first, *rest = language.replace("_", "-").split("-")
    return "-".join([first.lower(), *(part.upper() if len(part) == 2 else part for part in rest)])


def _moved(piece: EngineAudio, by: int) -> EngineAudio:
    """`piece`, with its words' places in the text increased by `by` characters."""
    words = tuple(
        EngineWord(word.text_start + by, word.text_end + by, word.start_sample, word.end_sample)
        for word in piece.words or ()
    )
    return EngineAudio(piece.pcm, words, piece.timing_estimated)
