"""Several utterances through Whisper in one batch, with the results that each would have had alone.

faster-whisper decodes one recording at a time; its own BatchedInferencePipeline is for the pieces of one recording, and
leaves out what keeps Whisper from inventing text (timestamp tokens, a second try where the first was poor). Here the
usual case is batched, with the library's own parts: audio of one window, clear enough at the first pass. The rest is
handed back, to be decoded alone.

    features, padded to one window ──▶ encode ──▶ generate ──▶ align ──▶ segments with words
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ctranslate2
import numpy as np
import numpy.typing as npt
from faster_whisper import WhisperModel
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import Segment, Word, get_compression_ratio, get_suppressed_tokens

from asr_service.audio import Audio

_DEFAULTS = {
    name: parameter.default for name, parameter in inspect.signature(WhisperModel.transcribe).parameters.items()
}
_LEAST_FRAMES, _PADDING_FRAMES = 1_000, 400  # of 10 ms


@dataclass(frozen=True, slots=True)
class Piece:
    """One utterance: float32 mono at 16 kHz. More than `max_new_tokens` are a loop. `once`: never try again."""

    audio: Audio
    max_new_tokens: int
    once: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """An alignment that was made before, in the place of the encoder's output that it would be made from."""

    alignment: list[dict[str, Any]]


class ShortWindowWhisper(WhisperModel):  # type: ignore[misc]  # it has no types
    """Whisper that encodes no more padding than it needs."""

    def encode(self, features: npt.NDArray[np.float32]) -> ctranslate2.StorageView:
        """The encoder's output for log-mel spectrograms (…, bands, frames) that zeros fill up to 30 s."""
        filled = np.flatnonzero(features.any(axis=-2).reshape(-1, features.shape[-1]).any(axis=0))
        frames = max(_LEAST_FRAMES, (int(filled[-1]) + 1 if len(filled) else 0) + _PADDING_FRAMES)
        return super().encode(features[..., :frames])

    def find_alignment(
        self, tokenizer: Tokenizer, text_tokens: list[list[int]], encoder_output: Any, num_frames: Any, **options: Any
    ) -> list[list[dict[str, Any]]]:
        """The words of each text and when they are said; what was found before is taken as it is."""
        if isinstance(encoder_output, _Found):
            return [encoder_output.alignment]
        alignments: list[list[dict[str, Any]]] = super().find_alignment(
            tokenizer, text_tokens, encoder_output, num_frames, **options
        )
        return alignments


def decode_together(model: ShortWindowWhisper, pieces: Sequence[Piece], language: str) -> list[list[Segment] | None]:
    """The segments of each piece, in order, all in the same language; None: this one has to be decoded alone."""
    features = [model.feature_extractor(piece.audio)[..., :-1] for piece in pieces]
    short = [i for i, feature in enumerate(features) if feature.shape[-1] <= model.feature_extractor.nb_max_frames]
    decoded: list[list[Segment] | None] = [None] * len(pieces)
    if short:
        batch = _decode_window(model, [pieces[i] for i in short], [features[i] for i in short], language)
        for i, segments in zip(short, batch, strict=True):
            decoded[i] = segments
    return decoded


def _decode_window(
    model: ShortWindowWhisper, pieces: Sequence[Piece], features: Sequence[npt.NDArray[np.float32]], language: str
) -> list[list[Segment] | None]:
    tokenizer = Tokenizer(model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language=language)
    prompt = model.get_prompt(tokenizer, [])
    encoded = model.encode(np.stack([pad_or_trim(feature) for feature in features]))
    results = model.model.generate(
        encoded,
        [prompt] * len(pieces),
        beam_size=1,
        max_length=len(prompt) + max(piece.max_new_tokens for piece in pieces),
        return_scores=True,
        return_no_speech_prob=True,
        suppress_blank=True,
        suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
        max_initial_timestamp_index=round(_DEFAULTS["max_initial_timestamp"] / model.time_precision),
    )
    sizes = [feature.shape[-1] for feature in features]
    judged = [_judge(model, tokenizer, *each) for each in zip(pieces, results, sizes, strict=True)]
    texts = [[t for s in segments or () for t in s["tokens"] if t < tokenizer.eot] for segments in judged]
    spoken = any(texts)
    alignments = model.find_alignment(tokenizer, texts, encoded, sizes) if spoken else [[] for _ in texts]
    return [
        None if segments is None else _with_words(model, tokenizer, segments, _Found(alignment), size)
        for segments, alignment, size in zip(judged, alignments, sizes, strict=True)
    ]


def _judge(
    model: ShortWindowWhisper, tokenizer: Tokenizer, piece: Piece, result: Any, frames: int
) -> list[dict[str, Any]] | None:
    """What the first pass says, in the library's own terms; None if it would not have left it at that."""
    tokens = result.sequences_ids[0]
    log_probability = result.scores[0] * len(tokens) / (len(tokens) + 1)
    repetition = get_compression_ratio(tokenizer.decode(tokens).strip())
    unsure = log_probability < _DEFAULTS["log_prob_threshold"]
    if result.no_speech_prob > _DEFAULTS["no_speech_threshold"] and unsure:
        return []
    poor = unsure or repetition > _DEFAULTS["compression_ratio_threshold"]
    if len(tokens) >= piece.max_new_tokens or (poor and not piece.once):
        return None
    segments, _, complete = model._split_segments_by_timestamps(
        tokenizer=tokenizer,
        tokens=tokens,
        time_offset=0.0,
        segment_size=frames,
        segment_duration=frames * model.feature_extractor.time_per_frame,
        seek=0,
    )
    if not complete:  # the library would go on from where the last word ended
        return None
    for segment in segments:
        segment |= {
            "avg_logprob": log_probability,
            "compression_ratio": repetition,
            "no_speech_prob": result.no_speech_prob,
        }
    return list(segments)


def _with_words(
    model: ShortWindowWhisper, tokenizer: Tokenizer, segments: list[dict[str, Any]], found: _Found, frames: int
) -> list[Segment]:
    if segments:
        prepended = _DEFAULTS["prepend_punctuations"]
        model.add_word_timestamps([segments], tokenizer, found, frames, prepended, "", last_speech_timestamp=0.0)
    spoken = [segment for segment in segments if segment["start"] != segment["end"]]
    return [
        Segment(
            id=number,
            text=tokenizer.decode(segment["tokens"]),
            temperature=0.0,
            **{**segment, "words": [Word(**word) for word in segment["words"]]},
        )
        for number, segment in enumerate(spoken, 1)
    ]
