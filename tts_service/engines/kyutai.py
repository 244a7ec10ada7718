"""Kyutai TTS: a language model over audio tokens that takes text as it arrives. https://github.com/kyutai-labs/moshi

The model is `kyutai/tts-1.6b-en_fr`, another of its kind, or a folder with the files of such a model. The voices are
those in the folder's `voices/`; without that, some of Kyutai's are downloaded. The model speaks English and French. The
times of words come from the model, which requests each word just before it speaks the word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from common.engine_info import EngineDescription
from common.errors import EngineError
from common.models import fetch_model
from tts_service.config import TtsSettings
from tts_service.engine import EngineAudio, EngineVoice
from tts_service.engines.torch_runtime import explained, usable_device
from tts_service.text.text_stream import SpeechStream

if TYPE_CHECKING:
    from tts_service.engines.kyutai_batch import KyutaiBatch

_EXTRA = "tts-kyutai"
_DEFAULT_MODEL = "kyutai/tts-1.6b-en_fr"
_VOICES_REPO = "kyutai/tts-voices"
# Of the repository's thousands of voices, those that were made for conversation, and some French ones.
# https://huggingface.co/kyutai/tts-voices
_VOICE_FOLDERS = ("expresso", "alba-mackenna", "unmute-prod-website", "vctk", "cml-tts/fr")
_DEFAULT_VOICE = "expresso/ex03-ex01_happy_001_channel1_334s.wav"  # used in Kyutai's own examples


class KyutaiTts:
    """The Kyutai TTS engine; also a StreamingTextEngine. It speaks up to TTS_MAX_STREAMS replies at once, as a batch.

    model_name: see above; "" means `kyutai/tts-1.6b-en_fr`.
    """

    def __init__(self, settings: TtsSettings, model_name: str) -> None:
        self._settings = settings
        self._model_name = model_name or _DEFAULT_MODEL
        self._device = settings.tts_device
        self._dtype = ""
        self._batch: KyutaiBatch | None = None
        self._voices: dict[str, tuple[EngineVoice, Path]] = {}

    def load(self) -> None:
        with explained(self._model_name, _EXTRA):
            from tts_service.engines.kyutai_batch import KyutaiBatch, load_model

            self._device = usable_device(self._settings.tts_device)
            model = load_model(self._folder(), self._device)
            self._dtype = str(model.lm.dtype).removeprefix("torch.")
            found = _voices(self._voices_folder(model.voice_suffix), model.voice_suffix, model.mimi.sample_rate)
            self._voices = {voice.id: (voice, path) for voice, path in found}
            if not self._voices:
                raise EngineError(f"no voices for {self._model_name}: there is no file *{model.voice_suffix}")
            self._batch = KyutaiBatch(model, self._settings.tts_max_streams, found[0][1])

    def describe(self) -> EngineDescription:
        languages = tuple(dict.fromkeys(voice.language for voice in self.voices()))
        return EngineDescription("kyutai", self._model_name, self._device or "cpu", self._dtype, languages)

    def voices(self) -> Sequence[EngineVoice]:
        return [voice for voice, _ in self._voices.values()]

    def start(self, *, voice: EngineVoice, speed: float, language: str) -> SpeechStream:
        """Begin a reply; its text follows. `language` is ignored, because the model takes it from the text."""
        assert self._batch is not None  # noqa: S101  # loaded
        with explained(self._model_name, _EXTRA):
            return self._batch.start(self._voices[voice.id][1], speed)

    def synthesize(self, text: str, *, voice: EngineVoice, speed: float, language: str) -> Iterator[EngineAudio]:
        """One piece for each frame of the model (80 ms)."""
        with closing(self.start(voice=voice, speed=speed, language=language)) as stream:
            stream.push(text)
            stream.finish()
            while (piece := stream.next()) is not None:
                if piece.pcm.size:
                    yield piece

    def close(self) -> None:
        self._batch = None

    def _folder(self) -> Path:
        given = Path(self._model_name)
        return given if given.is_dir() else fetch_model(self._model_name, self._settings.models_cache_dir)

    def _voices_folder(self, suffix: str) -> Path:
        own = Path(self._model_name) / "voices"
        if own.is_dir():
            return own
        wanted = [f"{folder}/*{suffix}" for folder in _VOICE_FOLDERS]
        return fetch_model(_VOICES_REPO, self._settings.models_cache_dir, only=wanted)


def _voices(folder: Path, suffix: str, sample_rate_hz: int) -> list[tuple[EngineVoice, Path]]:
    """The voices under `folder` that were made for this model. They are named after the recordings that they come
    from."""
    found = []
    for path in folder.rglob(f"*{suffix}"):
        name = path.relative_to(folder).as_posix().removesuffix(suffix)
        language = "fr" if "/fr/" in f"/{name}" else "en"
        voice = EngineVoice(
            name, name.removesuffix(".wav").replace("/", ", ").replace("_", " "), language, sample_rate_hz
        )
        found.append((voice, path))
    return sorted(found, key=lambda pair: (pair[0].id != _DEFAULT_VOICE, pair[0].language != "en", pair[0].id))
