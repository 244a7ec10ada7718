"""A misspelt setting is reported together with the one that was probably meant."""

from __future__ import annotations

import pytest
from opentelemetry.sdk import environment_variables as opentelemetry

from common.setting_names import SETTING_NAMES
from common.settings import is_secret
from common.unknown_settings import UnknownSetting, check, unknown_settings


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


@pytest.mark.parametrize("name", sorted(SETTING_NAMES))
def test_a_typo_of_any_setting_is_found(name: str) -> None:
    """Some settings begin like the names of libraries: GRPC_TLS_CERT, OTEL_EXPORTER_OTLP_ENDPOINT, HF_HOME."""
    half = len(name) // 2
    one_less, one_more = name[:half] + name[half + 1 :], name[:half] + name[half] + name[half:]
    swapped = name[: half - 1] + name[half] + name[half - 1] + name[half + 1 :]
    for typo in {one_less, one_more, f"{name}S", swapped} - {name}:
        (found,) = unknown_settings([], {".env": [typo]})
        assert found.nearest == name, typo
        if len(typo) > 8 and typo != swapped:
            assert unknown_settings([typo], {}), typo


PROTECTION = (
    "ALLOWED_HOST CLIENT_MAX_CONNECTION TRUST_REMOTE_COD FORWARDED_IPS GRPC_TLS_CERTT GRPC_TLS_CA_FILE GRPC_TOKEN "
    "GRPC_REFLECTON GRPC_HOSTS SERVICE_SECRET REDIS_PASSWORD REQUIRE_AUTH AITALK_AUTH_TOKENS CORS_ORIGIN"
)


@pytest.mark.parametrize("name", PROTECTION.split())
def test_in_production_a_name_that_sounds_like_protection_is_an_error_wherever_it_is(name: str) -> None:
    for environment, dotenv in (({name: "x"}, {}), ({}, {name: "x"})):
        with pytest.raises(ValueError, match=f"{name}, which is not a setting"):
            check(environment, {".env": dotenv}, is_production=True)


@pytest.mark.parametrize("name", sorted(name for name in SETTING_NAMES if is_secret(name) and name != "REDIS_URL"))
def test_every_secret_counts_as_protection(name: str) -> None:
    assert UnknownSetting("X", ".env", name).looks_like_protection


def test_a_variable_that_redis_url_was_made_from_is_no_mistake() -> None:
    """A pod's manifest may set REDIS_PASSWORD from a Secret, and REDIS_URL to redis://:$(REDIS_PASSWORD)@redis:6379."""
    environment = {"REDIS_PASSWORD": "hush", "REDIS_URL": "redis://:hush@redis:6379/0"}
    assert not check(environment, {}, is_production=True)
    assert not check({"AUTH_PORT": "tcp://10.0.0.1:80"}, {}, is_production=True)  # by Kubernetes, for a Service `auth`


def test_names_of_libraries_are_known() -> None:
    own = [name for name in vars(opentelemetry) if name.startswith("OTEL_")]
    assert len(own) > 50
    grpc = ["GRPC_VERBOSITY", "GRPC_TRACE", "GRPC_DNS_RESOLVER", "GRPC_ENABLE_FORK_SUPPORT", "GRPC_EXPERIMENTS"]
    hub = ["HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE", "HF_HUB_CACHE"]
    assert not unknown_settings([*own, *grpc, *hub], {".env": [*own, *grpc, *hub]})


def test_in_the_environment_only_our_prefixes_and_near_misses_count() -> None:
    foreign = ["SESSION_MANAGER", "HOSTNAME", "PORTS", "DEBUGINFOD_URLS", "ASR_SERVICE_HOST", "LLM_PORT_50052_TCP_ADDR"]
    foreign += ["SSH_AUTH_SOCK", "XAUTHORITY", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "LOG_DIR", "VLLM_API_KEY"]
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
