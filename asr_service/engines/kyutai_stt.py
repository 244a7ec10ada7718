"""Kyutai's speech-to-text models by transformers: `kyutai/stt-2.6b-en-trfs` and `kyutai/stt-1b-en_fr-trfs`.

The model hears 24 kHz audio in frames of 80 ms and writes one text token for each frame: mostly padding, a mark before
each word, and then the word's pieces. It writes with a delay (0.5 or 2.5 s, set in the checkpoint), so the library adds
silence after the audio, a second more than the delay. It adds a prefix of silence before the audio, too. A word begins
at the frame of its mark (without a mark: of its first token), less the delay and the prefix. The model doesn't say
where a word ends: we assume that it lasts until the next word begins, but at most until 0.5 s after its last token. The
confidence of a word is the mean probability of its tokens.

The model is causal. In a batch, shorter utterances get silence at the end, and tokens beyond an utterance's own frames
are dropped. So each utterance gets the same words as alone.

torch is imported only when the model is loaded, since some versions of it crash the process: see `asr_service.probe`.
Source: Zeghidour et al., "Streaming Sequence-to-Sequence Learning with Delayed Streams Modeling", 2025, and
https://huggingface.co/docs/transformers/model_doc/kyutai_speech_to_text
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from asr_service.audio import ENGINE_RATE_HZ, Audio
from asr_service.config import AsrSettings
from asr_service.engine import DecodeOptions, Request, Transcript
from asr_service.engines.kyutai_words import MODEL_RATE_HZ, Frames, transcript
from common.engine_info import EngineDescription
from common.errors import EngineError, InvalidInputError
from common.models import fetch_model

logger = logging.getLogger(__name__)

DEFAULT_MODEL = "kyutai/stt-2.6b-en-trfs"
FILES = ("*.json", "*.safetensors")
_SHORTEST = ENGINE_RATE_HZ // 10
_LONGEST = 50 * ENGINE_RATE_HZ  # longer audio is cut: including prefix and delay, the model can take 60 s
_CUT_WITHIN = 10 * ENGINE_RATE_HZ
_QUIET = ENGINE_RATE_HZ // 5
_BATCH = 8


class KyutaiStt:
    """An AsrEngine and a BatchingEngine; see `asr_service.engine`."""

    def __init__(self, settings: AsrSettings) -> None:
        self._settings = settings
        self._name = settings.asr_model_name or DEFAULT_MODEL
        self._model: Any = None
        self._processor: Any = None
        self._device = settings.asr_device
        self._dtype = ""
        self._lock = threading.Lock()  # a run leaves state in the model's codec, so only one may run at a time

    def fetch(self) -> Path:
        """The folder with the weights, downloaded if they are not here. Raises EngineError if that fails."""
        if Path(self._name).is_dir():
            return Path(self._name)
        model_id = self._name if self._name.endswith("-trfs") else f"{self._name}-trfs"
        revision = self._settings.asr_model_revision or None
        return fetch_model(model_id, self._settings.models_cache_dir, revision=revision, only=FILES)

    def load(self) -> None:
        folder = self.fetch()
        try:
            import torch
            from transformers import KyutaiSpeechToTextForConditionalGeneration, KyutaiSpeechToTextProcessor
        except ImportError as error:
            raise EngineError(
                f"ASR_MODEL_NAME={self._name} needs packages that are not installed ({error}): "
                "install deploy/locks/asr-kyutai.txt"
            ) from error
        self._device = self._settings.asr_device or ("cuda" if torch.cuda.is_available() else "cpu")
        self._dtype = self._choose_dtype()
        try:
            self._processor = KyutaiSpeechToTextProcessor.from_pretrained(folder)
            model = KyutaiSpeechToTextForConditionalGeneration.from_pretrained(
                folder, dtype=getattr(torch, self._dtype), low_cpu_mem_usage=True
            )
            self._model = model.to(self._device).eval()
        except Exception as error:  # transformers, safetensors and torch have errors of their own
            raise EngineError(f"ASR_MODEL_NAME={self._name} can't be loaded on {self._device}: {error}") from error

    def describe(self) -> EngineDescription:
        device = "cuda:0" if self._device == "cuda" else self._device
        return EngineDescription("kyutai-stt", self._name, device, self._dtype, self._languages())

    def transcribe(self, audio: Audio, options: DecodeOptions) -> Transcript:
        return self.transcribe_batch([(audio, options)])[0]

    def transcribe_batch(self, requests: Sequence[Request]) -> list[Transcript]:
        if self._model is None:
            raise EngineError("the speech recognition model is not loaded")
        if any(options.translate for _, options in requests):
            raise InvalidInputError(f"{self._name} can't translate; set ASR_MODEL_NAME to a multilingual Whisper")
        pieces = [
            (index, begin, audio[begin:end])
            for index, (audio, options) in enumerate(requests)
            if len(audio) >= _SHORTEST and not options.is_cancelled()
            for begin, end in _cut(audio)
        ]
        heard: list[list[tuple[int, Frames]]] = [[] for _ in requests]
        for first in range(0, len(pieces), _BATCH):
            batch = pieces[first : first + _BATCH]
            checks = [requests[index][1].is_cancelled for index, _, _ in batch]
            try:
                with self._lock:
                    frames = self._generate([piece for _, _, piece in batch], checks)
            except RuntimeError as error:
                raise EngineError(f"the speech recognition model failed on {self._device}: {error}") from error
            for (index, begin, _), of_piece in zip(batch, frames, strict=True):
                heard[index].append((begin, of_piece))
        languages = self._languages()
        language = languages[0] if len(languages) == 1 else ""
        return [
            Transcript() if options.is_cancelled() else transcript(parts, self._processor.tokenizer, language)
            for parts, (_, options) in zip(heard, requests, strict=True)
        ]

    def close(self) -> None:
        self._model = self._processor = None

    def _generate(self, audios: Sequence[Audio], checks: Sequence[Any]) -> list[Frames]:
        """The model's output for each piece of audio: a token for each frame of 80 ms of the piece and its silence."""
        import torch
        from transformers import StoppingCriteria, StoppingCriteriaList

        class Cancelled(StoppingCriteria):  # type: ignore[misc, unused-ignore]  # transformers may not be here
            def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
                return torch.tensor([check() for check in checks], device=input_ids.device)

        extractor, frame = self._processor.feature_extractor, self._model.config.frame_size
        resampled = [np.asarray(soxr.resample(audio, ENGINE_RATE_HZ, MODEL_RATE_HZ), np.float32) for audio in audios]
        inputs = extractor(resampled, sampling_rate=MODEL_RATE_HZ, return_tensors="pt")
        values = inputs["input_values"].to(self._device, self._model.dtype)
        values = torch.nn.functional.pad(values, (0, -values.shape[-1] % frame))
        with torch.inference_mode():
            made = self._model.generate(
                input_values=values,
                do_sample=False,
                return_dict_in_generate=True,
                output_logits=True,
                stopping_criteria=StoppingCriteriaList([Cancelled()]),
            )
        steps = len(made.logits)
        tokens = made.sequences[:, -steps:]
        logits = torch.stack(made.logits, dim=1).float()
        chances = logits.log_softmax(-1).gather(-1, tokens.unsqueeze(-1)).squeeze(-1).exp()
        prefix, delay = extractor.audio_silence_prefix_seconds, extractor.audio_delay_seconds
        return [
            Frames(
                tokens=tuple(tokens[i].tolist())[: _frames_of(len(audio), prefix + delay + 1.0, frame)],
                chances=tuple(chances[i].tolist()),
                late_s=prefix + delay + frame / MODEL_RATE_HZ,  # a step comes one frame after the audio that it hears
                padding=self._model.config.pad_token_id,
                samples=len(audios[i]),
            )
            for i, audio in enumerate(resampled)
        ]

    def _choose_dtype(self) -> str:
        wanted = self._settings.asr_dtype
        taken = "bfloat16" if self._device.startswith("cuda") and wanted != "float32" else "float32"
        if wanted != taken:
            logger.info("ASR_DTYPE=%s: Kyutai's models use %s on %s", wanted, taken, self._device)
        return taken

    def _languages(self) -> tuple[str, ...]:
        """The languages in the model's name, such as `…-en_fr-trfs`; English if it names none."""
        named = self._name.removesuffix("-trfs").rpartition("-")[2].split("_")
        return tuple(named) if all(len(tag) == 2 for tag in named) else ("en",)


def _frames_of(samples: int, more_s: float, frame: int) -> int:
    return -(-(samples + int(more_s * MODEL_RATE_HZ)) // frame)


def _cut(audio: Audio) -> list[tuple[int, int]]:
    """Cut audio that is too long for one run into [begin, end) pieces. Each cut is at the quietest moment of the
    last ten seconds before the limit."""
    cuts, begin = [], 0
    while len(audio) - begin > _LONGEST:
        start = begin + _LONGEST - _CUT_WITHIN
        loudness = np.convolve(audio[start : begin + _LONGEST] ** 2, np.ones(_QUIET, np.float32), "valid")
        end = start + int(loudness.argmin()) + _QUIET // 2
        cuts.append((begin, end))
        begin = end
    return [*cuts, (begin, len(audio))]
