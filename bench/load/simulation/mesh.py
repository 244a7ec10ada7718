"""A conversation on its way through the models, and admission.

    voice ends ─ 0.16 s ─▶ decode ─▶ eager end ─▶ reply's first clause written ─▶ its first sample ┐
                              └────────────────▶ end of turn ─────────────────────────────────────┴▶ heard

Voice to voice is how long the learner waits: from their last voiced sample to the first sample of the answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import simpy

from asr_service.turn_taking.silence import PREPARE_MS
from bench.load.simulation.pools import Lease, Pool
from bench.load.simulation.rhythm import Rhythm, Turn
from bench.load.simulation.stage_times import Curve, Profile
from bench.load.simulation.stations import DecodeStation, Share, SharedStation, Urgency, call

Process = Generator[simpy.Event, Any, None]

PARTIAL_EVERY_S = 0.6
PREPARE_S = PREPARE_MS / 1000
"""The time from the beginning of a pause to the beginning of its decode. A decode that is still waiting when the voice
goes on is cancelled."""
GOES_ON_AFTER_S = 0.4
"""After a wrong eager end, the learner goes on after this time. It is an assumption, and less than 1.6 s, the longest
that endpointing waits at patience 1."""
AHEAD_S = 2.0
"""Audio is sent at most this far ahead of its playback (gateway/reply/speech.py). The voice's slot is held until
everything has been sent."""
FIRST_TOKENS = 10  # the seconds of a decode include this many tokens
TOKENS_PER_WORD = 1.3
_CLAUSE_S = 4.0  # length of each clause but the first, for a voice that speaks clause by clause


@dataclass(frozen=True)
class Replicas:
    """How many replicas each model has."""

    asr: int = 1
    llm: int = 1
    tts: int = 1

    def times(self, factor: int) -> Replicas:
        """This number of replicas, multiplied by `factor`."""
        return Replicas(self.asr * factor, self.llm * factor, self.tts * factor)


@dataclass(frozen=True)
class Policy:
    """speculation: replies begin at the eager end while language model and voice each have at most this share of their
    slots in use (`SPECULATION_MAX_OCCUPANCY`; 0 never, 1 always). partials: whether captions are decoded. If there
    is no room for a caption, it is tried again after partials_retried_s (asr_service tries with each window of 32 ms,
    which would take long to simulate)."""

    speculation: float = 0.7
    partials: bool = True
    partials_retried_s: float = PARTIAL_EVERY_S


@dataclass
class Record:
    """The results. answers: (when the answer was heard, voice to voice in seconds), without turns whose voice ended
    before `since`. wasted: replies begun for a turn that went on. started, finished: numbers of turns. partials: how
    many were given to recognition. speculated: turns whose reply began at the eager end."""

    since: float = 0.0
    answers: list[tuple[float, float]] = field(default_factory=list)
    started: int = 0
    finished: int = 0
    wasted: int = 0
    partials: int = 0
    speculated: int = 0


class Mesh:
    """The models and the conversations in them. `record` collects the results."""

    def __init__(self, env: simpy.Environment, profile: Profile, replicas: Replicas, policy: Policy, seed: int) -> None:
        self.env, self.profile, self.policy = env, profile, policy
        self.record = Record()
        self._random = Random(f"{seed}/mesh")
        asr, llm, tts = profile.asr, profile.llm, profile.tts
        self._alone_s = Curve.of(tts.seconds_by_batch)(1)
        decodes, tokens = Curve.of(asr.seconds_by_batch), Curve.of(llm.token_seconds_by_batch)
        speech = Curve.of(tts.seconds_by_batch).scaled(1 / self._alone_s)
        self._prefill_tokens = llm.prefill_s / tokens(1)
        self.asr: Pool[DecodeStation] = Pool(
            lambda: DecodeStation(
                env, decodes, workers=asr.workers, max_batch=asr.max_batch, stops_partials=asr.stops_partials
            ),
            asr.slots,
        )
        self.llm: Pool[SharedStation] = Pool(lambda: SharedStation(env, tokens, slots=llm.slots), llm.slots)
        self.tts: Pool[SharedStation | DecodeStation] = Pool(
            lambda: (
                SharedStation(env, speech, slots=tts.slots)
                if tts.together
                else DecodeStation(env, Curve.of({1: 1.0}), workers=tts.workers)
            ),
            tts.slots,
        )
        self.asr.grow(replicas.asr)
        self.llm.grow(replicas.llm)
        self.tts.grow(replicas.tts)

    @property
    def speculates(self) -> bool:
        """Whether the language model and the voice are idle enough at present to begin an eager reply."""
        pools = (self.llm, self.tts)
        return self.policy.speculation > 0 and max(pool.occupancy for pool in pools) <= self.policy.speculation

    def converse(self, rhythm: Rhythm, until: float) -> Process:
        """A learner in a conversation until the time `until`. A turn that has begun by then is finished."""
        hearing = self.asr.take()
        while self.env.now < until:
            turn = rhythm.next_turn()
            yield self.env.timeout(turn.wait_s)
            if hearing.replica.is_draining:
                hearing.release()
                hearing = self.asr.take()
            self.record.started += 1
            yield from self._turn(turn, hearing.station)
            self.record.finished += 1
        hearing.release()

    # --- one turn

    def _turn(self, turn: Turn, recogniser: DecodeStation) -> Process:
        env = self.env
        env.process(self._pauses(turn, recogniser))
        if turn.in_vain:
            yield from self._speak(turn.speech_s / 2, recogniser)
            yield from self._answer_in_vain(turn, recogniser)
            yield from self._speak(turn.speech_s / 2, recogniser)
        else:
            yield from self._speak(turn.speech_s, recogniser)
        ended = env.now
        yield from self._decode(turn.words, turn.decode_s, recogniser)
        over = max(env.now, ended + turn.over_s)
        if self.speculates:
            self.record.speculated += 1
            yield env.timeout(max(0.0, ended + turn.eager_s - env.now))
        else:
            yield env.timeout(over - env.now)
        writing, share = self._write(turn)
        call(share.reached[-1], writing.release)
        yield share.reached[0]
        voice = self.tts.take()
        spoken = yield from self._first_audio(turn, voice.station)
        heard = max(env.now, over) + self.profile.overhead_s
        if ended >= self.record.since:
            self.record.answers.append((heard, heard - ended))
        sent = max(env.now, heard + turn.reply_s - AHEAD_S)
        yield env.timeout(sent - env.now) & spoken
        voice.release()
        yield env.timeout(max(0.0, heard + turn.reply_s - env.now))

    def _speak(self, seconds: float, recogniser: DecodeStation) -> Process:
        """The learner speaks. Captions are decoded while recognition has no turns to decode."""
        end, wait, pending = self.env.now + seconds, PARTIAL_EVERY_S, None
        while self.policy.partials and end - self.env.now > wait:
            yield self.env.timeout(wait)
            wait = self.policy.partials_retried_s
            if recogniser.takes_partials and (pending is None or pending.done.triggered):
                wait = PARTIAL_EVERY_S
                factor = self._spread() * self.profile.asr.partial_factor
                pending = recogniser.submit(urgency=Urgency.PARTIAL, factor=factor)
                self.record.partials += 1
        yield self.env.timeout(end - self.env.now)
        if pending and not pending.done.triggered:
            recogniser.cancel(pending)

    def _pauses(self, turn: Turn, recogniser: DecodeStation) -> Process:
        """Short pauses in a turn. Each begins a decode, which is wasted because the voice goes on."""
        at = 0.0
        for pause, lasts in turn.pauses_s:
            yield self.env.timeout(max(0.0, pause - at) + PREPARE_S)
            at = pause + PREPARE_S
            job = recogniser.submit(factor=self._spread())
            yield self.env.timeout(lasts - PREPARE_S)
            at += lasts - PREPARE_S
            if not job.done.triggered:
                recogniser.cancel(job)

    def _decode(self, words: int, after_s: float, recogniser: DecodeStation) -> Process:
        yield self.env.timeout(after_s)
        extra = max(0.0, words * TOKENS_PER_WORD - FIRST_TOKENS) * self.profile.asr.seconds_per_token
        yield recogniser.submit(factor=self._spread(), extra_s=extra).done

    def _answer_in_vain(self, turn: Turn, recogniser: DecodeStation) -> Process:
        """A pause that is mistaken for the end of the turn. The work for it is dropped when the learner goes on."""
        goes_on = self.env.now + turn.eager_s + GOES_ON_AFTER_S
        yield from self._decode(turn.words // 2, turn.decode_s, recogniser)
        if self.speculates and self.env.now < goes_on:
            self.record.wasted += 1
            writing, share = self._write(turn)
            yield share.reached[0] | self.env.timeout(goes_on - self.env.now)
            if share.reached[0].triggered:
                yield from self._speak_in_vain(turn, goes_on)
            writing.station.cancel(share)
            writing.release()
        yield self.env.timeout(max(0.0, goes_on - self.env.now))

    def _speak_in_vain(self, turn: Turn, goes_on: float) -> Process:
        voice = self.tts.take()
        if isinstance(voice.station, SharedStation):
            spoken = voice.station.submit(self._speech(turn))
            yield self.env.timeout(max(0.0, goes_on - self.env.now))
            voice.station.cancel(spoken)
        else:
            yield self._clause(voice.station, turn.clause_s)
        voice.release()

    def _write(self, turn: Turn) -> tuple[Lease[SharedStation], Share]:
        writing = self.llm.take()
        first = self._prefill_tokens + turn.clause_tokens
        return writing, writing.station.submit(
            [first, self._prefill_tokens + max(turn.clause_tokens, turn.reply_tokens)]
        )

    def _speech(self, turn: Turn) -> list[float]:
        first = self.profile.tts.first_audio_s
        return [first, first + self._alone_s * turn.reply_s]

    def _first_audio(
        self, turn: Turn, station: SharedStation | DecodeStation
    ) -> Generator[simpy.Event, Any, simpy.Event]:
        """Wait for the first sample. Returns the event of the last sample."""
        if isinstance(station, SharedStation):
            share = station.submit(self._speech(turn))
            yield share.reached[0]
            return share.reached[1]
        yield self._clause(station, turn.clause_s)
        return self.env.process(self._clauses(station, turn.reply_s - turn.clause_s))

    def _clauses(self, station: DecodeStation, seconds: float) -> Process:
        while seconds > 0:
            piece, seconds = min(seconds, _CLAUSE_S), seconds - _CLAUSE_S
            yield self._clause(station, piece)

    def _clause(self, station: DecodeStation, seconds: float) -> simpy.Event:
        return station.submit(factor=self.profile.tts.first_audio_s + self._alone_s * seconds).done

    def _spread(self) -> float:
        sigma = self.profile.asr.spread
        return self._random.lognormvariate(0, sigma) if sigma else 1.0


@dataclass
class WaitingRoom:
    """Admission: a learner needs a seat. Learners without one wait in order. They are refused at once if the queue is
    full, and otherwise after max_wait_s.

    At any time, arrived = seated + queued + refused + left. capacity: the present number of seats. Use `call` when
    there may be more seats than before.
    """

    env: simpy.Environment
    mesh: Mesh
    capacity: Callable[[], int]
    queue_max: int = 100
    max_wait_s: float = 300.0
    seated: int = 0
    arrived: int = 0
    refused: int = 0
    left: int = 0
    waited: list[tuple[float, float]] = field(default_factory=list)
    queue: deque[simpy.Event] = field(default_factory=deque)

    def visit(self, rhythm: Rhythm, stays_s: float) -> Process:
        """One learner, from the queue to the end of the conversation."""
        self.arrived += 1
        came = self.env.now
        if self.seated >= self.capacity() or self.queue:
            if len(self.queue) >= self.queue_max:
                self.refused += 1
                return
            called = self.env.event()
            self.queue.append(called)
            yield called | self.env.timeout(self.max_wait_s)
            if not called.triggered:
                self.queue.remove(called)
                self.refused += 1
                return
        else:
            self.seated += 1
        self.waited.append((self.env.now, self.env.now - came))
        yield from self.mesh.converse(rhythm, self.env.now + stays_s)
        self.seated -= 1
        self.left += 1
        self.call()

    def call(self) -> None:
        """Let in learners while there are free seats."""
        while self.queue and self.seated < self.capacity():
            self.seated += 1
            self.queue.popleft().succeed()
