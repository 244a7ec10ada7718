"""Decodes several utterances with Whisper in one batch. Each gets the result that it would get alone.

faster-whisper decodes one recording at a time. Its BatchedInferencePipeline is for the pieces of one recording, and it
lacks the measures that prevent Whisper from inventing text: timestamp tokens, and a second try if the first was poor.
This module uses the library's own parts to batch the usual case: audio of one window, clear enough at the first pass.
For any other utterance it returns None, and the caller decodes that one alone. A single utterance is decoded here, too,
because only this module gets the model's expectations after the last word (`_expectation`).

    features, padded to one window ──▶ encode ──▶ generate ──▶ align ──▶ segments with words

Whisper sometimes ends its text at a pause in the middle, and says so by its timestamps. The library would then go on at
the end of the last word, which cuts off the beginning of the next one. Here the rest is decoded from the last
timestamp on.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import ctranslate2
import numpy as np
import numpy.typing as npt
from faster_whisper import WhisperModel
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import Segment, Word, get_compression_ratio, get_suppressed_tokens

from asr_service.audio import ENGINE_RATE_HZ, Audio
from asr_service.engine import Expectation

_DEFAULTS = {
    name: parameter.default for name, parameter in inspect.signature(WhisperModel.transcribe).parameters.items()
}
_LEAST_FRAMES, _PADDING_FRAMES = 1_000, 400  # frames of 10 ms
_SENTENCE_ENDS, _COMMAS, _DOTS = (*".?!。？！",), (*",;:，、；：",), ("..", "…", "-", "–", "—")
_MOST_PARTS = 4  # a piece is decoded in at most this many parts; one that needs more is decoded alone
_SHORTEST_REST = ENGINE_RATE_HZ // 5  # samples; a shorter rest has no word in it
_CONTEXT_TOKENS, _CONTEXT_CHARACTERS = 200, 2_000  # the model has room for 448 tokens: up to 224 are its answer
_SENTENCE = re.compile(r"[^.?!。？！]+[.?!。？！]*")
# tokens per second of usual speech; Whisper's timestamps: ticks per second, and the last one
_TOKENS_PER_SECOND, _TICKS_PER_SECOND, _LAST_TICK = 4, 50, 1_500
_LITTLE = 3e-3  # a negligible probability; it is added to each, so that none is 0 or 1


@dataclass(frozen=True, slots=True)
class Piece:
    """One utterance, float32 mono at 16 kHz.

    max_new_tokens: this many tokens, or more, mean that the model is in a loop. once: take the first pass, however poor
    it is. context: the words before the audio; either all pieces of a batch have a context, or none.
    """

    audio: Audio
    max_new_tokens: int
    once: bool
    context: str = ""


@dataclass(frozen=True, slots=True)
class Decoded:
    """The words of a piece. expectation: None if there are no words, if they were heard in several parts, if the
    model gives no clear one, or if no piece of the batch needs one (each has `once` or a `context`)."""

    segments: list[Segment]
    expectation: Expectation | None


@dataclass(frozen=True, slots=True)
class Part:
    """The words of a piece, or of its beginning. rest: where the part that was not heard begins, in samples."""

    segments: list[Segment]
    expectation: Expectation | None
    rest: int


@dataclass(frozen=True, slots=True)
class _Found:
    """An alignment that was made earlier. It is passed instead of the encoder's output, from which the library would
    compute the alignment."""

    alignment: list[dict[str, Any]]


class ShortWindowWhisper(WhisperModel):  # type: ignore[misc]  # it has no types
    """A WhisperModel that encodes only a part of the padding, which the library adds up to 30 s."""

    def encode(self, features: npt.NDArray[np.float32]) -> ctranslate2.StorageView:
        """The encoder's output for log-mel spectrograms (…, bands, frames), which the library has filled up to 30 s
        with zeros."""
        filled = np.flatnonzero(features.any(axis=-2).reshape(-1, features.shape[-1]).any(axis=0))
        frames = max(_LEAST_FRAMES, (int(filled[-1]) + 1 if len(filled) else 0) + _PADDING_FRAMES)
        return super().encode(features[..., :frames])

    def find_alignment(
        self, tokenizer: Tokenizer, text_tokens: list[list[int]], encoder_output: Any, num_frames: Any, **options: Any
    ) -> list[list[dict[str, Any]]]:
        """The words of each text with their times. An alignment made earlier (`_Found`) is returned as it is."""
        if isinstance(encoder_output, _Found):
            return [encoder_output.alignment]
        alignments: list[list[dict[str, Any]]] = super().find_alignment(
            tokenizer, text_tokens, encoder_output, num_frames, **options
        )
        return alignments

    @cached_property
    def texts(self) -> list[str]:
        """The text of each token, by token id, up to the end-of-text token."""
        end_of_text = self.hf_tokenizer.token_to_id("<|endoftext|>")
        texts: list[str] = self.hf_tokenizer.decode_batch([[token] for token in range(end_of_text)])
        return texts

    @cached_property
    def continuations(self) -> npt.NDArray[np.bool_]:
        """Shape (3, tokens): whether each token begins with a mark that ends a sentence, with a comma or a similar
        mark, or with a word. A token that begins with an ellipsis or a dash does none of these."""
        texts = [text.strip() for text in self.texts]
        dots = np.array([text.startswith(_DOTS) for text in texts])
        ends = np.array([text.startswith(_SENTENCE_ENDS) for text in texts]) & ~dots
        commas = np.array([text.startswith(_COMMAS) for text in texts])
        return np.stack([ends, commas, ~(ends | commas | dots)])


def decode_together(model: ShortWindowWhisper, pieces: Sequence[Piece], language: str) -> list[Decoded | None]:
    """The words of each piece, in order. All pieces are in the same language. None: this piece must be decoded
    alone."""
    features = [model.feature_extractor(piece.audio)[..., :-1] for piece in pieces]
    short = [i for i, feature in enumerate(features) if feature.shape[-1] <= model.feature_extractor.nb_max_frames]
    decoded: list[Decoded | None] = [None] * len(pieces)
    if short:
        batch = _decode_window(model, [pieces[i] for i in short], [features[i] for i in short], language)
        for i, part in zip(short, batch, strict=True):
            decoded[i] = to_its_end(pieces[i], part, lambda rest: _decode_rest(model, rest, language))
    return decoded


def _decode_rest(model: ShortWindowWhisper, rest: Piece, language: str) -> Part | None:
    return _decode_window(model, [rest], [model.feature_extractor(rest.audio)[..., :-1]], language)[0]


def to_its_end(piece: Piece, part: Part | None, decode_rest: Callable[[Piece], Part | None]) -> Decoded | None:
    """All words of the piece, of which `part` is the beginning. None: the piece must be decoded alone."""
    segments: list[Segment] = []
    begin = 0
    for number in range(_MOST_PARTS):
        if part is None:
            return None
        segments += [_later(segment, begin / ENGINE_RATE_HZ) for segment in part.segments]
        begin += part.rest
        if len(piece.audio) - begin < _SHORTEST_REST:
            return Decoded(segments, part.expectation if number == 0 else None)
        part = decode_rest(replace(piece, audio=piece.audio[begin:]))
    return None


def _later(segment: Segment, by_s: float) -> Segment:
    words = [replace(word, start=word.start + by_s, end=word.end + by_s) for word in segment.words or ()]
    return replace(segment, start=segment.start + by_s, end=segment.end + by_s, words=words)


def _decode_window(
    model: ShortWindowWhisper, pieces: Sequence[Piece], features: Sequence[npt.NDArray[np.float32]], language: str
) -> list[Part | None]:
    tokenizer = Tokenizer(model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language=language)
    prompts = [model.get_prompt(tokenizer, context) for context in _contexts(tokenizer, pieces)]
    encoded = model.encode(np.stack([pad_or_trim(feature) for feature in features]))
    results = model.model.generate(
        encoded,
        prompts,
        beam_size=1,
        max_length=len(prompts[0]) + max(piece.max_new_tokens for piece in pieces),
        return_scores=True,
        return_logits_vocab=not all(piece.once or piece.context for piece in pieces),
        return_no_speech_prob=True,
        suppress_blank=True,
        suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
        max_initial_timestamp_index=round(_DEFAULTS["max_initial_timestamp"] / model.time_precision),
    )
    sizes = [feature.shape[-1] for feature in features]
    judged = [_judge(model, tokenizer, *each) for each in zip(pieces, results, sizes, strict=True)]
    texts = [[t for s in found[0] for t in s["tokens"] if t < tokenizer.eot] if found else [] for found in judged]
    spoken = any(texts)
    alignments = model.find_alignment(tokenizer, texts, encoded, sizes) if spoken else [[] for _ in texts]
    return [
        None
        if found is None
        else Part(
            _with_words(model, tokenizer, found[0], _Found(alignment), size), _expectation(model, result), found[1]
        )
        for found, result, alignment, size in zip(judged, results, alignments, sizes, strict=True)
    ]


def _contexts(tokenizer: Tokenizer, pieces: Sequence[Piece]) -> list[list[int]]:
    """The end of each piece's context, as tokens. The library requires the same number of tokens for all pieces."""
    contexts = [_context(tokenizer, piece.context[-_CONTEXT_CHARACTERS:]) for piece in pieces]
    length = min(_CONTEXT_TOKENS, *map(len, contexts))
    return [context[len(context) - length :] for context in contexts]


