"""A misspelt setting is reported together with the one that was probably meant."""

from __future__ import annotations

import pytest

from common.setting_names import SETTING_NAMES
from common.unknown_settings import check, unknown_settings


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("AUTH_TOKEN", "AUTH_TOKENS"),
        ("LLM_TEMPRATURE", "LLM_TEMPERATURE"),
        ("PORTT", "PORT"),
        ("REDIS_URI", "REDIS_URL"),
    ],
)
def test_a_typo_in_the_file_is_named_with_the_setting_that_was_meant(written: str, meant: str) -> None:
    (found,) = unknown_settings([], {".env": [written]})
    assert (found.name, found.nearest) == (written, meant)
    assert f".env has {written}, which is not a setting; did you mean {meant}?" in str(found)


def test_settings_and_the_variables_of_other_programs_are_known() -> None:
    others = ["HF_TOKEN", "OTEL_SERVICE_NAME", "https_proxy", "COMPOSE_PROFILES", "CUDA_VISIBLE_DEVICES", "TZ"]
    assert not unknown_settings([], {".env": [*SETTING_NAMES, *others]})
    assert not unknown_settings([], {".env": ["port", "Log_Level"]})  # settings may be written in any case


def test_in_the_environment_only_our_prefixes_and_near_misses_count() -> None:
    foreign = ["SESSION_MANAGER", "HOSTNAME", "PORTS", "DEBUGINFOD_URLS", "ASR_SERVICE_HOST", "LLM_PORT_50052_TCP_ADDR"]
    assert not unknown_settings(foreign, {})
    found = unknown_settings([*foreign, "TTS_MODLE_NAME", "ENVIROMENT"], {})
    assert [one.nearest for one in found] == ["TTS_MODEL_NAME", "ENVIRONMENT"]


def test_a_name_that_resembles_none_points_to_the_page() -> None:
    (found,) = unknown_settings([], {".env": ["COLOUR"]})
    assert str(found) == ".env has COLOUR, which is not a setting; see docs/settings.md"


def test_a_misspelt_protection_setting_is_an_error_in_production_only() -> None:
    typo = {".env": {"AUTH_TOKEN": "a-secret-of-sixteen"}}
    (warning,) = check({}, typo, is_production=False)
    assert "It protects nothing." in warning
    with pytest.raises(ValueError, match="AUTH_TOKENS") as refused:
        check({}, typo, is_production=True)
    assert "a-secret" not in str(refused.value)
    assert check({}, {".env": {"LLM_TEMPRATURE": "1"}}, is_production=True)


def test_a_misspelt_environment_that_says_production_counts_as_production() -> None:
    with pytest.raises(ValueError, match="did you mean ENVIRONMENT"):
        check({}, {".env": {"ENVIROMENT": "Production"}}, is_production=False)
