"""Kyutai TTS for a batch of replies, each at its own position in its text.

When a reply needs audio, the model takes one step for all replies that are ready for it.

A row of the batch is a reply. moshi's modules keep one state per row and skip the rows that the execution mask leaves
out, so a reply that waits for text pauses while others speak. The steps are those of moshi's `TTSModel.generate`, which
takes the whole text at once. https://github.com/kyutai-labs/moshi/blob/main/moshi/moshi/models/tts.py
"""

from __future__ import annotations

import json
import re
import threading
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import torch
from moshi.models.lm import LMGen
from moshi.models.loaders import CheckpointInfo
from moshi.models.tts import State, TTSModel, script_to_entries
from moshi.utils.compile import no_compile

from common.errors import BusyError, EngineError
from tts_service.engine import EngineAudio, EngineWord
from tts_service.engines.pieces import PieceMaker
from tts_service.engines.torch_runtime import explained
from tts_service.text.clauses import has_words

_CODEBOOKS = 32  # of Mimi, the audio codec; with fewer, the model is faster and sounds worse
_TEMPERATURE = 0.6
_CFG = 2.0  # how closely the model follows voice and text
_PADDING_BETWEEN = 1  # steps between words, for better articulation
_SKIPPED_FRAMES = 2  # a reply's first frames contain a click; moshi skips them, too
_FINAL_FRAMES = 2  # made after the last word's end
_AHEAD_FRAMES = 6  # half a second; a reply pauses when so many of its frames are made but not read
_TOKEN = re.compile(r"\S+")
_NOTHING_YET = EngineAudio(np.zeros(0, np.float32), ())


def load_model(folder: Path, device: str) -> Any:
    """Load the TTSModel in `folder`: as bfloat16 on a GPU, as float32 on a CPU."""
    info = CheckpointInfo.from_hf_repo(
        str(folder),
        config_path=folder / "config.json",
        **{kind: path for kind, path in _paths(folder).items() if path is not None},
    )
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    codebooks = min(_CODEBOOKS, int((info.lm_config or {}).get("n_q", _CODEBOOKS)))
    model = TTSModel.from_checkpoint_info(info, n_q=codebooks, temp=_TEMPERATURE, device=device, dtype=dtype)
    if not model.multi_speaker or model.multistream:
        raise EngineError(f"{folder}: only Kyutai TTS models with voice embeddings, like tts-1.6b-en_fr, are supported")
    return model


def _paths(folder: Path) -> dict[str, Path | None]:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    names = {
        "moshi_weights": config.get("moshi_name", "model.safetensors"),
        "mimi_weights": config.get("mimi_name", "tokenizer-e351c8d8-checkpoint125.safetensors"),
        "tokenizer": config.get("tokenizer_name", "tokenizer_spm_32k_3.model"),
        "mimi_config_path": config.get("mimi_config_name"),
    }
    return {kind: folder / name if name else None for kind, name in names.items()}