def _context(tokenizer: Tokenizer, text: str) -> list[int]:
    """The tokens of a text, with timestamps around each sentence. After a context without timestamps, Whisper writes
    none."""
    tokens: list[int] = []
    begin = 0
    for sentence in filter(str.strip, _SENTENCE.findall(text)):
        words = tokenizer.encode(f" {sentence.strip()}")
        end = begin + max(1, len(words) // _TOKENS_PER_SECOND) * _TICKS_PER_SECOND
        tokens += [_timestamp(tokenizer, begin), *words, _timestamp(tokenizer, end)]
        begin = end
    return tokens


def _timestamp(tokenizer: Tokenizer, ticks: int) -> int:
    return int(tokenizer.timestamp_begin) + min(ticks, _LAST_TICK)


def _expectation(model: ShortWindowWhisper, result: Any) -> Expectation | None:
    """The model's expectations after the last word, summed over all tokens except timestamps."""
    tokens = result.sequences_ids[0]
    steps = result.logits[0] if result.logits else ()
    said = max((i for i, token in enumerate(tokens) if _is_said(model, token)), default=None)
    if said is None or said + 1 >= len(steps):
        return None
    logits = _floats(steps[said + 1])
    likelihoods = np.exp(logits - logits.max())
    text = likelihoods[: len(model.texts)] / likelihoods.sum()
    if text.sum() < _LITTLE:  # Whisper's rules required a timestamp here
        return None
    ends, comma, word = (float(text[which].sum()) + _LITTLE for which in model.continuations)
    more = float(text.sum()) - ends + 2 * _LITTLE
    return Expectation(ends / (ends + more), comma / (comma + word))


def _is_said(model: ShortWindowWhisper, token: int) -> bool:
    """Whether a token is part of a word rather than a punctuation mark. Some tokens contain only some bytes of a
    letter: their text is the replacement character."""
    text = model.texts[token] if token < len(model.texts) else ""
    return any(character.isalnum() or character == "\N{REPLACEMENT CHARACTER}" for character in text)


def _floats(values: ctranslate2.StorageView) -> npt.NDArray[np.float64]:
    """The values as one flat array on the CPU, whatever their device and type."""
    on_cpu = values.to_device(ctranslate2.Device.cpu).to(ctranslate2.DataType.float32)
    return np.array(on_cpu).ravel().astype(np.float64)


def _judge(
    model: ShortWindowWhisper, tokenizer: Tokenizer, piece: Piece, result: Any, frames: int
) -> tuple[list[dict[str, Any]], int] | None:
    """The segments of the first pass, in the library's format, and the sample where the rest begins. None: this
    piece must be decoded alone."""
    tokens = result.sequences_ids[0]
    hop = model.feature_extractor.hop_length
    log_probability = result.scores[0] * len(tokens) / (len(tokens) + 1)
    repetition = get_compression_ratio(tokenizer.decode(tokens).strip())
    unsure = log_probability < _DEFAULTS["log_prob_threshold"]
    if result.no_speech_prob > _DEFAULTS["no_speech_threshold"]:
        if unsure:
            return [], frames * hop
        if piece.context:  # in noise, the model may repeat the context
            return None
    poor = unsure or repetition > _DEFAULTS["compression_ratio_threshold"]
    if len(tokens) >= piece.max_new_tokens or (poor and not piece.once):
        return None
    segments, heard, complete = model._split_segments_by_timestamps(
        tokenizer=tokenizer,
        tokens=tokens,
        time_offset=0.0,
        segment_size=frames,
        segment_duration=frames * model.feature_extractor.time_per_frame,
        seek=0,
    )
    if not complete and (heard == frames or not heard):  # no timestamp says where the model stopped
        return None
    for segment in segments:
        segment |= {
            "avg_logprob": log_probability,
            "compression_ratio": repetition,
            "no_speech_prob": result.no_speech_prob,
        }
    return list(segments), min(heard, frames) * hop


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
