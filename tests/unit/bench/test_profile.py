"""The tables of `make profile`."""

from __future__ import annotations

from bench.profile import STAGES, Use, table


def use(cpu_s: float, tokens: float) -> Use:
    stages = dict.fromkeys(STAGES, 0.0) | {"tokens written": tokens}
    return Use({"gateway": cpu_s, "asr_service": 2 * cpu_s}, stages, {"gateway": 90.0, "asr_service": 210.0}, [0.5], 10)


def test_figures_are_those_of_one_turn_and_a_process_of_one_system_only_is_nothing_in_the_other() -> None:
    older = Use({"python": 4.0}, dict.fromkeys(STAGES, 0.0), {"python": 50.0}, [], 10)
    lines = table({"this build": [use(1.0, 300), use(3.0, 100)], "base": [older]}).splitlines()
    assert "| gateway | 0.200 (0.100, 0.300) | 90 | 0.000 (0.000) | 0 |" in lines
    assert "| all | 0.600 (0.300, 0.900) | 300 | 0.400 (0.400) | 50 |" in lines
    assert "| tokens written | 20.00 | 0.00 |" in lines
    assert lines[-1] == "| voice to voice, median s (least–most) | 0.50 (0.50–0.50) | none |"
