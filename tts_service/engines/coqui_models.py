"""The models behind the Coqui engine. Each speaks one sentence at a time."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from itertools import accumulate
from textwrap import wrap
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from TTS.utils.synthesizer import Synthesizer

from tts_service.engine import EngineAudio, EngineWord
from tts_service.engines.coqui_files import CoquiFiles
from tts_service.engines.phoneme_alignment import align_words
from tts_service.engines.pieces import PieceMaker, paced_words
from tts_service.engines.silence import trim_silence
from tts_service.engines.tempo import Tempo
from tts_service.text.words import estimate_words, written_words

_UNSPOKEN_S = 0.1  # silence for each word of a sentence whose letters are all unknown to the model


class CoquiModel(Protocol):
    """A loaded model.

    speakers, languages: the model's names for them; empty if it has only one. only_language: the language of a model
    with a single one, from its config.
    """

    sample_rate_hz: int
    speakers: Sequence[str]
    languages: Sequence[str]
    only_language: str

    def speak(self, sentence: str, speaker: str | None, language: str | None, speed: float) -> Iterator[EngineAudio]:
        """The speech of `sentence`. speaker, language: None if the model has only one."""
        ...


def load_model(files: CoquiFiles, device: str, lock: threading.Lock) -> CoquiModel:
    """Load the model in `files` onto `device`. The model holds `lock` while it works."""
    config = files.config.read_text(encoding="utf-8")
    is_xtts = '"xtts"' in config
    synthesizer = Synthesizer(
        tts_checkpoint=files.model.parent if is_xtts else files.model,
        tts_config_path=files.config,
        vocoder_checkpoint=files.vocoder,
        vocoder_config=files.vocoder_config,
    ).to(device)
    return XttsModel(synthesizer, lock) if is_xtts else SentenceModel(synthesizer, lock)


class SentenceModel:
    """VITS, Tacotron2, …: models that make a whole sentence at once."""

    def __init__(self, synthesizer: Any, lock: threading.Lock) -> None:
        self._synthesizer = synthesizer
        self._model = synthesizer.tts_model
        self._lock = lock
        self.sample_rate_hz = int(synthesizer.output_sample_rate)
        self.speakers: Sequence[str] = _names(getattr(self._model, "speaker_manager", None))
        self.languages: Sequence[str] = _names(getattr(self._model, "language_manager", None))
        config = synthesizer.tts_config
        self.only_language = str(config.get("phoneme_language") or "en")
        self._usual_length = getattr(self._model, "length_scale", None)  # VITS's parameter for the tempo

    def speak(self, sentence: str, speaker: str | None, language: str | None, speed: float) -> Iterator[EngineAudio]:
        """One piece."""
        with self._lock, torch.inference_mode():
            made = self._make(sentence, speaker, language, speed)
            words = written_words(sentence)
            alone = [self._symbols(self._ids(sentence[start:end], language)) for start, end in words]
        rate = self.sample_rate_hz
        if made is None:
            pcm = np.zeros(round(_UNSPOKEN_S * rate) * len(words), np.float32)
            yield EngineAudio(pcm, estimate_words(sentence, len(pcm)), timing_estimated=True)
            return
        pcm, symbols, frames = made
        spans, trusted = align_words(symbols, alone)
        begins = [frame * len(pcm) // max(1, sum(frames)) for frame in accumulate(frames, initial=0)]
        trimmed, cut = trim_silence(pcm, rate)
        stretch = 1.0
        if self._usual_length is None:
            stretch = 1 / speed
            tempo = Tempo(rate, speed)
            trimmed = np.concatenate([tempo.push(trimmed), tempo.finish()])
        places = [[round((begins[place] - cut) * stretch) for place in span] for span in spans]
        yield EngineAudio(trimmed, _in_order(words, places, len(trimmed)), timing_estimated=not trusted)

    def _ids(self, text: str, language: str | None) -> list[int]:
        ids: list[int] = self._model.tokenizer.text_to_ids(text, language=language or self._default_language())
        return ids

    def _default_language(self) -> str | None:
        manager = self._model.language_manager
        return str(manager.language_names[0]) if manager.num_languages == 1 else None

    def _symbols(self, ids: Sequence[int]) -> list[str]:
        return [self._model.tokenizer.characters.id_to_char(number) for number in ids]

    def _make(
        self, sentence: str, speaker: str | None, language: str | None, speed: float
    ) -> tuple[NDArray[np.float32], list[str], list[int]] | None:
        """(samples, letters or phonemes, frames that each of these lasts); None if there are no letters."""
        if not any(symbol.isalpha() for symbol in self._symbols(self._ids(sentence, language))):
            return None
        if self._usual_length is not None:
            self._model.length_scale = self._usual_length / speed
        has_vocoder = self._synthesizer.vocoder_model is not None
        made = self._model.synthesize(
            text=sentence, speaker=speaker, language=language, use_griffin_lim=not has_vocoder
        )
        outputs = made["outputs"]
        if has_vocoder:
            device = next(self._synthesizer.vocoder_model.parameters()).device
            wave = self._synthesizer._run_vocoder(outputs["model_outputs"][0], device)
        else:
            wave = made["wav"]
        pcm = np.asarray(torch.as_tensor(wave).cpu().squeeze(), np.float32)
        symbols = self._symbols(made["text_inputs"][0].tolist())
        return np.clip(pcm, -1.0, 1.0), symbols, _frames(outputs, len(symbols))


class XttsModel:
    """XTTS: a language model over audio tokens, decoded as they arrive. The times of its words are a guess."""

    def __init__(self, synthesizer: Any, lock: threading.Lock) -> None:
        self._model = synthesizer.tts_model
        self._lock = lock
        self.sample_rate_hz = int(synthesizer.output_sample_rate)
        manager = self._model.speaker_manager
        self.speakers: Sequence[str] = list(manager.speaker_names) if manager else []
        self.languages: Sequence[str] = list(self._model.config.languages)
        self.only_language = "en"

    def speak(self, sentence: str, speaker: str | None, language: str | None, speed: float) -> Iterator[EngineAudio]:
        """One piece for about a second of speech.

        XTTS's own speed is not used, because XTTS fails on the short last part of a fast sentence.
        """
        pieces = PieceMaker(self.sample_rate_hz, speed, estimated=True)
        pieces.tell(paced_words(sentence, self.sample_rate_hz))
        limit = self._model.tokenizer.char_limits.get((language or "en").split("-")[0], 200)
        for part in wrap(sentence, limit):
            with closing(self._stream(part, speaker, language)) as stream:
                for pcm in stream:
                    if (piece := pieces.add(pcm)) is not None:
                        yield piece
        yield pieces.finish()

    def _stream(
        self, sentence: str, speaker: str | None, language: str | None
    ) -> Generator[NDArray[np.float32], None, None]:
        """Raw audio. Other replies may use the model between two pieces, so each reply sets its own prompt again before
        a piece."""
        voice = self._model.speaker_manager.speakers[speaker]
        gpt = self._model.gpt.gpt_inference
        stream = self._model.inference_stream(
            sentence,
            language,
            voice["gpt_cond_latent"],
            voice["speaker_embedding"],
        )
        prompt = None
        with closing(stream):
            while True:
                with self._lock:
                    gpt.cached_prefix_emb = prompt
                    audio = next(stream, None)
                    prompt = gpt.cached_prefix_emb
                if audio is None:
                    return
                yield np.asarray(audio.cpu(), np.float32).reshape(-1)


def _names(manager: Any) -> list[str]:
    """The names that a speaker or language manager has; empty if there is only one."""
    found = list(getattr(manager, "name_to_id", None) or {})
    return found if len(found) > 1 else []


def _frames(outputs: Any, symbols: int) -> list[int]:
    """How many of the model's frames each symbol lasts."""
    if "durations" in outputs:  # VITS: (1, 1, symbols)
        return [int(frames) for frames in outputs["durations"].reshape(-1).tolist()]
    attended = outputs["alignments"][0].argmax(dim=-1)  # Tacotron2: (frames, symbols), a row for each decoder step
    counts: list[int] = torch.bincount(attended, minlength=symbols).tolist()
    return counts


def _in_order(
    words: Sequence[tuple[int, int]], places: Sequence[Sequence[int]], samples: int
) -> tuple[EngineWord, ...]:
    """The words with their places in the piece: one after the other, each at least one sample long."""
    timed: list[EngineWord] = []
    least = 0
    for number, ((text_start, text_end), (start, end)) in enumerate(zip(words, places, strict=True)):
        most = samples - (len(words) - number)  # leaves one sample for each word that is still to come
        start = min(max(start, least), most)
        least = min(max(end, start + 1), most + 1)
        timed.append(EngineWord(text_start, text_end, start, least))
    return tuple(timed)
