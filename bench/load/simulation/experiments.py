"""The experiments whose results docs/capacity.md shows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Any

import simpy
from pydantic import BaseModel

from bench.load.simulation.autoscaler import Autoscaler, Replicaset, Scaling
from bench.load.simulation.mesh import Mesh, Policy, Process, Record, Replicas, WaitingRoom
from bench.load.simulation.pools import Pool
from bench.load.simulation.rhythm import learner
from bench.load.simulation.stage_times import Profile

WARM_UP_S = 60.0
TARGET_P95_S = 1.5
_PLENTY = 64


class Steady(BaseModel):
    """The result of a constant load. busy: the share of time in which each model's replicas worked. wasted_share: of
    all replies, those begun for a turn that went on. speculated_share: of all turns, those whose reply began at the
    eager end."""

    learners: int
    answers: int
    p50_s: float
    p95_s: float
    busy: dict[str, float]
    wasted_share: float
    speculated_share: float


def percentile(values: list[float], percent: float) -> float:
    """The percentile by nearest rank; NaN if there are no values."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def steady(
    profile: Profile,
    replicas: Replicas,
    learners: int,
    *,
    policy: Policy | None = None,
    seconds: float = 180.0,
    seed: int = 1,
    pace: float = 1.0,
) -> Steady:
    """The result for `learners` learners who talk all the time. They start within the first half minute; the first
    minute doesn't count."""
    env = simpy.Environment()
    mesh = Mesh(env, profile, replicas, policy or Policy(), seed)
    mesh.record = Record(since=WARM_UP_S)
    starts = Random(f"{seed}/starts")
    for number in range(learners):
        env.process(_later(env, starts.uniform(0, WARM_UP_S / 2), mesh.converse(learner(seed, number, pace), math.inf)))
    env.run(WARM_UP_S)
    before = _busy(mesh)
    env.run(WARM_UP_S + seconds)
    waits, record = [wait for _, wait in mesh.record.answers], mesh.record
    return Steady(
        learners=learners,
        answers=len(waits),
        p50_s=percentile(waits, 50),
        p95_s=percentile(waits, 95),
        busy={name: (after - before[name]) / seconds for name, after in _busy(mesh).items()},
        wasted_share=record.wasted / max(1, record.wasted + record.finished),
        speculated_share=record.speculated / max(1, record.started),
    )


def _later(env: simpy.Environment, seconds: float, process: Process) -> Process:
    yield env.timeout(seconds)
    yield from process


def _busy(mesh: Mesh) -> dict[str, float]:
    pools: dict[str, Pool[Any]] = {"asr": mesh.asr, "llm": mesh.llm, "tts": mesh.tts}
    return {
        name: sum(replica.station.busy_s for replica in pool.replicas) / len(pool.replicas)
        for name, pool in pools.items()
    }


