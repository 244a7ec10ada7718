"""`python -m deploy.plan`: which models fit on which GPU, which share of the memory vLLM should get, and what is
refused."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from deploy.configuration import GPU_PROFILES, configuration
from deploy.model_memory import TABLE, Demand, overhead, table
from deploy.plan import best_profile, demands_of, main, make_plan, place, written

SIZES_GB = {"low-vram": 16.0, "standard": 24.0, "high-vram": 48.0}
MODELS = st.sampled_from([str(row["id"]) for row in table()["llm"]])
GPUS = st.lists(st.floats(4, 160), min_size=1, max_size=3)


def profile(name: str, **more: str) -> dict[str, str]:
    return configuration(name, more, dotenv={})


@cache
def demands_on_a_gpu(name: str, model: str) -> list[Demand]:
    """The demands of a profile with this model. They are cached, because they don't depend on the GPUs, and reading
    the settings of three services for them is slow."""
    return demands_of(profile(name, LLM_MODEL_NAME=model))[0]


@pytest.mark.parametrize("name", GPU_PROFILES)
def test_each_profile_fits_the_gpu_that_it_is_for_with_every_stream_and_its_own_share(name: str) -> None:
    plan = make_plan(profile(name), [SIZES_GB[name]])
    assert plan.fits, written(plan)
    assert plan.conversations >= 16
    assert plan.utilization is not None
    share = float(profile(name)["LLM_GPU_MEMORY_UTILIZATION"])
    assert plan.utilization <= share < plan.utilization + 0.05


@pytest.mark.parametrize(
    ("name", "gpu_gb"), [("standard", 12.0), ("high-vram", 16.0), ("high-vram", 24.0), ("low-vram", 6.0)]
)
def test_a_profile_for_a_larger_gpu_is_refused(name: str, gpu_gb: float, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--profile", name, "--gpu-gb", str(gpu_gb)]) == 1
    assert "can't fit: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("gpus_gb", "name"),
    [([8.0], "cpu"), ([16.0], "low-vram"), ([24.0], "standard"), ([48.0], "high-vram"), ([80.0], "high-vram")],
)
def test_the_profile_for_a_machine(gpus_gb: list[float], name: str) -> None:
    assert best_profile(gpus_gb) == name
    assert f"PROFILE={name}" in written(make_plan({}, gpus_gb))


def test_a_share_that_is_too_small_or_too_large_is_refused_and_the_right_one_said() -> None:
    for share in ("0.2", "0.9"):
        plan = make_plan(profile("standard", LLM_GPU_MEMORY_UTILIZATION=share), [24.0])
        assert f"LLM_GPU_MEMORY_UTILIZATION={share}" in plan.problems[0]
        assert "set it to 0.48" in plan.problems[0]
        assert make_plan(profile("standard", LLM_GPU_MEMORY_UTILIZATION="0.48"), [24.0]).fits


def test_a_share_that_is_given_decides_what_stands_beside_the_language_model() -> None:
    """With a smaller share, all models would fit on the first GPU."""
    environment = profile("high-vram", LLM_MODEL_NAME="Qwen/Qwen2.5-3B-Instruct-AWQ", LLM_GPU_MEMORY_UTILIZATION="0.5")
    assert make_plan(environment, [28.0]).problems[0].endswith("set it to 0.24")
    plan = make_plan(environment, [28.0, 16.0])
    assert plan.fits, written(plan)
    assert plan.places == (0, 0, 1)


def test_a_second_gpu_takes_the_voices_of_the_first() -> None:
    environment = profile("high-vram", LLM_GPU_MEMORY_UTILIZATION="0.94")
    assert not make_plan(environment, [24.0]).fits
    plan = make_plan(environment, [24.0, 24.0])
    assert plan.places == (0, 1, 1)
    assert "ASR_DEVICE=cuda:1" in written(plan)


def test_a_device_that_is_asked_for_is_kept() -> None:
    assert make_plan(profile("low-vram", ASR_DEVICE="cuda:1"), [48.0, 16.0]).places == (0, 1)
    assert not make_plan(profile("low-vram", ASR_DEVICE="cuda:1"), [48.0]).fits


def test_models_elsewhere_or_on_the_cpu_take_no_gpu_memory() -> None:
    here = profile("high-vram", LLM_BASE_URL="http://gpu/v1", ASR_DEVICE="cpu", TTS_ADDRESS="other:50053")
    assert make_plan(here, [4.0]).demands == ()


def test_a_model_that_the_table_does_not_know_is_named_and_not_counted() -> None:
    plan = make_plan(profile("low-vram", LLM_MODEL_NAME="people/unheard-of"), [16.0])
    assert plan.fits
    assert "people/unheard-of" in written(plan)


def test_weights_by_formula_are_the_sizes_of_the_files() -> None:
    """Compares with the sizes of the repositories' .safetensors, in GB. They were recalled, not looked up, because no
    hub was reachable."""
    published = {"3B": 2.07, "7B": 5.57, "14B": 9.98}
    for size, files_gb in published.items():
        row = next(row for row in table()["llm"] if row["id"] == f"Qwen/Qwen2.5-{size}-Instruct-AWQ")
        assert row["quantised_b"] * row["bits"] / 8 + row["plain_b"] * 2 == pytest.approx(files_gb, rel=0.02)


def test_every_number_has_a_source() -> None:
    sources = {"published", "derived", "estimated", "measured"}
    for kind in ("llm", "asr", "tts"):
        assert {row["source"] for row in table()[kind]} <= sources
    names = {name.removesuffix("_source") for name in table()["overhead"] if name.endswith("_source")}
    assert len(names) == len(table()["overhead"]) // 2
    assert Path(TABLE).name in written(make_plan({"LLM_MODEL_NAME": "people/unheard-of"}, [16.0]))


@hypothesis_settings(deadline=None)
@given(name=st.sampled_from(GPU_PROFILES), model=MODELS, gpus_gb=GPUS, more=st.floats(0, 80), which=st.integers(0, 2))
@example(name="high-vram", model="Qwen/Qwen2.5-3B-Instruct-AWQ", gpus_gb=[11.0, 16.0], more=17.0, which=0)
def test_more_memory_never_fits_less(name: str, model: str, gpus_gb: list[float], more: float, which: int) -> None:
    demands = demands_on_a_gpu(name, model)
    larger = [size + more * (index == which % len(gpus_gb)) for index, size in enumerate(gpus_gb)]
    for share in (None, 0.5):
        plans = [place(demands, gpus, share) for gpus in (gpus_gb, larger, [*gpus_gb, more])]
        assert plans[0].fits <= min(plans[1].fits, plans[2].fits)
        if plans[0].fits:
            assert plans[0].conversations <= min(plans[1].conversations, plans[2].conversations)


@hypothesis_settings(deadline=None)
@given(name=st.sampled_from(GPU_PROFILES), model=MODELS, gpus_gb=GPUS)
def test_a_plan_that_fits_overfills_no_gpu(name: str, model: str, gpus_gb: list[float]) -> None:
    plan = place(demands_on_a_gpu(name, model), gpus_gb)
    for index, size in enumerate(gpus_gb if plan.fits else ()):
        here = [one for one, place in zip(plan.demands, plan.places, strict=True) if place == index]
        taken = sum(one.full_gb for one in here if one.part != "llm")
        if any(one.part == "llm" for one in here):
            taken += (plan.utilization or 0) * size
        assert taken <= size * overhead("usable_share") + 1e-6