class KyutaiBatch:
    """Speaks up to `rows` replies at once on one model. One lock guards every use of the model."""

    def __init__(self, model: Any, rows: int, voice: Path) -> None:
        """voice: the file of any voice, from which the shapes are taken."""
        self.model = model
        self.lock = threading.Lock()
        self.steps = 0  # steps taken so far; one step serves all rows that are ready for it
        self._rows: list[KyutaiStream | None] = [None] * rows
        self._running: list[KyutaiStream] = []  # the replies that take part in the current step
        model.lm.dep_q = model.n_q
        with torch.inference_mode():
            cross = self._condition(voice)
            self._gen = LMGen(
                model.lm,
                temp=model.temp,
                temp_text=model.temp,
                condition_tensors=self._conditions([voice] * rows),
                on_text_hook=self._on_text,
                on_audio_hook=self._on_audio,
                support_out_of_sync=True,
            )
            self._gen.streaming_forever(rows)
            model.mimi.streaming_forever(rows)
            self._cross = None if cross is None else cross.repeat(rows, 1, 1)
        self._crossing = [
            module
            for module in model.lm.transformer.modules()
            if getattr(module, "cross_attention", None) is True
            and hasattr(module, "update_streaming_cross_attention_src")
        ]

    def start(self, voice: Path, speed: float) -> KyutaiStream:
        """Take a row for a new reply. Raises BusyError if all rows are taken."""
        with self.lock, torch.inference_mode():
            if None not in self._rows:
                raise BusyError("the speech model speaks as many replies as it can; try again")
            row = self._rows.index(None)
            self._reset(row, voice)
            stream = KyutaiStream(self, row, speed)
            self._rows[row] = stream
            return stream

    def release(self, row: int) -> None:
        """Free the row. This does not wait: a step in progress uses only the replies that it began with."""
        self._rows[row] = None

    def step(self) -> None:
        """Take one step for all replies that are ready for it. Hold the lock when you call this."""
        self._running = [stream for stream in list(self._rows) if stream is not None and stream.prepare_step()]
        if not self._running:
            return
        # Do without torch's compiler, because it needs a C compiler. On a GPU the steps are CUDA graphs anyway.
        with explained("Kyutai TTS", "tts-kyutai"), torch.inference_mode(), no_compile():
            self._gen.set_exec_mask(self._mask(self._running))
            lm = self.model.lm
            nothing = torch.full(
                (len(self._rows), lm.n_q - lm.dep_q, 1), self.model.machine.token_ids.zero, device=lm.device
            )
            frames = self._gen.step(nothing)
            self.steps += 1
            for stream in self._running:
                stream.offset += 1
            self._decode(frames)

    def _decode(self, frames: torch.Tensor) -> None:
        """Decode tokens, shape (rows, 1 + codebooks, 1), to audio for the replies whose audio has begun."""
        begun = [s for s in self._running if s.offset > self._gen.max_delay + self.model.delay_steps]
        if not begun:
            return
        self.model.mimi.set_exec_mask(self._mask(begun))
        pcm = self.model.mimi.decode(frames[:, 1:].clamp(min=0)).float().cpu().numpy()
        for stream in begun:
            stream.hear(pcm[stream.row, 0])

    def _on_text(self, tokens: torch.Tensor) -> None:
        """Replace the text tokens that the model requests by those that each reply's state machine chooses."""
        wanted = tokens.tolist()
        for stream in self._running:
            wanted[stream.row] = stream.feed(wanted[stream.row])
        for row, stream_or_none in enumerate(self._rows):
            if stream_or_none not in self._running:
                wanted[row] = self.model.machine.token_ids.pad
        tokens[:] = torch.tensor(wanted, dtype=torch.long, device=tokens.device)

    def _on_audio(self, tokens: torch.Tensor) -> None:
        """Blank the audio tokens of a reply's first steps: the audio of a codebook begins `delay_steps` and the
        codebook's own delay after the text."""
        lm = self.model.lm
        delays = torch.tensor(lm.delays[lm.audio_offset :][: tokens.shape[1]], device=tokens.device)
        offsets = torch.tensor([stream.offset if stream else 0 for stream in self._rows], device=tokens.device)
        early = offsets[:, None] < delays[None] + self.model.delay_steps
        tokens[early] = self.model.machine.token_ids.zero

    def _mask(self, streams: list[KyutaiStream]) -> torch.Tensor:
        rows = {stream.row for stream in streams}
        return torch.tensor([row in rows for row in range(len(self._rows))], device=self.model.lm.device)

    def _reset(self, row: int, voice: Path) -> None:
        """Reset the state of the row and set its voice."""
        mask = torch.zeros(len(self._rows), dtype=torch.bool, device=self.model.lm.device)
        mask[row] = True
        self._gen.reset_streaming(mask)
        self.model.mimi.reset_streaming(mask)
        cross = self._condition(voice)
        if cross is None or self._cross is None:
            return
        self._cross[row] = cross[0]
        self._gen._streaming_state.condition_cross[row] = cross[0].to(self.model.lm.dtype)
        for module in self._crossing:
            if module._streaming_state.k_cross is not None:  # else the first step makes k_cross, from the conditions
                module.update_streaming_cross_attention_src(self._cross.to(self.model.lm.dtype))

    def _conditions(self, voices: list[Path]) -> Any:
        cfg = _CFG if self.model.valid_cfg_conditionings else None
        attributes = [self.model.make_condition_attributes([voice], cfg) for voice in voices]
        return self.model.lm.condition_provider.prepare_and_provide(attributes)

    def _condition(self, voice: Path) -> torch.Tensor | None:
        """The frames of a voice that the model attends to, shape (1, frames, dimension)."""
        cross: torch.Tensor | None = self.model.lm.fuser.get_cross(self._conditions([voice]))
        return cross


