"""`make run` reports mistakes before it loads anything."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import mesh
from deploy.configuration import configuration
from deploy.data_folder import FolderInUseError, is_locked, lock_folder, lock_for_run, problem_with
from deploy.mesh_plan import processes_of
from deploy.port_locks import PortLocks
from deploy.ports import free_ports
from deploy.preflight import CannotStartError, check_machine, check_settings
from tests.support.mesh import ROOT

ALL = {"redis", "asr", "llm", "tts", "gateway"}


def make_run(cwd: Path = ROOT, *arguments: str, **environment: str) -> str:
    """The error output of `make run`, which must end by itself, without a traceback, before it starts anything."""
    ended = subprocess.run(
        [sys.executable, "-m", "deploy", *arguments],
        env={"PATH": os.environ["PATH"], "VALKEY_DATA_DIR": str(cwd / "valkey"), **environment},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1, ended.stdout
    assert "Traceback" not in ended.stderr
    assert not ended.stdout  # nothing was started
    return ended.stderr


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_wrong_value_and_a_typo_are_told_before_anything_is_started(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LLM_TEMPRATURE=1\nPORT=abc\n")
    lines = make_run(tmp_path).splitlines()
    assert lines == [
        "warning: .env has LLM_TEMPRATURE, which is not a setting; did you mean LLM_TEMPERATURE?",
        "can't start: PORT=abc: Input should be a valid integer, unable to parse string as an integer",
    ]
    (tmp_path / ".env").write_text("AUTH_TOKEN=a-secret-of-sixteen\nENVIRONMENT=production\n")
    lines = make_run(tmp_path).splitlines()
    assert ".env has AUTH_TOKEN, which is not a setting; did you mean AUTH_TOKENS?" in lines[-1]
    assert all(line.startswith("can't start: ") for line in lines)


@pytest.mark.parametrize("host", ["192.0.2.1", "nosuch.invalid"])
def test_a_host_that_is_not_this_machine_is_told(host: str) -> None:
    with pytest.raises(CannotStartError, match="HOST and GRPC_HOST") as told:
        check_machine({"gateway": {"HOST": host, "PORT": "18000"}}, PortLocks())
    assert host in str(told.value)
    assert "Unknown error" not in str(told.value)


def test_a_taken_port_is_told_with_another_one(tmp_path: Path, taken_port: int) -> None:
    line = make_run(tmp_path, HOST="127.0.0.1", PORT=str(taken_port)).splitlines()[-1]
    assert line.startswith(f"can't start: port {taken_port} is taken")
    assert "make run PORT=" in line


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"PORT": "{}", "METRICS_PORT": "{}"}, "needed for METRICS_PORT and for PORT (METRICS_PORT is counted up"),
        ({"PORT": "{}", "TTS_PORT": "{}"}, "needed for TTS_PORT and for PORT; change one of them"),
    ],
)
def test_a_port_for_two_processes_is_told(given: dict[str, str], says: str) -> None:
    """Without this check, the metrics of recognition could answer on the gateway's port and look like the gateway,
    which could not start."""
    (free,) = free_ports(1)
    environment = {name: value.format(free) for name, value in given.items()}
    variables = {name: process.variables for name, process in processes_of(environment).items()}
    del variables["redis"]  # because the check would make Valkey's folder
    with pytest.raises(CannotStartError) as told:
        check_machine(variables, PortLocks())
    (line,) = [line for line in str(told.value).splitlines() if "needed" in line]
    assert line.startswith(f"port {free} is {says}")


def test_a_typo_is_a_warning_where_nothing_is_at_stake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LLM_TEMPRATURE=1\n")
    monkeypatch.chdir(tmp_path)
    warnings = check_settings({"MAKEFLAGS": "w -- PORTT=9000 ARGS= PROFILE=cpu"}, ALL)
    assert [warning.rpartition("; ")[2] for warning in warnings] == [
        "did you mean LLM_TEMPERATURE?",
        "did you mean PORT?",
    ]


def test_settings_of_what_runs_elsewhere_are_not_checked() -> None:
    wrong = {"TTS_MAX_STREAMS": "none"}
    with pytest.raises(CannotStartError, match="TTS_MAX_STREAMS=none"):
        check_settings(wrong, ALL)
    check_settings(wrong, ALL - {"tts"})


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"ASR_MODEL_NAME": "nosuch/model"}, "ASR_MODEL_NAME=nosuch/model: no engine runs this model"),
        ({"TTS_MODEL_NAME": "nosuch"}, "TTS_MODEL_NAME=nosuch: no engine runs this model"),
        ({"TTS_MODEL_NAME": "hexgrad/Kokoro-82M", "TTS_FALLBACKS": "nosuch"}, "TTS_FALLBACKS=nosuch: no engine"),
    ],
)
def test_a_model_that_no_engine_runs_is_told_before_others_load(wrong: dict[str, str], says: str) -> None:
    """The service itself would report this only while the other services load their models."""
    with pytest.raises(CannotStartError, match=says):
        check_settings(wrong, ALL)


@pytest.mark.parametrize("profile", ["high-vram", "standard", "low-vram"])
def test_a_profile_for_a_gpu_is_refused_without_one(profile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mesh, "gpus", list)
    environment = {"PROFILE": profile, "LLM_ENVIRONMENT": "vllm"}
    assert f"PROFILE={profile} needs an NVIDIA GPU" in mesh.what_cannot_fit(configuration(None, environment))
    assert not mesh.what_cannot_fit({"PROFILE": "laptop"})
    with pytest.raises(ValueError, match="needs an NVIDIA GPU"):
        mesh.check_fit(configuration(None, environment), fetch_only=False)
    # Fetching is allowed, because the weights may be for another machine.
    mesh.check_fit(configuration(None, environment), fetch_only=True)


def test_a_dry_run_warns_of_a_profile_that_does_not_fit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mesh, "gpus", list)
    monkeypatch.setenv("PROFILE", "high-vram")
    assert mesh.main(["--dry-run"]) == 0
    assert "warning: PROFILE=high-vram needs an NVIDIA GPU" in capsys.readouterr().err


def test_a_folder_of_valkey_serves_one_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "valkey"
    variables = {"redis": {"VALKEY_DATA_DIR": str(folder), "VALKEY_PORT": str(free_ports(1)[0])}}
    lock = lock_folder(folder)
    try:
        assert folder.stat().st_mode & 0o077 == 0
        with pytest.raises(FolderInUseError, match=f"process {os.getpid()}"):
            lock_folder(folder)
        with pytest.raises(CannotStartError, match=rf"make run VALKEY_DATA_DIR={folder}-2"):
            check_machine(variables, PortLocks())
    finally:
        os.close(lock)
    check_machine(variables, PortLocks())


def test_a_full_disk_is_told_with_the_folder_and_leaves_no_lock(tmp_path: Path) -> None:
    """/dev/full refuses each write with the error of a full disk."""
    folder = tmp_path / "valkey"
    folder.mkdir()
    (folder / ".lock").symlink_to("/dev/full")
    problem = "can't be written (No space left on device); choose another folder"
    assert problem_with(folder) == f"VALKEY_DATA_DIR={folder} {problem}"
    assert not is_locked(folder)


def test_a_second_start_in_one_folder_says_so_before_it_imports_much(tmp_path: Path) -> None:
    """Importing `deploy.mesh` takes a second of processor time, and took 9.6 s on a busy machine."""
    folder = tmp_path / "valkey"
    assert not is_locked(folder)
    assert not folder.exists()  # the check creates nothing
    os.close(lock_folder(folder))
    assert not is_locked(folder)
    lock = lock_folder(folder)
    try:
        assert is_locked(folder)
        told = make_run(tmp_path, PORT="abc", PYTHONPROFILEIMPORTTIME="1")
        *imports, last = told.splitlines()
        assert last == (
            f"can't start: another Valkey (process {os.getpid()}) uses the folder {folder}; "
            f"stop that one, or run `make run VALKEY_DATA_DIR={folder}-2`"
        )
        assert not [line for line in imports if line.endswith((" pydantic", " grpc", " deploy.mesh"))]
        elsewhere = make_run(tmp_path, PORT="abc", REDIS_URL="redis://127.0.0.1:1")  # this one starts no Valkey
        assert "PORT=abc" in elsewhere
    finally:
        os.close(lock)


def test_a_second_start_is_told_while_the_first_one_has_not_started_its_valkey_yet(tmp_path: Path) -> None:
    folder = tmp_path / "valkey"
    lock = lock_for_run(folder)
    try:
        assert make_run(tmp_path, PORT="abc") == (
            f"can't start: another `make run` (process {os.getpid()}) uses the folder {folder}; "
            f"stop that one, or run `make run VALKEY_DATA_DIR={folder}-2`\n"
        )
        assert "PORT=abc" in make_run(tmp_path, PORT="abc", REDIS_URL="redis://127.0.0.1:1")  # no Valkey starts here
    finally:
        os.close(lock)


def test_the_lock_and_the_files_are_valkeys_own(tmp_path: Path) -> None:
    """The server itself holds the lock, so the lock is free as soon as the server is killed, but not before."""
    folder = tmp_path / "valkey"
    (port,) = free_ports(1)
    environment = {"PATH": os.environ["PATH"], "VALKEY_PORT": str(port), "VALKEY_DATA_DIR": str(folder)}
    valkey = subprocess.Popen([sys.executable, "-m", "deploy.valkey"], cwd=ROOT, env=environment)
    try:
        until_it_listens(port)
        with pytest.raises(FolderInUseError, match=f"process {valkey.pid}"):
            lock_folder(folder)
        files = files_with_the_log(folder)
        assert not [path for path in files if path.stat().st_mode & 0o077]
    finally:
        valkey.send_signal(signal.SIGKILL)
        valkey.wait(20)
    os.close(lock_folder(folder, wait_s=5))


def files_with_the_log(folder: Path) -> list[Path]:
    """Wait until Valkey has made its append-only log. Returns all files in the folder."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        files = [path for path in folder.rglob("*") if path.is_file()]
        if any("aof" in path.name for path in files):
            return files
        time.sleep(0.05)
    raise TimeoutError(f"no log of writes in {folder}")


def until_it_listens(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("it does not listen")
