"""The text about the cost of a profile, which is shown before anything is downloaded, and how the machine is timed."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from deploy import llm_speed, machine_timing
from deploy.machine_speed import MachineSpeed, machine_speed
from deploy.profile_cost import COSTS, cost_of, first_sound_s

LANGUAGES = COSTS["languages"]
QUICK, SLOW = MachineSpeed(0.02, 0.03, 170.0), MachineSpeed(0.4, 0.2, 14.0)


def told(bundled: MachineSpeed | None, memory_gb: float = 16.0) -> str:
    return LANGUAGES.told("languages", bundled, cores=2, memory_gb=memory_gb)


def test_a_slow_machine_is_warned_and_a_quick_one_is_not() -> None:
    assert "downloads 1.4 GB, takes about 3.6 GB of memory." in told(QUICK)
    assert told(QUICK).endswith(
        "the first sound comes about 0.9 s after the learner's. That should do for a conversation."
    )
    assert "0.84 s to recognise and 1.16 s to speak" in told(SLOW)
    assert "write 2 tokens a second. So the first sound comes about 9.7 s after" in told(SLOW)
    assert "That is a long pause before each reply. `python -m deploy.plan --language es`" in told(SLOW)


def test_too_little_memory_is_told() -> None:
    assert "3.6 GB of memory: not enough, as this machine has 2.0 GB." in told(QUICK, memory_gb=2.0)


def test_a_machine_that_could_not_be_measured_is_judged_by_its_cores() -> None:
    assert "could not be measured. It has 2 cores; a conversation needs 6 or more" in told(None)


def test_the_first_sound_waits_for_a_clause_of_the_language_model() -> None:
    assert first_sound_s(LANGUAGES.here(SLOW)) > 12 / (LANGUAGES.writing * SLOW.tokens_per_s)


def test_a_profile_without_figures_says_nothing_and_measures_nothing() -> None:
    def measure(_: object) -> MachineSpeed:
        raise AssertionError("not measured")

    assert not cost_of({"PROFILE": "laptop"}, measure)
    assert not cost_of({}, measure)
    assert cost_of({"PROFILE": "languages"}, lambda _: QUICK).startswith("PROFILE=languages: downloads")


def test_this_machine_is_timed_by_the_bundled_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(llm_speed, "TIMED_S", 0.1)
    found = machine_timing.measure({"MODELS_CACHE_DIR": str(tmp_path), "ASR_MODEL_NAME": "openai/whisper-large-v3"})
    assert 0 < found.speech < 20
    assert 0 < found.recognition < 20
    assert found.tokens_per_s > 1


@pytest.mark.parametrize("answer", ['{"recognition": 0.1, "speech": 0.2, "tokens_per_s": 3.0}', "", "{}", None])
def test_a_measurement_that_fails_is_no_figure(monkeypatch: pytest.MonkeyPatch, answer: str | None) -> None:
    def run(command: list[str], env: dict[str, str], **options: Any) -> subprocess.CompletedProcess[str]:
        assert env == {"PATH": "/bin"}
        if answer is None:
            raise subprocess.TimeoutExpired(command, options["timeout"])
        return subprocess.CompletedProcess(command, 0, answer)

    monkeypatch.setattr(subprocess, "run", run)
    expected = MachineSpeed(0.1, 0.2, 3.0) if answer and answer != "{}" else None
    assert machine_speed({"PATH": "/bin", "TTS_MODEL_NAME": "hexgrad/Kokoro-82M"}) == expected
