"""Kyutai's pocket-tts: a small model (the English one has 100 million weights) that a CPU runs faster than real time.

The model is `kyutai/pocket-tts` (English), `kyutai/pocket-tts:LANGUAGE` with a language that the package knows
(`french_24l`), or a folder with `config.yaml` and `voices/`. The times of words are a guess.
https://github.com/kyutai-labs/pocket-tts
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from common.engine_info import EngineDescription
from common.errors import EngineError
from common.models import fetch_model
from tts_service.config import TtsSettings
from tts_service.engine import EngineAudio, EngineVoice, EngineWord
from tts_service.engines.pieces import PieceMaker, paced_words
from tts_service.engines.torch_runtime import explained, usable_device
from tts_service.text.clauses import ClauseSplitter, has_words

logging.getLogger("pocket_tts").setLevel(logging.WARNING)  # at INFO it logs every sentence

_EXTRA = "tts-pocket"
_DEFAULT_MODEL = "kyutai/pocket-tts"
_DEFAULT_LANGUAGE = "english"
_DEFAULT_VOICE = "alba"  # used in Kyutai's own examples
_TAGS = {
    "english": "en",
    "french": "fr",
    "german": "de",
    "italian": "it",
    "portuguese": "pt",
    "spanish": "es",
    "dutch": "nl",
}


class PocketTts:
    """The pocket-tts engine. Several replies may use the model at once.

    The package calls generate_audio_stream "NOT thread-safe". But in 4.0.1 a generation changes only the voice's state,
    of which each call gets a copy. The package's upper bound in pyproject.toml keeps it so.

    model_name: see above; "" means `kyutai/pocket-tts`.
    """

    def __init__(self, settings: TtsSettings, model_name: str) -> None:
        self._settings = settings
        self._model_name = model_name or _DEFAULT_MODEL
        self._device = settings.tts_device
        self._model: Any = None
        self._tag = "en"
        self._voices: dict[str, EngineVoice] = {}
        self._states: dict[str, Any] = {}  # the model's state for each voice, made when the voice is first used
        self._loading = threading.Lock()

    def load(self) -> None:
        with explained(self._model_name, _EXTRA):
            from pocket_tts import TTSModel

            self._device = usable_device(self._settings.tts_device)
            config, language = self._config()
            self._tag = _TAGS.get(language.partition("_")[0], "en")
            self._model = TTSModel.load_model(config=str(config)).to(self._device)
            self._voices = {
                name: EngineVoice(name, name.replace("_", " ").title(), self._tag, int(self._model.sample_rate))
                for name in self._voice_names()
            }
            if not self._voices:
                raise EngineError(f"{self._model_name} has no voices; put some (.safetensors or .wav) in its voices/")
            self._state(next(iter(self._voices)))  # the others are made when they are first used

    def describe(self) -> EngineDescription:
        languages = (self._tag,) if self._voices else ()
        return EngineDescription("pocket-tts", self._model_name, self._device or "cpu", "float32", languages)

    def voices(self) -> Sequence[EngineVoice]:
        return list(self._voices.values())

    def synthesize(self, text: str, *, voice: EngineVoice, speed: float, language: str) -> Iterator[EngineAudio]:
        """A piece for one or a few frames of the model, 80 ms each. `language` is ignored, because the model has only
        one."""
        splitter = ClauseSplitter(eager=False)
        for clause in [*splitter.push(text), *splitter.finish()]:
            if has_words(clause.text):
                yield from self._say(clause.text, clause.text_start, voice, speed)

    def close(self) -> None:
        self._model = None
        self._states.clear()

    def _say(self, sentence: str, text_start: int, voice: EngineVoice, speed: float) -> Iterator[EngineAudio]:
        pieces = PieceMaker(voice.sample_rate_hz, speed, estimated=True)
        pieces.tell(
            EngineWord(w.text_start + text_start, w.text_end + text_start, w.start_sample, w.end_sample)
            for w in paced_words(sentence, voice.sample_rate_hz)
        )
        stop = threading.Event()  # the package makes audio in advance, in threads of its own
        try:
            with explained(self._model_name, _EXTRA):
                stream = self._model.generate_audio_stream(self._state(voice.id), sentence, stop=stop)
                with closing(stream):
                    for audio in stream:
                        if (piece := pieces.add(np.asarray(audio.detach().cpu(), np.float32).reshape(-1))) is not None:
                            yield piece
            yield pieces.finish()
        finally:
            stop.set()

    def _config(self) -> tuple[Path, str]:
        """The model's configuration file, and the model's language. Unless the model is a folder, its files are fetched
        into MODELS_CACHE_DIR."""
        folder = Path(self._model_name)
        if folder.is_dir():
            return folder / "config.yaml", _DEFAULT_LANGUAGE
        from pocket_tts.utils.config import CONFIGS_DIR

        language = self._model_name.partition(":")[2] or _DEFAULT_LANGUAGE
        config = CONFIGS_DIR / f"{language}.yaml"
        if not config.is_file():
            known = ", ".join(sorted(path.stem for path in CONFIGS_DIR.glob("*.yaml")))
            raise EngineError(f"TTS_MODEL_NAME={self._model_name}: pocket-tts knows no {language}; it knows {known}")
        return _local(config, self._settings.models_cache_dir), language

    def _voice_names(self) -> list[str]:
        folder = Path(self._model_name) / "voices"
        if folder.is_dir():
            return sorted(path.stem for path in folder.iterdir() if path.suffix in (".safetensors", ".wav"))
        from pocket_tts.utils.utils import _ORIGINS_OF_PREDEFINED_VOICES

        return sorted(_ORIGINS_OF_PREDEFINED_VOICES, key=lambda name: name != _DEFAULT_VOICE)

    def _state(self, name: str) -> Any:
        with self._loading:
            if name not in self._states:
                self._states[name] = self._model.get_state_for_audio_prompt(self._voice_file(name))
            return self._states[name]

    def _voice_file(self, name: str) -> Path:
        folder = Path(self._model_name) / "voices"
        if folder.is_dir():
            return next(path for path in sorted(folder.glob(f"{name}.*")))
        from pocket_tts.utils.utils import get_predefined_voice

        language = self._model_name.partition(":")[2] or _DEFAULT_LANGUAGE
        return _fetched(get_predefined_voice(language, name), self._settings.models_cache_dir)


def _local(config: Path, cache_dir: Path) -> Path:
    """A copy of `config` that refers to local files, which are fetched into MODELS_CACHE_DIR."""
    import yaml

    told: dict[str, Any] = yaml.safe_load(config.read_text(encoding="utf-8"))
    told["weights_path"] = str(_fetched(told["weights_path_without_voice_cloning"], cache_dir))
    told["weights_path_without_voice_cloning"] = None
    table = told["flow_lm"]["lookup_table"]
    table["tokenizer_path"] = str(_fetched(table["tokenizer_path"], cache_dir))
    local = cache_dir / "pocket-tts" / config.name
    local.parent.mkdir(parents=True, exist_ok=True)
    local.write_text(yaml.safe_dump(told), encoding="utf-8")
    return local


def _fetched(address: str, cache_dir: Path) -> Path:
    """The local file of hf://OWNER/NAME/PATH@REVISION, downloaded if necessary."""
    owner, name, path = address.removeprefix("hf://").split("/", 2)
    path, _, revision = path.partition("@")
    return fetch_model(f"{owner}/{name}", cache_dir, revision=revision or None, only=[path]) / path
