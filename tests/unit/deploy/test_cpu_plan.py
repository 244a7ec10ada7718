"""`python -m deploy.plan` without a GPU: which language model is fast enough on this CPU, and how that is measured."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from types import MappingProxyType

import pytest

from common.engine_info import EngineDescription
from common.errors import EngineError
from common.smollm2 import find_smollm2
from deploy import llm_speed, plan
from deploy.configuration import settings_from
from deploy.cpu_plan import STEPS, Step, Timed, choose, measure, steps_for, time_steps, written
from deploy.llm_speed import FILE, KeptSpeeds, Speed, cpu_label, time_engine
from llm_service.config import LlmSettings
from llm_service.engine import Delta, Done, GenerationRequest, Usage
from llm_service.gguf_weights import LAPTOP_MODEL
from llm_service.servers.llama_server import default_threads
from tests.support.mesh import models_folder

QUICK, SLOW = Speed(400.0, 50.0), Speed(20.0, 4.0)  # 0.34 s and 5 s to the first clause
EDGE = Speed(80.0, 24.0)  # exactly one second


class SimulatedEngine:
    """Reads and writes at given speeds on a clock of its own. It caches the instructions, which have 20 tokens."""

    ready = True

    def __init__(self, read_per_s: float, written_per_s: float, *, reply_tokens: int = 1_000) -> None:
        self.now = 0.0
        self.requests: list[GenerationRequest] = []
        self._speed = Speed(read_per_s, written_per_s)
        self._reply_tokens = reply_tokens

    def clock(self) -> float:
        return self.now

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def describe(self) -> EngineDescription:
        return EngineDescription(engine="simulated", model="m", device="cpu")

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[Delta | Done, None]:
        cached = 20 if self.requests else 0
        self.requests.append(request)
        prompt = 20 + len(request.messages[-1].content.split())
        self.now += (prompt - cached) / self._speed.read_per_s
        tokens = min(request.max_tokens, self._reply_tokens)
        for number in range(tokens):
            self.now += 1 / self._speed.written_per_s if number else 0
            yield Delta("word ")
        yield Done("stop", Usage(prompt, tokens, cached))


@pytest.mark.parametrize(("read", "written_"), [(400.0, 50.0), (20.0, 4.0), (5.0, 0.5)])
async def test_a_model_is_timed_for_two_seconds_of_reading_and_two_of_writing(read: float, written_: float) -> None:
    engine = SimulatedEngine(read, written_)
    speed = await time_engine(engine, engine.clock)
    assert speed.read_per_s == pytest.approx(read, rel=0.02)
    assert speed.written_per_s == pytest.approx(written_, rel=0.02)
    assert engine.now < 4.5 + 100 / read + 2 / written_
    reading = [request for request in engine.requests if request.max_tokens == 1]
    assert len({request.messages[-1].content for request in reading}) == len(reading)  # all differ: none is cached


async def test_short_replies_are_added_up() -> None:
    engine = SimulatedEngine(400.0, 50.0, reply_tokens=5)
    assert (await time_engine(engine, engine.clock)).written_per_s == pytest.approx(50, rel=0.02)


async def test_a_model_that_writes_nothing_cannot_be_timed() -> None:
    engine = SimulatedEngine(400.0, 50.0, reply_tokens=1)
    with pytest.raises(EngineError, match="ends its replies"):
        await time_engine(engine, engine.clock)


def timed(*speeds: Speed | None) -> list[Timed]:
    return [Timed(step, speed) for step, speed in zip(STEPS, speeds, strict=False)]


@pytest.mark.parametrize(
    ("speeds", "index"),
    [
        ((QUICK, QUICK, QUICK), 2),
        ((QUICK, QUICK, SLOW), 1),
        ((QUICK, EDGE, SLOW), 1),
        ((QUICK, SLOW, None), 0),
        ((QUICK, None, QUICK), 2),
        ((SLOW, SLOW, SLOW), 0),  # if all are slow, the smallest is chosen
    ],
)
def test_the_largest_whose_first_clause_comes_within_a_second_is_taken(
    speeds: tuple[Speed | None, ...], index: int
) -> None:
    table = timed(*speeds)
    assert choose(table) is STEPS[index]
    assert written(table).endswith(f"the language model for this machine: {STEPS[index].name}: {STEPS[index].take}")


def test_the_table_says_how_fast_each_is_and_how_to_get_those_that_are_not_there() -> None:
    lines = written(timed(QUICK, SLOW, None)).splitlines()
    assert lines[0].split() == ["model", "size", "read/s", "written/s", "first", "clause"]
    assert lines[1].split() == ["SmolLM2-135M", "0.1", "GB", "400.0", "50.0", "0.34", "s", "quick", "enough"]
    assert lines[2].endswith("20.0    4.0        5.00 s        too slow: more than 1 s")
    assert lines[3].endswith(f"not downloaded: make models PROFILE=laptop LLM_MODEL_NAME={STEPS[2].model}")
    assert "no model answers within 1 s" in written(timed(SLOW))


def test_a_model_of_ones_own_counts_as_the_largest(tmp_path: Path) -> None:
    own = tmp_path / "mine.gguf"
    assert steps_for({"LLM_MODEL_NAME": str(own)})[-1] == Step(
        str(own), str(own), None, f"make run LLM_MODEL_NAME={own}"
    )
    assert steps_for({"LLM_MODEL_NAME": LAPTOP_MODEL}) == STEPS
    assert steps_for({"LLM_MODEL_NAME": "qwen2.5:7b"}) == STEPS


def test_each_model_on_the_disk_is_timed_once_and_its_figures_are_kept(tmp_path: Path) -> None:
    own = tmp_path / "mine.gguf"
    own.write_bytes(b"weights")
    environment = MappingProxyType({"MODELS_CACHE_DIR": str(tmp_path / "models"), "LLM_MODEL_NAME": str(own)})
    asked: list[str] = []

    def timer(settings: LlmSettings) -> Speed:
        asked.append(settings.llm_model_name)
        return QUICK

    def run(*, again: bool = False, busy: bool = False) -> list[Speed | None]:
        return [one.speed for one in time_steps(environment, timer=timer, again=again, busy=busy)]

    everything = [QUICK, None, None, None, None, QUICK]
    assert run(busy=True) == everything
    assert not (tmp_path / "models" / FILE).exists()  # because the machine is busy
    assert run() == run() == everything
    assert asked == ["bundled", str(own)] * 2
    own.write_bytes(b"other weights")
    run()
    assert asked[4:] == [str(own)]
    run(again=True)
    assert asked[5:] == ["bundled", str(own)]
    kept = json.loads((tmp_path / "models" / FILE).read_text())
    assert set(kept) == {
        f"{find_smollm2().name} ({find_smollm2().stat().st_size} bytes)",
        "mine.gguf (7 bytes)",
        "mine.gguf (13 bytes)",
    }
    assert {cpu for figures in kept.values() for cpu in figures} == {cpu_label(default_threads())}


def test_figures_of_another_cpu_do_not_count_and_a_damaged_file_is_no_harm(tmp_path: Path) -> None:
    weights = tmp_path / "m.gguf"
    weights.touch()
    kept = KeptSpeeds(tmp_path)
    kept.put(weights, "one CPU", QUICK)
    kept.put(weights, "another CPU", SLOW)
    assert (kept.get(weights, "one CPU"), kept.get(weights, "a third CPU")) == (QUICK, None)
    for damaged in ("", "[1]", '{"m.gguf (0 bytes)": {"one CPU": 7}}'):
        (tmp_path / FILE).write_text(damaged)
        assert kept.get(weights, "one CPU") is None


def test_a_model_that_cannot_be_timed_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    def broken(settings: LlmSettings) -> Speed:
        raise EngineError("it does not load")

    (first, *_) = time_steps({"MODELS_CACHE_DIR": str(tmp_path)}, timer=broken)
    assert first.failure == "could not be timed: it does not load"
    assert "could not be timed" in written([first])


def test_an_answer_about_one_repository_does_not_hold_for_another(tmp_path: Path) -> None:
    seen: list[LlmSettings] = []

    def timer(settings: LlmSettings) -> Speed:
        seen.append(settings)
        return QUICK

    environment = {"LLM_MODEL_NAME": "people/own-GGUF", "LLM_GGUF_FILE": "*q2_k.gguf", "LLM_MODEL_REVISION": "v1"}
    time_steps(environment | {"MODELS_CACHE_DIR": str(tmp_path), "LLM_THREADS": "3"}, timer=timer)
    (bundled,) = seen
    assert (bundled.llm_gguf_file, bundled.llm_model_revision) == ("*q4_k_m*.gguf", "")
    assert (bundled.llm_threads, bundled.llm_max_streams) == (3, 1)


def test_the_bundled_model_is_timed_for_real(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(llm_speed, "TIMED_S", 0.1)
    folder = models_folder(tmp_path / "models")
    speed = measure(settings_from(LlmSettings, {"LLM_MODEL_NAME": "bundled", "MODELS_CACHE_DIR": str(folder)}))
    assert 1 < speed.written_per_s < speed.read_per_s < 100_000


def test_without_a_gpu_the_plan_is_about_the_cpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    printed: list[str] = []
    monkeypatch.setattr(plan, "gpus", list)
    monkeypatch.setattr(plan, "print_cpu_plan", lambda profile, again: printed.append(f"{profile} {again}"))
    assert plan.main(["--profile", "laptop", "--again"]) == 0
    assert printed == ["laptop True"]