def capacity(meets: Callable[[int], bool], most: int = 4096) -> int:
    """The most learners for which `meets` is true, to within 4 %, found by doubling, then by bisection; 0 if it isn't
    true for one learner."""
    good, bad = 0, 1
    while meets(bad):
        good, bad = bad, 2 * bad
        if bad > most:
            return good
    while bad - good > max(1, good // 25):
        middle = (good + bad) // 2
        good, bad = (middle, bad) if meets(middle) else (good, middle)
    return good


def learners_per_replica(
    profile: Profile, stage: str, *, target_s: float = TARGET_P95_S, policy: Policy | None = None, pace: float = 1.0
) -> int:
    """How many learners one replica of a stage serves at the target, if the other stages have plenty of replicas."""
    replicas = replace(Replicas(_PLENTY, _PLENTY, _PLENTY), **{stage: 1})
    if stage != "asr":
        # here, partials change nothing but the simulation's run time
        policy = replace(policy or Policy(), partials=False)

    def meets(learners: int) -> bool:
        seconds = 30 if learners > 256 else 90  # enough answers either way
        return steady(profile, replicas, learners, policy=policy, seconds=seconds, pace=pace).p95_s <= target_s

    return capacity(meets)


# --- a morning peak ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Morning:
    """For `quiet_s`, learners arrive at the rate `quiet_per_s`. Within `rise_s` the rate rises to `peak_per_s`, stays
    there for `peak_s`, then falls back for `after_s`. Each learner stays `stays_s` on average."""

    quiet_per_s: float = 0.05
    peak_per_s: float = 0.6
    quiet_s: float = 600.0
    rise_s: float = 600.0
    peak_s: float = 1800.0
    stays_s: float = 480.0
    after_s: float = 2400.0

    def rate(self, at_s: float) -> float:
        """The arrivals per second at a time."""
        climbed = min(1.0, max(0.0, (at_s - self.quiet_s) / self.rise_s))
        if at_s > self.quiet_s + self.rise_s + self.peak_s:
            climbed = 0.0
        return self.quiet_per_s + (self.peak_per_s - self.quiet_per_s) * climbed

    @property
    def seconds(self) -> float:
        """How long the morning lasts."""
        return self.quiet_s + self.rise_s + self.peak_s + self.after_s


class Moment(BaseModel):
    """The state at one moment. refused, p95_s: the learners refused and the answers heard in the half minute before;
    p95_s is None if these were fewer than 20."""

    at_s: float
    seated: int
    queued: int
    refused: int
    replicas: dict[str, int]
    p95_s: float | None


class Peak(BaseModel):
    """The result of a morning. waited_share: of the learners who got a seat, the share that waited in the queue.
    waited_p95_s: the time in the queue of all who got a seat. p50_s, p95_s: from the learner's last voiced sample to
    the first sample of the answer. gpu_hours: of the models."""

    arrived: int
    refused: int
    waited_share: float
    waited_p95_s: float
    p50_s: float
    p95_s: float
    gpu_hours: float
    moments: list[Moment]


def morning_peak(
    profile: Profile,
    scalings: dict[str, Scaling],
    morning: Morning,
    *,
    by_seats: bool = True,
    seed: int = 1,
) -> Peak:
    """A morning with the production overlay's admission and KEDA settings. It begins with the fewest replicas.

    by_seats: recognition, voice and llm_service are scaled by the learners who are seated or waiting, per seat of a
    replica. Otherwise they are scaled, with the same thresholds, by the streams in use per slot, which is the more
    obvious choice.
    """
    env = simpy.Environment()
    least = Replicas(
        **{stage: scalings[name].least for stage, name in (("asr", "asr"), ("llm", "vllm"), ("tts", "tts"))}
    )
    mesh = Mesh(env, profile, least, Policy(partials=False), seed)
    fronts: Pool[None] = Pool(lambda: None, 64)  # LLM_MAX_STREAMS in deploy/k8s/components/vllm
    fronts.grow(scalings["llm"].least)
    gateways: Pool[None] = Pool(lambda: None, 60)
    gateways.grow(scalings["gateway"].least)
    room = WaitingRoom(env, mesh, lambda: min(mesh.asr.capacity, 4 * fronts.capacity, 2 * mesh.tts.capacity))
    llm, tts = profile.llm, mesh.tts
    pools: dict[str, Pool[Any]] = {"gateway": gateways, "asr": mesh.asr, "tts": tts, "llm": fronts, "vllm": mesh.llm}
    metrics: dict[str, dict[str, Callable[[], float]]] = {
        "gateway": {"sessions": lambda: room.seated},
        "asr": {"seats": partial(_seats_wanted, room, mesh.asr.slots)},
        "tts": {"seats": partial(_seats_wanted, room, 2 * tts.slots)},
        "llm": {"seats": partial(_seats_wanted, room, 4 * fronts.slots)},
        "vllm": {
            "queue": lambda: sum(replica.station.queued for replica in mesh.llm.replicas),
            "kv-cache": lambda: max(
                replica.station.running * llm.context_tokens / llm.kv_tokens for replica in mesh.llm.replicas
            ),
        },
    }
    if not by_seats:
        metrics |= {
            "asr": {"seats": lambda: mesh.asr.in_use / (0.8 * mesh.asr.slots)},
            "tts": {"seats": lambda: tts.in_use / (0.8 * tts.slots)},
            "llm": {"seats": lambda: mesh.llm.in_use / (0.8 * fronts.slots)},
        }
    for name, pool in pools.items():
        startup_s = 10.0 if name in ("gateway", "llm") else profile.startup_s
        scaled = _scaled(pool, room, startup_s)
        env.process(Autoscaler(env, scalings[name], scaled, metrics[name]).run())
    moments: list[Moment] = []
    env.process(_arrivals(env, room, morning, seed))
    env.process(_watch(env, room, pools, moments))
    env.run(morning.seconds)
    return _peak(mesh.record, room, moments)


def _seats_wanted(room: WaitingRoom, per_replica: int) -> float:
    return (room.seated + len(room.queue)) / (0.8 * per_replica)


def _scaled(pool: Pool[Any], room: WaitingRoom, startup_s: float) -> Replicaset:
    def ready() -> None:
        pool.grow()
        room.call()

    return Replicaset(ready, pool.drain, startup_s, len(pool.replicas))


def _arrivals(env: simpy.Environment, room: WaitingRoom, morning: Morning, seed: int) -> Process:
    """The times of arrivals: a Poisson process with a changing rate, generated by thinning."""
    draw, number = Random(f"{seed}/arrivals"), 0
    while True:
        yield env.timeout(draw.expovariate(morning.peak_per_s))
        if draw.random() < morning.rate(env.now) / morning.peak_per_s:
            env.process(room.visit(learner(seed, number), draw.expovariate(1 / morning.stays_s)))
            number += 1


def _watch(env: simpy.Environment, room: WaitingRoom, pools: dict[str, Pool[Any]], moments: list[Moment]) -> Process:
    answers = room.mesh.record.answers
    while True:
        seen, refused = len(answers), room.refused
        yield env.timeout(30)
        fresh = [wait for _, wait in answers[seen:]]
        moments.append(
            Moment(
                at_s=env.now,
                seated=room.seated,
                queued=len(room.queue),
                refused=room.refused - refused,
                replicas={name: len(pool.replicas) for name, pool in pools.items()},
                p95_s=percentile(fresh, 95) if len(fresh) >= 20 else None,
            )
        )


def _peak(record: Record, room: WaitingRoom, moments: list[Moment]) -> Peak:
    waits = [wait for _, wait in record.answers]
    queued = [waited for _, waited in room.waited]
    gpus = sum(moment.replicas[name] for moment in moments for name in ("asr", "tts", "vllm"))
    return Peak(
        arrived=room.arrived,
        refused=room.refused,
        waited_share=sum(waited > 0 for waited in queued) / max(1, len(queued)),
        waited_p95_s=percentile(queued, 95),
        p50_s=percentile(waits, 50),
        p95_s=percentile(waits, 95),
        gpu_hours=gpus * 30 / 3600,
        moments=moments,
    )
