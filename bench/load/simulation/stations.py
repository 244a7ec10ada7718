"""The models as queueing stations, in SimPy's time.

    DecodeStation   jobs that wait while the model works form the next batch: recognition, a voice that speaks clauses
    SharedStation   all jobs at once, slower the more there are (processor sharing): continuous batching

They use timeouts with callbacks, because a process for each job would be slow: a simulated hour of a thousand learners
has about ten million events.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import count
from typing import Any, cast

import simpy

from bench.load.simulation.stage_times import Curve


def call(event: simpy.Event, function: Callable[[simpy.Event], None]) -> None:
    """Call a function when the event occurs. The event must not have occurred yet."""
    assert event.callbacks is not None  # SimPy's types leave it open
    event.callbacks.append(function)


class Urgency(IntEnum):
    """Priorities: the lower number goes first, as in asr_service."""

    TURN = 0
    PARTIAL = 1


@dataclass(eq=False)
class Decode:
    """One job. factor: multiplies the station's seconds. extra_s: is added to them. `done` succeeds at the end, with
    False if the job was stopped to make room."""

    done: simpy.Event
    urgency: Urgency
    factor: float
    extra_s: float
    cancelled: bool = False


@dataclass(eq=False)
class _Run:
    batch: list[Decode]
    stopped: bool = False


class DecodeStation:
    """Runs `workers` batches at once, each of at most `max_batch` jobs. Turns come first, then partials, each in
    the order of submission.

    If all workers are busy and the engine can be stopped (stops_partials), a turn stops a running batch of partials, as
    in `asr_service.recognition.decoder`. busy_s: seconds that workers were at work, without stopped batches.
    batch_sizes: the number of batches of each size.
    """

    def __init__(
        self,
        env: simpy.Environment,
        seconds: Curve,
        *,
        workers: int = 1,
        max_batch: int = 1,
        stops_partials: bool = False,
    ) -> None:
        self._env = env
        self._seconds = seconds
        self._workers = workers
        self._max_batch = max_batch
        self._stops_partials = stops_partials
        self._waiting: dict[Urgency, deque[Decode]] = {urgency: deque() for urgency in Urgency}
        self._running: list[_Run] = []
        self.busy_s = 0.0
        self.batch_sizes: dict[int, int] = {}

    @property
    def load(self) -> int:
        """How many jobs run or wait."""
        return sum(len(jobs) for jobs in self._waiting.values()) + sum(len(run.batch) for run in self._running)

    @property
    def takes_partials(self) -> bool:
        """Whether a partial may be decoded now. Partials use idle time, so a busy model decodes fewer."""
        if self._waiting[Urgency.TURN]:
            return False
        partials = len(self._waiting[Urgency.PARTIAL])
        return len(self._running) + partials < self._workers or partials < self._max_batch > 1

    def submit(self, *, urgency: Urgency = Urgency.TURN, factor: float = 1.0, extra_s: float = 0.0) -> Decode:
        """Queue a job. factor, extra_s: see Decode."""
        job = Decode(self._env.event(), urgency, factor, extra_s)
        self._waiting[urgency].append(job)
        if self._stops_partials and urgency is Urgency.TURN and len(self._running) >= self._workers:
            self._make_room()
        self._start()
        return job

    def cancel(self, job: Decode) -> None:
        """Cancel a waiting job. A running job runs to its end."""
        job.cancelled = True
        if job in self._waiting[job.urgency]:
            self._waiting[job.urgency].remove(job)

    def _make_room(self) -> None:
        for run in list(self._running):
            if all(job.urgency is Urgency.PARTIAL for job in run.batch):
                run.stopped = True
                self._running.remove(run)
                for job in run.batch:
                    job.done.succeed(value=False)
                return

    def _start(self) -> None:
        while len(self._running) < self._workers and (batch := self._next_batch()):
            run = _Run(batch)
            self._running.append(run)
            self.batch_sizes[len(batch)] = self.batch_sizes.get(len(batch), 0) + 1
            seconds = self._seconds(len(batch)) * max(job.factor for job in batch) + max(job.extra_s for job in batch)
            ended = self._env.timeout(seconds, value=(run, self._env.now))
            call(ended, self._end)

    def _next_batch(self) -> list[Decode]:
        jobs = next((jobs for jobs in self._waiting.values() if jobs), deque())
        return [jobs.popleft() for _ in range(min(self._max_batch, len(jobs)))]

    def _end(self, event: simpy.Event) -> None:
        ended: tuple[_Run, float] = cast(Any, event.value)
        run, began = ended
        if run.stopped:
            return
        self._running.remove(run)
        self.busy_s += self._env.now - began
        for job in run.batch:
            job.done.succeed(value=True)
        self._start()


@dataclass(eq=False)
class Share:
    """One job of a SharedStation. `reached[i]` succeeds when the job reaches its i-th milestone."""

    milestones: tuple[float, ...]
    reached: list[simpy.Event]
    state: str = "waiting"  # then running, then ended


@dataclass(order=True)
class _Due:
    at: float
    number: int
    share: Share = field(compare=False)
    index: int = field(compare=False)


class SharedStation:
    """Every job advances at the same speed: with n jobs, one unit (a token, a second of speech) takes seconds(n).

    `slots` jobs run at once; the others wait in order. Progress is a single number for all jobs: a job that begins at V
    ends at V + its units.
    """

    def __init__(self, env: simpy.Environment, seconds: Curve, *, slots: int) -> None:
        self._env = env
        self._seconds = seconds
        self._slots = slots
        self._waiting: deque[Share] = deque()
        self._due: list[_Due] = []
        self._numbers = count()
        self._progress = 0.0
        self._since = env.now
        self._alarm = 0
        self.running = 0
        self.busy_s = 0.0

    @property
    def load(self) -> int:
        """How many jobs run or wait."""
        return self.running + len(self._waiting)

    @property
    def queued(self) -> int:
        """How many jobs wait."""
        return len(self._waiting)

    def submit(self, milestones: Sequence[float]) -> Share:
        """Begin a job. milestones: amounts of work after which an event is due. The last one is the whole job."""
        share = Share(tuple(milestones), [self._env.event() for _ in milestones])
        self._advance()
        self._waiting.append(share)
        self._admit()
        self._arm()
        return share

    def cancel(self, share: Share) -> None:
        """Cancel a job, waiting or running. Its events never occur."""
        if share.state == "ended":
            return
        self._advance()
        if share.state == "running":
            self.running -= 1
        else:
            self._waiting.remove(share)
        share.state = "ended"
        self._admit()
        self._arm()

    def _admit(self) -> None:
        while self._waiting and self.running < self._slots:
            share = self._waiting.popleft()
            share.state = "running"
            self.running += 1
            for index, units in enumerate(share.milestones):
                heapq.heappush(self._due, _Due(self._progress + units, next(self._numbers), share, index))

    def _advance(self) -> None:
        elapsed, self._since = self._env.now - self._since, self._env.now
        if self.running:
            self._progress += elapsed / self._seconds(self.running)
            self.busy_s += elapsed

    def _arm(self) -> None:
        while self._due and self._due[0].share.state == "ended":
            heapq.heappop(self._due)
        self._alarm += 1
        if self._due:
            wait = max(0.0, self._due[0].at - self._progress) * self._seconds(self.running)
            alarm = self._env.timeout(wait, value=(self._alarm, self._due[0].at))
            call(alarm, self._ring)

    def _ring(self, event: simpy.Event) -> None:
        rung: tuple[int, float] = cast(Any, event.value)
        alarm, at = rung
        if alarm != self._alarm:
            return
        self._advance()
        self._progress = max(self._progress, at)  # otherwise rounding could keep the progress just below `at` for ever
        while self._due and (self._due[0].at <= self._progress or self._due[0].share.state == "ended"):
            due = heapq.heappop(self._due)
            if due.share.state == "ended":
                continue
            due.share.reached[due.index].succeed()
            if due.index == len(due.share.milestones) - 1:
                due.share.state = "ended"
                self.running -= 1
        self._admit()
        self._arm()
