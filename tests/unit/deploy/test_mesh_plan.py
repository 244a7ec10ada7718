"""How the processes of `make run` find one another, and how a process reports that it can't start."""

from __future__ import annotations

import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from common.security import Security
from common.settings import ModelServerSettings
from deploy.mesh_plan import metrics_port, plan
from deploy.ports import PARTS, free_ports


def test_each_process_gets_a_port_of_its_own_and_the_others_its_address() -> None:
    elsewhere, settings = plan({})
    ports = [settings[name] for name in ("VALKEY_PORT", "ASR_PORT", "LLM_PORT", "TTS_PORT")]
    assert elsewhere == set()
    assert len(set(ports)) == 4
    assert settings["ASR_ADDRESS"] == f"127.0.0.1:{settings['ASR_PORT']}"
    assert settings["REDIS_URL"] == f"redis://127.0.0.1:{settings['VALKEY_PORT']}/0"


def test_the_default_port_is_taken_where_it_is_free() -> None:
    """Because of this, the examples in the docs work with `make run` without changes."""
    (free,) = free_ports(1)
    part = replace(PARTS[1], default_port=free)
    assert plan({}, (part,))[1]["ASR_ADDRESS"] == f"127.0.0.1:{free}"
    with socket.create_server(("127.0.0.1", free)):
        assert plan({}, (part,))[1]["ASR_PORT"] != str(free)


def test_no_process_takes_the_port_that_another_was_given_by_default() -> None:
    (free,) = free_ports(1)
    part = replace(PARTS[1], default_port=free)
    assert plan({"PORT": str(free)}, (part,))[1]["ASR_PORT"] != str(free)
    assert plan({"LLM_PORT": str(free)}, (part, PARTS[2]))[1]["ASR_PORT"] != str(free)


def test_a_process_that_runs_elsewhere_is_not_started() -> None:
    elsewhere, settings = plan({"REDIS_URL": "redis://cache/0", "LLM_ADDRESS": "gpu-box:50052"})
    assert elsewhere == {"redis", "llm"}
    assert not {"REDIS_URL", "LLM_ADDRESS", "VALKEY_PORT", "LLM_PORT"} & settings.keys()


def test_a_port_that_was_asked_for_is_taken_and_0_means_any() -> None:
    _, settings = plan({"ASR_PORT": "50051", "TTS_PORT": "0"})
    assert settings["ASR_ADDRESS"] == "127.0.0.1:50051"
    assert settings["TTS_PORT"] != "0"


def test_model_servers_do_not_fight_for_one_metrics_port() -> None:
    wanted = {"METRICS_PORT": "9100"}
    ports = [metrics_port(name, wanted) for name in ("asr", "llm", "tts", "gateway", "redis")]
    assert ports == ["9100", "9101", "9102", "0", "0"]
    assert {metrics_port(name, {}) for name in ("asr", "llm", "tts")} == {"0"}


def test_only_bundled_models_are_loaded_all_at_once() -> None:
    name = "ENABLE_MEMORY_EFFICIENT_LOADING"
    assert plan({"ASR_MODEL_NAME": ""})[1][name] == "false"
    assert name not in plan({"ASR_MODEL_NAME": "openai/whisper-medium"})[1]
    assert name not in plan({name: "true"})[1]


def start(module: str, **environment: str) -> str:
    """Start a process that can't run. Returns its error message."""
    ended = subprocess.run(
        [sys.executable, "-m", module], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    return ended.stderr


@pytest.mark.parametrize("module", ["gateway", "asr_service", "llm_service", "tts_service"])
def test_a_wrong_setting_is_one_sentence(module: str) -> None:
    assert "LOG_LEVEL=LOUD: Input should be" in start(module, LOG_LEVEL="LOUD")


@pytest.mark.parametrize(
    ("module", "setting"), [("asr_service", "ASR_PORT"), ("tts_service", "TTS_PORT"), ("gateway", "PORT")]
)
def test_a_port_in_use_is_one_sentence(module: str, setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = start(module, HOST="127.0.0.1", **{setting: str(taken.getsockname()[1])})
    assert "in use" in said.splitlines()[-1]
    assert setting in said.splitlines()[-1]


def test_a_folder_that_valkey_can_not_make_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = start("deploy.valkey", VALKEY_DATA_DIR=str(tmp_path / "file" / "folder"))
    assert said.startswith(f"Valkey can't start: VALKEY_DATA_DIR={tmp_path}/file/folder: Not a directory")


def test_in_production_a_model_server_that_others_can_reach_needs_protection() -> None:
    said = start("asr_service", ENVIRONMENT="production", GRPC_HOST="0.0.0.0")
    assert "in production it needs SERVICE_TOKEN or GRPC_TLS_CA" in said
    for settings in ({"grpc_host": "127.0.0.1"}, {"grpc_host": "0.0.0.0", "service_token": "secret"}):
        server = ModelServerSettings(_env_file=None, environment="production", **settings)  # type: ignore[arg-type]
        Security.of(server).check_server(server)
