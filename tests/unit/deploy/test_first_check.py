"""`make run` reports mistakes in the settings before it installs anything."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from common.settings import is_secret
from deploy import first_check
from deploy.configuration import GPU_PROFILES, settings_from
from deploy.first_check import read_dotenv
from deploy.preflight import SETTINGS
from deploy.setting_values import rules, value_problems
from tests.support.mesh import ROOT


def check(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the check in `folder` with a Python that has no packages (-S)."""
    return subprocess.run(
        [sys.executable, "-S", "-m", "deploy.first_check", *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


def test_settings_without_a_mistake_need_no_word(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LLM_TEMPERATURE=0.5  # calm\nPROFILE=laptop\n")
    ended = check(tmp_path, PORT=free_port())
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_a_typo_is_told_and_in_production_it_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LLM_TEMPRATURE=1\nGRPC_TLS_CERTT=x\n")
    ended = check(tmp_path, PORT=free_port(), MAKEFLAGS=" -- PORTT=80")
    assert ended.returncode == 0
    told = ended.stderr.splitlines()
    assert told[0] == "warning: .env has LLM_TEMPRATURE, which is not a setting; did you mean LLM_TEMPERATURE?"
    assert "the command line has PORTT, which is not a setting; did you mean PORT?" in told[2]
    ended = check(tmp_path, PORT=free_port(), ENVIRONMENT="production")
    assert ended.returncode == 1
    assert "GRPC_TLS_CERTT" in ended.stderr.splitlines()[-1]


def test_every_wrong_value_and_profile_is_told_with_what_it_should_be(tmp_path: Path) -> None:
    wrong = {"PORT": "abc", "LOG_FORMAT": "xml", "TRUST_REMOTE_CODE": "maybe", "ASR_THREADS": "1.5", "PROFILE": "cup"}
    ended = check(tmp_path, **wrong)
    assert ended.returncode == 1
    assert "can't start: PORT=abc: this should be a whole number from 0 to 65535" in ended.stderr.splitlines()
    for name, value in wrong.items():
        assert f"can't start: {name}={value}: " in ended.stderr


def test_a_taken_port_is_told_unless_nothing_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        ended = check(tmp_path, HOST="127.0.0.1", PORT=port)
        assert ended.returncode == 1
        assert ended.stderr.startswith(f"can't start: port {port} is taken; stop what uses it, or run `make run PORT=")
        assert check(tmp_path, "--fetch", HOST="127.0.0.1", PORT=port).returncode == 0


@pytest.mark.parametrize("profile", GPU_PROFILES)
def test_a_profile_without_its_gpu_is_told(
    profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(first_check, "has_gpu", lambda: False)
    environment = {"PROFILE": profile, "PORT": "0"}
    assert first_check.main([], environment) == 1
    assert f"PROFILE={profile} needs an NVIDIA GPU" in capsys.readouterr().err
    # With LLM_BASE_URL the profile may need no GPU; only the later check can tell.
    assert first_check.main([], environment | {"LLM_BASE_URL": "http://127.0.0.1:1/v1"}) == 0
    assert first_check.main(["--fetch"], environment) == 0


SAMPLES = [
    "abc",
    "-1",
    "0",
    "1",
    "0.5",
    "1.5",
    "8000",
    "8_000",
    "70000",
    "1e9",
    "1e400",
    "nan",
    "inf",
    "true",
    "ON",
    "maybe",
    "production",
    "JSON",
    "text",
    "float16",
]


VALUES = st.one_of(
    st.integers().map(str),
    st.floats().map(str),
    st.from_regex(r"[ +-]?[0-9_]{0,6}(\.[0-9_]{0,3})?(e[0-9]{1,2})?[ %]?", fullmatch=True),
    st.sampled_from([choice for rule in rules() for choice in rule.get("enum", SAMPLES)]).flatmap(
        lambda word: st.sampled_from([word, word.upper(), f" {word}\t", f"{word}x"])
    ),
    st.text(max_size=8),
)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: f"{rule['name']} of {'+'.join(rule['processes'])}")
def test_no_value_is_refused_that_the_settings_accept(rule: dict[str, Any]) -> None:
    name = rule["name"]
    assert not is_secret(name)  # because the messages show the value
    for process in rule["processes"]:
        refused = [value for value in SAMPLES if [*value_problems({name: value}, [process])]]
        assert refused
        for value in refused:
            with pytest.raises(ValidationError):
                settings_from(SETTINGS[process], {name: value})


@given(st.sampled_from(rules()), VALUES)
@settings(deadline=None, max_examples=300)
def test_no_value_of_any_form_is_refused_that_the_settings_accept(rule: dict[str, Any], value: str) -> None:
    for process in rule["processes"]:
        if [*value_problems({rule["name"]: value}, [process])]:
            with pytest.raises(ValidationError):
                settings_from(SETTINGS[process], {rule["name"]: value})


def test_settings_of_what_runs_elsewhere_are_not_checked() -> None:
    assert [*value_problems({"TTS_MAX_STREAMS": "none"}, {"tts"})]
    assert not [*value_problems({"TTS_MAX_STREAMS": "none"}, {"gateway", "asr"})]


def test_the_file_is_read_as_python_dotenv_reads_it(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    lines = [
        "# PORT=1",
        "PORT=8001 # a comment",
        "export HOST = '127.0.0.1'",
        'JWT_PUBLIC_KEY="-----BEGIN PUBLIC KEY-----',
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE==",
        '-----END PUBLIC KEY-----"',
        "AUTH_TOKENS=a#b,c",
        "ROOT_PATH=",
        "DEBUG",
        "  LOG_LEVEL=DEBUG  ",
    ]
    file.write_text("\n".join(lines))
    assert read_dotenv(file, os.environ) == dotenv_values(file)
    assert not read_dotenv(tmp_path / "nothing", {})


# What a file consists of: besides settings and comments also blanks, quotes, escapes, variables and unfinished lines.
PIECES = [
    "PORT",
    "HOST",
    "=",
    "= ",
    " ",
    "\t",
    "8000",
    "cpu",
    "'",
    '"',
    "#",
    " # ",
    "\n",
    "\r\n",
    "\r",
    "export ",
    "a b",
]
PIECES += ["${PORT}", "${HOST:-x}", "${NONE}", "\\", "\\n", "\\'", '\\"', ":", "é", "- ", "\u2028", "\x1c", "\ufeff"]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@example("PORT=   # empty: 8000")
@example('PORT="8000\nHOST=x')
@example('HOST="a\nPORT=1" b\nPORT=2')
@example("REDIS_PASSWORD=a\nREDIS_URL=redis://:${REDIS_PASSWORD}@b")
@settings(deadline=None, max_examples=300)
def test_any_file_is_read_as_python_dotenv_reads_it(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "any.env"
    file.write_bytes(text.encode())
    assert read_dotenv(file, os.environ) == dotenv_values(file)


def test_a_value_that_is_only_a_comment_is_empty(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PROFILE=   # cpu, laptop\nLOG_LEVEL= # INFO\nPORT=  # x\n")
    ended = check(tmp_path, "--dry-run")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_part_of_redis_url_is_no_unknown_setting(tmp_path: Path) -> None:
    password = "REDIS_PASSWORD=a\nREDIS_URL=redis://:${REDIS_PASSWORD}@b\n"
    (tmp_path / ".env").write_text(f"ENVIRONMENT=production\n{password}")
    ended = check(tmp_path, "--dry-run")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_make_run_stops_before_it_makes_an_environment(tmp_path: Path) -> None:
    ended = subprocess.run(
        ["make", "run", f"VENV={tmp_path / 'venv'}", f"PYTHON={sys.executable} -S", "PORT=abc"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode != 0
    assert "can't start: PORT=abc: this should be a whole number from 0 to 65535" in ended.stderr.splitlines()
    assert not (tmp_path / "venv").exists()
