"""The capacity model agrees with what is known in other ways: formulas, the conservation of work, and that a seed
always gives the same run."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.load.expected import Ending
from bench.load.simulation.autoscaler import Autoscaler, Replicaset, read_scalings
from bench.load.simulation.check import Pause, script
from bench.load.simulation.experiments import Morning, capacity, morning_peak, percentile, steady
from bench.load.simulation.mesh import Mesh, Policy, Replicas, WaitingRoom
from bench.load.simulation.rhythm import Turn, learner
from bench.load.simulation.stage_times import STAGE_TIMES, Curve, StageTimes, load_profile
from bench.load.simulation.stations import DecodeStation, SharedStation, Urgency, call
from bench.load.speech import RATE_HZ, Program

GPU = load_profile("gpu")


def test_a_curve_is_linear_between_its_points_and_beyond_them() -> None:
    curve = Curve.of({8: 0.12, 1: 0.08, 4: 0.11})
    assert [curve(n) for n in (1, 4, 8)] == [0.08, 0.11, 0.12]
    assert curve(2) == pytest.approx(0.09)
    assert curve(16) == pytest.approx(0.14)
    assert Curve.of({1: 0.3})(9) == 0.3


def _poisson(env: simpy.Environment, station: DecodeStation, rate: float, jobs: int) -> tuple[list[float], list[float]]:
    """Run Poisson arrivals through the station. Returns each job's time in the system, and the integral over time of
    the number of jobs in it."""
    # inside: the time of the last change, the jobs now, the integral
    draw, sojourns, inside = Random(4), [], [0.0, 0.0, 0.0]

    def change(by: int) -> None:
        inside[2] += inside[1] * (env.now - inside[0])
        inside[0], inside[1] = env.now, inside[1] + by

    def job(factor: float) -> Generator[simpy.Event, Any, None]:
        came = env.now
        change(+1)
        yield station.submit(factor=factor).done
        change(-1)
        sojourns.append(env.now - came)

    def arrive() -> Generator[simpy.Event, Any, None]:
        for _ in range(jobs):
            yield env.timeout(draw.expovariate(rate))
            env.process(job(draw.expovariate(1.0)))

    env.process(arrive())
    env.run()
    return sojourns, [inside[2]]


@pytest.mark.parametrize("rate", [0.3, 0.5, 0.7])
def test_one_worker_without_batches_is_an_m_m_1_queue(rate: float) -> None:
    env = simpy.Environment()
    sojourns, _ = _poisson(env, DecodeStation(env, Curve.of({1: 1.0})), rate, 40_000)
    assert sum(sojourns) / len(sojourns) == pytest.approx(1 / (1 - rate), rel=0.08)


def test_littles_law_holds_with_batches_and_two_workers() -> None:
    env = simpy.Environment()
    station = DecodeStation(env, Curve.of({1: 1.0, 4: 2.0}), workers=2, max_batch=4)
    sojourns, [integral] = _poisson(env, station, 1.5, 5_000)
    mean_inside, rate = integral / env.now, len(sojourns) / env.now
    assert mean_inside == pytest.approx(rate * sum(sojourns) / len(sojourns))
    assert set(station.batch_sizes) == {1, 2, 3, 4}


@given(units=st.lists(st.floats(0.1, 20), min_size=1, max_size=12), slots=st.integers(1, 12))
@settings(max_examples=50, deadline=None)
def test_shared_work_is_conserved(units: list[float], slots: int) -> None:
    """This device works at the same total speed for one job and for many, so the last job ends after the time that all
    units would take one by one."""
    env = simpy.Environment()
    station = SharedStation(env, Curve.of({1: 1.0, 2: 2.0}), slots=slots)
    shares = [station.submit([one / 2, one]) for one in units]
    env.run()
    assert env.now == pytest.approx(sum(units))
    assert all(event.triggered for share in shares for event in share.reached)
    assert station.load == 0


def test_equal_shares_of_a_shared_station_end_together_and_a_cancelled_one_makes_room() -> None:
    env = simpy.Environment()
    station = SharedStation(env, Curve.of({1: 1.0, 2: 2.0}), slots=2)
    stays, goes = station.submit([10.0]), station.submit([10.0])

    def cancel() -> Generator[simpy.Event, Any, None]:
        yield env.timeout(4.0)
        station.cancel(goes)

    env.process(cancel())
    env.run(stays.reached[0])
    assert env.now == pytest.approx(12.0)  # `stays` gets two units done in the first four seconds, then eight alone
    assert stays.reached[0].triggered
    assert not goes.reached[0].triggered


def _note(order: list[str], name: str, _: simpy.Event) -> None:
    order.append(name)


def test_a_turn_is_decoded_before_the_partials_that_came_before_it() -> None:
    env = simpy.Environment()
    station = DecodeStation(env, Curve.of({1: 1.0}))
    order: list[str] = []
    for name, urgency in (("running", Urgency.PARTIAL), ("partial", Urgency.PARTIAL), ("turn", Urgency.TURN)):
        call(station.submit(urgency=urgency).done, partial(_note, order, name))
    env.run()
    assert order == ["running", "turn", "partial"]


def test_a_partial_that_can_be_stopped_makes_room_for_a_turn() -> None:
    env = simpy.Environment()
    station = DecodeStation(env, Curve.of({1: 1.0}), stops_partials=True)
    caption, turn = station.submit(urgency=Urgency.PARTIAL), station.submit()
    env.run(turn.done)
    assert env.now == 1.0
    assert caption.done.value is False


def test_the_same_seed_is_the_same_run_and_another_is_not() -> None:
    first, again, other = (steady(GPU, Replicas(), 30, seed=seed, seconds=60) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_more_replicas_never_wait_longer() -> None:
    waits = [steady(GPU, Replicas().times(n), 120, seconds=120).p95_s for n in (1, 2, 4, 8)]
    assert all(after <= before * 1.02 for before, after in pairwise(waits)), waits


def test_a_pool_of_cells_is_no_slower_than_one_cell() -> None:
    """Because of this, a million learners can be simulated as cells (a cell: some replicas of each service, with their
    own learners): sharing replicas between cells only helps."""
    always = Policy(speculation=1)
    one = steady(GPU, Replicas(), 60, policy=always, seconds=300)
    eight = steady(GPU, Replicas().times(8), 480, policy=always)
    assert eight.p95_s <= one.p95_s * 1.02


def test_a_reply_begun_in_the_pause_is_heard_sooner_and_some_are_begun_in_vain() -> None:
    never, always = (steady(GPU, Replicas(), 16, policy=Policy(speculation=share)) for share in (0.0, 1.0))
    assert always.p50_s < never.p50_s
    assert never.wasted_share == 0 < always.wasted_share < 0.25


def test_nobody_is_heard_before_the_models_could_have_answered() -> None:
    alone = steady(GPU, Replicas(), 1, seconds=600)
    at_least = GPU.asr.seconds_by_batch[1] * 0.6 + GPU.llm.prefill_s + GPU.tts.first_audio_s + GPU.overhead_s
    assert at_least < alone.p50_s < 1.0


@dataclass
class Once:
    """A learner who says one turn of 1.5 s, with a pause of 0.3 s after 0.2 s."""

    said: bool = False

    def next_turn(self) -> Turn:
        wait_s, self.said = (math.inf if self.said else 0.0), True
        return Turn(
            wait_s, 1.5, decode_s=0.1, eager_s=0.2, over_s=0.3, in_vain=False, words=0, pauses_s=((0.2, 0.3),),
            reply_tokens=1, reply_s=1.0, clause_tokens=0, clause_s=1.0,
        )  # fmt: skip


def _submit(station: DecodeStation) -> None:
    station.submit()


@pytest.mark.parametrize(("retried_s", "partials"), [(0.6, 1), (0.032, 2)])
def test_a_partial_for_which_there_is_no_room_is_tried_again(retried_s: float, partials: int) -> None:
    env = simpy.Environment()
    one = {"seconds_by_batch": {1: 0.1}, "workers": 1, "max_batch": 1, "spread": 0.0}
    profile = GPU.model_copy(update={"asr": GPU.asr.model_copy(update=one)})
    mesh = Mesh(env, profile, Replicas(), Policy(partials_retried_s=retried_s), seed=1)
    busy = env.timeout(0.55)  # the replica is busy with another learner's turn when the first partial is due
    call(busy, lambda _: _submit(mesh.asr.replicas[0].station))
    env.process(mesh.converse(Once(), math.inf))
    env.run(5)
    assert mesh.record.partials == partials


@pytest.mark.parametrize(("other_at_s", "decodes"), [(0.1, 3), (0.25, 2)])
def test_the_decode_of_a_pause_is_taken_back_if_it_still_waits_when_the_voice_goes_on(
    other_at_s: float, decodes: int
) -> None:
    env = simpy.Environment()
    one = {"seconds_by_batch": {1: 0.3}, "workers": 1, "max_batch": 1, "spread": 0.0}
    profile = GPU.model_copy(update={"asr": GPU.asr.model_copy(update=one)})
    mesh = Mesh(env, profile, Replicas(), Policy(partials=False), seed=1)
    station = mesh.asr.replicas[0].station
    call(env.timeout(other_at_s), lambda _: _submit(station))  # the learner's voice goes on at 0.5 s
    env.process(mesh.converse(Once(), math.inf))
    env.run(5)
    assert station.batch_sizes == {1: decodes}


def test_the_programs_pauses_are_those_that_voice_detection_heard() -> None:
    said = Program(np.zeros(RATE_HZ * 4, np.int16), ((RATE_HZ // 2, RATE_HZ * 2),))
    pauses = [Pause(1.0, 0.3), Pause(2.05, math.inf)]
    turns = script(said, [Ending(voice=100, eager=115, over=120)], pauses, phase=10)
    begins_s, turn = next(turns)
    assert begins_s == pytest.approx(0.3)
    assert (turn.speech_s, turn.eager_s, turn.over_s) == pytest.approx((1.5, 0.3, 0.4))
    assert turn.pauses_s == ((0.5, 0.3),)
    assert turn.decode_s == pytest.approx(0.114)  # 64 ms after the last pause began
    assert next(turns)[0] == pytest.approx(4.3)  # the turn is said again


def test_learners_are_conserved_at_the_door() -> None:
    env = simpy.Environment()
    mesh = Mesh(env, GPU, Replicas(), Policy(), seed=1)
    room = WaitingRoom(env, mesh, lambda: 5, queue_max=3, max_wait_s=40.0)

    def arrive() -> Generator[simpy.Event, Any, None]:
        for number in range(60):
            env.process(room.visit(learner(1, number), 60.0))
            yield env.timeout(4.0)

    env.process(arrive())
    for until in range(10, 1200, 10):
        env.run(until)
        assert room.arrived == room.seated + len(room.queue) + room.refused + room.left
        assert room.seated <= 5
        assert len(room.queue) <= 3
    assert (room.arrived, room.seated, len(room.queue)) == (60, 0, 0)
    assert room.refused > 0 < room.left
    assert mesh.asr.in_use == mesh.llm.in_use == mesh.tts.in_use == 0


def _asr_scaler(env: simpy.Environment, metric: list[float], starts: list[float]) -> tuple[Autoscaler, Replicaset]:
    scaling = read_scalings()["asr"]
    scaled = Replicaset(lambda: starts.append(env.now), lambda: None, startup_s=100.0, replicas=scaling.least)
    return Autoscaler(env, scaling, scaled, {"seats": lambda: metric[0]}), scaled


def test_replicas_double_at_most_and_go_one_by_one_after_the_quiet_time() -> None:
    env, metric, starts, seen = simpy.Environment(), [10.0], list[float](), list[int]()
    scaler, scaled = _asr_scaler(env, metric, starts)
    env.process(scaler.run())
    for until in range(16, 136, 30):
        env.run(until)
        seen.append(scaled.replicas)
    assert seen == [2, 4, 8, 10]
    env.run(200)
    assert starts == [115.0, 145.0, 145.0, *[175.0] * 4]
    metric[0], quiet_from = 1.0, env.now
    env.run(quiet_from + scaler.scaling.down_window_s - 30)
    assert scaled.replicas == 10
    env.run(quiet_from + scaler.scaling.down_window_s + 5 * scaler.scaling.down_period_s)
    assert 4 <= scaled.replicas <= 6


def test_within_the_tolerance_nothing_is_scaled() -> None:
    scaler, _ = _asr_scaler(simpy.Environment(), [0.0], [])
    assert [scaler.desired(10, {"seats": total}) for total in (9.1, 10.9, 11.2, 100)] == [10, 10, 12, 20]


def test_a_morning_peak_counts_everyone() -> None:
    morning = Morning(quiet_s=60, rise_s=60, peak_s=120, after_s=600, stays_s=60)
    peak = morning_peak(GPU, read_scalings(), morning)
    assert peak.arrived > peak.refused + peak.moments[-1].seated
    assert peak.moments[-1].replicas["asr"] >= read_scalings()["asr"].least
    assert 0.2 < peak.p50_s < peak.p95_s  # seconds until the answer; the time in the queue is another figure
    assert peak.waited_p95_s != peak.p95_s


@given(limit=st.integers(0, 2000))
def test_capacity_finds_the_limit(limit: int) -> None:
    found = capacity(lambda learners: learners <= limit)
    assert found <= limit
    assert limit - found <= max(1, limit / 20)


def test_percentiles_are_nearest_ranks() -> None:
    assert [percentile([4.0, 1.0, 3.0, 2.0], share) for share in (50, 95, 100)] == [2.0, 4.0, 4.0]
    assert math.isnan(percentile([], 50))


def test_every_figure_of_the_stage_times_says_where_it_is_from() -> None:
    """Each figure says whether it is measured, published or assumed. A measured one names its machine."""
    for name, profile in StageTimes.model_validate_json(STAGE_TIMES.read_text()).profiles.items():
        for part, needed in (
            (profile.asr, {"seconds_by_batch", "spread", "partial_factor"}),
            (profile.llm, {"token_seconds_by_batch", "prefill_s"}),
            (profile.tts, {"seconds_by_batch", "first_audio_s"}),
            (profile, {"overhead_s", "startup_s"}),
        ):
            assert needed <= set(part.sources), (name, type(part).__name__)
            for source in part.sources.values():
                assert source.source
                assert source.machine or source.kind != "measured"
