"""The turn detector of `asr_service` over a recording, faster than real time. No network is asked the same thing twice.

Time is counted in samples, without the time that the networks take. In the service a decode begins 64 ms into a pause.
If it takes longer than the silence that endpointing waits for, the turn ends when the decode does.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from asr_service.engine import AsrEngine, DecodeOptions, Expectation, Transcript, Word
from asr_service.recognition.utterance import Recorder
from asr_service.turn_taking import decisions
from asr_service.turn_taking.end_of_turn import probability_of_end
from asr_service.turn_taking.endpointer import Endpointer
from asr_service.turn_taking.endpointing import Endpointing
from asr_service.turn_taking.smart_turn import HEARD, SmartTurn
from asr_service.turn_taking.text_model import LANGUAGES, LlamaTextModel
from asr_service.turn_taking.voice_clock import ONSET_MS, VOICE_PROBABILITY
from asr_service.voice.vad import WINDOW, SileroVad, VadStream
from bench.turn_taking.utterances import RATE, Utterance


@dataclass(frozen=True)
class Moment:
    """What was known about a pause when the endpointer asked for the probability that the turn is over.

    position: in samples. heard: the transcript so far. acoustic, could_end: the answers of Smart Turn and of the text
    model, probabilities from 0 to 1; could_end is None if the text model doesn't know the language.
    """

    position: int
    silence_ms: float
    acoustic: float
    heard: Transcript
    could_end: float | None


class Networks:
    """Silero VAD, Smart Turn, the text model and recognition. None is asked the same thing twice in one run; with
    `remember`, not even in a later run.

    language: the language of the utterances, as a tag such as "en". The text model knows only some languages
    (`text_model.LANGUAGES`).
    """

    def __init__(self, engine: AsrEngine, memory: Path, *, remember: bool, language: str = "en") -> None:
        self.language = language
        self._engine, self._path, self._remember = engine, memory, remember
        self._vad, self._turn, self._text = SileroVad(), SmartTurn(), LlamaTextModel()
        self._known: dict[str, object] = json.loads(memory.read_text()) if remember and memory.exists() else {}

    def save(self) -> None:
        """With `remember`, store the answers for the next run."""
        if self._remember:
            self._path.write_text(json.dumps(self._known))

    def voice(self, utterance: Utterance) -> list[float]:
        """The probability of speech in each window."""
        key = f"vad {utterance.name}"
        if key not in self._known:
            pcm = (utterance.audio * 32_768).astype("<i2").tobytes()
            self._known[key] = [probability for _, probability in VadStream(self._vad, RATE).hear(pcm)]
        found = self._known[key]
        assert isinstance(found, list)
        return found

    def acoustic(self, utterance: Utterance, begin: int, end: int) -> float:
        """Smart Turn's probability that the turn is over, from the last HEARD of the samples [begin, end)."""
        key = f"turn {utterance.name} {begin} {end}"
        if key not in self._known:
            self._known[key] = self._turn.infer(utterance.audio[max(begin, end - HEARD, 0) : end])
        return float(str(self._known[key]))

    def could_end(self, text: str) -> float | None:
        """The text model's probability that a sentence could end here; None if it doesn't know the language."""
        if self.language not in LANGUAGES:
            return None
        key = f"text {text}"
        if key not in self._known:
            self._known[key] = self._text.infer(text)
        return float(str(self._known[key]))

    def words(self, utterance: Utterance, begin: int, end: int) -> Transcript:
        """The transcript of the samples [begin, end): its text, its last word, and what could follow it."""
        key = f"words {utterance.name} {begin} {end}"
        if key not in self._known:
            heard = self._engine.transcribe(utterance.audio[begin:end], DecodeOptions(self.language))
            last = heard.words[-1] if heard.words else Word("", 0, 0, 1.0)
            self._known[key] = [heard.text, last.text, last.start, last.end, last.confidence, heard.expectation]
        found = self._known[key]
        assert isinstance(found, list)
        text, *last_word, expectation = found
        return Transcript(
            text, (Word(*last_word),) if text else (), self.language, expectation and Expectation(*expectation)
        )


@dataclass(frozen=True)
class Heard:
    """ends, eagers: positions in samples, of the ends and the eager ends of turns. moments: what was known each time
    the endpointer asked whether the turn is over."""

    ends: list[int]
    eagers: list[int]
    moments: list[Moment]


def detect(utterance: Utterance, networks: Networks, settings: Endpointing) -> Heard:
    """Detects turns as `asr_service.listener` does, but without waiting."""
    endpointer = Endpointer(settings, window=WINDOW, rate_hz=RATE)
    recorder = Recorder(WINDOW, ONSET_MS * RATE // 1000)
    heard, begin, silence, prepared = Heard([], [], []), 0, 0, 0
    for i, voice in enumerate(networks.voice(utterance)):
        recorder.add(utterance.audio[i * WINDOW : (i + 1) * WINDOW], voice)
        for decision in endpointer.hear(voice):
            position = endpointer.position
            if isinstance(decision, decisions.Assess):
                acoustic = networks.acoustic(utterance, begin, position)
                words = networks.words(utterance, begin, prepared)
                could_end = networks.could_end(words.text)
                silent_ms = (position - silence) * 1000 / RATE
                heard.moments.append(Moment(position, silent_ms, acoustic, words, could_end))
                first = endpointer.suppose(probability_of_end(0.5, words, networks.language))
                ends = probability_of_end(acoustic, words, networks.language, could_end)
                then = endpointer.judge(ends)
                decided = [*first, *then]
            else:
                decided = [decision]
            for each in decided:
                match each:
                    case decisions.SpeechStarted(start):
                        begin = recorder.open(start, position).begin
                    case decisions.VoicePaused(end):
                        silence, prepared = end, position
                    case decisions.EagerEndOfTurn():
                        heard.eagers.append(position)
                    case decisions.EndOfTurn():
                        heard.ends.append(position)
                        recorder.close()
    return heard


def smart_turn_alone(
    utterance: Utterance, networks: Networks, *, vad_stop_ms: int = 200, timeout_ms: int = 3_000
) -> Heard:
    """Pipecat's rule: after 0.2 s of silence the turn is over if the network says more than 0.5, otherwise after 3
    s."""
    heard, begin, silence, asked = Heard([], [], []), None, None, False
    for i, voice in enumerate(networks.voice(utterance)):
        position = (i + 1) * WINDOW
        if voice >= VOICE_PROBABILITY:
            begin = max(0, position - RATE // 2) if begin is None else begin
            silence, asked = None, False
        elif silence is None and begin is not None:
            silence = position - WINDOW
        if silence is None or begin is None:
            continue
        silent_ms = (position - silence) * 1000 / RATE
        over = silent_ms >= timeout_ms
        if silent_ms >= vad_stop_ms and not asked:
            asked = True
            over = networks.acoustic(utterance, begin, position) > 0.5
        if over:
            heard.ends.append(position)
            begin = silence = None
    return heard
