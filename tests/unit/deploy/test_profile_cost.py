"""The text about the cost of a profile, which is shown before anything is downloaded."""

from __future__ import annotations

from deploy.profile_cost import COSTS, cost_of


def test_a_small_machine_is_warned_and_a_larger_one_is_not() -> None:
    small, large = (COSTS["languages"].told("languages", cores) for cores in (2, 8))
    assert "downloads 1.4 GB, takes about 3.6 GB of memory" in small
    assert "This machine has 2 cores: a conversation needs 6, so expect long pauses" in small
    assert "This machine has 8 cores: that should do" in large


def test_the_first_sound_waits_for_a_clause_of_the_language_model() -> None:
    cost = COSTS["languages"]
    assert cost.first_sound_s > 12 / cost.tokens_per_s


def test_a_profile_without_figures_says_nothing() -> None:
    assert not cost_of({"PROFILE": "laptop"})
    assert not cost_of({})
    assert cost_of({"PROFILE": "languages"}).startswith("PROFILE=languages: downloads")