class KyutaiStream:
    """One reply, a SpeechStream: a row of the batch, the words still to say, and the audio that nobody has read yet."""

    def __init__(self, batch: KyutaiBatch, row: int, speed: float) -> None:
        model = batch.model
        self.row = row
        self.offset = 0  # steps taken
        self._batch = batch
        self._machine = model.machine
        self._state: State = model.machine.new_state([])
        self._samples = round(model.mimi.sample_rate / model.mimi.frame_rate)  # per frame
        self._pieces = PieceMaker(model.mimi.sample_rate, speed, estimated=False)
        self._frames: deque[Any] = deque()
        self._heard = 0  # frames that the model has made so far, the skipped ones included
        self._given = 0  # frames that `next` has taken so far
        self._inbox: deque[str] = deque()  # text that no step has seen yet; may grow while a step runs
        self._length = 0  # length of the text that the steps have seen
        # for each entry that waits in `_state`: its word's place in the text; None if the entry is not the first of its
        # word, or the word has nothing to say
        self._spans: deque[tuple[int, int] | None] = deque()
        # words that have begun: start and end in the text, and the step
        self._said: deque[tuple[int, int, int]] = deque()
        self._finished = self._over = self._closed = False

    # --- SpeechStream ---------------------------------------------------------------------------

    def push(self, text: str) -> None:
        self._inbox.append(text)

    def finish(self) -> None:
        self._finished = True

    def next(self) -> EngineAudio | None:
        if self._closed or self._over:
            return None
        with self._batch.lock:
            if not self._frames:
                if not self.prepare_step():
                    return self._last() if self._is_done else None
                self._batch.step()
            if not self._frames:
                return _NOTHING_YET
            self._tell()
            pcm = self._frames.popleft()
            self._given += 1
        return self._pieces.add(pcm) or _NOTHING_YET

    def close(self) -> None:
        if not self._closed:
            self._closed = self._over = True
            self._batch.release(self.row)

    # --- for the batch, under its lock ------------------------------------------------------------

    def prepare_step(self) -> bool:
        """Read the text that has come. Returns whether the reply is ready for a step: whether there is enough text
        (the model looks ahead by a few words) and not too much unread audio."""
        finished = self._finished  # read this before the inbox, because text is pushed before `finish`
        while self._inbox:
            self._read(self._inbox.popleft())
        if self._closed or self._is_done or len(self._frames) >= _AHEAD_FRAMES:
            return False
        busy = bool(self._state.queued) or self._state.forced_padding > 0
        return finished or busy or len(self._state.entries) > self._machine.second_stream_ahead

    def feed(self, wanted: int) -> int:
        """The text token for this step, given the one that the model requests."""
        token, consumed = self._machine.process(self.offset, self._state, wanted)
        if consumed and (span := self._spans.popleft()) is not None:
            self._said.append((*span, self.offset))
        return int(token)

    def hear(self, pcm: Any) -> None:
        """Take a frame of audio, shape (samples,)."""
        self._heard += 1
        if self._heard > _SKIPPED_FRAMES:
            self._frames.append(np.array(pcm, np.float32))

    # --- helpers ----------------------------------------------------------------------------------

    def _read(self, text: str) -> None:
        begins, self._length = self._length, self._length + len(text)
        for token in _TOKEN.finditer(text):
            self._add(token[0], begins + token.start(), begins + token.end())

    def _last(self) -> EngineAudio:
        self._over = True
        self._tell(last=True)
        return self._pieces.finish()

    @property
    def _is_done(self) -> bool:
        end = self._state.end_step
        return end is not None and self._heard >= end + _FINAL_FRAMES

    def _add(self, word: str, start: int, end: int) -> None:
        """Add a word, as the entries that moshi makes of it."""
        model = self._batch.model
        is_first = self.offset == 0 and not self._spans and not self._said
        entries = script_to_entries(
            model.tokenizer,
            self._machine.token_ids,
            model.mimi.frame_rate,
            [word],
            multi_speaker=is_first,
            padding_between=_PADDING_BETWEEN,
        )
        self._state.entries.extend(entries)
        own: tuple[int, int] | None = (start, end) if has_words(word) else None
        self._spans += [own if number == 0 else None for number in range(len(entries))]

    def _tell(self, *, last: bool = False) -> None:
        """Announce the words whose end is known or that begin in the next frame. A word lasts until the next one
        begins."""
        while self._said:
            start, end, step = self._said[0]
            is_due = last or step <= self._given + _SKIPPED_FRAMES
            if len(self._said) > 1:
                until = self._said[1][2]
            elif self._state.end_step is not None:
                until = max(self._state.end_step, step + 1)
            elif is_due:
                until = self.offset
            else:
                return
            places = [max(0, place - _SKIPPED_FRAMES) * self._samples for place in (step, max(until, step + 1))]
            self._pieces.tell([EngineWord(start, end, *places)])
            self._said.popleft()
